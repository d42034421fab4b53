# frozen_string_literal: true

require_relative '../../../ruby/test/test_helper'

# Thousands of calls that are given up leave nothing behind.
class StormTest < DaytonaTest
  CALLS = 5000
  THREADS = 50

  def test_a_storm_of_cancelled_calls_leaves_nothing
    id = sandbox.id
    # On a thread of its own, whose stack does not keep the client alive.
    cancelled = Thread.new { storm(id) }.value
    assert_equal CALLS, cancelled
    expected = { calls: 0, streams: 0, clients: 1 }
    eventually('everything has been let go') do
      GC.start
      # The client of this test stays.
      Daytona::Native.debug_stats == expected
    end
    assert_equal "calm\n", sandbox.process.exec('echo calm').result
    eventually('no command is left') { sandbox.process.exec('pgrep -cx storm-sleep').result.strip == '0' }
  end

  def test_a_client_let_go_leaves_zeros
    child = ruby(<<~'RUBY', sandbox.id)
      def work(id)
        Daytona::Daytona.open do |daytona|
          sandbox = daytona.get(id)
          sandbox.process.exec('true')
          sandbox.fs.open_download('/etc/passwd')
          Thread.new { sandbox.process.exec('sleep 600') }.tap { |thread| Thread.pass until thread.status == 'sleep' }.kill.join
        end
      end
      Thread.new { work(ARGV[0]) }.join
      deadline = Time.now + 120
      until Daytona::Native.debug_stats.values.sum.zero? || Time.now > deadline
        GC.start
        sleep 0.01
      end
      p Daytona::Native.debug_stats.values
    RUBY
    assert_equal "[0, 0, 0]\n", child.read
    child.close
  end

  private

  # @return [Integer] Number of calls that were given up.
  def storm(id)
    process = Daytona::Daytona.new.get(id).process
    process.exec('cp "$(command -v sleep)" /tmp/storm-sleep')
    threads = Array.new(THREADS) do |i|
      Thread.new { Array.new(CALLS / THREADS) { |j| give_up(process, i + j) }.sum }
    end
    threads.sum(&:value)
  end

  def give_up(process, number)
    Timeout.timeout(0.001 * ((number % 20) + 1)) { process.exec('/tmp/storm-sleep 600') }
    0
  rescue Timeout::Error
    1
  end
end
