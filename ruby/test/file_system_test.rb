# frozen_string_literal: true

require_relative 'test_helper'
require 'pathname'
require 'stringio'

class FileSystemTest < DaytonaTest
  def fs
    sandbox.fs
  end

  def setup
    @dir = "/home/daytona/#{unique}"
    fs.create_folder(@dir, '755')
    @local = Dir.mktmpdir
  end

  def teardown
    FileUtils.remove_entry(@local)
  end

  def test_content_paths_and_ios_are_uploaded
    File.binwrite(path = File.join(@local, 'x'), "from a path\xFF".b)
    fs.upload_file("content\0".b, "#{@dir}/content")
    fs.upload_file(path, "#{@dir}/path")
    fs.upload_file(source: Pathname(path), remote_path: "#{@dir}/pathname")
    fs.upload_file(StringIO.new('from an io'), "#{@dir}/deep/io")
    File.open(path, 'rb') { |file| fs.upload_file(file, "#{@dir}/file") }
    assert_equal "content\0".b, fs.read_file("#{@dir}/content")
    %w[path pathname file].each { |name| assert_equal File.binread(path), fs.read_file("#{@dir}/#{name}") }
    assert_equal 'from an io', fs.read_file("#{@dir}/deep/io")
  end

  def test_many_files_are_uploaded_and_downloaded_at_once
    File.write(path = File.join(@local, 'x'), 'local')
    fs.upload_files([Daytona::FileUpload.new('memory', "#{@dir}/a"), Daytona::FileUpload.new(path, "#{@dir}/b"),
                     { source: StringIO.new('io'), destination: "#{@dir}/c" }])
    to = File.join(@local, 'c')
    results = fs.download_files(["#{@dir}/a", { source: "#{@dir}/b" },
                                 Daytona::FileDownloadRequest.new(source: "#{@dir}/c", destination: to),
                                 "#{@dir}/missing"])
    assert_equal %w[memory local], results.first(2).map(&:content)
    assert_equal 'io', File.read(to)
    assert_match(/\S/, results.last.error)
    assert_nil results.last.content
  end

  def test_a_download_is_a_file_or_goes_where_it_is_told
    fs.upload_file('hello', remote = "#{@dir}/x")
    file = fs.download_file(remote)
    assert_equal 'hello', file.read
    assert_equal 'hello', file.open.read
    assert_equal '<hello>', "<#{file}>"
    assert_nil fs.download_file(remote, path = File.join(@local, 'y'))
    assert_equal 'hello', File.read(path)
    assert_nil fs.download_file(remote_path: remote, local_path: io = StringIO.new)
    assert_equal 'hello', io.string
    assert_raises(Daytona::Sdk::NotFoundError) { fs.download_file("#{@dir}/missing", path = File.join(@local, 'z')) }
    refute_path_exists path
  end

  def test_transfers_can_be_streamed
    size = 3 * 1024 * 1024
    content = Random.new(1).bytes(size)
    sent = []
    fs.upload_file_stream(StringIO.new(content), remote = "#{@dir}/big", on_progress: ->(p) { sent << p.bytes_sent })
    assert_equal [sent.sort, size], [sent, sent.last]
    received = nil
    pieces = fs.download_file_stream(remote, on_progress: ->(p) { received = p })
    assert_kind_of Enumerator, pieces
    assert_equal content, pieces.to_a.join
    assert_equal [size, size], received.to_a
    fs.open_download(remote) do |reader|
      assert_equal size, reader.size
      assert_equal content[0, 10], reader.read(10)
      assert_equal content[10..], reader.read
      assert_equal ['', nil], [reader.read, reader.read(1)]
      assert_predicate reader, :eof?
      assert_raises(EOFError) { reader.readpartial(1) }
    end
  end

  def test_uploads_take_pieces
    pieces = Enumerator.new { |yielder| yielder << 'one' << "\xFF".b << 'two' }
    fs.upload_file(pieces, "#{@dir}/a")
    sent = []
    fs.upload_file_stream(pieces, "#{@dir}/b", on_progress: ->(progress) { sent << progress.bytes_sent })
    fs.upload_files([Daytona::FileUpload.new(pieces, "#{@dir}/c"), { source: %w[x y], destination: "#{@dir}/d" }])
    stored = %w[a b c d].map { |name| fs.read_file("#{@dir}/#{name}") }
    assert_equal ["one\xFFtwo".b, "one\xFFtwo".b, "one\xFFtwo".b, 'xy'], stored
    assert_equal [3, 4, 7], sent
    result = fs.download_files([{ source: "#{@dir}/d" }]).first
    assert_equal 'xy', result.result
  end

  def test_an_upload_that_is_given_up_stores_nothing
    error = assert_raises(RuntimeError) do
      fs.open_upload("#{@dir}/partial") do |writer|
        writer << 'half'
        raise 'changed my mind'
      end
    end
    assert_equal 'changed my mind', error.message
    event = Struct.new(:set?).new(true)
    assert_raises(Daytona::Sdk::CancelledError) do
      fs.upload_file_stream(StringIO.new('x'), "#{@dir}/partial", cancel_event: event)
    end
    assert_raises(Timeout::Error) do
      Timeout.timeout(0.2) { fs.upload_file_stream(["and so on\n"].cycle, "#{@dir}/partial") }
    end
    eventually('nothing of it is left') { fs.list_files(@dir).empty? }
  end

  def test_files_are_listed_moved_and_deleted
    fs.upload_file('text', "#{@dir}/a.txt")
    fs.set_file_permissions("#{@dir}/a.txt", mode: '600')
    info = fs.get_file_info(path: "#{@dir}/a.txt")
    assert_equal info, fs.get_file_details("#{@dir}/a.txt")
    assert_equal ['a.txt', 4, false], [info.name, info.size, info.is_dir]
    assert_match(/600\z/, info.permissions)
    fs.move_files("#{@dir}/a.txt", "#{@dir}/b.txt")
    assert_equal ['b.txt'], fs.list_files(@dir).map(&:name)
    fs.delete_file("#{@dir}/b.txt")
    assert_empty fs.list_files(@dir)
    fs.delete_file(@dir, recursive: true)
    assert_raises(Daytona::Sdk::NotFoundError) { fs.get_file_info(@dir) }
  end

  def test_text_is_found_and_replaced
    fs.upload_file("one\ntwo\n", "#{@dir}/a.txt")
    found = fs.find_files(@dir, 'two').first
    assert_equal ["#{@dir}/a.txt", 2], [found.file, found.line]
    assert_equal ["#{@dir}/a.txt"], fs.search_files(@dir, '*.txt').files
    assert(fs.replace_in_files(files: ["#{@dir}/a.txt"], pattern: 'two', new_value: 'drei').all?(&:success))
    assert_equal "one\ndrei\n", fs.read_file("#{@dir}/a.txt")
  end
end
