# frozen_string_literal: true

module Daytona
  # Follows a log in the background, on a thread of its own. An exception of a callback or of the connection ends it; it
  # is reported by Ruby and raised again by {join}.
  class LogFollower
    # @api private
    def initialize(stream, on_stdout:, on_stderr:)
      @stream = stream
      @thread = Thread.new do
        stream.forward(on_stdout: on_stdout, on_stderr: on_stderr)
      rescue Sdk::ClosedError
        raise unless stream.closed?
      end
    end

    # Waits until the log ends.
    #
    # @param limit [Numeric, nil] Seconds to wait. Default: no limit.
    # @return [self, nil] nil when the limit has passed.
    def join(limit = nil)
      @thread.join(limit) && self
    end
    alias wait join

    # @return [Boolean] Whether the log is still followed.
    def alive?
      @thread.alive?
    end
    alias open? alive?

    # @return [Boolean]
    def closed?
      !alive?
    end

    # Stops following. Everything that arrived before has been passed on.
    # @return [void]
    def close
      @stream.close
      @thread.join unless Thread.current == @thread
      nil
    end
  end
end
