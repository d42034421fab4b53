# frozen_string_literal: true

require_relative 'test_helper'

# What happens to a blocking call must be as with any other blocking call of Ruby, and the sandbox must notice.
class InterruptTest < DaytonaTest
  def test_timeout_ends_a_call_and_its_command
    file = "/tmp/#{unique}"
    assert_raises(Timeout::Error) { Timeout.timeout(1) { sleep_in_sandbox(file) } }
    assert_killed(file)
  end

  def test_raise_ends_a_call_and_its_command
    file = "/tmp/#{unique}"
    thread = Thread.new do
      sleep_in_sandbox(file)
    rescue IOError => e
      e.message
    end
    eventually_exists(file)
    thread.raise(IOError, 'enough')
    assert_equal 'enough', thread.value
    assert_killed(file)
  end

  def test_kill_ends_a_call_and_its_command
    file = "/tmp/#{unique}"
    cleaned = false
    thread = Thread.new do
      sleep_in_sandbox(file)
    ensure
      cleaned = true
    end
    eventually_exists(file)
    thread.kill
    assert_same thread, thread.join(PATIENCE)
    assert cleaned
    assert_killed(file)
  end

  def test_ctrl_c_ends_a_call_and_its_command
    file = "/tmp/#{unique}"
    child = ruby(<<~'RUBY', sandbox.id, file)
      begin
        Daytona::Daytona.new.get(ARGV[0]).process.exec("echo $$ > #{ARGV[1]}; sleep 600")
      rescue Interrupt
        puts 'interrupted'
      end
    RUBY
    eventually_exists(file)
    ::Process.kill(:INT, child.pid)
    assert_equal "interrupted\n", child.read
    child.close
    assert_predicate $CHILD_STATUS, :success?
    assert_killed(file)
  end

  def test_a_trap_runs_while_a_call_goes_on
    seen = Queue.new
    before = trap(:USR1) { seen << true }
    file = "/tmp/#{unique}"
    thread = Thread.new do
      eventually_exists(file)
      ::Process.kill(:USR1, ::Process.pid)
    end
    response = sandbox.process.exec("touch #{file}; sleep 1; echo done")
    thread.join
    assert seen.pop
    assert_equal "done\n", response.result
  ensure
    trap(:USR1, before || 'DEFAULT')
  end

  def test_interrupts_can_be_held_back
    file = "/tmp/#{unique}"
    response = nil
    thread = Thread.new do
      Thread.handle_interrupt(IOError => :never) do
        response = sandbox.process.exec("touch #{file}; until [ -e #{file}.end ]; do sleep 0.01; done; echo done")
      end
    rescue IOError => e
      e.message
    end
    eventually_exists(file)
    thread.raise(IOError, 'later')
    sandbox.process.exec("touch #{file}.end")
    assert_equal %W[later done\n], [thread.value, response.result]
  end

  def test_other_threads_run_during_a_call
    file = "/tmp/#{unique}"
    reader = Thread.new { sandbox.process.exec("until [ -e #{file} ]; do sleep 0.01; done; echo seen") }
    sandbox.process.exec("touch #{file}")
    assert_equal "seen\n", reader.value.result
  end

  def test_fifty_threads_share_a_client
    results = Array.new(50) { |i| Thread.new { sandbox.process.exec("echo #{i}").result } }.map(&:value)
    assert_equal (0...50).map { |i| "#{i}\n" }, results
  end

  def test_a_stream_is_closed_from_another_thread
    process = sandbox.process
    process.create_session(session = unique)
    command = process.execute_session_command(session, { command: 'sleep 600', run_async: true }).cmd_id
    stream = process.stream_session_command_logs(session, command)
    reader = Thread.new do
      stream.to_a
    rescue Daytona::Sdk::ClosedError => e
      e
    end
    eventually('the reader waits') { reader.status == 'sleep' }
    stream.close
    assert_kind_of Daytona::Sdk::ClosedError, reader.value
    process.delete_session(session)
  end

  def test_nothing_is_left_over
    GC.start
    eventually('no call is left') { Daytona::Native.debug_stats[:calls].zero? }
  end

  private

  def sleep_in_sandbox(pid_file)
    sandbox.process.exec("echo $$ > #{pid_file}; sleep 600")
  end
end
