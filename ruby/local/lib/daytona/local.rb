# frozen_string_literal: true

module Daytona
  # Path of the `daytona` program, which serves the local engine.
  LOCAL_PROGRAM = File.expand_path('../../libexec/daytona', __dir__)
end
