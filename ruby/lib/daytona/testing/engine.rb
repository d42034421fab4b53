# frozen_string_literal: true

module Daytona
  module Testing
    # An engine for this process alone, with sandboxes, a clock and faults of its own. It ends with {#close}, with the
    # block given to {.start}, and with this process, however that ends; what it kept goes with it.
    class Engine
      # What decides where a client connects.
      SELECTING = %w[DAYTONA_API_KEY DAYTONA_API_URL DAYTONA_JWT_TOKEN DAYTONA_ORGANIZATION_ID DAYTONA_SERVER_URL
                     DAYTONA_TARGET].freeze
      private_constant :SELECTING

      # @return [String] Base URL of its API.
      attr_reader :api_url

      # @return [Clock] Its time, which can be moved.
      attr_reader :clock

      # @return [Faults] Requests that fail.
      attr_reader :faults

      # Starts an engine and waits until it is ready. With a block, ends it after the block.
      #
      # @param faults [Array<Hash>] Rules of faults to begin with.
      # @param arguments [Array<String>] Further arguments of `daytona local serve`, for example `%w[--isolation none]`.
      # @param binary [String, nil] The `daytona` program. Default: `DAYTONA_LOCAL_BINARY`, else the one of the gem
      #   `daytona-local`, else the one on `PATH`.
      # @yieldparam engine [Engine]
      # @return [Engine, Object] The engine, or what the block returns.
      # @raise [Sdk::ConnectionError] It cannot be started; the message has its last words.
      def self.start(faults: [], arguments: [], binary: nil)
        engine = new(faults: faults, arguments: arguments, binary: binary)
        return engine unless block_given?

        begin
          yield engine
        ensure
          engine.close
        end
      end

      # @see .start
      def initialize(faults: [], arguments: [], binary: nil)
        local = Config.new(api_url: Config::LOCAL, local_binary: binary)
        @api_url, @api_key = Control.new(local).call('start', arguments).values_at('apiUrl', 'apiKey')
        @control = Control.new(config)
        @clock = Clock.new(@control)
        @faults = Faults.new(@control)
        @faults.extend_with(faults) unless faults.empty?
      end

      # @return [Config] The configuration of clients of this engine.
      def config
        Config.new(api_url: api_url, api_key: @api_key)
      end

      # @return [Daytona] A new client of this engine.
      def client
        Daytona.new(config)
      end

      # Makes this engine what clients without a configuration connect to during the block, by environment variables.
      #
      # @return [Object] What the block returns.
      def selected
        before = SELECTING.to_h { |name| [name, ENV.fetch(name, nil)] }
        ENV.update(before.transform_values { nil }.merge('DAYTONA_API_URL' => api_url, 'DAYTONA_API_KEY' => @api_key))
        yield
      ensure
        ENV.update(before)
      end

      # Makes sandboxes to begin a test with.
      #
      # @param sandboxes [Array<Hash>] What `POST /sandbox` takes, for example `{ name: 'old', state: 'archived' }`.
      #   `state` is `started` (the default), `stopped`, `paused`, `archived` or `error`.
      # @return [Array<Hash>] Their documents, once they are in their states.
      # @raise [Sdk::Error] One of them is refused.
      def seed(*sandboxes)
        @control.call('seed', sandboxes)
      end

      # Deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working.
      def reset
        @control.call('reset')
        nil
      end

      # Begins to record what happens to sandboxes. A recording under way begins anew.
      def start_recording
        @control.call('start_recording')
        nil
      end

      # Ends the recording.
      #
      # @return [String] It, as JSON Lines. In a file it is what an engine with `arguments: ['--replay', file]` answers
      #   from.
      # @raise [Sdk::Error] Nothing is recorded.
      def stop_recording
        @control.call('stop_recording')
      end

      # @param recording [String] What {#stop_recording} returned.
      # @return [String] The page that shows it, as HTML that needs nothing else.
      def recording_page(recording)
        @control.call('recording_page', recording)
      end

      # Ends the engine with everything in it.
      def close
        @control.call('stop')
        nil
      end

      # @return [String]
      def inspect
        "#<#{self.class} #{api_url}>"
      end
    end
  end
end
