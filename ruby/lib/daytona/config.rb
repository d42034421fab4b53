# frozen_string_literal: true

module Daytona
  # How to reach Daytona. Attributes that are not given come from the environment (`DAYTONA_API_KEY`,
  # `DAYTONA_API_URL`, …), then `.env.local`, then `.env` of the working directory, then the defaults.
  class Config
    # The API of Daytona's cloud.
    API_URL = 'https://app.daytona.io/api'

    # The value of `api_url` that selects the local engine.
    LOCAL = 'local'

    # @return [String, nil] API key (`DAYTONA_API_KEY`).
    attr_accessor :api_key

    # @return [String, nil] JSON Web Token (`DAYTONA_JWT_TOKEN`), used when there is no API key; needs
    #   `organization_id`.
    attr_accessor :jwt_token

    # @return [String, nil] Base URL of the API (`DAYTONA_API_URL`), or `local` for the local engine.
    attr_accessor :api_url

    # @return [String, nil] Organization (`DAYTONA_ORGANIZATION_ID`).
    attr_accessor :organization_id

    # @return [String, nil] Region for new sandboxes (`DAYTONA_TARGET`).
    attr_accessor :target

    # @return [String, nil] PEM file with additional certificate authorities.
    attr_accessor :ca_cert

    # @return [String, nil] The `daytona` program that serves the local engine (`DAYTONA_LOCAL_BINARY`). Default: the
    #   one in the gem daytona-local, else on `PATH`.
    attr_accessor :local_binary

    # @return [String, nil] Where the local engine keeps its state (`DAYTONA_LOCAL_STATE_DIR`).
    attr_accessor :local_state_dir

    # @return [Boolean, nil] No event connection: waits only poll (`DAYTONA_USE_DEPRECATED_POLLING`).
    attr_accessor :use_deprecated_polling

    # @return [Boolean, nil] Tracing. Not part of this version: a client warns when it is asked for.
    attr_accessor :otel_enabled

    # @return [Hash, nil] Experimental settings; `otel_enabled` is the only one known.
    attr_accessor :_experimental

    # Every argument is the attribute of the same name.
    def initialize(
      api_key: nil,
      jwt_token: nil,
      api_url: nil,
      organization_id: nil,
      target: nil,
      ca_cert: nil,
      local_binary: nil,
      local_state_dir: nil,
      use_deprecated_polling: nil,
      otel_enabled: nil,
      _experimental: nil # rubocop:disable Lint/UnderscorePrefixedVariableName
    )
      @api_key = api_key
      @jwt_token = jwt_token
      @api_url = api_url
      @organization_id = organization_id
      @target = target
      @ca_cert = ca_cert
      @local_binary = local_binary
      @local_state_dir = local_state_dir
      @use_deprecated_polling = use_deprecated_polling
      @otel_enabled = otel_enabled
      @_experimental = _experimental
    end

    # @return [String] Without secrets.
    def inspect
      shown = { api_key: api_key && '***', jwt_token: jwt_token && '***', api_url: api_url,
                organization_id: organization_id, target: target }.compact
      "#<#{[self.class.name, *shown.map { |name, value| "#{name}=#{value.inspect}" }].join(' ')}>"
    end
    alias to_s inspect

    # @return [Boolean] Whether tracing is asked for.
    # @api private
    def tracing?
      experimental = _experimental || {}
      [otel_enabled, *experimental.values_at(:otel_enabled, 'otel_enabled', 'otelEnabled')].any?
    end

    # @api private
    def to_wire
      {
        'apiKey' => api_key,
        'jwtToken' => jwt_token,
        'apiUrl' => api_url,
        'organizationId' => organization_id,
        'target' => target,
        'caCert' => ca_cert,
        'localBinary' => local_binary || packaged_binary,
        'localStateDir' => local_state_dir,
        'useDeprecatedPolling' => use_deprecated_polling,
        'source' => 'sdk-ruby'
      }.compact
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
