# frozen_string_literal: true

# Runs the conformance cases (../README.md) through the public API of the gem.
#
#   ruby -Iruby/lib tests/conformance/ruby/run.rb [part of a case's name …]
#
# Needs DAYTONA_API_URL=local with DAYTONA_LOCAL_BINARY and DAYTONA_LOCAL_STATE_DIR. Ends with 1 when a case fails.

require 'daytona'
require 'fileutils'
require 'json'
require 'net/http'
require 'securerandom'
require 'timeout'
require 'tmpdir'

require_relative 'calls'
require_relative 'matching'
require_relative 'references'

# Runs cases and reports.
class Runner
  NAME = 'ruby'
  ROOT = File.expand_path('../../..', __dir__)
  # Files that cases use.
  FIXTURES = File.join(ROOT, 'tests/conformance/fixtures')
  # Cases at the same time.
  JOBS = 6
  # A case that takes longer hangs; seconds.
  CASE_LIMIT = 300
  # Pause between two attempts of a step with `retryFor`; seconds.
  RETRY_PAUSE = 0.1
  # Cases and results of another server than the newest.
  RUN_DIRECTORY = ENV.fetch('DAYTONA_CONFORMANCE', nil)
  # Where requests are recorded; nothing when they are not.
  RECORDER = ENV.fetch('DAYTONA_CONFORMANCE_RECORDER', nil)

  # A step did not do what it should.
  class Unmet < StandardError; end

  def initialize(filter)
    @filter = filter
    @daytona = Daytona::Daytona.new
    @output = Mutex.new
  end

  # @return [Boolean] Whether all cases hold.
  def run
    cases = load_cases
    @shared = @daytona.create if cases.any? { |item| place(item) == 'shared' && !item['create'] }
    results = in_threads(cases) { |item| report(item) }
    failed = results.count { |result| !result['ok'] }
    puts "#{NAME}: #{results.size - failed} of #{results.size} cases hold"
    write(results) if @filter.empty?
    failed.zero?
  ensure
    @shared&.delete
  end

  private

  def load_cases
    files = Dir[File.join(RUN_DIRECTORY || File.join(ROOT, 'tests/conformance'), 'cases/*.json')]
    cases = files.flat_map do |file|
      JSON.parse(File.read(file)).map { |item| item.merge('id' => "#{File.basename(file, '.json')}/#{item['name']}") }
    end
    cases.select! { |item| item['steps'].any? { |step| step['requests'] } } if RECORDER
    cases.select { |item| @filter.empty? || @filter.any? { |text| item['id'].include?(text) } }
  end

  def place(item)
    item['sandbox'] || 'shared'
  end

  def in_threads(cases)
    queue = Queue.new
    cases.each_with_index { |item, index| queue << [item, index] }
    queue.close
    results = Array.new(cases.size)
    # The recorder must know whose requests it sees.
    threads = Array.new(RECORDER ? 1 : JOBS) do
      Thread.new do
        while (item, index = queue.pop)
          results[index] = yield item
        end
      end
    end
    threads.each(&:join)
    results
  end

  def report(item)
    error = nil
    begin
      Timeout.timeout(CASE_LIMIT) { run_case(item) }
    rescue StandardError => e
      error = e.is_a?(Unmet) ? e.message : "#{e.class}: #{e.message}"
    end
    line = error ? "FAILED #{NAME} #{item['id']}: #{error}" : "ok #{NAME} #{item['id']}"
    @output.synchronize { puts line }
    operations = item['steps'].map { |step| step['op'] }.uniq.sort
    { 'case' => item['id'], 'ok' => error.nil?, 'ops' => operations, 'error' => error }
  end

  def run_case(item)
    Dir.mktmpdir do |local|
      known = { 'unique' => SecureRandom.hex(6), 'tmp' => local, 'home' => '/home/daytona', 'fixtures' => FIXTURES }
      begin
        own = own_sandbox(item, known)
        sandbox = own || (@shared if place(item) == 'shared')
        known['sandbox'] = sandbox.id if sandbox
        item['steps'].each_with_index { |step, index| run_step(step, index, sandbox, known) }
      ensure
        discard(own) if own
      end
    end
  end

  def own_sandbox(item, known)
    return if item['create'].nil? && place(item) != 'own'

    params = References.replace(item['create'] || {}, known)
    @daytona.create(**Calls.keywords(params, Calls::STRUCTS.fetch('CreateSandboxParams')))
  end

  def discard(sandbox)
    sandbox.delete
  rescue Daytona::Sdk::NotFoundError
    # The case has done so itself.
  end

  def run_step(step, index, sandbox, known)
    give_up = now + (step['retryFor'] || 0)
    begin
      recorded_attempt(step, sandbox, known)
    rescue Unmet => e
      raise Unmet, "step #{index + 1} (#{step['op']}): #{e.message}" if now >= give_up

      sleep RETRY_PAUSE
      retry
    end
  end

  # An attempt whose requests are compared, where there is a recorder.
  def recorded_attempt(step, sandbox, known)
    recorded = RECORDER && step['requests']
    tell_recorder(known, nil) if recorded
    attempt(step, sandbox, known)
    tell_recorder(known, step['requests']) if recorded
  end

  # Tells the recorder of a step; what it refuses differs.
  def tell_recorder(known, requests)
    told = JSON.generate({ runner: NAME, known: known, requests: requests })
    answer = Net::HTTP.post(URI(RECORDER), told, 'Content-Type' => 'application/json')
    raise Unmet, answer.body unless answer.is_a?(Net::HTTPSuccess)
  end

  def attempt(step, sandbox, known)
    wanted = step['error'] && References.replace(step['error'], known)
    result = perform(step, Calls.new(@daytona, sandbox), known)
    raise Unmet, 'finished before it was cancelled' if step['cancelled'] && result != :cancelled
    raise Unmet, "no error #{wanted['kind']}, but #{result.inspect[0, 400]}" if wanted

    meets(References.replace(step['expect'], known), result) if step.key?('expect')
    step['save']&.each { |name, path| known[name] = References.at(result, path) }
  rescue Daytona::Sdk::Error => e
    raise Unmet, "#{e.class}: #{e.message}" unless wanted

    check_error(e, wanted)
  end

  def perform(step, calls, known)
    request = References.replace(step.slice('args', 'input', 'pieces'), known)
    call = lambda do
      calls.call(step['op'], request['args'] || {}, input: request['input'] || [], pieces: request['pieces'] || [],
                                                    detach: step['detach'], read: step['read'])
    end
    return call.call unless step['cancelAfter']

    begin
      Timeout.timeout(step['cancelAfter']) { call.call }
    rescue Timeout::Error
      :cancelled
    end
  end

  def meets(expected, result)
    difference = Matching.difference(expected, result, 'result')
    raise Unmet, difference if difference
  end

  def check_error(error, wanted)
    expected = Daytona::Sdk::BY_KIND.fetch(wanted['kind'], Daytona::Sdk::Error)
    raise Unmet, "the error is #{error.class} (#{error.message}), not #{wanted['kind']}" unless error.is_a?(expected)

    { 'status' => error.status_code, 'code' => error.error_code, 'message' => error.message }.each do |name, actual|
      meets(wanted[name], actual) if wanted.key?(name)
    end
  end

  def write(results)
    directory = RUN_DIRECTORY || File.join(ROOT, 'target/conformance')
    FileUtils.mkdir_p(directory)
    File.write(File.join(directory, "#{NAME}#{'-requests' if RECORDER}.json"), "#{JSON.pretty_generate(results)}\n")
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end

exit Runner.new(ARGV).run
