# frozen_string_literal: true

# The first program: a sandbox, a command, its output.
#
#   DAYTONA_API_URL=local ruby first.rb

# region: first
require 'daytona'

Daytona::Daytona.open do |daytona|
  daytona.create { |sandbox| puts sandbox.process.exec(command: 'echo hello').result }
end
# endregion
