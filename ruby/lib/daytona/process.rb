# frozen_string_literal: true

module Daytona
  # What blocks and callables add to the methods of `sandbox.process`.
  class Process
    # @return [String] Language of {code_run} unless it is told otherwise: the sandbox's.
    def language
      @sandbox.language
    end

    private

    # Yields a stream and closes it, hands it to callables, or returns it.
    def consume(stream, on_stdout, on_stderr)
      if block_given?
        begin
          yield stream
        ensure
          stream.close
        end
      elsif on_stdout || on_stderr
        stream.forward(on_stdout: on_stdout, on_stderr: on_stderr)
      else
        stream
      end
    end

    # Returns a terminal, or yields it and kills its session afterwards.
    def killed_afterwards(pty)
      return pty unless block_given?

      begin
        yield pty
      ensure
        begin
          pty.kill
        rescue Sdk::NotFoundError, Sdk::GoneError
          # It has ended by itself.
        end
        pty.disconnect
      end
    end

    # Returns the process that the block starts, or passes it to `use` and releases it afterwards.
    def released_afterwards(use)
      process = nil
      handed_out = false
      # An interrupt that comes when the process is there already must find it, to release it.
      Thread.handle_interrupt(Object => :on_blocking) { process = yield }
      handed_out = use.nil?
      use ? use.call(process) : process
    ensure
      process&.release unless handed_out
    end
  end

  class PtySize # rubocop:disable Style/Documentation
    # @param size [PtySize, Hash, Integer, nil] The size, or the number of columns.
    # @return [PtySize]
    # @api private
    def self.of(size, rows, cols)
      return new(rows: rows, cols: size || cols) if size.nil? || size.is_a?(Integer)

      coerce(size)
    end
  end
end
