# frozen_string_literal: true

require_relative '../../../ruby/test/test_helper'

# A process may end at any moment, whatever is in flight.
class ExitTest < DaytonaTest
  PROCESSES = 200
  AT_ONCE = 4

  # What a process does once its calls are in flight, and how it must end.
  ENDINGS = {
    'exit' => ->(status) { status.exitstatus == 3 },
    'exit!' => ->(status) { status.exitstatus == 4 },
    'raise' => ->(status) { status.exitstatus == 1 },
    'abort in a thread' => ->(status) { status.exitstatus == 1 },
    'at_exit' => ->(status) { status.exitstatus == 5 },
    'INT' => ->(status) { status.termsig == Signal.list['INT'] },
    'TERM' => ->(status) { status.termsig == Signal.list['TERM'] },
    'KILL' => ->(status) { status.termsig == Signal.list['KILL'] }
  }.freeze

  PROGRAM = <<~'RUBY'
    $stderr.sync = true
    sandbox = Daytona::Daytona.new.get(ARGV[0])
    process = sandbox.process
    process.create_session(session = "exit-#{::Process.pid}")
    command = process.execute_session_command(session, { command: 'while :; do echo x; sleep 5; done', run_async: true })
    logs = process.stream_session_command_logs(session, command.cmd_id)
    threads = Array.new(4) { Thread.new { process.exec('sleep 600') } }
    threads << Thread.new { logs.each { |_| } }
    threads << Thread.new { process.attach(ARGV[2]).stdout.each_line { |_| } }
    threads << Thread.new { loop { process.exec('true') } }
    threads << Thread.new { process.create_pty_session("exit-#{::Process.pid}") { |pty| pty.wait } }
    threads.each { |thread| thread.report_on_exception = false }
    Thread.pass until threads.first(4).all? { |thread| thread.status == 'sleep' }
    case ARGV[1]
    when 'exit' then exit 3
    when 'exit!' then exit! 4
    when 'raise' then raise 'the end'
    when 'abort in a thread' then Thread.new { abort }.join
    when 'at_exit'
      at_exit { exit(process.exec('exit 5').exit_code) }
    else
      ::Process.kill(ARGV[1], ::Process.pid)
      sleep
    end
  RUBY

  def test_two_hundred_processes_end_with_calls_in_flight
    @spawned = sandbox.process.spawn('while :; do echo x; sleep 5; done')
    queue = Queue.new
    PROCESSES.times { |i| queue << ENDINGS.keys[i % ENDINGS.size] }
    queue.close
    failures = Queue.new
    Array.new(AT_ONCE) do
      Thread.new do
        while (ending = queue.pop)
          output, status = run_program(ending)
          failures << "#{ending}: #{status.inspect}\n#{output}" unless status && ENDINGS[ending].call(status)
          failures << "#{ending}: #{output}" if output.match?(/\[BUG\]|panicked|SEGV/)
        end
      end
    end.each(&:join)
    assert_empty Array.new(failures.size) { failures.pop }
  end

  private

  def run_program(ending)
    child = ruby(PROGRAM, sandbox.id, ending, @spawned.id)
    output = Timeout.timeout(PATIENCE) { child.read }
    _, status = ::Process.wait2(child.pid)
    # Its session and terminal are the sandbox's, and live on.
    sandbox.process.delete_session("exit-#{child.pid}")
    [output, status]
  rescue Timeout::Error
    ::Process.kill(:KILL, child.pid)
    ["hung\n", nil]
  end
end
