# frozen_string_literal: true

module Daytona
  # Reading bytes as from an IO, for streams whose `next_bytes` returns a piece, or nil at the end.
  # @api private
  module ByteReader
    # @return [Integer] Bytes read so far.
    attr_reader :pos

    # Reads up to `length` bytes, or everything.
    #
    # @param length [Integer, nil]
    # @param buffer [String, nil] Receives the bytes as well.
    # @return [String, nil] Binary; nil at the end when a length was given.
    # @raise [ArgumentError, TypeError] For a length that is not a valid number of bytes.
    def read(length = nil, buffer = nil)
      length &&= count(length)
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
    # @raise [ArgumentError, TypeError] For a length that is not a valid number of bytes.
    def readpartial(max, buffer = nil)
      max = count(max)
      fill(1) if max.positive?
      raise EOFError, 'end of file reached' if max.positive? && @buffer.empty?

      taken = take(max)
      buffer ? buffer.replace(taken) : taken
    end

    # @return [Boolean] Whether everything has been read; waits for the answer.
    def eof?
      fill(1)
      @buffer.empty?
    end
    alias eof eof?

    private

    def begin_reading
      @pos = 0
      @buffer = ''.b
      @ended = false
    end

    # A number of bytes, as IO takes it.
    def count(length)
      length = Integer(length) unless length.is_a?(String)
      raise TypeError, "no implicit conversion of #{length.class} into Integer" unless length.is_a?(Integer)
      raise ArgumentError, "negative length #{length} given" if length.negative?

      length
    end

    # Reads until `length` bytes are there or the stream ends; nil = to the end.
    def fill(length)
      until @ended || (length && @buffer.bytesize >= length)
        keeping do
          bytes = next_bytes
          bytes ? @buffer << bytes : @ended = true
        end
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
