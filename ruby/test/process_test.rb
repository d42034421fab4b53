# frozen_string_literal: true

require_relative 'test_helper'

class ProcessTest < DaytonaTest
  def process
    sandbox.process
  end

  def test_exec_takes_both_forms
    [process.exec('echo $A; pwd; exit 3', cwd: '/tmp', env: { A: 'x' }),
     process.exec(command: 'echo $A; pwd; exit 3', cwd: '/tmp', envs: { 'A' => 'x' })].each do |response|
      assert_equal [3, "x\n/tmp\n"], [response.exit_code, response.result]
    end
    assert_raises(ArgumentError) { process.exec }
    assert_raises(ArgumentError) { process.exec('true', cmd: 'x') }
  end

  def test_a_timeout_kills_the_command
    file = "/tmp/#{unique}"
    error = assert_raises(Daytona::Sdk::TimeoutError) { process.exec("echo $$ > #{file}; sleep 600", timeout: 1) }
    assert_equal 'process.exec', error.operation
    assert_killed(file)
  end

  def test_code_runs_in_the_language_asked_for
    assert_equal "2\n", process.code_run('print(1 + 1)').result
    assert_equal "3\n", process.code_run(code: 'console.log(1 + 2)', language: Daytona::CodeLanguage::JAVASCRIPT).result
    params = Daytona::CodeRunParams.new(argv: %w[a b], env: { 'X' => 'y' })
    response = process.code_run(<<~PYTHON, params, timeout: 30)
      import os, sys
      print(sys.argv[1:], os.environ['X'])
    PYTHON
    assert_equal "['a', 'b'] y\n", response.result
    assert_equal response.result, response.artifacts.stdout
  end

  def test_text_from_binary_files_is_accepted
    assert_equal "grün\n", process.code_run("print('grün')".b).result
    assert_raises(Daytona::Sdk::InvalidArgumentError) { process.exec("echo \xFF".b) }
  end

  def test_charts_are_typed
    response = process.code_run(<<~PYTHON)
      import matplotlib.pyplot as plt
      fig, ax = plt.subplots()
      ax.bar(['a', 'b'], [1, 2])
      ax.set_title('bars')
      ax.set_ylabel('count')
      plt.show()
    PYTHON
    assert_equal 0, response.exit_code, response.result
    chart = response.artifacts.charts.first
    assert_instance_of Daytona::BarChart, chart
    assert_equal [Daytona::ChartType::BAR, 'bars', 'count'], [chart.type, chart.title, chart.y_label]
    assert_equal %w[a b], chart.elements.map(&:label)
    assert chart.png_bytes.start_with?("\x89PNG".b)
    refute_includes chart.inspect, chart.png[0, 40]
  end

  def test_a_session_keeps_its_state
    id = unique
    process.create_session(id)
    process.execute_session_command(id, Daytona::SessionExecuteRequest.new(command: 'cd /tmp && A=kept'))
    response = process.execute_session_command(session_id: id, req: { command: 'pwd; echo $A; echo bad >&2' })
    assert_equal [0, "/tmp\nkept\n", "bad\n"], [response.exit_code, response.stdout, response.stderr]
    logs = process.get_session_command_logs(id, response.cmd_id)
    assert_equal logs, process.get_session_command_logs(session_id: id, command_id: response.cmd_id)
    assert_equal ["/tmp\nkept\n", "bad\n"], [logs.stdout, logs.stderr]
    assert_equal 0, process.get_session_command(session_id: id, command_id: response.cmd_id).exit_code
    assert_equal 2, process.get_session(id).commands.size
    assert_includes process.list_sessions.map(&:session_id), id
    process.delete_session(id)
    assert_raises(Daytona::Sdk::NotFoundError) { process.get_session(id) }
  end

  def test_logs_are_streamed_while_the_command_runs
    command = start_command('echo one; read x; echo "got $x"; echo bad >&2')
    out = Queue.new
    err = Queue.new
    follower = process.follow_session_command_logs(
      session_id: @session, command_id: command, on_stdout: ->(text) { out << text }, on_stderr: lambda { |text|
                                                                                                   err << text
                                                                                                 }
    )
    text = out.pop
    process.send_session_command_input(@session, command, "in\n")
    assert_same follower, follower.join(PATIENCE)
    text += out.pop until out.empty?
    assert_equal "one\n", text.lines.first
    assert_includes text, "got in\n"
    assert_equal "bad\n", err.pop
    assert_predicate follower, :closed?
  end

  def test_the_asynchronous_forms_return_when_the_log_has_ended
    command = start_command('echo one; sleep 0.2; echo two; echo bad >&2')
    out = +''
    err = +''
    assert_nil process.get_session_command_logs_async(
      session_id: @session, command_id: command, on_stdout: ->(text) { out << text }, on_stderr: lambda { |text|
                                                                                                   err << text
                                                                                                 }
    )
    assert_equal %W[one\ntwo\n bad\n], [out, err]
  end

  def test_logs_can_be_iterated_and_collected
    command = start_command('echo one; echo bad >&2; echo two')
    messages = process.get_session_command_logs_stream(@session, command).to_a
    assert_equal "one\ntwo\n", messages.select(&:stdout?).map(&:output).join
    assert_equal "bad\n", messages.select(&:stderr?).map(&:text).join
    out = +''
    assert_nil process.get_session_command_logs_stream(@session, command, on_stdout: ->(text) { out << text })
    assert_equal "one\ntwo\n", out
    binary = process.stream_session_command_logs(@session, command) { |stream| stream.each_chunk.to_a }
    assert_equal "one\ntwo\n".b, binary.select { |channel, _| channel == :stdout }.map(&:last).join
  end

  def test_characters_cut_in_two_are_put_together
    command = start_command("printf 'gr\\303'; sleep 0.3; printf '\\274n'")
    text = process.get_session_command_logs_stream(@session, command).map(&:output)
    assert_equal 'grün', text.join.chomp
    assert(text.all?(&:valid_encoding?))
  end

  def test_leaving_a_log_closes_it
    before = Daytona::Native.debug_stats[:streams]
    command = start_command('while :; do echo more; sleep 0.01; done')
    # On a thread of its own, whose stack does not keep the streams alive.
    Thread.new { leave_in_every_way(command) }.join
    process.delete_session(@session)
    eventually('all streams are gone') do
      GC.start
      Daytona::Native.debug_stats[:streams] <= before
    end
  end

  def test_var_async_is_run_async
    assert Daytona::SessionExecuteRequest.new(command: 'true', var_async: true).run_async
    assert Daytona::SessionExecuteRequest.new(command: 'true', run_async: true).var_async
  end

  private

  def leave_in_every_way(command)
    assert_equal "more\n", process.get_session_command_logs_stream(@session, command).first.output[0, 5]
    process.get_session_command_logs_stream(@session, command) { |stream| refute_predicate stream, :closed? }
    follower = process.follow_session_command_logs(@session, command)
    follower.close
    refute_predicate follower, :alive?
  end

  def start_command(text)
    process.create_session(@session = unique)
    request = Daytona::SessionExecuteRequest.new(command: text, run_async: true)
    process.execute_session_command(@session, request).cmd_id
  end
end
