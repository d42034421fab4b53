# frozen_string_literal: true

require 'time'

module Daytona
  module Testing
    # Something an interval did while time was moved: when (in the engine's time), to which sandbox, and what: `stop`,
    # `pause`, `archive` or `delete`.
    Done = Struct.new(:at, :sandbox_id, :action, keyword_init: true)

    # What an engine can be asked for; the core knows how.
    # @api private
    class Control < Service
      def initialize(config)
        super(Connection.new(config))
      end

      def call(what, argument = nil)
        invoke("testing.#{what}", { 'argument' => argument }).data
      end
    end

    # The engine's time. Programs inside sandboxes keep the machine's.
    class Clock
      # @api private
      def initialize(control)
        @control = control
      end

      # @return [Time] The engine's time, in UTC.
      def now
        Time.iso8601(@control.call('now'))
      end

      # Moves time ahead, for intervals, times to live and tokens, and returns when all that was due has happened.
      #
      # @param time [Numeric, String] Seconds, or text such as `30m` or `1d12h` with the units ms, s, m, h, d. At
      #   most 10 years.
      # @return [Array<Done>] What intervals did, oldest first.
      # @raise [Sdk::Error] `time` is not a duration.
      def advance(time)
        @control.call('advance', time).map do |each|
          Done.new(at: Time.iso8601(each['at']), sandbox_id: each['sandboxId'], action: each['action'])
        end
      end
    end

    # Requests that fail. Of several rules the first one that fits a request applies, and is used up by it.
    class Faults
      # @api private
      def initialize(control)
        @control = control
      end

      # Lets requests fail from now on.
      #
      # @param fault [Hash] One of `{ drop: 'before' }` or `'after'`, `{ delay: seconds }`, `{ answer: { status: 429,
      #   headers: {}, body: '', committed: false } }`, `{ cut: bytes }`, `{ slowStart: seconds }`, `{ kill: true }`.
      # @param path [String] Text that the request's path and query must contain. Default: any.
      # @param method [String, nil] HTTP method. Default: any.
      # @param skip [Integer] Number of fitting requests that pass first.
      # @param times [Integer] Number of requests that fail, 0 for all.
      # @raise [Sdk::Error] There is no such fault.
      def add(fault, path: '', method: nil, skip: 0, times: 1)
        extend_with([{ do: fault, path: path, method: method, skip: skip, times: times }])
      end

      # Adds rules as they are in a file for `daytona local serve --faults`.
      #
      # @param rules [Array<Hash>] The rules.
      # @raise [Sdk::Error] A rule cannot be read.
      def extend_with(rules)
        @control.call('add_faults', rules)
        nil
      end

      # @return [Array<Hash>] The rules that are not used up.
      def left
        @control.call('faults')
      end

      # Lets everything succeed again.
      def clear
        @control.call('clear_faults')
        nil
      end
    end
  end
end
