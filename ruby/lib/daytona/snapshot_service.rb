# frozen_string_literal: true

module Daytona
  # What is idiom; the operations are generated.
  class SnapshotService
    # Creates a snapshot from an image, which is fetched or built, and waits until it can be used. What is built goes on
    # when the call is interrupted or times out.
    #
    # @param params [CreateSnapshotParams, Hash] What to create it from, and its settings.
    # @param on_logs [#call, nil] Called with each line of the log while the image is fetched or built. A block is the
    #   same.
    # @param timeout [Numeric, nil] Seconds to wait; 0 = no limit. Default: 0.
    # @yieldparam line [String] Each line of the log.
    # @return [Snapshot]
    # @raise [Sdk::ConflictError] When the name is taken.
    # @raise [Sdk::TimeoutError] When it takes too long.
    # @raise [Sdk::Error] When its image cannot be fetched or built: the error says why.
    def create(params, on_logs: nil, timeout: nil, &block)
      params = Image.unfold(CreateSnapshotParams.coerce(params))
      on_logs ||= block
      return make(params, timeout: timeout) unless on_logs

      build(params, timeout: timeout).finish(on_logs)
    end

    # The same as {create}, for programs that read the log by themselves.
    #
    # @param params [CreateSnapshotParams, Hash] What to create it from, and its settings.
    # @param timeout [Numeric, nil] Seconds to wait; 0 = no limit. Default: 0.
    # @return [SnapshotBuild]
    def create_stream(params, timeout: nil)
      build(Image.unfold(CreateSnapshotParams.coerce(params)), timeout: timeout)
    end

    # All snapshots, page by page as they are asked for. Snapshots that others create or delete meanwhile may make it
    # miss some, or see some twice.
    #
    # @param filters Arguments of {list}.
    # @yieldparam snapshot [Snapshot]
    # @return [Enumerator<Snapshot>, void] Without a block, an Enumerator.
    def list_all(page: 1, **filters, &block)
      return to_enum(:list_all, page: page, **filters) unless block

      loop do
        part = list(page: page, **filters)
        part.items.each(&block)
        break if page >= part.total_pages

        page += 1
      end
    end

    private

    # Id or name of a snapshot that is given as such or by one of them.
    def id_of(snapshot)
      snapshot.respond_to?(:id) ? snapshot.id : snapshot.to_s
    end
  end
end
