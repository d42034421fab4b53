# frozen_string_literal: true

module Daytona
  # Parameters of both ways to create a sandbox: the attributes of {CreateSandboxParams}, and a timeout.
  class CreateSandboxBaseParams < CreateSandboxParams
    # @return [Numeric, nil] Seconds to wait for the sandbox to start, unless `create` is told otherwise.
    attr_accessor :timeout

    # Every argument is the attribute of the same name.
    def initialize(timeout: nil, **attributes)
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

    private

    def secrets
      %i[env]
    end
  end
end
