# frozen_string_literal: true

require 'daytona'
require_relative 'testing/controls'
require_relative 'testing/engine'

module Daytona
  # An engine of its own for tests: no account, no network, time that can be moved, faults on demand. It takes the
  # program of the gem `daytona-local`.
  #
  #   require 'daytona/testing'
  #
  #   Daytona::Testing::Engine.start do |engine|
  #     sandbox = engine.client.create(auto_stop_interval: 15)
  #     engine.clock.advance('15m')
  #     sandbox.refresh
  #     sandbox.state # => "stopped"
  #   end
  #
  # For Minitest there is `require 'daytona/testing/minitest'`, for RSpec `require 'daytona/testing/rspec'`.
  module Testing
    class << self
      # The engine that the tests of this process share; it starts when it is first asked for.
      #
      # @return [Engine]
      def engine
        @engine = nil if @owner != ::Process.pid
        @owner = ::Process.pid
        @engine ||= Engine.start
      end

      # Runs a block in which clients without a configuration connect to the shared engine, which is as new afterwards.
      #
      # @return [Object] What the block returns.
      def around(&block)
        engine.selected(&block)
      ensure
        engine.reset
      end
    end
  end
end
