# frozen_string_literal: true

module Daytona
  # How to reach Daytona: {ConfigAttributes}, and what only this package has.
  class Config < ConfigAttributes
    # The API of Daytona's cloud.
    API_URL = 'https://app.daytona.io/api'

    # The value of `api_url` that selects the local engine.
    LOCAL = 'local'

    # @return [Hash, nil] Former place of `otel_enabled`, which is all that is known of it.
    attr_accessor :_experimental

    # Every argument is the attribute of the same name; the others are those of {ConfigAttributes}.
    # rubocop:disable Lint/UnderscorePrefixedVariableName
    def initialize(_experimental: nil, **attributes)
      super(**attributes)
      @_experimental = _experimental
    end
    # rubocop:enable Lint/UnderscorePrefixedVariableName

    # @api private
    def to_wire(blobs)
      super.merge('localBinary' => local_binary || packaged_binary, '_experimental' => _experimental,
                  'source' => 'sdk-ruby').compact
    end

    private

    # The program in the gem daytona-local, unless the environment names another one.
    def packaged_binary
      self.class.send(:packaged_binary) unless ENV.key?('DAYTONA_LOCAL_BINARY')
    end

    # Looked for once: to find that a gem is not there takes a while.
    def self.packaged_binary
      return @packaged_binary if defined?(@packaged_binary)

      @packaged_binary = begin
        require 'daytona/local'
        LOCAL_PROGRAM
      rescue LoadError
        nil
      end
    end
    private_class_method :packaged_binary
  end
end
