# frozen_string_literal: true

require_relative 'test_helper'
require 'pathname'

class DirectoryTest < DaytonaTest
  def fs
    sandbox.fs
  end

  def setup
    @remote = "/home/daytona/#{unique}"
    @local = Dir.mktmpdir
    @tree = File.join(@local, 'tree')
    FileUtils.mkdir_p([File.join(@tree, 'deep/empty'), File.join(@tree, 'node_modules')])
    File.write(File.join(@tree, 'run.sh'), "#!/bin/sh\n")
    File.chmod(0o750, File.join(@tree, 'run.sh'))
    File.binwrite(File.join(@tree, 'deep/data'), "\0\xFF".b * 1000)
    File.symlink('deep/data', File.join(@tree, 'link'))
    File.write(File.join(@tree, 'node_modules/x'), 'x')
  end

  def teardown
    FileUtils.remove_entry(@local)
  end

  def test_a_directory_goes_there_and_back
    sent = fs.upload_dir(@tree, @remote, exclude: 'node_modules')
    assert_equal [2, 2010, []], [sent.files, sent.bytes, sent.skipped]
    assert_equal %w[deep link run.sh], fs.list_files(@remote).map(&:name)
    back = File.join(@local, 'back')
    received = fs.download_dir(remote_path: @remote, local_path: Pathname(back), exclude: ['*.sh'])
    assert_equal 1, received.files
    assert_equal %w[deep deep/data deep/empty link], Dir.glob('**/*', base: back).sort
    assert_equal File.binread(File.join(@tree, 'link')), File.binread(File.join(back, 'link'))
    assert_equal 'deep/data', File.readlink(File.join(back, 'link'))
  end

  def test_progress_is_told
    content = Random.new(1).bytes(30 * 1024 * 1024)
    File.binwrite(File.join(@tree, 'big'), content)
    told = []
    sent = fs.upload_dir(@tree, @remote) { |progress| told << progress }
    refute_empty told
    assert_equal [4, sent.bytes], [told.last.total_files, told.last.total_bytes]
    assert_equal told.map(&:bytes).sort, told.map(&:bytes)
    told.clear
    fs.download_dir(@remote, back = File.join(@local, 'back'), on_progress: ->(progress) { told << progress })
    assert_kind_of Daytona::DirectoryProgress, told.first
    assert_equal content, File.binread(File.join(back, 'big'))
  end

  def test_an_interrupted_upload_leaves_nothing
    File.binwrite(File.join(@tree, 'big'), Random.new(1).bytes(30 * 1024 * 1024))
    assert_raises(IOError) { fs.upload_dir(@tree, @remote) { raise IOError, 'enough' } }
    thread = Thread.new { fs.upload_dir(@tree, @remote) { Thread.current[:begun] = true } }
    eventually('it has begun') { thread[:begun] }
    thread.kill.join
    eventually('nothing is left') do
      sandbox.process.exec("ls -d #{@remote}* /tmp/.daytona-* 2>/dev/null").result.empty?
    end
  end

  def test_an_interrupted_download_leaves_no_unfinished_file
    sandbox.process.exec("mkdir #{@remote} && head -c 50000000 /dev/urandom >#{@remote}/big")
    back = File.join(@local, 'back')
    assert_raises(Timeout::Error) do
      fs.download_dir(@remote, back) { raise Timeout::Error }
    end
    eventually('the archive is gone') { sandbox.process.exec('ls /tmp/.daytona-* 2>/dev/null').result.empty? }
    eventually('nothing is left') { Dir.glob('**/*', File::FNM_DOTMATCH, base: back).all? { |name| name == '.' } }
  end

  def test_errors_are_told
    assert_raises(Daytona::Sdk::FileNotFoundError) { fs.download_dir("#{@remote}/none", @local) }
    assert_raises(Daytona::Sdk::InvalidArgumentError) { fs.upload_dir("#{@local}/none", @remote) }
    assert_raises(Daytona::Sdk::InvalidArgumentError) { fs.upload_dir(@tree, @remote, exclude: ['[']) }
  end
end
