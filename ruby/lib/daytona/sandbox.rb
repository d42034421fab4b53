# frozen_string_literal: true

module Daytona
  # The label that holds the language of `code_run`.
  CODE_TOOLBOX_LANGUAGE_LABEL = 'code-toolbox-language'

  # A sandbox and its services.
  class Sandbox
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

    # @return [Network] What it does on the network.
    attr_reader :network

    # @return [ComputerUse] Its desktop.
    attr_reader :computer_use

    # @return [Config] The configuration of the client.
    attr_reader :config

    # @return [SandboxInfo] All attributes.
    attr_reader :info

    # @param info [SandboxInfo]
    # @param connection [Connection]
    # @param config [Config]
    # @api private
    def initialize(info, connection, config)
      super(connection)
      @info = info
      @config = config
      @process = Process.new(connection, self)
      @fs = FileSystem.new(connection, self)
      @git = Git.new(connection, self)
      @code_interpreter = CodeInterpreter.new(connection, self)
      @network = Network.new(connection, self)
      @computer_use = ComputerUse.new(connection, self)
    end

    # Yields the changes of this sandbox's state from now on, without end; none is lost.
    #
    # @param states [Array<String>] The states to tell of, for example `'stopped'`; all when there are none.
    # @yieldparam event [SandboxEvent]
    # @return [Enumerator<SandboxEvent>] Without a block.
    def on(*states, &block)
      return enum_for(:on, *states) unless block

      wanted = { 'sandboxId' => id, 'timeout' => 0, 'states' => states.map(&:to_s) }
      wanted['position'] = invoke('sandbox.begin_events', {}).data
      loop do
        found = invoke('sandbox.poll_events', { 'options' => wanted }).to_model(SandboxEvents)
        wanted['position'] = found.position
        found.events.each(&block)
      end
    end

    # Makes a language server for a project. No request is made yet: {LspServer#start} starts it.
    #
    # @param language_id [Symbol, String] Language of the server: `:python`, `:typescript` or `:javascript`.
    # @param path_to_project [String] Directory of the project; a relative path begins at the working directory.
    # @return [LspServer]
    def create_lsp_server(language_id:, path_to_project:)
      info = LspServerInfo.new(language_id: language_id.to_sym, path_to_project: path_to_project.to_s)
      LspServer.new(@connection, self, info)
    end

    # @return [String] Language of `process.code_run`.
    def language
      labels&.fetch(CODE_TOOLBOX_LANGUAGE_LABEL, nil) || 'python'
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

    # The same as {Process#update_env}.
    def update_env(...)
      process.update_env(...)
    end

    # The same as {Process#get_metrics_latest}.
    def get_metrics_latest(...)
      process.get_metrics_latest(...)
    end

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

    # Hands a new sandbox over: until then the library deletes it when its caller is gone.
    def claim(sandbox)
      Native.take_made&.claim
      sandbox
    end
  end
end
