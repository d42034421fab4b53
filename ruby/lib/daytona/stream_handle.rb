# frozen_string_literal: true

module Daytona
  # An open stream. Reading from one thread and writing or closing from another is fine. A stream that is collected
  # is closed; one that was inherited by a forked child raises {Sdk::ClosedError} there.
  class StreamHandle
    # Bytes asked for at a time.
    BATCH = 256 * 1024
    private_constant :BATCH

    # Wraps an opened stream; with a block, yields it and closes it afterwards.
    # @api private
    def self.open(opened, service)
      handle = new(*opened, service)
      return handle unless block_given?

      begin
        yield handle
      ensure
        handle.close
      end
    end

    # @api private
    def initialize(native, _info = {}, _service = nil)
      @native = native
      @closed = false
      @at_end = false
    end

    # Closes the stream at once; reads and writes in flight raise {Sdk::ClosedError}. May be called any number of times.
    # @return [void]
    def close
      @closed = true
      @native.close
      nil
    end

    # @return [Boolean] Whether {close} has been called.
    def closed?
      @closed
    end

    # @return [String]
    def inspect
      "#<#{self.class.name}#{' (closed)' if closed?}>"
    end

    private

    # Runs a block in which interrupts (`Timeout.timeout`, `Thread#kill`) come only while it waits: bytes that have
    # arrived are kept for the next read.
    def keeping(&block)
      Thread.handle_interrupt(Object => :on_blocking, &block)
    end

    # The next batch, as `bytes` or `text`; at the end, nil, and the stream's result goes to {ended}. The end is told
    # again, also of a closed stream.
    def read_batch(form = 'bytes', limit = nil)
      return if @at_end

      json, blobs = Native.unwrap(@native.read(BATCH, limit, form))
      return blobs.first unless blobs.empty?

      @at_end = true
      ended(json && JSON.parse(json))
      nil
    end

    # Bytes as UTF-8, with U+FFFD for invalid ones.
    def text(bytes)
      bytes.force_encoding(Encoding::UTF_8).scrub("\u{FFFD}")
    end

    # The frames of a batch: tag (1 byte), length (4 bytes, little-endian), content.
    def each_frame(batch)
      position = 0
      while position < batch.bytesize
        tag, length = batch.byteslice(position, 5).unpack('CV')
        yield tag, batch.byteslice(position + 5, length)
        position += 5 + length
      end
    end

    # Called at the end of the stream.
    def ended(_result); end
  end
end
