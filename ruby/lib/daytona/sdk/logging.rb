# frozen_string_literal: true

module Daytona
  # Errors and logging.
  module Sdk
    # Logs the client's activity to a program's Logger. Records wait in the library until a call ends, and are passed on
    # in the thread that made it.
    # @api private
    module Logging
      # Severities of Ruby's Logger by the words of the library.
      LEVELS = { 'debug' => 0, 'info' => 1, 'warn' => 2, 'error' => 3 }.freeze
      private_constant :LEVELS

      @level = 'off'

      class << self
        # Asks for the records the logger wants; before a call.
        def ask_for_records(logger)
          wanted = logger ? LEVELS.key(logger.level) || 'off' : 'off'
          return if wanted == @level

          Native.set_log_level(wanted)
          @level = wanted
        end

        # Passes on the records there are; after a call.
        def pass_records_on(logger)
          records = Native.take_log
          return unless records && logger

          JSON.parse(records).each do |record|
            logger.add(LEVELS.fetch(record['level']), record['message'], 'daytona')
          end
        end
      end
    end

    class << self
      # The log of the client: `Daytona::Sdk.logger.level = Logger::DEBUG` shows every request. Nothing is logged before
      # it is first asked for or set.
      #
      # @return [Logger] Unless one was set, it writes to standard error, from warnings on.
      def logger
        @logger ||= begin
          require 'logger'
          Logger.new($stderr, level: :warn, progname: 'daytona')
        end
      end

      # @param logger [Logger, nil] Any object with `level` and `add`; nil = no log.
      attr_writer :logger

      # @api private
      def logged
        Logging.ask_for_records(@logger)
        yield
      ensure
        Logging.pass_records_on(@logger)
      end
    end
  end
end
