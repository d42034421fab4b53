# frozen_string_literal: true

require 'tempfile'

module Daytona
  # A downloaded file: a temporary file, open for reading at its beginning, that goes away with the object. Where text
  # is expected it is its content.
  class DownloadedFile < Tempfile
    # @api private
    def initialize
      super('daytona', binmode: true)
    end

    # @return [String] The whole content, binary.
    def content
      File.binread(path)
    end
    alias to_s content
    alias to_str content

    # @return [String]
    def inspect
      "#<#{self.class.name} #{path}#{' (closed)' if closed?}>"
    end
  end
end
