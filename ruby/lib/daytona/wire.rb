# frozen_string_literal: true

require 'json'
require 'pathname'

module Daytona
  # Conversions between Ruby values and what crosses to the native library: JSON, with bytes as attachments beside it.
  # @api private
  module Wire
    module_function

    # @return [Hash{String => String}, nil] The map with keys and values as text.
    # @raise [Sdk::InvalidArgumentError] For anything that is not a Hash.
    def strings(map)
      return if map.nil?
      unless map.respond_to?(:to_h)
        raise Sdk::InvalidArgumentError, "Expected a Hash of names and values, got #{map.class}."
      end

      map.to_h { |key, value| [key.to_s, value.to_s] }
    end

    # @return [String] A regular expression as text, with its flags; Ruby's `m` is `s` elsewhere. Text stays as it is.
    def pattern(pattern)
      return pattern unless pattern.is_a?(Regexp)

      flags = { 'i' => Regexp::IGNORECASE, 's' => Regexp::MULTILINE, 'x' => Regexp::EXTENDED }
      set = flags.select { |_, bit| pattern.options.anybits?(bit) }.keys.join
      set.empty? ? pattern.source : "(?#{set})#{pattern.source}"
    end

    # Adds bytes to the attachments.
    # @return [Integer, nil] Their index, which stands for them in JSON.
    def attach(content, blobs)
      return if content.nil?

      blobs << String(content)
      blobs.size - 1
    end

    # @return [String, nil] The attachment an index stands for.
    def blob(index, blobs)
      index && blobs.fetch(index)
    end

    # Words of the envelope that name no argument.
    ENVELOPE = %w[args options].freeze
    private_constant :ENVELOPE

    # @return [String] JSON.
    # @raise [Sdk::InvalidArgumentError] For text that is not UTF-8, and for what JSON cannot say.
    def dump(value)
      JSON.generate(plain?(value) ? value : plain(value, []))
    end

    # Whether a value can be written as it is. Most can, and copying costs more than looking.
    def plain?(value)
      case value
      when String then value.encoding == Encoding::UTF_8 && value.valid_encoding?
      when nil, true, false, Integer then true
      when Hash
        value.each_pair { |key, item| return false unless key.is_a?(String) && plain?(key) && plain?(item) }
        true
      when Array then value.all? { |item| plain?(item) }
      when Float then value.finite?
      else false
      end
    end

    # A value as JSON has them. `path` leads to it, for the error.
    def plain(value, path)
      case value
      when nil, true, false, Integer then value
      when String, Symbol, Pathname then text(value.to_s, path)
      when Array then value.each_with_index.map { |item, index| plain(item, [*path, index]) }
      when Hash then value.to_h { |key, item| [text(key.to_s, path), plain(item, [*path, key])] }
      else number(value, path)
      end
    end

    def number(value, path)
      unless value.is_a?(Numeric) && value.real?
        raise Sdk::InvalidArgumentError, "#{name(path)} is of class #{value.class}, which cannot be sent: use text, " \
                                         'a number, an array or a hash.'
      end

      number = value.to_f
      return number if number.finite?

      raise Sdk::InvalidArgumentError, "#{name(path)} is #{number}: it must be a finite number."
    end

    # Text often comes from files opened as binary: it is fine if it is UTF-8 all the same.
    def text(value, path)
      utf8 = Encoding::UTF_8
      value = value.encoding == Encoding::BINARY ? value.dup.force_encoding(utf8) : value.encode(utf8)
      return value if value.valid_encoding?

      raise Sdk::InvalidArgumentError, "#{name(path)} is not valid UTF-8."
    rescue EncodingError => e
      raise Sdk::InvalidArgumentError, "#{name(path)} cannot be made UTF-8 (#{e.class})."
    end

    # The caller's name of an argument: `env["A"]`.
    def name(path)
      first, *rest = path - ENVELOPE
      first = first.to_s.gsub(/[A-Z]/) { |letter| "_#{letter.downcase}" }
      "The argument #{first}#{rest.map { |key| "[#{key.inspect}]" }.join}"
    end
  end
end
