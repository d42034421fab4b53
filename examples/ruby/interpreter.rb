# frozen_string_literal: true

# The code interpreter: Python whose variables, imports and functions last from run to run, and charts.
#
#   DAYTONA_API_URL=local ruby interpreter.rb

require 'daytona'
require 'tmpdir'

def state(sandbox)
  # region: state
  interpreter = sandbox.code_interpreter
  interpreter.run_code("import math\nradius = 2")
  puts interpreter.run_code("print(f'{math.pi * radius ** 2:.2f}')").stdout

  error = interpreter.run_code('radius / 0').error # An exception is a result, not an error.
  puts "#{error.name}: #{error.value}"
  # endregion
end

def live(sandbox)
  # region: live
  sandbox.code_interpreter.run_code(
    "import os, sys\nprint(os.environ['GREETING'], flush=True)\nprint('careful', file=sys.stderr)",
    on_stdout: ->(message) { print message.output },
    on_stderr: ->(message) { warn message.output },
    envs: { 'GREETING' => 'hello' },
    timeout: 30
  )
  # endregion
end

def contexts(sandbox)
  # region: contexts
  interpreter = sandbox.code_interpreter
  context = interpreter.create_context(cwd: '/tmp')
  interpreter.run_code('secret = 42', context: context)
  error = interpreter.run_code('secret').error # The default context is another one.
  puts error&.name || 'found'
  interpreter.delete_context(context)
  # endregion
end

def charts(sandbox)
  # region: charts
  response = sandbox.process.code_run(<<~PYTHON)
    import matplotlib.pyplot as plt
    plt.plot([1, 2, 3], [1, 4, 9], label='squares')
    plt.title('Growth')
    plt.show()
  PYTHON
  response.artifacts.charts.each do |chart|
    puts "#{chart.type} #{chart.title}"
    puts chart.elements.first.points.inspect if chart.is_a?(Daytona::LineChart)
    File.binwrite(File.join(Dir.mktmpdir, 'chart.png'), chart.png_bytes) if chart.png
  end
  # endregion
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[state live contexts charts].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end
