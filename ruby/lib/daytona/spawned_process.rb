# frozen_string_literal: true

module Daytona
  # A process started with {Process#spawn}. It runs until it ends, is killed or released, whether anybody reads its
  # output or not: the server keeps the output, and every reader has the whole of it, at its own speed.
  #
  #   sandbox.process.spawn('sort', stdin: true) do |sort|
  #     sort.puts 'b', 'a'
  #     sort.close_stdin
  #     sort.stdout.each_line { |line| puts line }
  #     sort.wait # => 0
  #   end
  class SpawnedProcess
    extend BothForms

    # @return [ProcessInfo] What the server said last.
    attr_reader :info

    # @param service [Process]
    # @param info [ProcessInfo]
    # @api private
    def initialize(service, info)
      @service = service
      @info = info
      @outputs = {}
      @lock = Mutex.new
    end

    # @return [String] Id, to attach to it from anywhere with {Process#attach}.
    def id
      info.id
    end

    # @return [String] The command text.
    def command
      info.command
    end

    # @return [String, nil] Working directory it was given.
    def cwd
      info.cwd
    end

    # @return [Boolean] Whether its standard input was opened for writing.
    def stdin?
      info.stdin
    end

    # @return [Integer, nil] Exit code as far as it is known: {wait} and {poll} find it out.
    def exit_code
      info.exit_code
    end

    # Standard output: the same reader each time. See {open_stdout} for another one.
    # @return [ProcessOutput]
    # @raise [Sdk::NotFoundError] When the process has been released.
    def stdout
      reader(:stdout)
    end

    # Standard error: the same reader each time. See {open_stderr} for another one.
    # @return [ProcessOutput]
    # @raise [Sdk::NotFoundError] When the process has been released.
    def stderr
      reader(:stderr)
    end

    # Opens a further reader of standard output, on a connection of its own, at the beginning.
    #
    # @param follow [Boolean] Whether to wait for more until the process ends, instead of ending with what there is.
    # @yieldparam output [ProcessOutput] Closed after the block.
    # @return [ProcessOutput, Object] The reader, or what the block returns.
    # @raise [Sdk::NotFoundError] When the process has been released.
    def open_stdout(follow: true, &block)
      @service.open_output(info, :stdout, follow: follow, &block)
    end

    # Opens a further reader of standard error, on a connection of its own, at the beginning.
    #
    # @param follow [Boolean] Whether to wait for more until the process ends, instead of ending with what there is.
    # @yieldparam output [ProcessOutput] Closed after the block.
    # @return [ProcessOutput, Object] The reader, or what the block returns.
    # @raise [Sdk::NotFoundError] When the process has been released.
    def open_stderr(follow: true, &block)
      @service.open_output(info, :stderr, follow: follow, &block)
    end

    # Opens a stream of both outputs in the order they were written, on a connection of its own, at the beginning.
    #
    #   process.output.each { |message| puts "#{message.channel}: #{message.text}" }
    #
    # @param channel [Symbol, String, nil] `:stdout` or `:stderr`. Default: both.
    # @param follow [Boolean] Whether to wait for more until the process ends, instead of ending with what there is.
    # @yieldparam stream [LogStream] Closed after the block.
    # @return [LogStream, Object] The stream of {OutputMessage}s, or what the block returns.
    # @raise [Sdk::NotFoundError] When the process has been released.
    def output(channel: nil, follow: true, &block)
      @service.stream_output(info, channel: channel, follow: follow, &block)
    end

    # Hands the output to callables until the process ends.
    #
    # @param on_stdout [#call, nil] Called with each piece of standard output, as text.
    # @param on_stderr [#call, nil] Called with each piece of standard error, as text.
    # @return [Integer] The exit code.
    # @raise [Sdk::NotFoundError] When the process has been released.
    def forward(on_stdout: nil, on_stderr: nil)
      output { |stream| stream.forward(on_stdout: on_stdout, on_stderr: on_stderr) }
      wait
    end

    # Writes to standard input.
    #
    # @param pieces [Array<String>] Text or bytes.
    # @return [Integer] Number of bytes.
    # @raise [Sdk::InvalidArgumentError] When it was started without `stdin: true`.
    # @raise [Sdk::CommandAlreadyCompletedError] When it has ended.
    def write(*pieces)
      pieces.sum do |piece|
        bytes = String(piece)
        @service.write_stdin(info, bytes)
        bytes.bytesize
      end
    end

    # Writes a piece to standard input; see {write}.
    # @return [self]
    def <<(piece)
      write(piece)
      self
    end

    # Writes lines to standard input; see {write}.
    #
    # @param lines [Array<String>] Text or bytes. A line break is added to those that lack one; without lines, an empty
    #   one is written.
    # @return [void]
    def puts(*lines)
      lines = lines.flatten.map { |line| line.to_s.b }
      lines << ''.b if lines.empty?
      write(lines.map { |line| line.end_with?("\n") ? line : "#{line}\n".b }.join)
      nil
    end

    # Writes to standard input; see {write}.
    # @return [void]
    def print(*pieces)
      write(*pieces)
      nil
    end

    # Closes standard input: the process reads what was written, then end of file.
    #
    # @return [void]
    # @raise [Sdk::InvalidArgumentError] When it was started without `stdin: true`.
    def close_stdin
      @service.close_stdin(info)
    end
    alias close_write close_stdin

    # Waits until the process has ended.
    #
    # @param timeout [Numeric, nil] Seconds to wait; 0 = no limit. Default: no limit. Also by keyword.
    # @return [Integer] Exit code; 128 + n when signal n ended it.
    # @raise [Sdk::TimeoutError] When it has not ended in time: it goes on, and its output can be read as before.
    # @raise [Sdk::NotFoundError] When it has been released.
    both_forms def wait(timeout = nil)
      info.exit_code ||= @service.wait_spawned(info, timeout: timeout)
    end

    # Looks whether the process has ended, without waiting.
    #
    # @return [Integer, nil] The exit code; nil while it runs.
    # @raise [Sdk::ProcessNotFoundError] When it has been released.
    def poll
      info.exit_code ||= @service.get_spawned(id).exit_code
    end

    # @return [Boolean] Whether the process still runs, as the server says now.
    # @raise [Sdk::ProcessNotFoundError] When it has been released.
    def running?
      poll.nil?
    end

    # Kills the process and everything it started (SIGKILL). One that has ended is fine.
    # @return [void]
    def kill
      send_signal('SIGKILL')
    end

    # Sends a signal to the process and everything it started. Nothing happens to one that has ended.
    #
    # @param signal [String, Symbol, Integer] `'SIGTERM'`, `:TERM` or 15.
    # @return [void]
    # @raise [Sdk::InvalidArgumentError] For something that is no signal.
    def send_signal(signal)
      @service.signal_spawned(info, signal.to_s)
    end

    # Waits until a line of the output matches, looking from the beginning.
    #
    # @param pattern [String, Regexp] Text that the line contains, or a regular expression; see
    #   {Process#wait_for_log}.
    # @param regex [Boolean, nil] Whether a pattern given as text is a regular expression. Default: false.
    # @param channel [Symbol, String, nil] `:stdout` or `:stderr`. Default: both.
    # @param timeout [Numeric, nil] Seconds to wait; 0 = no limit. Default: 60.
    # @return [String] The line, as far as it was written.
    # @raise [Sdk::CommandAlreadyCompletedError] When the process ends without such a line.
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    both_forms def wait_for_log(pattern, regex: nil, channel: nil, timeout: nil)
      @service.wait_for_log(
        info.session_id, info.command_id, pattern, regex: regex, channel: channel, timeout: timeout
      )
    end

    # Ends the process with everything it started and forgets its output. May be called any number of times.
    # @return [void]
    def release
      @service.release_spawned(info)
      # Without the lock, which a signal handler could not take.
      @outputs.each_value(&:close)
      nil
    end

    # @return [String]
    def inspect
      "#<#{self.class.name} id=#{id.inspect} command=#{command.inspect} exit_code=#{exit_code.inspect}>"
    end
    alias to_s inspect

    private

    def reader(channel)
      @lock.synchronize { @outputs[channel] ||= @service.open_output(info, channel) }
    end
  end
end
