# frozen_string_literal: true

require_relative 'test_helper'

# A create that is given up leaves no sandbox behind.
class CreateTest < DaytonaTest
  MOMENTS = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3].freeze

  def setup
    @label = unique
  end

  def test_a_time_limit_leaves_no_sandbox
    MOMENTS.each do |moment|
      Timeout.timeout(moment + 0.01) { create }.delete
    rescue Timeout::Error
      next
    end
    assert_none_left
  end

  def test_a_killed_thread_leaves_no_sandbox
    MOMENTS.each do |moment|
      thread = Thread.new { create }
      sleep moment
      thread.kill
      thread.join.value&.delete
    end
    assert_none_left
  end

  def test_an_interrupted_program_leaves_no_sandbox
    MOMENTS.each do |moment|
      child = ruby(<<~'RUBY', @label)
        trap(:INT, 'DEFAULT')
        daytona = Daytona::Daytona.new
        puts 'ready'
        $stdout.flush
        daytona.create(labels: { 'made-by' => ARGV[0] }) { sleep }
      RUBY
      assert_equal "ready\n", child.gets
      sleep moment
      ::Process.kill(:INT, child.pid)
      child.read
      child.close
    end
    assert_none_left
  end

  def test_one_that_times_out_is_deleted_unless_it_is_to_be_kept
    assert_raises(Daytona::Sdk::TimeoutError) { daytona.create(labels: { 'made-by' => @label }, timeout: 0.001) }
    assert_none_left
    daytona.create(labels: { 'made-by' => @label }, keep: true).delete
  end

  private

  def create
    daytona.create(labels: { 'made-by' => @label })
  end

  def assert_none_left
    eventually('all of them are deleted') do
      daytona.list({ 'made-by' => @label }).none? { |found| !%w[destroying destroyed].include?(found.state) }
    end
  end
end
