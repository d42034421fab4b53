# frozen_string_literal: true

module Daytona
  # A build under way: the lines of its log, and what it makes. Closing it before its end gives it up.
  # @api private
  class BuildStream < StreamHandle
    # Waits until the build is complete.
    #
    # @param on_logs [#call, nil] Called with each line of the log.
    # @return [Model] What it has made.
    # @raise [Sdk::Error] Whatever ended the build.
    def finish(on_logs = nil)
      each_line { |line| on_logs&.call(line) }
      @result
    end

    # @yieldparam line [String] Each line of the log.
    # @return [void]
    def each_line
      while (batch = read_batch)
        each_frame(batch) { |_, content| yield JSON.parse(content).fetch('text') }
      end
    ensure
      close
    end
  end

  # A sandbox in the making.
  # @api private
  class SandboxBuild < BuildStream
    private

    def ended(result)
      @result = SandboxInfo.from_wire(result, [])
    end
  end

  # A snapshot in the making: an Enumerable of the lines of its log. Closing it ends the waiting only; the server goes
  # on.
  class SnapshotBuild < BuildStream
    include Enumerable

    # @yieldparam line [String] Each line of the log.
    # @return [SnapshotBuild, Enumerator] Without a block, an Enumerator.
    def each(&block)
      return to_enum unless block

      each_line(&block)
      self
    end

    # @return [Snapshot] The snapshot, once it can be used. Lines that have not been read are dropped.
    # @raise [Sdk::Error] When its image cannot be fetched or built: the error says why.
    def result
      @result || finish
    end

    private

    def ended(result)
      @result = Snapshot.from_wire(result, [])
    end
  end
end
