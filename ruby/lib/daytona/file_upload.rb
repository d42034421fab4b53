# frozen_string_literal: true

require 'pathname'

module Daytona
  # A file to upload: what, and where to.
  class FileUpload
    # @return [String, Pathname, #read] The path of a local file, the content itself, or an IO.
    attr_reader :source

    # @return [String] Path in the sandbox.
    attr_reader :destination

    # @param source [String, Pathname, #read] The path of a local file, the content itself, or an IO. A String is a path
    #   when there is a file with this name, else the content; a Pathname is always a path, a StringIO always content.
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

    # @return [Boolean] Whether the content comes from a local path.
    # @api private
    def local?
      case source
      when Pathname then true
      when String then source.bytesize < 4096 && !source.include?("\0") && File.file?(source)
      else false
      end
    end

    # @return [Boolean] Whether the content is read from an IO.
    # @api private
    def io?
      !self.class.path?(source) && source.respond_to?(:read)
    end

    # @return [FileUploadRequest]
    # @api private
    def to_request
      return FileUploadRequest.new(destination: destination, local_path: File.expand_path(source)) if local?

      FileUploadRequest.new(destination: destination, content: io? ? source.read.to_s : source)
    end
  end
end
