# frozen_string_literal: true

module Daytona
  # What the two ways to create a sandbox have in common. Attributes are those of {CreateSandboxParams}, and:
  class CreateSandboxBaseParams < CreateSandboxParams
    # @return [Numeric, nil] Seconds to wait for the sandbox to start, unless `create` is told otherwise.
    attr_accessor :timeout

    alias os_user user
    alias os_user= user=

    alias env env_vars
    alias env= env_vars=
    alias envs env_vars
    alias envs= env_vars=

    # Every argument is the attribute of the same name; `os_user` is another name of `user`, `env` and `envs` are other
    # names of `env_vars`.
    def initialize(os_user: nil, env: nil, envs: nil, timeout: nil, **attributes)
      attributes[:user] = os_user if os_user
      attributes[:env_vars] ||= env || envs
      super(**attributes)
      @timeout = timeout
    end
  end

  # Creates a sandbox from a snapshot: the default one unless named.
  class CreateSandboxFromSnapshotParams < CreateSandboxBaseParams
    # @param snapshot [String, nil] Id or name of the snapshot. Default: the server's default snapshot.
    # @param attributes Attributes of {CreateSandboxBaseParams}.
    def initialize(snapshot: nil, **attributes)
      super
    end
  end

  # Creates a sandbox from an image.
  class CreateSandboxFromImageParams < CreateSandboxBaseParams
    # @param image [String] Image reference, for example `python:3.12-slim`.
    # @param resources [Resources, nil] CPU, memory and disk.
    # @param attributes Attributes of {CreateSandboxBaseParams}.
    def initialize(image:, resources: nil, **attributes)
      super
    end
  end

  # Arguments and environment of a {Process#code_run}.
  class CodeRunParams < Model
    # @return [Array<String>, nil] Arguments of the program.
    attr_accessor :argv

    # @return [Hash{String => String}, nil] Environment variables on top of the sandbox's.
    attr_accessor :env

    # Every argument is the attribute of the same name.
    def initialize(argv: nil, env: nil)
      super()
      @argv = argv
      @env = env
    end
  end

  # Lets `var_async` stand for `run_async`.
  module VarAsync
    def initialize(var_async: nil, **attributes)
      attributes[:run_async] = var_async unless var_async.nil?
      super(**attributes)
    end
  end
  private_constant :VarAsync

  class SessionExecuteRequest # rubocop:disable Style/Documentation
    prepend VarAsync

    alias var_async run_async
    alias var_async= run_async=
  end

  class Command # rubocop:disable Style/Documentation
    alias cmd_id id
  end

  class SessionExecuteResponse # rubocop:disable Style/Documentation
    alias id cmd_id
  end

  class ListSandboxesQuery # rubocop:disable Style/Documentation
    alias public? is_public
    alias recoverable? is_recoverable
  end
end
