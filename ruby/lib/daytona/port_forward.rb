# frozen_string_literal: true

module Daytona
  # A port of this machine, on 127.0.0.1, that leads to a port of a sandbox. It is open until it is closed, its client
  # is closed or it is collected.
  class PortForward < StreamHandle
    # @return [Integer] The port of this machine.
    attr_reader :local_port

    # @api private
    def initialize(native, info = {}, service = nil)
      super
      @local_port = info['localPort']
      @http_only = info['httpOnly']
    end

    # @return [Boolean] Whether only HTTP passes, WebSockets included, because the server offers no raw connections.
    def http_only?
      @http_only
    end

    # @return [String]
    def inspect
      "#<#{self.class.name} local_port=#{local_port}#{' (closed)' if closed?}>"
    end
  end
end
