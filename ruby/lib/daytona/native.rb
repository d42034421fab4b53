# frozen_string_literal: true

require_relative 'daytona_native'

module Daytona
  # The native library: two handles, `Client` and `Stream`, whose methods return `[status, …]`. {unwrap} makes Ruby of
  # it.
  # @api private
  module Native
    unless schema_hash == SCHEMA_HASH
      raise LoadError, 'The files of the gem daytona do not belong together: the native library has schema ' \
                       "#{schema_hash}, the Ruby code #{SCHEMA_HASH}. Reinstall the gem."
    end

    # After an interrupt Ruby ends by a signal: what cancelled calls have made is cleaned up before, in up to 10
    # seconds.
    at_exit { 200.times { break if settle(0.05) } }

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
