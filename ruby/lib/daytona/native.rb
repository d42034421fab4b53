# frozen_string_literal: true

require_relative 'daytona_native'

module Daytona
  # The native library: two handles, `Client` and `Stream`, whose methods return `[status, …]`. {unwrap} makes Ruby of
  # it.
  # @api private
  module Native
    unless schema_hash == SCHEMA_HASH
      raise LoadError, 'The Ruby code of the gem daytona does not match its native library: the library has schema ' \
                       "#{schema_hash}, the Ruby code #{SCHEMA_HASH}. Reinstall the gem."
    end

    # After an interrupt Ruby ends by a signal. Before that, whatever cancelled calls have made is cleaned up, in up to
    # 30 seconds.
    at_exit do
      ObjectSpace.each_object(Made, &:discard)
      600.times { break if settle(0.05) }
    end

    # The sandbox that the last call of this thread made, until it is claimed: signals interrupt Ruby anywhere, and a
    # new sandbox must not be lost between the library and its caller.
    #
    # @return [Made, nil]
    def self.take_made
      Thread.current[:daytona_made].tap { Thread.current[:daytona_made] = nil }
    end

    # The part of an outcome that follows its status.
    #
    # @raise [Sdk::Error] Unless the call succeeded.
    def self.unwrap(outcome)
      status, *rest = outcome
      case status
      when :ok, :stream then rest
      when :error then raise Sdk::Error.from_json(rest.first)
      when :timeout then raise Sdk::TimeoutError, 'The time given has passed.'
      else raise Sdk::CancelledError, 'The operation has been cancelled.'
      end
    end
  end
end
