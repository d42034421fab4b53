# frozen_string_literal: true

# Telemetry: a span and a duration for every operation, sent to a collector.
#
#   DAYTONA_API_URL=local OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 ruby telemetry.rb

require 'daytona'

# region: enable
def hello
  # What waits is sent when the client is closed.
  Daytona::Daytona.open(otel_enabled: true) do |daytona|
    daytona.create { |sandbox| sandbox.process.exec('echo hello').result }
  end
end
# endregion

puts hello
