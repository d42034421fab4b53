# frozen_string_literal: true

module Daytona
  # An upload in progress, written piece by piece. {close} stores the file; {abort}, an exception in the block, or
  # dropping the writer cancels the upload.
  class FileWriter < StreamHandle
    # @return [Integer] Bytes written so far.
    attr_reader :pos

    # @api private
    def self.open(opened, service)
      writer = new(*opened, service)
      return writer unless block_given?

      done = false
      begin
        result = yield writer
        done = true
      ensure
        done ? writer.close : writer.abort
      end
      result
    end

    # @api private
    def initialize(native, info = {}, service = nil)
      super
      @pos = 0
    end

    # Writes pieces; waits while the connection has no room.
    #
    # @param pieces [Array<String>]
    # @return [Integer] Number of bytes.
    def write(*pieces)
      pieces.sum do |piece|
        bytes = String(piece)
        Native.unwrap(@native.write(bytes))
        @pos += bytes.bytesize
        bytes.bytesize
      end
    end

    # Writes a piece.
    # @return [self]
    def <<(piece)
      write(piece)
      self
    end

    # Ends the upload: when this returns, the file is stored.
    # @return [void]
    # @raise [Sdk::Error] When it could not be stored.
    def close
      return if closed?

      @closed = true
      begin
        Native.unwrap(@native.finish)
      ensure
        @native.close
      end
      nil
    end

    # Cancels the upload; nothing is stored.
    # @return [void]
    def abort
      @closed = true
      @native.close
      nil
    end
  end
end
