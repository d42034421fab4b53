# frozen_string_literal: true

require_relative '../../../ruby/test/test_helper'

# Many processes and many readers at the same time: each has its own output, and nothing is left behind.
class ProcessesTest < DaytonaTest
  PROCESSES = 200
  THREADS = 20
  READERS = 50

  def test_two_hundred_processes_keep_their_outputs_apart
    wrong = in_threads(PROCESSES) do |i|
      sandbox.process.spawn("cat; echo #{i} >&2; exit #{i % 100}", stdin: true) do |started|
        started.puts "line #{i}"
        started.close_stdin
        seen = [started.stdout.read, started.stderr.read, started.wait]
        seen unless seen == ["line #{i}\n", "#{i}\n", i % 100]
      end
    end
    assert_empty wrong
    assert_empty sandbox.process.list_spawned
    assert_nothing_open
  end

  def test_fifty_readers_have_the_whole_output_each
    sandbox.process.spawn('seq 20000; seq 20000 >&2') do |started|
      expected = (1..20_000).map { |n| "#{n}\n" }.join
      wrong = in_threads(READERS) do |i|
        read = i.even? ? started.open_stdout(&:read) : started.open_stderr { |output| output.each_text.to_a.join }
        read.bytesize unless read == expected
      end
      assert_empty wrong
    end
    assert_nothing_open
  end

  def test_readers_and_waits_that_are_given_up_leave_nothing
    started = sandbox.process.spawn('while :; do echo x; sleep 0.001; done')
    # On a thread of its own, whose stack does not keep the readers alive.
    wrong = Thread.new { in_threads(PROCESSES) { |i| give_up(started, i) } }.value
    assert_empty wrong
    assert_predicate started, :running?
    started.release
    assert_nothing_open
  end

  private

  # @return [Array] What the block returned for each number, without nil.
  def in_threads(count)
    numbers = Queue.new
    count.times { |i| numbers << i }
    numbers.close
    threads = Array.new(THREADS) do
      Thread.new do
        results = []
        while (number = numbers.pop)
          results << yield(number)
        end
        results.compact
      end
    end
    threads.flat_map(&:value)
  end

  def give_up(started, number)
    Timeout.timeout(0.002 * ((number % 20) + 1)) do
      number.even? ? started.open_stdout.read : started.wait
    end
    "#{number} ended"
  rescue Timeout::Error
    nil
  end

  def assert_nothing_open
    eventually('everything has been let go') do
      GC.start
      Daytona::Native.debug_stats.values_at(:calls, :streams) == [0, 0]
    end
  end
end
