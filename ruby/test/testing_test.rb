# frozen_string_literal: true

require_relative 'test_helper'
require 'daytona/testing/minitest'
require 'open3'

# region: agent
class AgentTest < Minitest::Test
  include Daytona::Testing::Minitest

  def test_an_idle_sandbox_stops
    sandbox = Daytona::Daytona.new.create(auto_stop_interval: 15)
    daytona_engine.clock.advance('15m')
    sandbox.refresh
    assert_equal 'stopped', sandbox.state
  end

  def test_a_lost_answer
    sandbox = Daytona::Daytona.new.create
    daytona_engine.faults.add({ drop: 'after' }, path: '/process/execute')
    assert_raises(Daytona::Sdk::Error) { sandbox.process.exec('make deploy') }
  end
end
# endregion

# The engine that programs test themselves with.
class TestingTest < DaytonaTest
  include Daytona::Testing::Minitest

  def client
    @client ||= Daytona::Daytona.new
  end

  def test_a_day_of_timers_takes_a_moment
    sandbox = client.create(auto_stop_interval: 15, auto_delete_interval: 30)
    begun = daytona_engine.clock.now
    assert_empty daytona_engine.clock.advance('14m')
    done = daytona_engine.clock.advance(24 * 60 * 60)
    assert_equal([['stop', sandbox.id], ['delete', sandbox.id]], done.map { |each| [each.action, each.sandbox_id] })
    assert_equal([15, 45], done.map { |each| ((each.at - begun) / 60).round })
    assert_raises(Daytona::Sdk::NotFoundError) { client.get(sandbox.id) }
  end

  def test_faults_happen_as_asked_and_each_test_begins_anew
    faults = daytona_engine.faults
    assert_empty faults.left
    sandbox = client.create
    faults.add({ drop: 'after' }, path: '/process/execute')
    assert_raises(Daytona::Sdk::Error) { sandbox.process.exec('touch /tmp/ran') }
    assert_equal 0, sandbox.process.exec('test -e /tmp/ran').exit_code
    faults.add({ answer: { status: 429, headers: { 'Retry-After' => '3600' } } }, path: "/sandbox/#{sandbox.id}")
    assert_raises(Daytona::Sdk::RateLimitError) { sandbox.refresh }
    assert_match(/cannot be read/, assert_raises(Daytona::Sdk::Error) { faults.add({ burn: 1 }) }.message)
  end

  def test_sandboxes_are_there_in_any_state
    made = daytona_engine.seed({ name: 'old', state: 'archived' }, { name: 'new' })
    assert_equal(%w[archived started], made.map { |each| each['state'] })
  end

  def test_an_engine_ends_with_its_process_however_that_ends
    Dir.mktmpdir do |place|
      code = "require 'daytona/testing'; Daytona::Testing::Engine.start; puts 'ready'; $stdout.flush; sleep"
      command = [RbConfig.ruby, '-I', File.expand_path('../lib', __dir__), '-e', code]
      Open3.popen2({ 'DAYTONA_LOCAL_STATE_DIR' => place }, *command) do |_, out, program|
        assert_equal "ready\n", out.gets
        assert_equal 1, Dir.children("#{place}/tests").size
        ::Process.kill(:KILL, program.pid)
      end
      eventually('the engine is gone with everything') { Dir.empty?("#{place}/tests") }
    end
  end

  def test_a_forked_child_leaves_the_engine_to_its_parent
    engine = daytona_engine
    child = fork do
      engine.close
      exit!(engine.faults.left.empty?)
    end
    assert_predicate ::Process.wait2(child).last, :success?
    assert_empty engine.faults.left
  end

  # What a program prints that prints something else each time.
  def life(engine)
    sandbox = engine.client.create
    sandbox.process.exec('date +%N').result
  ensure
    sandbox&.delete
  end

  def test_a_recording_is_answered_again
    daytona_engine.start_recording
    told = life(daytona_engine)
    recording = daytona_engine.stop_recording
    assert_includes daytona_engine.recording_page(recording), 'date +%N'
    Dir.mktmpdir do |place|
      File.write("#{place}/life.jsonl", recording)
      Daytona::Testing::Engine.start(arguments: ['--replay', "#{place}/life.jsonl"]) do |again|
        assert_equal told, life(again)
      end
    end
  end

  def test_an_engine_that_cannot_start_says_why
    start = ->(**options) { assert_raises(Daytona::Sdk::ConnectionError) { Daytona::Testing::Engine.start(**options) } }
    assert_match(/isolation/, start.call(arguments: %w[--isolation magic]).message)
    assert_match(%r{/nowhere}, start.call(binary: '/nowhere').message)
  end

  def test_examples_of_rspec_have_an_engine
    Dir.mktmpdir do |directory|
      File.write("#{directory}/agent_spec.rb", <<~RUBY)
        require 'daytona/testing/rspec'
        RSpec.describe('an agent', :daytona) do
          it('finds no sandboxes') { expect(Daytona::Daytona.new.list.to_a).to eq([]) }
          it('has an engine') { expect(daytona_engine.faults.left).to eq([]) }
        end
      RUBY
      output, status = Open3.capture2e('rspec', '-I', File.expand_path('../lib', __dir__), "#{directory}/agent_spec.rb")
      assert_predicate status, :success?, output
    end
  end
end
