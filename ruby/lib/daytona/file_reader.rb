# frozen_string_literal: true

module Daytona
  # A download in progress, to be read piece by piece. Behaves like an IO opened for reading: `IO.copy_stream` takes it.
  class FileReader < StreamHandle
    include Enumerable

    # @return [Integer, nil] Size of the file in bytes, when the server told it.
    attr_reader :size

    # @return [Integer] Bytes read so far.
    attr_reader :pos

    # @api private
    def initialize(native, info = {}, service = nil)
      super
      @size = info['size']
      @pos = 0
      @buffer = ''.b
      @ended = false
    end

    # Reads up to `length` bytes, or everything.
    #
    # @param length [Integer, nil]
    # @param buffer [String, nil] Receives the bytes as well.
    # @return [String, nil] Binary; nil at the end when a length was given.
    def read(length = nil, buffer = nil)
      fill(length)
      taken = take(length || @buffer.bytesize)
      buffer&.replace(taken)
      taken unless taken.empty? && length&.positive?
    end

    # Returns bytes that are there, or waits for some.
    #
    # @param max [Integer]
    # @param buffer [String, nil] Receives the bytes as well.
    # @return [String] Binary.
    # @raise [EOFError] At the end.
    def readpartial(max, buffer = nil)
      fill(1)
      raise EOFError, 'end of file reached' if @buffer.empty?

      taken = take(max)
      buffer ? buffer.replace(taken) : taken
    end

    # Yields the content piece by piece.
    #
    # @yieldparam bytes [String] Binary.
    # @return [self, Enumerator]
    def each
      return enum_for(:each) unless block_given?

      yield readpartial(BATCH) until eof?
      self
    end

    # @return [Boolean] Whether everything has been read; waits for the answer.
    def eof?
      fill(1)
      @buffer.empty?
    end
    alias eof eof?

    private

    # Reads until `length` bytes are there or the file ends; nil = to the end.
    def fill(length)
      until @ended || (length && @buffer.bytesize >= length)
        batch = read_batch
        batch ? @buffer << batch : @ended = true
      end
    end

    def take(length)
      taken = @buffer.bytesize <= length ? @buffer : @buffer.byteslice(0, length)
      @buffer = @buffer.bytesize <= length ? ''.b : @buffer.byteslice(length..)
      @pos += taken.bytesize
      taken
    end
  end
end
