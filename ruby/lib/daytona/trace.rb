# frozen_string_literal: true

module Daytona
  # The span that the caller is in, where the program has OpenTelemetry's API. It is never loaded from here.
  # @api private
  module Trace
    # @return [Hash{String => String}, nil] The context of the current span, as it travels; nothing when the program is
    #   in no span.
    def self.current
      return unless defined?(::OpenTelemetry::Trace) && ::OpenTelemetry::Trace.respond_to?(:current_span)

      context = ::OpenTelemetry::Trace.current_span.context
      return unless context.valid?

      flags = context.trace_flags.sampled? ? '01' : '00'
      { 'parent' => "00-#{context.hex_trace_id}-#{context.hex_span_id}-#{flags}",
        'state' => context.tracestate.to_s }
    rescue NoMethodError
      nil # Another version's API: tracing is no reason to fail.
    end
  end
end
