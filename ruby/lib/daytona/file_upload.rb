# frozen_string_literal: true

require 'pathname'

module Daytona
  # A file to upload: what, and where to.
  class FileUpload
    # Bytes read from an IO at a time.
    PIECE = 256 * 1024
    private_constant :PIECE

    # @return [String, Pathname, #read, #each] The path of a local file, the content itself, an IO, or pieces.
    attr_reader :source

    # @return [String] Path in the sandbox.
    attr_reader :destination

    # @param source [String, Pathname, #read, #each] The path of a local file, the content itself, an IO, or pieces (an
    #   Enumerator or Array). A String is a path when there is a file with this name, else the content; a Pathname is
    #   always a path, a StringIO always content.
    # @param destination [String] Path in the sandbox; relative paths start at the working directory.
    def initialize(source, destination)
      @source = source
      @destination = destination
    end

    # @return [Boolean] Whether a value can only be meant as a path, or be one.
    # @api private
    def self.path?(value)
      value.is_a?(String) || value.is_a?(Pathname)
    end

    # @return [FileUploadRequest, Hash] The request for an item of `upload_files`.
    # @raise [Sdk::InvalidArgumentError] For anything else than an upload.
    # @api private
    def self.request(file)
      case file
      when FileUploadRequest then file
      when FileUpload then file.to_request
      when Hash
        values = file.transform_keys(&:to_sym)
        values.key?(:source) ? new(*values.values_at(:source, :destination)).to_request : values
      else raise Sdk::InvalidArgumentError, "Expected a Daytona::FileUpload, got #{file.class}."
      end
    end

    # @return [Boolean] Whether the content comes from a local path.
    # @api private
    def local?
      case source
      when Pathname then true
      when String then source.bytesize < 4096 && !source.include?("\0") && File.file?(source)
      else false
      end
    end

    # @return [Boolean] Whether the content comes piece by piece.
    # @api private
    def streamed?
      !self.class.path?(source) && (source.respond_to?(:read) || source.respond_to?(:each))
    end

    # Yields the content piece by piece, wherever it comes from.
    #
    # @yieldparam bytes [String]
    # @return [void]
    # @api private
    def each_piece(&block)
      if local?
        File.open(source, 'rb') { |file| pieces_of(file, &block) }
      elsif !streamed?
        yield source
      elsif source.respond_to?(:read)
        pieces_of(source, &block)
      else
        source.each(&block)
      end
    end

    # @return [FileUploadRequest]
    # @api private
    def to_request
      return FileUploadRequest.new(destination: destination, local_path: File.expand_path(source)) if local?

      FileUploadRequest.new(destination: destination, content: streamed? ? content : source)
    end

    private

    def content
      content = ''.b
      each_piece { |piece| content << piece.b }
      content
    end

    def pieces_of(io)
      while (piece = io.read(PIECE))
        yield piece
      end
    end
  end
end
