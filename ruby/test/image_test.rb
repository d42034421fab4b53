# frozen_string_literal: true

require_relative 'test_helper'

class ImageTest < Minitest::Test
  include Shared

  def test_contexts_are_uploaded_by_hand
    access = daytona.snapshot.push_access
    storage = Daytona::ObjectStorage.new(endpoint_url: access.storage_url, aws_access_key_id: access.access_key,
                                         aws_secret_access_key: access.secret,
                                         aws_session_token: access.session_token)
    Dir.mktmpdir do |directory|
      file = File.join(directory, 'file.txt')
      File.write(file, 'content')
      hash = storage.upload(file, access.organization_id, 'file.txt')
      assert_match(/\A[0-9a-f]{32}\z/, hash)
      assert_equal hash, daytona.snapshot.upload_context(access, file, archive_base_path: 'file.txt')
      assert_raises(Daytona::Sdk::Error) { storage.upload(file, 'another') }
      assert_raises(Daytona::Sdk::InvalidArgumentError) { storage.upload("#{file}-none", access.organization_id) }
    end
    refute_includes "#{storage.inspect} #{access.inspect}", access.secret
    assert_equal 'daytona-volume-builds', storage.bucket_name
  end

  def test_steps_follow_one_another_and_change_the_image
    Dir.mktmpdir do |directory|
      file = File.join(directory, 'requirements.txt')
      File.write(file, "numpy\n")
      image = Daytona::Image.debian_slim('3.12')
                            .pip_install('pandas', ['numpy>=2'], pre: true, extra_index_urls: ['https://example.com/simple'])
                            .pip_install_from_requirements(Pathname(file))
                            .add_local_file(file, '/app/')
                            .run_commands('echo hello', ['echo', 'two words'])
                            .env('B' => 'two words', A: 1)
                            .workdir('/app')
                            .entrypoint(%w[python app.py])
                            .cmd([])
      archive = file.delete_prefix('/')
      assert_equal [
        "RUN python -m pip install 'numpy>=2' pandas --extra-index-url https://example.com/simple --pre",
        "COPY [\"#{archive}\", \"/.requirements.txt\"]",
        'RUN python -m pip install -r /.requirements.txt',
        "COPY [\"#{archive}\", \"/app/requirements.txt\"]",
        'RUN echo hello',
        'RUN "echo" "two words"',
        "ENV B='two words'",
        'ENV A=1',
        'WORKDIR /app',
        'ENTRYPOINT ["python", "app.py"]',
        'CMD []'
      ], image.dockerfile.lines(chomp: true).drop(5)
      assert_equal [file, file], image.context_list.map(&:source_path)
      assert_same image, image.workdir('/x')
    end
  end

  def test_a_dockerfile_brings_the_files_it_copies
    Dir.mktmpdir do |directory|
      File.write(File.join(directory, 'package.json'), '{}')
      text = "FROM node:22\nCOPY package*.json /app/\n"
      File.write(File.join(directory, 'Dockerfile'), text)
      image = Daytona::Image.from_dockerfile(File.join(directory, 'Dockerfile'))
      assert_equal text, image.dockerfile
      assert_equal ['package.json'], image.context_list.map(&:archive_path)
      assert_equal "#{text}RUN true\n", image.dockerfile_commands(['RUN true'], context_dir: directory).dockerfile
    end
  end

  def test_what_no_dockerfile_can_say_is_refused
    image = Daytona::Image.base('debian:12')
    [
      -> { Daytona::Image.base('') },
      -> { Daytona::Image.debian_slim('2.7') },
      -> { image.env('A' => "1\n2") },
      -> { image.workdir('') },
      -> { image.entrypoint('python') },
      -> { image.pip_install_from_requirements('/none/requirements.txt') },
      -> { image.expose(0) },
      -> { Daytona::Image.from_dockerfile('/none/Dockerfile') }
    ].each { |refused| assert_raises(Daytona::Sdk::InvalidArgumentError, &refused) }
    assert_equal "FROM debian:12\n", image.dockerfile
  end
end
