# frozen_string_literal: true

# Runs a command that works and one that fails, in a span of the program's own.

require 'daytona'

# The part of the gem opentelemetry-api that says where a program is, under its names.
module OpenTelemetry
  module Trace
    Flags = Struct.new(:sampled?)
    Context = Struct.new(:hex_trace_id, :hex_span_id, :trace_flags, :tracestate) do
      def valid?
        true
      end
    end
    Span = Struct.new(:context)

    def self.current_span
      Span.new(Context.new(*ARGV, Flags.new(true), 'vendor=1'))
    end
  end
end

Daytona::Daytona.open(otel_enabled: true) do |daytona|
  daytona.create do |sandbox|
    sandbox.process.exec('true')
    begin
      sandbox.fs.get_file_info('/not/there')
    rescue Daytona::Sdk::NotFoundError
      nil
    end
    puts sandbox.id
  end
end
