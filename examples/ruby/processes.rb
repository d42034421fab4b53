# frozen_string_literal: true

# Processes: commands and programs with a result, processes that live, sessions.
#
#   DAYTONA_API_URL=local ruby processes.rb

require 'daytona'

def exec_command(sandbox)
  # region: exec
  response = sandbox.process.exec(
    'echo "$GREETING from $PWD"', cwd: '/tmp', env: { 'GREETING' => 'hello' }, timeout: 10
  )
  puts "#{response.exit_code} #{response.result}"
  # endregion
end

def code_run(sandbox)
  # region: code-run
  response = sandbox.process.code_run(<<~PYTHON, argv: %w[1 2 3])
    import sys
    print(sum(map(int, sys.argv[1:])))
  PYTHON
  puts "#{response.exit_code} #{response.result}"
  # endregion
end

def spawn_process(sandbox)
  # region: spawn
  # After the block the process is ended, with everything it started.
  sandbox.process.spawn('echo building; echo careful >&2; echo done') do |process|
    code = process.forward(on_stdout: ->(text) { print text }, on_stderr: ->(text) { warn text })
    puts "exit code #{code}"

    # Each reader has the whole output: as bytes, as text, or line by line.
    process.stdout.each_line { |line| puts "line: #{line}" }
  end
  # endregion
end

def stdin(sandbox)
  # region: stdin
  sandbox.process.spawn('sort', stdin: true) do |process|
    process.puts 'pear', 'apple'
    process.close_stdin
    puts process.stdout.read
  end
  # endregion
end

def signals(sandbox)
  # region: signals
  command = "trap 'echo cleaning up; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
  sandbox.process.spawn(command) do |process|
    process.wait_for_log('ready')
    process.send_signal(:TERM)
    puts "exit code #{process.wait(timeout: 5)}"
  rescue Daytona::Sdk::TimeoutError
    process.kill # SIGKILL, to the whole tree.
  end
  # endregion
end

def reattach(sandbox)
  # region: reattach
  id = sandbox.process.spawn('echo first; sleep 1000').id # All that it takes, from any program.

  process = sandbox.process.attach(id)
  process.wait_for_log('first')
  puts "#{process.command} wrote #{process.open_stdout(follow: false, &:read).inspect} so far"
  process.release
  # endregion
end

def waits(sandbox)
  # region: waits
  sandbox.process.spawn('python3 -um http.server --bind 127.0.0.1 8000') do |server|
    sandbox.process.wait_for_port(8000, timeout: 10)
    puts server.wait_for_log(/port \d+/)
  end
  # endregion
end

def sessions(sandbox)
  # region: sessions
  sandbox.process.create_session('build')
  sandbox.process.execute_session_command('build', 'cd /tmp && NAME=world')
  response = sandbox.process.execute_session_command('build', 'echo "hello $NAME from $PWD"')
  puts response.stdout
  sandbox.process.delete_session('build')
  # endregion
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[exec_command code_run spawn_process stdin signals reattach waits sessions].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
