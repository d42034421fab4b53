# frozen_string_literal: true

require_relative 'test_helper'

# Collecting at every allocation finds values the native layer does not keep alive.
class MemoryTest < DaytonaTest
  def test_every_kind_of_call_survives_constant_collection
    process = sandbox.process
    fs = sandbox.fs
    path = "/tmp/#{unique}"
    process.create_session(session = unique)
    stressed do
      assert_equal "hi\n", process.exec('echo hi', env: { 'A' => 'b' }).result
      fs.upload_file('content', path)
      assert_equal 'content', fs.read_file(path)
      fs.open_upload(path) { |writer| writer << 'more' }
      assert_equal 'more', fs.open_download(path, &:read)
      command = process.execute_session_command(session, { command: 'echo out', run_async: true }).cmd_id
      assert_equal "out\n", process.get_session_command_logs_stream(session, command).map(&:output).join
      process.spawn('cat; echo no >&2', stdin: true) do |started|
        started.puts 'yes'
        started.close_stdin
        assert_equal [%W[yes\n], "no\n"], [started.stdout.to_a, started.stderr.read]
      end
      assert_raises(Daytona::Sdk::NotFoundError) { fs.read_file("#{path}.missing") }
      assert_raises(Timeout::Error) { Timeout.timeout(0.5) { process.exec('sleep 600') } }
    end
  end

  def test_the_small_stack_of_a_fiber_is_enough
    path = "/tmp/#{unique}"
    fs = sandbox.fs
    calls = {
      daytona: -> { daytona.get(sandbox.id) },
      process: -> { sandbox.process.exec('true') },
      files: lambda {
               [sandbox.fs.upload_file('x', path), sandbox.fs.read_file(path), sandbox.fs.open_download(path, &:read)]
             },
      directories: lambda {
                     Dir.mktmpdir do |local|
                       [fs.upload_dir(local, "#{path}.dir"), fs.download_dir("#{path}.dir", local)]
                     end
                   },
      git: -> { assert_raises(Daytona::Sdk::GitRepoNotFoundError) { sandbox.git.status('/tmp') } },
      spawn: lambda {
               sandbox.process.spawn('cat', stdin: true) do |started|
                 started << 'x'
                 started.close_stdin
                 [started.stdout.read, started.wait, started.wait_for_log('x'), started.kill, started.poll]
               end
             },
      interpreter: -> { sandbox.code_interpreter.run_code('1') },
      terminal: -> { sandbox.process.create_pty_session(unique) { |pty| pty << 'x' } },
      error: -> { assert_raises(Daytona::Sdk::NotFoundError) { daytona.get(unique) } }
    }
    calls.each { |name, call| assert Fiber.new { call.call && name }.resume }
  end

  # A hundred megabytes, one reader that takes them and one that never reads.
  def test_output_is_read_in_little_memory
    child = ruby(<<~'RUBY', sandbox.id)
      process = Daytona::Daytona.new.get(ARGV[0]).process
      process.spawn('head -c 100000000 /dev/zero; exit 3') do |started|
        idle = started.open_stdout
        read = 0
        started.stdout.each_chunk { |bytes| read += bytes.bytesize }
        idle.close
        p [read, started.wait, File.read('/proc/self/status')[/VmHWM:\s+(\d+)/, 1].to_i < 150_000]
      end
    RUBY
    assert_equal "[100000000, 3, true]\n", child.read
    child.close
  end

  def test_what_is_forgotten_is_closed
    before = Daytona::Native.debug_stats[:clients]
    Array.new(20) { Daytona::Daytona.new && nil }
    # The stack may still hold the last few.
    eventually('forgotten clients are collected') do
      Array.new(100) { +'' }
      GC.start
      Daytona::Native.debug_stats[:clients] < before + 10
    end
  end

  private

  def stressed
    GC.stress = true
    yield
  ensure
    GC.stress = false
  end
end
