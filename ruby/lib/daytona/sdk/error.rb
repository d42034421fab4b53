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

      # @return [Integer, nil] HTTP status of the response, when there was one.
      attr_reader :status_code
      alias status status_code

      # @return [Headers] Headers of the response.
      attr_reader :headers

      # @return [String, nil] The machine-readable code of the error body.
      attr_reader :error_code
      alias code error_code

      # @return [String, nil] Which part of the platform reported it: `DAYTONA_API`, `DAYTONA_PROXY` or
      #   `DAYTONA_DAEMON`.
      attr_reader :source

      # @return [String, nil] The server's id of the request, for support.
      attr_reader :request_id

      # @return [String, nil] HTTP method of the request that failed, when there was one.
      attr_reader :http_method

      # @return [String, nil] URL of that request, without query.
      attr_reader :url

      # @return [String, nil] The operation that failed, for example `process.exec`.
      attr_reader :operation

      # @return [String, nil] Id of the sandbox it is about, as far as it is known.
      attr_reader :sandbox_id

      # @return [Numeric, nil] Seconds to wait before repeating, when the server said so.
      attr_reader :retry_after

      # @param message [String, nil]
      # @param info [Hash] The attributes, by their wire names.
      def initialize(message = nil, info = {})
        super(message)
        @kind = info['kind'] || BY_KIND.key(self.class) || 'Unknown'
        @status_code = info['status']
        @headers = Headers.new(info['headers'])
        @error_code = info['code']
        @source = info['source']
        @request_id = info['requestId']
        @http_method = info['method']
        @url = info['url']
        @operation = info['operation']
        @sandbox_id = info['sandboxId']
        @retryable = info['retryable'] || false
        @retry_after = info['retryAfter']
      end

      # @return [Boolean] Whether the same call may succeed when repeated.
      def retryable?
        @retryable
      end
      alias retryable retryable?

      # The error an envelope of the native library stands for.
      # @api private
      def self.from_json(json)
        info = JSON.parse(json)
        BY_KIND.fetch(info['kind'], Error).new(info['message'], info)
      end
    end
  end
end
