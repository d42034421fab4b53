# frozen_string_literal: true

# Quickstart: the tour that every language's package has.
#
#   DAYTONA_API_URL=local ruby quickstart.rb [../data/sales.csv]

require 'daytona'
require 'tmpdir'

ANALYSIS = <<~PYTHON
  import csv, sys
  rows = list(csv.DictReader(open("sales.csv")))
  for region in sorted({row["region"] for row in rows}):
      units = sum(int(row["units"]) for row in rows if row["region"] == region)
      print(f"{region}: {units} units", flush=True)
  print(f"read {len(rows)} rows", file=sys.stderr, flush=True)
PYTHON

CHART = <<~PYTHON
  import csv
  import matplotlib.pyplot as plt
  months = {}
  for row in csv.DictReader(open("sales.csv")):
      months[row["month"]] = months.get(row["month"], 0) + float(row["revenue"])
  print(f"{sum(months.values()):.2f}")
  plt.plot(list(months), list(months.values()))
  plt.title("Revenue by month")
  plt.show()
PYTHON

# Runs a step and prints its label, the time it took and what it has to tell.
def step(label)
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  detail = yield
  took = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) * 1000
  puts format('  %-20<label>s %6<took>d ms  %<detail>s', label: label, took: took, detail: detail)
end

def upload_table(sandbox, table)
  sandbox.fs.upload_file(table, 'sales.csv')
  "sales.csv, #{sandbox.fs.get_file_info('sales.csv').size} bytes"
end

# Runs a program in the background and prints what it writes while it runs.
def run_live(sandbox)
  sandbox.fs.upload_file(ANALYSIS, 'analysis.py')
  sandbox.process.create_session('analysis')
  request = Daytona::SessionExecuteRequest.new(command: 'python3 analysis.py', run_async: true)
  command = sandbox.process.execute_session_command(session_id: 'analysis', req: request)
  sandbox.process.get_session_command_logs_stream(
    'analysis', command.cmd_id,
    on_stdout: ->(text) { text.each_line { |line| puts "    stdout  #{line}" } },
    on_stderr: ->(text) { text.each_line { |line| puts "    stderr  #{line}" } }
  )
  "exit code #{sandbox.process.get_session_command('analysis', command.cmd_id).exit_code}"
end

# Runs a program whose chart comes back as a picture.
def draw_chart(sandbox)
  response = sandbox.process.code_run(CHART)
  chart = response.artifacts&.charts&.first
  raise "no chart, but: #{response.result}" unless chart&.png

  path = File.join(Dir.mktmpdir('quickstart-'), 'chart.png')
  size = File.binwrite(path, chart.png_bytes)
  "revenue #{response.result.strip}, #{size} bytes in #{path}"
end

# Shows that directory and variables last from command to command.
def shell_session(sandbox)
  process = sandbox.process
  process.create_session('shell')
  process.execute_session_command('shell', Daytona::SessionExecuteRequest.new(command: 'cd /tmp && GREETING=hello'))
  request = Daytona::SessionExecuteRequest.new(command: 'echo "$GREETING from $PWD"', run_async: true)
  command = process.execute_session_command('shell', request)
  text = process.get_session_command_logs_stream('shell', command.cmd_id).map(&:output).join
  process.delete_session('shell')
  text.strip
end

# Drives a terminal: input, another size, the exit code.
def terminal(sandbox)
  sandbox.process.create_pty_session(id: 'terminal', pty_size: Daytona::PtySize.new(rows: 24, cols: 80)) do |pty|
    pty.resize(Daytona::PtySize.new(rows: 30, cols: 100))
    pty.send_input("echo size $(stty size); exit 7\n")
    output = +''
    result = pty.wait { |text| output << text }
    raise "unexpected output: #{output.inspect}" unless output.include?('size 30 100')

    "size 30 100, exit code #{result.exit_code}"
  end
end

def download(sandbox)
  "sales.csv, #{sandbox.fs.download_file('sales.csv').each_line.count} lines"
end

table = ARGV.first || File.expand_path('../data/sales.csv', __dir__)
abort "There is no file #{table}." unless File.file?(table)

Daytona::Daytona.open do |daytona|
  sandbox = nil
  begin
    step('create sandbox') do
      sandbox = daytona.create(Daytona::CreateSandboxFromSnapshotParams.new(labels: { 'example' => 'quickstart' }))
      sandbox.id
    end
    step('upload CSV') { upload_table(sandbox, table) }
    step('run Python, live') { run_live(sandbox) }
    step('draw chart') { draw_chart(sandbox) }
    step('shell session') { shell_session(sandbox) }
    step('terminal') { terminal(sandbox) }
    step('download file') { download(sandbox) }
  ensure
    # Also after a failure or Ctrl-C.
    step('delete sandbox') { sandbox.delete.state } if sandbox
  end
end
