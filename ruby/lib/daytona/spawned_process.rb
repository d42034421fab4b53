# frozen_string_literal: true

module Daytona
  # A process started with {Process#spawn}. It runs until it ends, is killed or released, whether its output is read or
  # not: the server keeps the output, and each reader gets all of it, at its own speed.
  #
  #   sandbox.process.spawn('sort', stdin: true) do |sort|
  #     sort.puts 'b', 'a'
  #     sort.close_stdin
  #     sort.stdout.each_line { |line| puts line }
  #     sort.wait # => 0
  #   end
  class SpawnedProcess
    # @return [ProcessInfo] The process as the server last described it.
    attr_reader :info

    # @param service [Process]
    # @param info [ProcessInfo]
    # @api private
    def initialize(service, info)
      super(service.connection, service.sandbox)
      @info = info
      @outputs = {}
      @lock = Mutex.new
    end

    # @return [Boolean] Whether its standard input was opened for writing.
    def stdin?
      info.stdin
    end

    # Returns standard output: the same reader each time. See {open_stdout} for another one.
    #
    # @return [ProcessOutput]
    # @raise [Sdk::NotFoundError] When the process has been released.
    def stdout
      reader(:stdout)
    end

    # Returns standard error: the same reader each time. See {open_stderr} for another one.
    #
    # @return [ProcessOutput]
    # @raise [Sdk::NotFoundError] When the process has been released.
    def stderr
      reader(:stderr)
    end

    # Opens another reader of standard output, on its own connection, at the beginning.
    #
    # @param follow [Boolean] Whether to wait for more until the process ends, instead of ending with the output so far.
    # @yieldparam output [ProcessOutput] Closed after the block.
    # @return [ProcessOutput, Object] The reader, or what the block returns.
    # @raise [Sdk::NotFoundError] When the process has been released.
    def open_stdout(follow: true, &block)
      open_output(:stdout, follow, &block)
    end

    # Opens another reader of standard error; see {open_stdout}.
    def open_stderr(follow: true, &block)
      open_output(:stderr, follow, &block)
    end

    # Passes the output to callables until the process ends.
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
        write_stdin(bytes)
        bytes.bytesize
      end
    end

    # Writes a piece to standard input; see {write}.
    # @return [self]
    def <<(piece)
      write(piece)
      self
    end

    # Writes lines to standard input; see {write}. A line break is added to those that lack one; without lines, an empty
    # one is written.
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

    # Checks whether the process has ended, without waiting.
    #
    # @return [Integer, nil] The exit code; nil while it runs.
    # @raise [Sdk::ProcessNotFoundError] When it has been released.
    def poll
      info.exit_code ||= @sandbox.process.get_spawned(id).exit_code
    end

    # @return [Boolean] Whether the server says that the process is still running.
    # @raise [Sdk::ProcessNotFoundError] When it has been released.
    def running?
      poll.nil?
    end

    # Kills the process and everything it started (SIGKILL). Does nothing if it has ended.
    # @return [void]
    def kill
      send_signal('SIGKILL')
    end

    # @return [String]
    def inspect
      "#<#{self.class.name} id=#{id.inspect} command=#{command.inspect} exit_code=#{exit_code.inspect}>"
    end
    alias to_s inspect

    private

    def reader(channel)
      @lock.synchronize { @outputs[channel] ||= open_output(channel, true) }
    end

    def open_output(channel, follow, &block)
      args = { 'process' => info.to_wire([]), 'options' => { 'channel' => channel, 'follow' => follow } }
      ProcessOutput.open(open_stream('process.stream_output', args), self, &block)
    end

    # Without the lock, which a signal handler could not take.
    def close_outputs
      @outputs.each_value(&:close)
      nil
    end
  end
end
