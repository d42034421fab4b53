# frozen_string_literal: true

module Daytona
  # The client. May be shared by threads, and goes on working in a forked child.
  class Daytona
    # @return [Config]
    attr_reader :config

    # @return [SnapshotService] The snapshots.
    attr_reader :snapshot

    # @return [VolumeService] The volumes.
    attr_reader :volume

    # @return [SecretService] The secrets.
    attr_reader :secret

    # Makes a client; with a block, yields it and closes it afterwards.
    #
    # @param config [Config, Hash, nil]
    # @param options Attributes of {Config}, instead of a config.
    # @yieldparam daytona [Daytona]
    # @return [Daytona, Object] The client, or what the block returns.
    def self.open(config = nil, **options)
      daytona = new(config, **options)
      return daytona unless block_given?

      begin
        yield daytona
      ensure
        daytona.close
      end
    end

    # A client of the local engine, which is started when it is not running: no account, no containers.
    #
    # @param options Further attributes of {Config}.
    # @yieldparam daytona [Daytona] Closed after the block.
    # @return [Daytona, Object] The client, or what the block returns.
    def self.local(**options, &block)
      self.open(**options, api_url: Config::LOCAL, &block)
    end

    # Makes a client. No request is made.
    #
    # @param config [Config, Hash, nil] Default: everything from the environment.
    # @param options Attributes of {Config}, instead of a config.
    # @raise [Sdk::AuthenticationError] Without credentials.
    # @raise [Sdk::InvalidArgumentError] For a value that cannot be used.
    def initialize(config = nil, **options)
      @config = config.is_a?(Config) ? config : Config.new(**config.to_h, **options)
      super(Connection.new(@config))
      @snapshot = SnapshotService.new(@connection)
      @volume = VolumeService.new(@connection)
      @secret = SecretService.new(@connection)
    end

    # Iterates over the changes of sandboxes' states from now on, without end. No change is lost, whatever happens to
    # the connection; of several that a sandbox went through while there was none the last one is told.
    #
    # @param sandbox_id [String, nil] Id of the only sandbox to tell of. Default: all of the organization.
    # @yieldparam event [SandboxEvent]
    # @return [Enumerator<SandboxEvent>] Without a block.
    def events(sandbox_id: nil, &block)
      return enum_for(:events, sandbox_id: sandbox_id) unless block

      position = begin_events
      loop do
        found = poll_events(position: position, sandbox_id: sandbox_id)
        position = found.position
        found.events.each(&block)
      end
    end

    # Creates a sandbox and waits until it has started. With a block, yields the sandbox and deletes it afterwards.
    #
    # @param params [CreateSandboxFromSnapshotParams, CreateSandboxFromImageParams, Hash, nil] Default: the server's
    #   default snapshot.
    # @param timeout [Numeric, nil] Seconds to wait for the start; 0 = no limit. Default: 60.
    # @param wait_for_start [Boolean, nil] Whether to wait. Default: true.
    # @param on_snapshot_create_logs [#call, nil] Called with each line of the log while an image is built for the
    #   sandbox.
    # @param keep [Boolean, nil] Whether a call that is interrupted or times out leaves the sandbox in place. Default:
    #   false, it is deleted.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @param attributes Attributes of {CreateSandboxBaseParams}, instead of params.
    # @yieldparam sandbox [Sandbox]
    # @return [Sandbox, Object] The sandbox, or what the block returns.
    # @raise [Sdk::TimeoutError] When it has not started in time.
    # @raise [Sdk::ValidationError] For parameters that do not go together.
    def create(params = nil, timeout: nil, wait_for_start: nil, keep: nil, request_timeout: nil,
               on_snapshot_create_logs: nil, **attributes)
      if params.nil? || params.is_a?(Hash)
        params = CreateSandboxBaseParams.coerce({ **params.to_h.transform_keys(&:to_sym), **attributes })
      elsif !attributes.empty?
        raise ArgumentError, "give #{attributes.keys.join(', ')} in the params, or no params at all"
      end
      timeout ||= params.timeout if params.respond_to?(:timeout)
      sandbox = made = nil
      handed_out = false
      # An interrupt that comes when the sandbox is there already must find it, to delete it.
      Thread.handle_interrupt(Object => :on_blocking) do
        sandbox = wrap(make(Image.unfold(params), on_snapshot_create_logs,
                            timeout: timeout, wait_for_start: wait_for_start, keep: keep,
                            request_timeout: request_timeout))
        made = Native.take_made
      end
      return yield(sandbox) if block_given?

      made&.claim
      handed_out = true
      sandbox
    ensure
      if sandbox
        discard(sandbox) unless handed_out
        # Claimed last: what interrupts the deletion leaves it to be deleted at the exit.
        (made || Native.take_made)&.claim
      else
        Native.take_made&.discard
      end
    end

    # Lists sandboxes: an Enumerator over all of them that is at the same time a page with `items`, `total`, `page` and
    # `total_pages`.
    #
    #   daytona.list.each { |sandbox| puts sandbox.name }
    #   daytona.list({ 'env' => 'dev' }, page: 2, limit: 10).items
    #   daytona.list(states: ['started'], sort: 'createdAt')
    #
    # @param query [ListSandboxesQuery, Hash{String => String}, nil] Which sandboxes; a Hash is labels.
    # @param page [Integer, nil] Page to begin with, from 1.
    # @param filters Attributes of {ListSandboxesQuery}, instead of a query.
    # @return [PaginatedSandboxes]
    def list(query = nil, page: nil, **filters)
      unless query.is_a?(ListSandboxesQuery)
        # Without braces, labels arrive as keywords.
        labels = (query || {}).merge(filters.select { |key, _| key.is_a?(String) })
        filters = filters.reject { |key, _| key.is_a?(String) }
        filters[:labels] = labels unless labels.empty?
        query = ListSandboxesQuery.new(**filters)
      end
      parts = method(:list_sandboxes)
      pages = method(:list_sandbox_page)
      PaginatedSandboxes.new(query, page, parts: parts, pages: pages) { |info| wrap(info) }
    end

    # Refuses further operations, also of the sandboxes this client returned. Those in flight go on. Waiting telemetry
    # is sent.
    # @return [void]
    def close
      @connection.close
      nil
    end

    # @return [String] Where it connects to.
    def inspect
      api_url, target = @connection.place
      "#<#{self.class.name} api_url=#{api_url.inspect} target=#{target.inspect}>"
    end
    alias to_s inspect

    private

    # Creates a sandbox, with or without the log of its build.
    def make(params, on_logs, **options)
      return create_sandbox(params, **options) unless on_logs

      build_sandbox(params, **options).finish(on_logs)
    end

    def wrap(info)
      Sandbox.new(info, @connection, config)
    end

    # Deletes a sandbox that may be gone already.
    def discard(sandbox)
      sandbox.delete
    rescue Sdk::NotFoundError, Sdk::GoneError
      nil
    end
  end
end
