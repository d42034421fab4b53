# frozen_string_literal: true

module Daytona
  # What Ruby adds to the methods of `sandbox.code_interpreter`.
  class CodeInterpreter
    # Close code of a run that exceeded its timeout.
    WEBSOCKET_TIMEOUT_CODE = 4008

    private

    # Contexts may be given by their id.
    def id_of(context)
      context.respond_to?(:id) ? context.id : context
    end
  end
end
