# frozen_string_literal: true

# Names of a second gem that programs written for other Daytona clients use.
module DaytonaApiClient
  SandboxVolume = Daytona::VolumeMount
  SandboxState = Daytona::SandboxState
  SandboxDesiredState = Daytona::SandboxDesiredState
end
