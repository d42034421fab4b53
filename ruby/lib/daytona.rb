# frozen_string_literal: true

# The Daytona SDK: sandboxes for running code, from Ruby.
#
#   require 'daytona'
#
#   Daytona::Daytona.open do |daytona|
#     daytona.create do |sandbox|
#       puts sandbox.process.exec('echo hello').result
#     end
#   end
#
# Every method that talks to a sandbox blocks its own thread only, and can be ended at any time by `Timeout.timeout`,
# `Thread#raise`, `Thread#kill` or Ctrl-C: the operation is cancelled, in the sandbox too. Clients may be shared by
# threads and go on working in a forked child; open streams belong to the process that opened them.
module Daytona
  # @see Daytona.local
  # @return [Daytona] A client of the local engine.
  def self.local(**options, &block)
    Daytona.local(**options, &block)
  end
end

require_relative 'daytona/version'
require_relative 'daytona/generated/schema'
require_relative 'daytona/sdk/error'
require_relative 'daytona/generated/errors'
require_relative 'daytona/sdk/aliases'
require_relative 'daytona/native'
require_relative 'daytona/sdk/logging'
require_relative 'daytona/trace'
require_relative 'daytona/wire'
require_relative 'daytona/model'
require_relative 'daytona/generated/enums'
require_relative 'daytona/generated/models'
require_relative 'daytona/generated/create_params'
require_relative 'daytona/image'
require_relative 'daytona/generated/classes/image'
require_relative 'daytona/config'
require_relative 'daytona/connection'
require_relative 'daytona/service'
require_relative 'daytona/stream_handle'
require_relative 'daytona/output_stream'
require_relative 'daytona/log_follower'
require_relative 'daytona/pty_handle'
require_relative 'daytona/byte_reader'
require_relative 'daytona/file_reader'
require_relative 'daytona/file_writer'
require_relative 'daytona/port_forward'
require_relative 'daytona/directory_transfer'
require_relative 'daytona/build_stream'
require_relative 'daytona/process_output'
require_relative 'daytona/generated/charts'
require_relative 'daytona/charts'
require_relative 'daytona/generated/classes'
require_relative 'daytona/snapshot_service'
require_relative 'daytona/object_storage'
require_relative 'daytona/spawned_process'
require_relative 'daytona/process'
require_relative 'daytona/file_upload'
require_relative 'daytona/downloaded_file'
require_relative 'daytona/file_system'
require_relative 'daytona/code_interpreter'
require_relative 'daytona/lsp_server'
require_relative 'daytona/computer_use'
require_relative 'daytona/sandbox'
require_relative 'daytona/paginated_sandboxes'
require_relative 'daytona/daytona'
require_relative 'daytona/api_client_aliases'
