# frozen_string_literal: true

module Daytona
  # A connection to a terminal session. Output can be read by `each`, `wait` or `readpartial`, by one thread at a time;
  # input, resizing and killing never wait for a reader.
  class PtyHandle < StreamHandle
    include Enumerable

    # States of a connection.
    module Status
      INIT = 'init'
      OPEN = 'open'
      CONNECTED = 'connected'
      CLOSED = 'closed'
      ERROR = 'error'
      ALL = [INIT, OPEN, CONNECTED, CLOSED, ERROR].freeze
    end

    # Values of the server's control messages.
    module WebSocketControlStatus
      CONNECTED = 'connected'
      ERROR = 'error'
      ALL = [CONNECTED, ERROR].freeze
    end

    # Types of messages that are not output.
    module WebSocketMessageType
      CONTROL = 'control'
      ALL = [CONTROL].freeze
    end

    # Seconds a connection may take.
    DEFAULT_TIMEOUT = 10

    # @return [String] Id of the session.
    attr_reader :session_id

    # @return [Integer, nil] Exit code of the process, once {each} or {wait} has seen the end.
    attr_reader :exit_code

    # @return [String, nil] Why the session ended, when the process did not simply exit with 0.
    attr_reader :error

    # @return [String] A value of {Status}.
    attr_reader :status

    # @api private
    def initialize(native, info, process)
      super
      @session_id = info['sessionId']
      @process = process
      @status = Status::CONNECTED
      @buffer = ''.b
    end

    # @return [Boolean] Whether input can be sent and output is to come.
    def connected?
      status == Status::CONNECTED
    end

    # A handle is connected from the beginning: this only checks.
    #
    # @return [self]
    # @raise [Sdk::ClosedError] When the connection has ended.
    def wait_for_connection(timeout: DEFAULT_TIMEOUT) # rubocop:disable Lint/UnusedMethodArgument
      raise Sdk::ClosedError, 'The terminal is not connected any more.' unless connected?

      self
    end

    # Sends input as it is: a command needs its line break.
    #
    # @param input [String]
    # @return [self]
    def send_input(input)
      Native.unwrap(@native.write(String(input)))
      self
    end
    alias write send_input
    alias << send_input

    # Changes the size of the terminal.
    #
    # @param size [PtySize, Hash, Integer, nil] The size, or the number of columns.
    # @param lines [Integer, nil] The number of lines when `size` is one of columns.
    # @return [PtySessionInfo]
    def resize(size = nil, lines = nil, rows: lines, cols: nil)
      @process.resize_pty_session(session_id, size, rows: rows, cols: cols)
    end

    # Kills the processes of the session and removes it.
    # @return [void]
    def kill
      @process.kill_pty_session(session_id)
    end

    # Yields output as text while there is any. Leaving the block early leaves the terminal connected.
    #
    # @yieldparam text [String]
    # @return [self, Enumerator]
    def each
      return enum_for(:each) unless block_given?

      while (bytes = next_bytes('text'))
        yield text(bytes)
      end
      self
    end

    # Yields output as it came, unmodified.
    #
    # @yieldparam bytes [String] Binary.
    # @return [self, Enumerator]
    def each_chunk
      return enum_for(:each_chunk) unless block_given?

      while (bytes = next_bytes)
        yield bytes
      end
      self
    end

    # Returns output that is there, or waits for some.
    #
    # @param max [Integer] Number of bytes at most.
    # @return [String] Binary.
    # @raise [EOFError] At the end.
    def readpartial(max = 65_536)
      keeping { @buffer = next_bytes || raise(EOFError, 'the terminal has ended') } if @buffer.empty?
      @buffer.slice!(0, max)
    end

    # Waits until the terminal ends.
    #
    # @param timeout [Numeric, nil] Seconds to wait. Default: no limit.
    # @yieldparam text [String] Output; without a block it is dropped.
    # @return [PtyResult]
    # @raise [Sdk::TimeoutError] When the time has passed; the terminal stays connected.
    def wait(timeout: nil)
      deadline = timeout && (now + timeout)
      while (bytes = next_bytes('text', deadline && [deadline - now, 0].max))
        yield text(bytes) if block_given?
      end
      PtyResult.new(exit_code: exit_code, error: error)
    end

    # Disconnects; the session goes on and can be connected to again.
    # @return [void]
    def disconnect
      return if closed?

      begin
        Native.unwrap(@native.finish) if connected?
      rescue Sdk::Error
        # The connection has ended already.
      end
      @status = Status::CLOSED if connected?
      close_stream
    end
    alias close disconnect

    # @return [String]
    def inspect
      "#<#{self.class.name} session_id=#{session_id.inspect} status=#{status}>"
    end

    private

    def close_stream
      @closed = true
      @native.close
      nil
    end

    def next_bytes(form = 'bytes', limit = nil)
      return @buffer.slice!(0..) unless @buffer.empty?
      return unless connected?

      read_batch(form, limit)
    rescue Sdk::ClosedError
      # Disconnected by another thread.
      raise if connected?
    rescue Sdk::ConnectionError => e
      @error = e.message
      @status = Status::ERROR
      raise
    end

    def ended(result)
      result ||= {}
      @exit_code = result['exitCode']
      @error = result['error']
      @status = Status::CLOSED
    end

    def now
      ::Process.clock_gettime(::Process::CLOCK_MONOTONIC)
    end
  end
end
