# frozen_string_literal: true

module Daytona
  # A piece of output.
  class OutputMessage < Model
    # @return [String] The text.
    attr_reader :output
    alias text output
    alias to_s output

    # @return [Symbol] `:stdout` or `:stderr`.
    attr_reader :channel

    # @param output [String]
    # @param channel [Symbol] `:stdout` or `:stderr`.
    def initialize(output:, channel: :stdout)
      super()
      @output = output
      @channel = channel
    end

    # @return [Boolean]
    def stdout?
      channel == :stdout
    end

    # @return [Boolean]
    def stderr?
      channel == :stderr
    end
  end

  # Output that arrives while something runs. It can be gone through once; leaving the loop closes the stream.
  class OutputStream < StreamHandle
    include Enumerable

    CHANNELS = { 1 => :stdout, 2 => :stderr, 3 => :error }.freeze
    private_constant :CHANNELS

    # Yields the bytes as they came, unmodified.
    #
    # @yieldparam channel [Symbol] `:stdout` or `:stderr`; of a run of the interpreter also `:error`, with JSON.
    # @yieldparam bytes [String] Binary.
    # @return [self, Enumerator]
    def each_chunk(&block)
      return enum_for(:each_chunk) unless block

      frames('bytes', &block)
    end

    # Yields text as it becomes complete: a character that is cut in two by the transport is put together first.
    #
    # @yieldparam message [OutputMessage, ExecutionError]
    # @return [self, Enumerator]
    def each
      return enum_for(:each) unless block_given?

      frames('text') do |channel, content|
        if channel == :error
          yield ExecutionError.from_wire(JSON.parse(content), [])
        else
          yield OutputMessage.new(output: content.force_encoding(Encoding::UTF_8), channel: channel)
        end
      end
    end

    # Hands the text to callables until the stream ends.
    #
    # @param on_stdout [#call, nil] Called with each piece of standard output.
    # @param on_stderr [#call, nil] Called with each piece of standard error.
    # @return [void]
    def forward(on_stdout: nil, on_stderr: nil)
      each do |message|
        callback = message.stdout? ? on_stdout : on_stderr
        callback&.call(message.output)
      end
      nil
    end

    private

    def frames(form)
      while (batch = read_batch(form))
        each_frame(batch) { |tag, content| yield CHANNELS.fetch(tag), content }
      end
      self
    ensure
      close
    end
  end

  # The log of a command while it runs, from its beginning: yields {OutputMessage}s.
  class LogStream < OutputStream; end

  # A run of the code interpreter: yields {OutputMessage}s, and an {ExecutionError} when an exception ended it.
  class InterpreterStream < OutputStream
    # Runs to the end and hands events to callables on the way.
    #
    # @return [ExecutionResult]
    # @api private
    def result(on_stdout, on_stderr, on_error)
      result = ExecutionResult.new(stdout: +'', stderr: +'')
      each do |event|
        if event.is_a?(ExecutionError)
          result.error = event
          on_error&.call(event)
        else
          result.public_send(event.channel) << event.output
          (event.stdout? ? on_stdout : on_stderr)&.call(event)
        end
      end
      result
    end
  end
end
