# frozen_string_literal: true

# Benchmarks of the gem against `daytona-bench serve`, beside Net::HTTP and curl.
#
#   ruby -Iruby/lib bench/bench.rb server.json
#
# Every measurement is the best of several runs: on a busy machine the others measure its neighbours.

require 'fileutils'
require 'json'
require 'net/http'
require 'rbconfig'
require 'tmpdir'
require 'daytona'

SERVER = JSON.parse(File.read(ARGV.fetch(0))).fetch('http')
OPTIONS = { api_key: 'bench', api_url: SERVER }.freeze
EXECUTE = URI("#{SERVER}/toolbox/x/process/execute")
JSON_TYPE = { 'Content-Type' => 'application/json' }.freeze
CALLS = 2000
BURST = 2000
LOG_BYTES = 256 << 20
FILE_BYTES = 512 << 20

# Writes a row for `daytona-bench table`.
def emit(name, value, unit, target: nil, bare: nil)
  puts JSON.generate(subject: 'ruby', name: name, value: value, unit: unit, target: target, bare: bare)
  $stdout.flush
end

def clock(name) = Process.clock_gettime(name)

def seconds(name = Process::CLOCK_MONOTONIC)
  started = clock(name)
  yield
  clock(name) - started
end

def best(rounds = 5, &measure) = Array.new(rounds, &measure).min

# Milliseconds that a Ruby program takes.
def program(code)
  best(12) { seconds { system(RbConfig.ruby, "-I#{$LOAD_PATH.first}", '-e', code, exception: true) } * 1e3 }
end

def start
  nothing = program('')
  emit('require: time above bare Ruby', program('require "daytona"') - nothing, 'ms')
  first = "require 'daytona'; Daytona::Daytona.new(**#{OPTIONS}).create.process.exec('echo hello')"
  bare = <<~RUBY
    require 'net/http'
    type = { 'Content-Type' => 'application/json' }
    Net::HTTP.start(#{EXECUTE.host.inspect}, #{EXECUTE.port}) do |http|
      http.post('/sandbox', '{}', type)
      http.post(#{EXECUTE.path.inspect}, '{"command": "echo hello"}', type)
    end
  RUBY
  emit('program to first exec result', program(first), 'ms', bare: program(bare))
end

def exec_bare(http, command)
  JSON.parse(http.post(EXECUTE.path, JSON.generate(command: command), JSON_TYPE).body)
end

def sequential(sandbox)
  cpu = ->(run) { best { seconds(Process::CLOCK_PROCESS_CPUTIME_ID) { CALLS.times(&run) } / CALLS * 1e6 } }
  bare = Net::HTTP.start(EXECUTE.host, EXECUTE.port) { |http| cpu.call(->(_) { exec_bare(http, 'echo hello') }) }
  mine = cpu.call(->(_) { sandbox.process.exec('echo hello') })
  emit('exec, one after the other: CPU', mine, 'us', bare: bare)
end

# A thread a call: Ruby has no other way to wait for many things.
def burst
  many = ->(run) { seconds { Array.new(BURST) { Thread.new(&run) }.each(&:join) } }
  mine = best(3) do
    # A new client: no connection stands.
    Daytona::Daytona.open(**OPTIONS) do |daytona|
      sandbox = daytona.create
      many.call(-> { sandbox.process.exec('sleep 0.1') })
    end
  end
  bare = best(3) do
    many.call(-> { Net::HTTP.start(EXECUTE.host, EXECUTE.port) { |http| exec_bare(http, 'sleep 0.1') } })
  end
  emit('2,000 concurrent execs of 100 ms, in threads', mine, 's', target: 0.35, bare: bare)
end

def resident = File.read('/proc/self/status')[/VmRSS:\s+(\d+)/, 1].to_i * 1024 / 1e6

def logs(sandbox)
  read = lambda do
    size = 0
    sandbox.process.stream_session_command_logs('s', LOG_BYTES.to_s).each_chunk { |_, bytes| size += bytes.bytesize }
    raise "#{size} bytes of log" unless size == LOG_BYTES / 1024 * 1021
  end
  bare = lambda do
    Net::HTTP.start(EXECUTE.host, EXECUTE.port) do |http|
      http.request_get("/zeros/#{LOG_BYTES}") { |response| response.read_body { |_piece| nil } }
    end
  end
  read.call
  before = resident
  read.call
  growth = resident - before
  speed = ->(run) { LOG_BYTES / 1e6 / best(3) { seconds(&run) } }
  emit('log stream in frames of 1 KiB', speed.call(read), 'MB/s', target: 700, bare: speed.call(bare))
  emit('log stream: memory a second one adds', growth, 'MB', target: 8)
end

def transfers(sandbox, directory)
  up = File.join(directory, 'up')
  down = File.join(directory, 'down')
  speed = lambda do |run|
    FILE_BYTES / 1e6 / best(3) do
      # Freeing the old file is no part of writing the new one.
      FileUtils.rm_f(down)
      seconds(&run)
    end
  end
  curl = ->(*args) { system('curl', '-sSf', '--noproxy', '*', *args, out: File::NULL, exception: true) }
  File.open(up, 'w') { |file| file.truncate(FILE_BYTES) }
  bare = speed.call(-> { curl.call('-F', "files[0].file=@#{up}", "#{SERVER}/sink") })
  mine = speed.call(-> { sandbox.fs.upload_file(up, '/up') })
  emit('upload by path (bare: curl)', mine, 'MB/s', target: 0.9 * bare, bare: bare)
  File.delete(up)

  zeros = "/zeros/#{FILE_BYTES}"
  bare = speed.call(-> { curl.call('-o', down, SERVER + zeros) })
  mine = speed.call(-> { sandbox.fs.download_to_path(zeros, down) })
  emit('download by path (bare: curl)', mine, 'MB/s', target: 0.9 * bare, bare: bare)
end

start
Daytona::Daytona.open(**OPTIONS) do |daytona|
  sandbox = daytona.create
  sequential(sandbox)
  logs(sandbox)
  Dir.mktmpdir { |directory| transfers(sandbox, directory) }
end
burst
