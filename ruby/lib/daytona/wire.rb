# frozen_string_literal: true

require 'json'

module Daytona
  # Conversions between Ruby values and what crosses to the native library: JSON, with bytes as attachments beside it.
  # @api private
  module Wire
    module_function

    # @return [Hash{String => String}, nil] The map with keys and values as text.
    def strings(map)
      map&.to_h { |key, value| [key.to_s, value.to_s] }
    end

    # Adds bytes to the attachments.
    # @return [Integer, nil] What stands for them in JSON.
    def attach(content, blobs)
      return if content.nil?

      blobs << String(content)
      blobs.size - 1
    end

    # @return [String, nil] The attachment an index stands for.
    def blob(index, blobs)
      index && blobs.fetch(index)
    end

    # @return [String] JSON.
    # @raise [Sdk::InvalidArgumentError] For text that is not UTF-8.
    def dump(value)
      JSON.generate(value)
    rescue JSON::GeneratorError, EncodingError
      dump_binary(value)
    end

    # Text often comes from files opened as binary: it is fine if it is UTF-8 all the same.
    def dump_binary(value)
      JSON.generate(as_text(value))
    rescue JSON::GeneratorError, EncodingError => e
      raise Sdk::InvalidArgumentError, "A text is not valid UTF-8 (#{e.class})."
    end

    def as_text(value)
      case value
      when String then value.encoding == Encoding::BINARY ? value.dup.force_encoding(Encoding::UTF_8) : value
      when Array then value.map { |item| as_text(item) }
      when Hash then value.to_h { |key, item| [as_text(key), as_text(item)] }
      else value
      end
    end
  end
end
