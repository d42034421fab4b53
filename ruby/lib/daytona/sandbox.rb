# frozen_string_literal: true

require 'forwardable'

module Daytona
  # The label that holds the language of `code_run`.
  CODE_TOOLBOX_LANGUAGE_LABEL = 'code-toolbox-language'

  # A sandbox. Its attributes are what the server said last: {refresh} asks again.
  class Sandbox
    extend BothForms
    extend Forwardable

    # Seconds to wait for a state.
    DEFAULT_TIMEOUT = 60

    # @return [Process] Commands, code, processes, sessions and terminals.
    attr_reader :process

    # @return [FileSystem] Files.
    attr_reader :fs
    alias file_system fs

    # @return [Git] Git repositories.
    attr_reader :git

    # @return [CodeInterpreter] The stateful code interpreter.
    attr_reader :code_interpreter

    # @return [Config] The configuration of the client.
    attr_reader :config

    # @return [SandboxInfo] All attributes.
    attr_reader :info

    def_delegators :@info, :id, :organization_id, :name, :snapshot, :user, :env, :labels, :public, :network_block_all,
                   :network_allow_list, :domain_allow_list, :target, :cpu, :gpu, :memory, :disk, :state,
                   :desired_state, :error_reason, :recoverable, :backup_state, :backup_created_at, :auto_stop_interval,
                   :auto_archive_interval, :auto_delete_interval, :auto_pause_interval, :auto_destroy_at, :volumes,
                   :build_info, :created_at, :updated_at, :last_activity_at, :daemon_version, :sandbox_class,
                   :linked_sandbox_id, :toolbox_proxy_url
    alias os_user user

    # @param info [SandboxInfo]
    # @param connection [Connection]
    # @param config [Config]
    # @api private
    def initialize(info, connection, config)
      @info = info
      @config = config
      @service = Generated::Sandboxes.new(connection)
      @process = Process.new(connection, self)
      @fs = FileSystem.new(connection, self)
      @git = Git.new(connection, self)
      @code_interpreter = CodeInterpreter.new(connection, self)
    end

    # @return [String] Language of `process.code_run`.
    def language
      labels&.fetch(CODE_TOOLBOX_LANGUAGE_LABEL, nil) || 'python'
    end

    # Starts the sandbox and waits until it has started.
    #
    # @param timeout [Numeric] Seconds to wait; 0 = no limit. Also by keyword.
    # @return [self]
    # @raise [Sdk::TimeoutError] When it has not started in time.
    both_forms def start(timeout = DEFAULT_TIMEOUT)
      update @service.start(id, timeout: timeout)
    end

    # Stops the sandbox and waits until it has stopped. Its files are kept, its processes end.
    #
    # @param timeout [Numeric] Seconds to wait; 0 = no limit. Also by keyword.
    # @param force [Boolean] Whether to kill the processes at once instead of asking them to end.
    # @return [self]
    # @raise [Sdk::TimeoutError] When it has not stopped in time.
    both_forms def stop(timeout = DEFAULT_TIMEOUT, force: false)
      update @service.stop(id, timeout: timeout, force: force)
    end

    # Deletes the sandbox with everything in it.
    #
    # @param timeout [Numeric] Seconds the call may take; 0 = no limit. Also by keyword.
    # @param wait [Boolean] Whether to wait until it is gone.
    # @return [self]
    both_forms def delete(timeout = DEFAULT_TIMEOUT, wait: false)
      update @service.delete(id, timeout: timeout, wait: wait)
    end

    # Moves the stopped sandbox to object storage.
    # @return [self]
    # @raise [Sdk::ConflictError] Unless it is stopped.
    def archive
      update @service.archive(id)
    end

    # Brings the sandbox back from a recoverable error and waits until it has started.
    #
    # @param timeout [Numeric] Seconds to wait; 0 = no limit. Also by keyword.
    # @return [self]
    both_forms def recover(timeout = DEFAULT_TIMEOUT)
      update @service.recover(id, timeout: timeout)
    end

    # Asks the server for the attributes again.
    # @return [self]
    def refresh
      update @service.get(id)
    end
    alias refresh_data refresh

    # Waits until the sandbox has started.
    #
    # @param timeout [Numeric] Seconds to wait; 0 = no limit. Also by keyword.
    # @return [self]
    # @raise [Sdk::TimeoutError] When it has not started in time.
    both_forms def wait_for_sandbox_start(timeout = DEFAULT_TIMEOUT)
      update @service.wait_for_start(id, timeout: timeout)
    end
    alias_both_forms :wait_until_started, :wait_for_sandbox_start
    alias_both_forms :wait_for_start, :wait_for_sandbox_start

    # Waits until the sandbox has stopped or is gone.
    #
    # @param timeout [Numeric] Seconds to wait; 0 = no limit. Also by keyword.
    # @return [self]
    # @raise [Sdk::TimeoutError] When it has not stopped in time.
    both_forms def wait_for_sandbox_stop(timeout = DEFAULT_TIMEOUT)
      update @service.wait_for_stop(id, timeout: timeout)
    end
    alias_both_forms :wait_until_stopped, :wait_for_sandbox_stop
    alias_both_forms :wait_for_stop, :wait_for_sandbox_stop

    # Tells the server that the sandbox is in use, so that it does not stop for lack of activity.
    # @return [void]
    def refresh_activity
      @service.refresh_activity(id)
    end

    # Replaces the labels.
    #
    # @param labels [Hash{String => String}]
    # @return [Hash{String => String}] The labels now.
    def set_labels(labels)
      info.labels = @service.set_labels(id, labels)
    end
    alias labels= set_labels

    # Sets after how many minutes without activity the sandbox stops; 0 = never.
    # @param interval [Integer]
    # @return [Integer]
    def set_auto_stop_interval(interval)
      @service.set_auto_stop_interval(id, interval)
      info.auto_stop_interval = interval
    end
    alias auto_stop_interval= set_auto_stop_interval
    alias set_autostop_interval set_auto_stop_interval

    # Sets after how many stopped minutes the sandbox is archived; 0 = the longest the server allows.
    # @param interval [Integer]
    # @return [Integer]
    def set_auto_archive_interval(interval)
      @service.set_auto_archive_interval(id, interval)
      info.auto_archive_interval = interval
    end
    alias auto_archive_interval= set_auto_archive_interval

    # Sets after how many stopped minutes the sandbox is deleted; 0 = at once, negative = never.
    # @param interval [Integer]
    # @return [Integer]
    def set_auto_delete_interval(interval)
      @service.set_auto_delete_interval(id, interval)
      info.auto_delete_interval = interval
    end
    alias auto_delete_interval= set_auto_delete_interval

    # Changes the network rules; what is not given stays as it is.
    #
    # @param network_block_all [Boolean, nil] Whether all network access is blocked.
    # @param network_allow_list [String, nil] Comma-separated networks (CIDR) the sandbox may reach.
    # @param domain_allow_list [String, nil] Comma-separated domains the sandbox may reach.
    # @return [self]
    # @raise [Sdk::InvalidArgumentError] When nothing is given.
    def update_network_settings(network_block_all: nil, network_allow_list: nil, domain_allow_list: nil)
      settings = NetworkSettings.new(network_block_all: network_block_all, network_allow_list: network_allow_list,
                                     domain_allow_list: domain_allow_list)
      update @service.update_network_settings(id, settings)
    end

    # Returns the URL of a port, and the token it needs unless the sandbox is public.
    #
    # @param port [Integer]
    # @return [PortPreviewUrl]
    both_forms def preview_url(port)
      @service.get_preview_link(id, port)
    end
    alias_both_forms :get_preview_link, :preview_url

    # Returns a URL of a port that needs no further authentication.
    #
    # @param port [Integer]
    # @param expires_in_seconds [Integer, nil] How long it is valid, 1 to 86400. Default: 60. Also by keyword.
    # @return [SignedPortPreviewUrl]
    both_forms def create_signed_preview_url(port, expires_in_seconds = nil)
      @service.create_signed_preview_url(id, port, expires_in_seconds)
    end
    alias_both_forms :get_signed_preview_url, :create_signed_preview_url
    alias_both_forms :get_signed_preview_link, :create_signed_preview_url

    # Ends a signed preview URL before its time.
    #
    # @param port [Integer]
    # @param token [String] Its token.
    # @return [void]
    both_forms def expire_signed_preview_url(port, token)
      @service.expire_signed_preview_url(id, port, token)
    end

    # @return [String] Home directory of the sandbox's user.
    def get_user_home_dir
      fs.get_user_home_dir
    end

    # @return [String] Working directory: where commands start and relative paths begin.
    def get_work_dir
      fs.get_work_dir
    end
    alias get_working_dir get_work_dir

    # @return [Boolean] Whether it is the same sandbox, whatever is known about it.
    def ==(other)
      other.is_a?(Sandbox) && other.id == id
    end
    alias eql? ==

    # @return [Integer]
    def hash
      id.hash
    end

    # @return [String] Without environment.
    def inspect
      "#<#{self.class.name} id=#{id.inspect} name=#{name.inspect} state=#{state.inspect}>"
    end
    alias to_s inspect

    private

    def update(info)
      @info = info
      self
    end
  end
end
