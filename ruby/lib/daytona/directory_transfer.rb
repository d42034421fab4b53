# frozen_string_literal: true

module Daytona
  # A directory being transferred to or from a sandbox. Closing it before its end cancels the transfer.
  # @api private
  class DirectoryTransfer < StreamHandle
    # Waits until the transfer is complete.
    #
    # @param on_progress [#call, nil] Called with a {DirectoryProgress}, some ten times a second.
    # @return [DirectoryResult]
    # @raise [Sdk::Error] Whatever ended the transfer.
    def finish(on_progress = nil)
      while (batch = read_batch)
        each_frame(batch) do |_, content|
          on_progress&.call(DirectoryProgress.from_wire(JSON.parse(content), []))
        end
      end
      @result
    ensure
      close
    end

    private

    def ended(result)
      @result = DirectoryResult.from_wire(result, [])
    end
  end
end
