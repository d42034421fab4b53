# frozen_string_literal: true

module Daytona
  # What Ruby adds to the methods of `sandbox.computer_use`.
  class ComputerUse
    ScreenshotOptions = ::Daytona::ScreenshotOptions
    ScreenshotRegion = ::Daytona::ScreenshotRegion
  end
end
