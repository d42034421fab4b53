# frozen_string_literal: true

require 'daytona/testing'
require 'rspec/core'

module Daytona
  module Testing
    # What examples with the metadata `:daytona` have beside an engine to which clients without a configuration connect.
    module RSpec
      # @return [Engine] The engine that all examples share; each finds it as new.
      def daytona_engine
        Testing.engine
      end
    end
  end
end

RSpec.configure do |config|
  config.include Daytona::Testing::RSpec, :daytona
  config.around(:each, :daytona) { |example| Daytona::Testing.around { example.run } }
end
