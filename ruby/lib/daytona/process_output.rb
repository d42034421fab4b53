# frozen_string_literal: true

module Daytona
  # One output of a {SpawnedProcess}, from its beginning. Behaves like an IO opened for reading: `IO.copy_stream` takes
  # it. Reading waits until there is something, and holds back the connection while nobody reads; no output is lost. One
  # thread may read at a time; readers of other threads are opened with {SpawnedProcess#open_stdout}.
  class ProcessOutput < StreamHandle
    include Enumerable
    include ByteReader

    # A character that has not come to its end.
    INCOMPLETE = /(?:[\xC2-\xDF]|[\xE0-\xEF][\x80-\xBF]?|[\xF0-\xF4][\x80-\xBF]{0,2})\z/n
    private_constant :INCOMPLETE

    # @api private
    def initialize(native, info = {}, service = nil)
      super
      begin_reading
    end

    # Reads up to `length` bytes, or everything up to the end of the process.
    #
    # @param length [Integer, nil]
    # @param buffer [String, nil] Receives the bytes as well.
    # @return [String, nil] As with IO: with a length binary, and nil at the end; without one UTF-8, unchecked.
    def read(length = nil, buffer = nil)
      data = super
      length ? data : data.force_encoding(Encoding::UTF_8)
    end

    # Reads a line.
    #
    # @param chomp [Boolean] Whether to leave out the line break.
    # @return [String, nil] UTF-8, with U+FFFD for invalid bytes; nil at the end.
    def gets(chomp: false)
      searched = 0
      until (position = @buffer.index("\n", searched)) || @ended
        searched = @buffer.bytesize
        fill(searched + 1)
      end
      return if @buffer.empty?

      line = text(take(position ? position + 1 : @buffer.bytesize))
      chomp ? line.chomp : line
    end

    # Yields line by line, as text; the last one may lack its line break.
    #
    # @param chomp [Boolean] Whether to leave out line breaks.
    # @yieldparam line [String] UTF-8, with U+FFFD for invalid bytes.
    # @return [self, Enumerator]
    def each_line(chomp: false)
      return enum_for(:each_line, chomp: chomp) unless block_given?

      while (line = gets(chomp: chomp))
        yield line
      end
      self
    end
    alias each each_line

    # Reads a line.
    #
    # @param chomp [Boolean] Whether to leave out the line break.
    # @return [String] UTF-8, with U+FFFD for invalid bytes.
    # @raise [EOFError] At the end.
    def readline(chomp: false)
      gets(chomp: chomp) || raise(EOFError, 'end of file reached')
    end

    # Reads all lines up to the end of the process.
    #
    # @param chomp [Boolean] Whether to leave out line breaks.
    # @return [Array<String>] UTF-8, with U+FFFD for invalid bytes.
    def readlines(chomp: false)
      each_line(chomp: chomp).to_a
    end

    # Yields text as it comes: a character that is cut in two by the transport is put together first. If the
    # block is left early, the next read starts with the part of a character that has arrived.
    #
    # @yieldparam text [String] UTF-8, with U+FFFD for invalid bytes.
    # @return [self, Enumerator]
    def each_text
      return enum_for(:each_text) unless block_given?

      until eof?
        cut = @ended ? 0 : @buffer[INCOMPLETE].to_s.bytesize
        # Of a character alone, the rest has to come first.
        next fill(cut + 1) if cut == @buffer.bytesize

        yield text(take(@buffer.bytesize - cut))
      end
      self
    end

    # Yields the bytes as they come, unmodified.
    #
    # @yieldparam bytes [String] Binary.
    # @return [self, Enumerator]
    def each_chunk
      return enum_for(:each_chunk) unless block_given?

      yield readpartial(BATCH) until eof?
      self
    end

    private

    # The frames of the one channel there is.
    def next_bytes
      batch = read_batch
      return close if batch.nil?

      bytes = ''.b
      each_frame(batch) { |_, content| bytes << content }
      bytes
    end
  end
end
