# frozen_string_literal: true

module Daytona
  # Commands, code, processes, sessions and terminals of a sandbox: `sandbox.process`. Required arguments may be given
  # by position or by keyword.
  class Process < Generated::Process
    # @return [String] Language of {code_run} unless it is told otherwise: the sandbox's.
    def language
      @sandbox.language
    end

    # Runs a shell command and returns its exit code and output. The command is killed with everything it started when
    # the call is interrupted or `timeout` passes.
    #
    # @param command [String]
    # @param cwd [String, nil] Working directory. Default: the sandbox's.
    # @param env [Hash{String => String}, nil] Environment variables on top of the sandbox's. Also `envs:`, `env_vars:`.
    # @param timeout [Numeric, nil] Seconds after which the command is killed; 0 = no limit. Default: no limit.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [ExecuteResponse]
    # @raise [Sdk::ValidationError] For an empty command.
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    both_forms def exec(
      command, cwd: nil, env: nil, envs: nil, env_vars: nil, timeout: nil, request_timeout: nil
    )
      super(command, cwd: cwd, env: env || envs || env_vars, timeout: timeout, request_timeout: request_timeout)
    end

    # Runs a program and returns its exit code, output and charts. Each run is a process of its own; see
    # {CodeInterpreter} for variables that last.
    #
    # @param code [String]
    # @param params [CodeRunParams, Hash, nil] Arguments and environment, together.
    # @param timeout [Numeric, nil] Seconds after which the program is killed; 0 = no limit. Default: no limit.
    # @param language [String, Symbol, nil] A value of {CodeLanguage}. Default: the sandbox's.
    # @param argv [Array<String>, nil] Arguments of the program.
    # @param env [Hash{String => String}, nil] Environment variables on top of the sandbox's. Also `envs:`, `env_vars:`.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [ExecuteResponse] Its `artifacts.charts` are {Chart}s of the class that fits their kind.
    # @raise [Sdk::ValidationError] For a language the server does not know.
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    both_forms def code_run(
      code, params = nil, timeout: nil, language: nil, argv: nil, env: nil, envs: nil, env_vars: nil,
      request_timeout: nil
    )
      params = CodeRunParams.coerce(params || {})
      response = super(
        code, (language || self.language).to_s,
        argv: argv || params.argv, env: env || envs || env_vars || params.env,
        timeout: timeout, request_timeout: request_timeout
      )
      artifacts = response.artifacts
      artifacts.charts = artifacts.charts.map { |chart| Charts.parse_chart(chart) } if artifacts&.charts
      response
    end

    # Runs a command in a session: waits for it, or with `run_async` returns its id at once.
    #
    # @param session_id [String]
    # @param req [SessionExecuteRequest, Hash, String] The command.
    # @param timeout [Numeric, nil] Seconds the call may take; the command goes on. Default: no limit.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [SessionExecuteResponse]
    # @raise [Sdk::ValidationError] For an empty command.
    # @raise [Sdk::NotFoundError] Without such a session.
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    both_forms def execute_session_command(session_id, req, timeout: nil, request_timeout: nil)
      req = SessionExecuteRequest.new(command: req) if req.is_a?(String)
      super(session_id, req, timeout: timeout, request_timeout: request_timeout)
    end

    # Streams the log of a command from its beginning until the command ends.
    #
    # With callables, calls them with pieces of text and returns when the log ends; with a block, yields the stream and
    # closes it; otherwise returns the stream.
    #
    # @param session_id [String]
    # @param command_id [String]
    # @param on_stdout [#call, nil] Called with each piece of standard output.
    # @param on_stderr [#call, nil] Called with each piece of standard error.
    # @param request_timeout [Numeric, nil] Seconds opening the stream may take; 0 = no limit.
    # @yieldparam stream [LogStream]
    # @return [LogStream, Object, nil]
    # @raise [Sdk::NotFoundError] When there is no such command.
    both_forms def get_session_command_logs_stream(
      session_id, command_id, on_stdout: nil, on_stderr: nil, request_timeout: nil, &block
    )
      opened = stream_session_command_logs(session_id, command_id, request_timeout: request_timeout)
      consume(opened, on_stdout, on_stderr, &block)
    end

    # Hands the log of a command to callables, from its beginning, and returns when it ends.
    #
    # @param session_id [String]
    # @param command_id [String]
    # @param on_stdout [#call, nil] Called with each piece of standard output.
    # @param on_stderr [#call, nil] Called with each piece of standard error.
    # @param request_timeout [Numeric, nil] Seconds opening the stream may take; 0 = no limit.
    # @return [void]
    # @raise [Sdk::NotFoundError] When there is no such command.
    # @see #follow_session_command_logs To go on meanwhile.
    both_forms def get_session_command_logs_async(
      session_id, command_id, on_stdout: nil, on_stderr: nil, request_timeout: nil
    )
      stream = stream_session_command_logs(session_id, command_id, request_timeout: request_timeout)
      stream.forward(on_stdout: on_stdout, on_stderr: on_stderr)
    end

    # Follows the log of a command in the background and returns at once.
    #
    # @param session_id [String]
    # @param command_id [String]
    # @param on_stdout [#call, nil] Called with each piece of standard output, on a thread of its own.
    # @param on_stderr [#call, nil] Called with each piece of standard error, on the same thread.
    # @param request_timeout [Numeric, nil] Seconds opening the stream may take; 0 = no limit.
    # @return [LogFollower] Its `join` waits for the end, its `close` stops following.
    # @raise [Sdk::NotFoundError] When there is no such command.
    both_forms def follow_session_command_logs(
      session_id, command_id, on_stdout: nil, on_stderr: nil, request_timeout: nil
    )
      stream = stream_session_command_logs(session_id, command_id, request_timeout: request_timeout)
      LogFollower.new(stream, on_stdout: on_stdout, on_stderr: on_stderr)
    end

    # Streams the log of the sandbox's entrypoint; see {get_session_command_logs_stream}.
    #
    # @param on_stdout [#call, nil] Called with each piece of standard output.
    # @param on_stderr [#call, nil] Called with each piece of standard error.
    # @param request_timeout [Numeric, nil] Seconds opening the stream may take; 0 = no limit.
    # @yieldparam stream [LogStream]
    # @return [LogStream, Object, nil]
    def get_entrypoint_logs_stream(on_stdout: nil, on_stderr: nil, request_timeout: nil, &block)
      consume(stream_entrypoint_logs(request_timeout: request_timeout), on_stdout, on_stderr, &block)
    end

    # Hands the log of the sandbox's entrypoint to callables, from its beginning, and returns when it ends.
    #
    # @param on_stdout [#call, nil] Called with each piece of standard output.
    # @param on_stderr [#call, nil] Called with each piece of standard error.
    # @param request_timeout [Numeric, nil] Seconds opening the stream may take; 0 = no limit.
    # @return [void]
    # @see #follow_entrypoint_logs To go on meanwhile.
    def get_entrypoint_logs_async(on_stdout: nil, on_stderr: nil, request_timeout: nil)
      stream = stream_entrypoint_logs(request_timeout: request_timeout)
      stream.forward(on_stdout: on_stdout, on_stderr: on_stderr)
    end

    # Follows the log of the sandbox's entrypoint in the background; see {follow_session_command_logs}.
    #
    # @param on_stdout [#call, nil] Called with each piece of standard output, on a thread of its own.
    # @param on_stderr [#call, nil] Called with each piece of standard error, on the same thread.
    # @param request_timeout [Numeric, nil] Seconds opening the stream may take; 0 = no limit.
    # @return [LogFollower]
    def follow_entrypoint_logs(on_stdout: nil, on_stderr: nil, request_timeout: nil)
      stream = stream_entrypoint_logs(request_timeout: request_timeout)
      LogFollower.new(stream, on_stdout: on_stdout, on_stderr: on_stderr)
    end

    # Starts a command as a process of its own and returns at once. It runs until it ends, is killed or released,
    # whether anybody reads its output or not; release it when it is no longer needed. With a block, yields the process
    # and releases it afterwards.
    #
    # @param command [String]
    # @param cwd [String, nil] Working directory. Default: the sandbox's.
    # @param env [Hash{String => String}, nil] Environment variables on top of the sandbox's; they reach the process
    #   through a pipe, never through a file. Also `envs:`, `env_vars:`.
    # @param stdin [Boolean, nil] Whether standard input is open for writing. Default: false, which is at end of file
    #   from the start.
    # @param request_timeout [Numeric, nil] Seconds the call may take; 0 = no limit.
    # @yieldparam process [SpawnedProcess]
    # @return [SpawnedProcess, Object] The process, or what the block returns.
    # @raise [Sdk::InvalidArgumentError] For an empty command or a bad variable name.
    both_forms def spawn(
      command, cwd: nil, env: nil, envs: nil, env_vars: nil, stdin: nil, request_timeout: nil
    )
      process = nil
      handed_out = false
      # An interrupt that comes when the process is there already must find it, to release it.
      Thread.handle_interrupt(Object => :on_blocking) do
        info = super(command, cwd: cwd, env: env || envs || env_vars, stdin: stdin, request_timeout: request_timeout)
        process = SpawnedProcess.new(self, info)
      end
      handed_out = !block_given?
      block_given? ? yield(process) : process
    ensure
      process&.release unless handed_out
    end

    # Returns the processes started with {spawn}, by whomever, that have not been released.
    #
    # @param request_timeout [Numeric, nil] Seconds the call may take; 0 = no limit.
    # @return [Array<SpawnedProcess>]
    def list_spawned(request_timeout: nil)
      super.map { |info| SpawnedProcess.new(self, info) }
    end

    # Returns a process started with {spawn}, to attach to it again, from anywhere.
    #
    # @param process_id [String]
    # @param request_timeout [Numeric, nil] Seconds the call may take; 0 = no limit.
    # @return [SpawnedProcess]
    # @raise [Sdk::ProcessNotFoundError] When there is none: it was never started, or has been released.
    both_forms def get_spawned(process_id, request_timeout: nil)
      SpawnedProcess.new(self, super)
    end
    alias_both_forms :attach, :get_spawned

    # Opens one output of a process.
    #
    # @param info [ProcessInfo]
    # @param channel [Symbol] `:stdout` or `:stderr`.
    # @return [ProcessOutput, Object]
    # @api private
    def open_output(info, channel, follow: true, &block)
      args = { 'process' => info.to_wire([]), 'options' => { 'channel' => channel, 'follow' => follow } }
      ProcessOutput.open(open_stream('process.stream_output', args), self, &block)
    end

    # Waits until the log of a session's command has a matching line, looking from its beginning.
    #
    # @param session_id [String]
    # @param command_id [String]
    # @param pattern [String, Regexp] Text that the line contains, or a regular expression in the common syntax: without
    #   look-around and back-references.
    # @param regex [Boolean, nil] Whether a pattern given as text is a regular expression. Default: false.
    # @param channel [Symbol, String, nil] `:stdout` or `:stderr`. Default: both.
    # @param timeout [Numeric, nil] Seconds to wait; 0 = no limit. Default: 60.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [String] The line, as far as it was written.
    # @raise [Sdk::InvalidArgumentError] For a regular expression that is not understood.
    # @raise [Sdk::NotFoundError] When there is no such command.
    # @raise [Sdk::CommandAlreadyCompletedError] When it ends without such a line.
    # @raise [Sdk::TimeoutError] After `timeout` seconds.
    both_forms def wait_for_log(
      session_id, command_id, pattern, regex: nil, channel: nil, timeout: nil, request_timeout: nil
    )
      if pattern.is_a?(Regexp)
        pattern = expression(pattern)
        regex = true
      end
      super(session_id, command_id, pattern, regex: regex, channel: channel, timeout: timeout,
                                             request_timeout: request_timeout)
    end

    # Creates a terminal session and connects to it. With a block, yields the handle and kills the session afterwards.
    #
    # @param id [String] Id of the session. Also `session_id:`.
    # @param cwd [String, nil] Working directory. Default: the sandbox's.
    # @param envs [Hash{String => String}, nil] Environment variables on top of the sandbox's. Also `env:`, `env_vars:`.
    # @param pty_size [PtySize, Hash, nil] Size; also as `rows:` and `cols:`. Default: 24 lines of 80 columns.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @yieldparam pty [PtyHandle]
    # @return [PtyHandle, Object] The handle, or what the block returns.
    # @raise [Sdk::ConflictError] When the id is taken.
    # @raise [Sdk::InvalidArgumentError] For a size outside 1 to 1000.
    # @raise [Sdk::ConnectionError] When the terminal cannot be reached.
    both_forms def create_pty_session(
      session_id = nil, id: session_id, cwd: nil, envs: nil, env: nil, env_vars: nil, pty_size: nil,
      rows: nil, cols: nil, request_timeout: nil, &block
    )
      size = pty_size && PtySize.coerce(pty_size)
      # Without the block: it ends differently here.
      pty = super(
        id, cwd: cwd, envs: envs || env || env_vars, rows: size&.rows || rows, cols: size&.cols || cols,
            request_timeout: request_timeout, &nil
      )
      block ? killed_afterwards(pty, &block) : pty
    end
    alias_both_forms :create_pty, :create_pty_session

    # Connects to a terminal session; only output from now on is seen. With a block, yields the handle and disconnects
    # afterwards.
    #
    # @param session_id [String]
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @yieldparam pty [PtyHandle]
    # @return [PtyHandle, Object] The handle, or what the block returns.
    # @raise [Sdk::NotFoundError] When there is none.
    # @raise [Sdk::ConnectionError] When it cannot be reached.
    both_forms def connect_pty_session(session_id, request_timeout: nil, &block)
      super
    end
    alias_both_forms :connect_pty, :connect_pty_session

    # Changes the size of a terminal.
    #
    # @param session_id [String]
    # @param pty_size [PtySize, Hash, Integer, nil] Size, or the number of columns followed by that of lines. Also as
    #   `rows:` and `cols:`.
    # @param request_timeout [Numeric, nil] Seconds the whole call may take; 0 = no limit.
    # @return [PtySessionInfo]
    # @raise [Sdk::InvalidArgumentError] For a size outside 1 to 1000.
    # @raise [Sdk::NotFoundError] When there is no such session.
    both_forms def resize_pty_session(
      session_id, pty_size = nil, lines = nil, rows: lines, cols: nil, request_timeout: nil
    )
      cols = pty_size if pty_size.is_a?(Integer)
      size = pty_size && !pty_size.is_a?(Integer) ? PtySize.coerce(pty_size) : PtySize.new(rows: rows, cols: cols)
      super(session_id, size.rows, size.cols, request_timeout: request_timeout)
    end

    both_forms def kill_pty_session(session_id, request_timeout: nil)
      super
    end
    alias_both_forms :delete_pty_session, :kill_pty_session

    private

    # A regular expression as text, with its flags; Ruby's `m` is `s` elsewhere.
    def expression(pattern)
      flags = { 'i' => Regexp::IGNORECASE, 's' => Regexp::MULTILINE, 'x' => Regexp::EXTENDED }
      set = flags.select { |_, bit| pattern.options.anybits?(bit) }.keys.join
      set.empty? ? pattern.source : "(?#{set})#{pattern.source}"
    end

    def consume(stream, on_stdout, on_stderr)
      if block_given?
        begin
          yield stream
        ensure
          stream.close
        end
      elsif on_stdout || on_stderr
        stream.forward(on_stdout: on_stdout, on_stderr: on_stderr)
      else
        stream
      end
    end

    def killed_afterwards(pty)
      yield pty
    ensure
      begin
        pty.kill
      rescue Sdk::NotFoundError, Sdk::GoneError
        # It has ended by itself.
      end
      pty.disconnect
    end
  end
end
