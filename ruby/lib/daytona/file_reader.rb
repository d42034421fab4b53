# frozen_string_literal: true

module Daytona
  # A download in progress, to be read piece by piece. Behaves like an IO opened for reading: `IO.copy_stream` takes it.
  class FileReader < StreamHandle
    include Enumerable
    include ByteReader

    # @return [Integer, nil] Size of the file in bytes, when the server told it.
    attr_reader :size

    # @api private
    def initialize(native, info = {}, service = nil)
      super
      @size = info['size']
      begin_reading
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

    private

    def next_bytes
      read_batch
    end
  end
end
