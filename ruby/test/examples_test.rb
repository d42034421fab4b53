# frozen_string_literal: true

require_relative 'test_helper'
require 'io/console'
require 'open3'
require 'pty'

# The examples are whole programs that do what they say; documents quote their regions.
class ExamplesTest < DaytonaTest
  EXAMPLES = File.expand_path('../../examples/ruby', __dir__)
  RUBY = [RbConfig.ruby, '-W', "-I#{File.expand_path('../lib', __dir__)}"].freeze
  # What they print, among other things.
  PRINTED = {
    'desktop' => ["active\n", '1280 x 720 pixels', '640 x 360 pixels', '3 actions, the screen is at rest: '],
    'first' => ["hello\n"],
    'files' => ['it begins with "all work and no play"', 'given up', '2 files, 18 bytes', '-rw-------'],
    'git' => ['main main.py Untracked', 'experiment, main', 'ahead 0, behind 0', 'Ann Say hello'],
    'images' => ["copies package.json\n", "base-ruby active\n", "made from it\n"],
    'interpreter' => ["12.57\n", 'ZeroDivisionError: division by zero', "hello\n", "careful\n", 'NameError',
                      'line Growth'],
    'language_servers' => ['Basket has __init__, add', 'completes to ', 'Basket is in file:///', 'defined in file:///',
                           'problem in line 4 ', 'changes in file:///'],
    'life' => ["paused\nstarted", "kept\n", '2 2 5', "original\ncopied\n", "test\n", ' of '],
    'processes' => ['hello from /tmp', 'line: done', "apple\npear\n", 'exit code 5', '"first\n" so far', 'port 8000',
                    'hello world from /tmp'],
    'network' => ['dns example.com allowed default', 'reaches only pypi.org', 'unresolved'],
    'previews' => ['<h1>Hello</h1>', 'expired'],
    'secrets' => ['dtn_secret_', '["api.example.com"] dtn_secret_'],
    'ssh' => ['ssh -p ', "true\nfalse\n"],
    'telemetry' => ["hello\n"],
    'terminals' => ['30 100', 'exit code 7', 'left: []'],
    'volumes' => ["0.87\n", '-next"'],
    'webhooks' => %W[msg_p5jXN8AQM9LWM0D4loKWxJek 204\n401\n]
  }.freeze
  REGIONS = {
    'desktop' => %w[start keyboard mouse screenshot recording accessibility agent act trajectory create],
    'first' => %w[first],
    'files' => %w[upload-download streams many directories search-replace permissions],
    'git' => %w[clone status-commit branches push-pull history],
    'images' => %w[science app snapshot],
    'interpreter' => %w[state live contexts charts],
    'language_servers' => %w[assistant understand change],
    'life' => %w[pause archive resize fork intervals environment metrics],
    'processes' => %w[exec code-run spawn stdin signals reattach waits sessions],
    'network' => %w[learn limits],
    'previews' => %w[link signed forward],
    'secrets' => %w[use manage],
    'ssh' => %w[access revoke],
    'telemetry' => %w[enable],
    'terminals' => %w[create resize-kill],
    'volumes' => %w[share subpath manage],
    'webhooks' => %w[receive]
  }.freeze

  PRINTED.each do |name, printed|
    define_method("test_#{name}_runs") do
      output, status = Open3.capture2e(*RUBY, "#{EXAMPLES}/#{name}.rb")
      assert_predicate status, :success?, output
      printed.each { |text| assert_includes output, text }
    end
  end

  def test_regions_are_there
    REGIONS.each do |name, regions|
      lines = File.readlines("#{EXAMPLES}/#{name}.rb")
      assert_equal regions, (lines.filter_map { |line| line[/# region: (\S+)/, 1] })
      assert_equal regions.size, (lines.count { |line| line.strip == '# endregion' })
    end
  end
end

# The shell takes over the terminal it is started in, and gives it back.
class ShellTest < DaytonaTest
  def test_it_hands_over_and_passes_the_exit_code_on
    in_terminal do |terminal, pid|
      terminal << "echo $((40 + 2)); stty size\n"
      read_until(terminal, /\r42\r\n30 100\r/)
      refute_predicate terminal, :echo?
      terminal.winsize = [31, 101]
      ::Process.kill(:WINCH, pid)
      # The change is on its way until the sandbox has it, and may have the prompt written again meanwhile.
      terminal << "until [ \"$(stty size)\" = '31 101' ]; do sleep 0.05; done; echo is $((31 * 101))\n"
      read_until(terminal, /is 3131\r/)
      terminal << "exit 7\n"
      assert_equal 7, ended(terminal, pid).exitstatus
    end
  end

  def test_a_signal_gives_the_terminal_back
    %w[TERM HUP QUIT].each do |signal|
      in_terminal do |terminal, pid|
        ::Process.kill(signal, pid)
        assert_equal Signal.list[signal], ended(terminal, pid).termsig, signal
      end
    end
  end

  def test_it_refuses_what_is_no_terminal
    output, status = Open3.capture2e(*ExamplesTest::RUBY, program, sandbox.id, stdin_data: "exit\n")
    assert_equal [2, "shell: standard input is not a terminal\n"], [status.exitstatus, output]
  end

  private

  def program
    "#{ExamplesTest::EXAMPLES}/shell.rb"
  end

  # The program in a terminal of its own, which must be as before when it has ended.
  def in_terminal
    PTY.open do |terminal, inside|
      terminal.winsize = [30, 100]
      before = attributes(inside)
      pid = with_default_signals do
        ::Process.spawn(*ExamplesTest::RUBY, program, sandbox.id, in: inside, out: inside, err: inside)
      end
      read_until(terminal, /\$ \z/)
      yield terminal, pid
      assert_equal before, attributes(inside)
    end
  end

  # Under `nohup`, for one, some are ignored, and children inherit that.
  def with_default_signals
    before = %w[HUP INT QUIT TERM].to_h { |signal| [signal, trap(signal, 'DEFAULT')] }
    yield
  ensure
    before.each { |signal, action| trap(signal, action || 'DEFAULT') }
  end

  def attributes(terminal)
    IO.popen(%w[stty -g], in: terminal, &:read)
  end

  def read_until(terminal, pattern)
    seen = +''
    Timeout.timeout(PATIENCE) { seen << terminal.readpartial(4096).scrub until seen.match?(pattern) }
    seen
  rescue Timeout::Error
    flunk "there is no #{pattern.inspect} in #{seen.inspect}"
  end

  # Waits for the end, reading what is still printed.
  def ended(terminal, pid)
    reader = Thread.new { loop { terminal.readpartial(4096) } }
    reader.report_on_exception = false
    Timeout.timeout(PATIENCE) { ::Process.wait2(pid).last }
  ensure
    reader.kill
  end
end
