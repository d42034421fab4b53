# frozen_string_literal: true

require 'daytona/testing'
require 'minitest'

module Daytona
  module Testing
    # For test classes: each test finds an engine as new, and clients without a configuration connect to it.
    #
    #   class AgentTest < Minitest::Test
    #     include Daytona::Testing::Minitest
    #   end
    module Minitest
      # @return [Engine] The engine that all tests share.
      def daytona_engine
        Testing.engine
      end

      # Minitest calls it around each test.
      # @api private
      def run
        Testing.around { super }
      end
    end
  end
end
