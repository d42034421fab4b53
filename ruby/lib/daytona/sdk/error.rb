# frozen_string_literal: true

require 'json'

module Daytona
  module Sdk
    # Response headers; names are found in any case.
    class Headers < Hash
      # @param headers [Hash{String => String}, nil]
      def initialize(headers = nil)
        super()
        headers&.each { |name, value| store(name.to_s.downcase, value) }
      end

      # @return [String, nil]
      def [](name)
        super(name.to_s.downcase)
      end

      # @return [String]
      def fetch(name, *default, &block)
        super(name.to_s.downcase, *default, &block)
      end

      # @return [Boolean]
      def key?(name)
        super(name.to_s.downcase)
      end
      alias include? key?
      alias has_key? key?
      alias member? key?
    end

    # The base class of all errors. Its subclasses are the kinds of errors, see `generated/errors.rb`; an error of a
    # kind this version does not know is a plain {Error}.
    class Error < StandardError
      # @return [String] Name of the kind, for example `NotFound`.
      attr_reader :kind

      # @param message [String, nil]
      # @param info [Hash] The attributes, by their wire names.
      def initialize(message = nil, info = {})
        super(message)
        @kind = info['kind'] || BY_KIND.key(self.class) || 'Unknown'
        assign(info)
      end

      # The error an envelope of the native library stands for.
      # @api private
      def self.from_json(json)
        info = JSON.parse(json)
        BY_KIND.fetch(info['kind'], Error).new(info['message'], info)
      end
    end
  end
end
