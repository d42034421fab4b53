# frozen_string_literal: true

module Daytona
  # What an operation answered: JSON, and the bytes it refers to.
  # @api private
  Reply = Struct.new(:data, :blobs) do
    def to_model(type)
      type.from_wire(data, blobs)
    end

    def to_models(type)
      (data || []).map { |item| type.from_wire(item, blobs) }
    end

    def bytes
      Wire.blob(data, blobs)
    end
  end

  # The way to the native client: turns arguments into JSON and attachments, and outcomes into values or exceptions.
  # @api private
  class Connection
    # @param config [Config]
    # @raise [Sdk::AuthenticationError] Without credentials.
    # @raise [Sdk::InvalidArgumentError] For a value that cannot be used.
    def initialize(config)
      @native, = Native.unwrap(Native::Client.open(Wire.dump(config.to_wire([]))))
      @traced = @native.traced?
    end

    # Runs an operation to its end.
    # @return [Reply]
    def invoke(operation, args, blobs, target: nil, request_timeout: nil)
      json, attachments = call(operation, args, blobs, target, request_timeout)
      Reply.new(json && JSON.parse(json, max_nesting: false), attachments)
    end

    # Runs an operation that opens a stream.
    # @return [Array(Native::Stream, Hash)] The stream and its details.
    def open_stream(operation, args, blobs, target: nil, request_timeout: nil)
      stream, json = call(operation, args, blobs, target, request_timeout)
      [stream, json ? JSON.parse(json) : {}]
    end

    # @return [Array(String, String), Array(String, nil)] Base URL of the API, or `local`, and the region for new
    #   sandboxes.
    def place
      @native.place
    end

    # Refuses further operations, and sends the telemetry that waits.
    def close
      @native.close
      @native.call('client.flush', '', []) if @traced
    end

    def inspect
      "#<#{self.class.name}>"
    end

    private

    def call(operation, args, blobs, target, request_timeout)
      trace = Trace.current if @traced
      params = { 'target' => target, 'requestTimeout' => request_timeout, 'trace' => trace, 'args' => args }.compact
      *parts, made = Sdk.logged { Native.unwrap(@native.call(operation, Wire.dump(params), blobs)) }
      return [*parts, made] unless made.is_a?(Native::Made)

      Thread.current[:daytona_made] = made
      parts
    end
  end
end
