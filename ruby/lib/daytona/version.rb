# frozen_string_literal: true

module Daytona
  # Version of the gem; the same as that of every other package of the project.
  VERSION = '0.1.0'

  module Sdk
    # Version of the gem.
    VERSION = ::Daytona::VERSION
  end
end
