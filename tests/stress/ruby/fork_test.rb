# frozen_string_literal: true

require_relative '../../../ruby/test/test_helper'

# A client made before a fork works in parent and child, as with Puma's preload_app or Unicorn.
class ForkTest < DaytonaTest
  def test_child_and_parent_go_on
    warm_up
    pid = fork_checked { sandbox.process.exec('echo child').result == "child\n" }
    assert_equal "parent\n", sandbox.process.exec('echo parent').result
    assert_child(pid)
    assert_equal "parent\n", sandbox.process.exec('echo parent').result
  end

  def test_a_fork_during_calls_of_other_threads
    warm_up
    file = "/tmp/#{unique}"
    waiting = "until [ -e #{file} ]; do sleep 0.01; done; echo seen"
    threads = Array.new(8) { Thread.new { sandbox.process.exec(waiting).result } }
    busy = Thread.new { loop { sandbox.process.exec('true') } }
    pids = Array.new(20) do |i|
      fork_checked do
        GC.start
        sandbox.process.exec("echo #{i}").result == "#{i}\n"
      end
    end
    pids.each { |pid| assert_child(pid) }
    sandbox.process.exec("touch #{file}")
    assert_equal ["seen\n"] * 8, threads.map(&:value)
  ensure
    busy&.kill
  end

  def test_children_of_children
    warm_up
    pid = fork_checked do
      sandbox.process.exec('true').exit_code.zero? &&
        begin
          inner = fork_checked { sandbox.process.exec('echo grandchild').result == "grandchild\n" }
          ::Process.wait2(inner).last.success?
        end
    end
    assert_child(pid)
  end

  def test_streams_stay_with_the_parent
    process = sandbox.process
    process.create_session(session = unique)
    command = process.execute_session_command(session, { command: 'read x; echo "$x"', run_async: true }).cmd_id
    stream = process.stream_session_command_logs(session, command)
    pid = fork_checked do
      stream.to_a
      false
    rescue Daytona::Sdk::ClosedError
      stream.close
      true
    end
    assert_child(pid)
    process.send_session_command_input(session, command, "still here\n")
    assert_includes stream.map(&:output).join, 'still here'
  end

  private

  def warm_up
    assert_equal 0, sandbox.process.exec('true').exit_code
  end

  # Forks; the child ends with 0 if the block is true, and without Minitest's hooks.
  def fork_checked
    fork do
      ok = yield
      $stdout.flush
      exit!(ok ? 0 : 1)
    rescue Exception => e # rubocop:disable Lint/RescueException
      warn e.full_message
      exit!(2)
    end
  end

  def assert_child(pid)
    status = Timeout.timeout(PATIENCE) { ::Process.wait2(pid).last }
    assert_predicate status, :success?, status.inspect
  rescue Timeout::Error
    ::Process.kill(:KILL, pid)
    flunk 'the child hangs'
  end
end
