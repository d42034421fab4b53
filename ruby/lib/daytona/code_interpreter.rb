# frozen_string_literal: true

module Daytona
  # The stateful code interpreter of a sandbox: `sandbox.code_interpreter`. Variables, imports and functions last until
  # their context ends.
  class CodeInterpreter < Generated::CodeInterpreter
    # Close code of a run that exceeded its timeout.
    WEBSOCKET_TIMEOUT_CODE = 4008

    # Runs Python code and returns what it wrote, and the exception that ended it, if any.
    #
    # @param code [String]
    # @param context [InterpreterContext, String, nil] Context to run in, or its id. Default: the sandbox's default
    #   context.
    # @param on_stdout [#call, nil] Called with an {OutputMessage} for each piece of standard output.
    # @param on_stderr [#call, nil] Called with an {OutputMessage} for each piece of standard error.
    # @param on_error [#call, nil] Called with the {ExecutionError} that ended the run.
    # @param envs [Hash{String => String}, nil] Environment variables during this run. Also `env:`, `env_vars:`.
    # @param timeout [Numeric, nil] Seconds after which the run is interrupted; 0 = no limit. Default: 600.
    # @return [ExecutionResult]
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    # @raise [Sdk::NotFoundError] Without such a context.
    both_forms def run_code(
      code, context: nil, on_stdout: nil, on_stderr: nil, on_error: nil, envs: nil, env: nil, env_vars: nil,
      timeout: nil, request_timeout: nil
    )
      result = ExecutionResult.new(stdout: +'', stderr: +'')
      stream = run_code_stream(code, context: context, envs: envs || env || env_vars, timeout: timeout,
                                     request_timeout: request_timeout)
      stream.each do |event|
        if event.is_a?(ExecutionError)
          result.error = event
          on_error&.call(event)
        else
          result.public_send(event.channel) << event.output
          (event.stdout? ? on_stdout : on_stderr)&.call(event)
        end
      end
      result
    end

    # Runs Python code and returns its output as it comes.
    #
    # @param code [String]
    # @param context [InterpreterContext, String, nil] Context to run in, or its id. Default: the sandbox's default
    #   context.
    # @param envs [Hash{String => String}, nil] Environment variables during this run.
    # @param timeout [Numeric, nil] Seconds after which the run is interrupted; 0 = no limit. Default: 600.
    # @yieldparam stream [InterpreterStream] Closed after the block.
    # @return [InterpreterStream, Object] The stream, or what the block returns.
    both_forms def run_code_stream(code, context: nil, envs: nil, timeout: nil, request_timeout: nil, &block)
      super(code, context_id: context && id_of(context), envs: envs, timeout: timeout, request_timeout: request_timeout,
            &block)
    end

    # Ends a context and its process.
    #
    # @param context [InterpreterContext, String] The context or its id. Also `context_id:`.
    # @return [void]
    # @raise [Sdk::NotFoundError] Without such a context.
    both_forms def delete_context(context = nil, context_id: context, request_timeout: nil)
      super(id_of(context_id), request_timeout: request_timeout)
    end

    private

    def id_of(context)
      context.respond_to?(:id) ? context.id : context
    end
  end
end
