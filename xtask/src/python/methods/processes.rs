//! What runs in a sandbox.

use super::{Class, Method};

const LOG_ARGUMENTS: &[(&str, &str)] =
    &[("pattern", "text"), ("regex", "is_regex"), ("channel", "None if channel is None else OutputChannel(channel)")];
const LOG_PATTERN: &[&str] = &["text, is_regex = log_pattern(pattern, regex)"];
const SPAWNED: &[&str] = &["return {A}SpawnedProcess({}, self)"];
const ENV: &[(&str, &str)] = &[("env", "environment(env, envs, env_vars)")];

pub const PROCESS: Class = Class {
    name: "Process",
    module: "process",
    doc: "",
    service: "process",
    base: "{A}Service",
    head: &[
        "__slots__ = (\"_language\",)",
        "",
        "def __init__(self, client: Client, target: str, language: str = \"python\") -> None:",
        "    super().__init__(client, target)",
        "    self._language = language",
    ],
    on: "",
    receiver: &[],
    methods: &[
        Method { signature: "command cwd env timeout * envs env_vars", arguments: ENV, ..Method::of("process.exec") },
        Method {
            signature: "code params timeout * language argv env",
            prepare: &["params = CodeRunParams.given(\"params\", params or {})"],
            arguments: &[
                ("language", "language or self._language"),
                ("argv", "params.argv if argv is None else argv"),
                ("env", "params.env if env is None else env"),
            ],
            ..Method::of("process.code_run")
        },
        Method {
            signature: "id cwd envs pty_size * on_data env env_vars ; id on_data cwd envs pty_size * env env_vars",
            prepare: &["rows, cols = rows_and_cols(pty_size)"],
            arguments: &[
                ("session_id", "id"),
                ("envs", "environment(envs, env, env_vars)"),
                ("rows", "rows"),
                ("cols", "cols"),
            ],
            then: &["return {A}PtyHandle(self, id, {}, on_data)"],
            returns: "{A}PtyHandle",
            ..Method::of("process.create_pty")
        },
        Method {
            signature: "session_id on_data",
            then: &["return {A}PtyHandle(self, session_id, {}, on_data)"],
            returns: "{A}PtyHandle",
            ..Method::of("process.connect_pty")
        },
        Method {
            signature: "session_id pty_size rows * cols",
            prepare: &["size = size_of(pty_size, rows, cols)"],
            arguments: &[("rows", "size.rows"), ("cols", "size.cols")],
            ..Method::of("process.resize_pty_session")
        },
        Method {
            signature: "session_id req timeout",
            arguments: &[("request", "session_request(req)")],
            ..Method::of("process.execute_session_command")
        },
        Method {
            signature: "session_id command_id",
            call: "{A}LogStream(lambda: self._stream_session_command_logs(session_id, command_id))",
            returns: "{A}LogStream",
            plain: true,
            doc: "Returns the log of a command from its beginning, live until the command ends: iterate over it.\n\nThe stream is opened when it is first read; errors appear there.",
            ..Method::of("process.stream_session_command_logs")
        },
        Method {
            signature: " ",
            call: "{A}LogStream(self._stream_entrypoint_logs)",
            returns: "{A}LogStream",
            plain: true,
            doc: "Returns the log of the sandbox's entrypoint from its beginning, live until it ends: iterate over it.\n\nThe stream is opened when it is first read; errors appear there.",
            ..Method::of("process.stream_entrypoint_logs")
        },
        Method {
            name: "get_session_command_logs_stream",
            side: "async",
            signature: "session_id command_id",
            call: "self.stream_session_command_logs(session_id, command_id)",
            returns: "{A}LogStream",
            plain: true,
            doc: "The same as `stream_session_command_logs`.",
            ..Method::of("process.stream_session_command_logs")
        },
        Method {
            name: "get_session_command_logs_stream",
            side: "sync",
            signature: "session_id command_id on_stdout on_stderr",
            overloads: &[
                ("session_id: str, command_id: str", "{A}LogStream"),
                (
                    "session_id: str, command_id: str, on_stdout: Callable[[str], Any] | None, on_stderr: Callable[[str], Any] | None = None",
                    "None",
                ),
            ],
            call: "follow_log(self.stream_session_command_logs(session_id, command_id), on_stdout, on_stderr)",
            returns: "{A}LogStream | None",
            doc: "Follows the log of a command from its beginning until the command ends: with handlers it blocks until then, without it returns a stream to iterate over.",
            ..Method::of("process.stream_session_command_logs")
        },
        Method {
            name: "get_session_command_logs_async",
            signature: "session_id command_id on_stdout on_stderr",
            call: "asynchronous(self).get_session_command_logs_async(session_id, command_id, on_stdout, on_stderr) ; self.stream_session_command_logs(session_id, command_id).deliver(on_stdout, on_stderr)",
            returns: "None",
            coroutine: true,
            doc: "Follows the log of a command from its beginning until the command ends, without blocking the event loop.",
            ..Method::of("process.stream_session_command_logs")
        },
        Method {
            name: "get_entrypoint_logs_async",
            signature: "on_stdout on_stderr",
            call: "asynchronous(self).get_entrypoint_logs_async(on_stdout, on_stderr) ; self.stream_entrypoint_logs().deliver(on_stdout, on_stderr)",
            returns: "None",
            coroutine: true,
            doc: "Follows the log of the sandbox's entrypoint from its beginning until it ends, without blocking the event loop.",
            ..Method::of("process.stream_entrypoint_logs")
        },
        Method {
            signature: "command cwd env * stdin envs env_vars",
            arguments: ENV,
            then: SPAWNED,
            returns: "{A}SpawnedProcess",
            ..Method::of("process.spawn")
        },
        Method {
            signature: " ",
            then: &["return [{A}SpawnedProcess(info, self) for info in {}]"],
            returns: "list[{A}SpawnedProcess]",
            ..Method::of("process.list_spawned")
        },
        Method {
            signature: "process_id",
            then: SPAWNED,
            returns: "{A}SpawnedProcess",
            ..Method::of("process.get_spawned")
        },
        Method {
            signature: "session_id command_id pattern timeout * regex channel",
            prepare: LOG_PATTERN,
            arguments: LOG_ARGUMENTS,
            ..Method::of("process.wait_for_log")
        },
    ],
};

pub const SPAWNED_PROCESS: Class = Class {
    name: "SpawnedProcessMethods",
    module: "spawned_process",
    doc: "What can be done with a process.",
    service: "process",
    base: "ProcessInfo",
    head: &["__slots__ = (\"_ops\",)", "", "_ops: {A}Process"],
    on: "self._ops.",
    receiver: &[("process", "self"), ("session_id", "self.session_id"), ("command_id", "self.command_id")],
    methods: &[
        Method {
            signature: "data",
            arguments: &[("data", "text_or_bytes(\"input\", data)")],
            ..Method::of("process.write_stdin")
        },
        Method { signature: " ", ..Method::of("process.close_stdin") },
        Method {
            signature: "signal",
            arguments: &[("signal", "signal_name(signal)")],
            ..Method::of("process.signal_spawned")
        },
        Method {
            signature: "pattern timeout * regex channel",
            prepare: LOG_PATTERN,
            arguments: LOG_ARGUMENTS,
            ..Method::of("process.wait_for_log")
        },
        Method {
            name: "poll",
            signature: " ",
            arguments: &[("process_id", "self.id")],
            then: &["info = {}", "self.exit_code = info.exit_code", "return self.exit_code"],
            returns: "int | None",
            doc: "Looks once whether the process has ended: its exit code, or `None` while it runs.",
            errors: "`NotFound` when it has been released.",
            ..Method::of("process.get_spawned")
        },
        Method {
            name: "terminate",
            signature: " ",
            arguments: &[("signal", "\"SIGTERM\"")],
            doc: "Asks the process and everything it started to end (`SIGTERM`).",
            errors: "`NotFound` when it has been released.",
            ..Method::of("process.signal_spawned")
        },
        Method {
            name: "kill",
            signature: " ",
            arguments: &[("signal", "\"SIGKILL\"")],
            doc: "Kills the process and everything it started (`SIGKILL`); its output stays readable.",
            errors: "`NotFound` when it has been released.",
            ..Method::of("process.signal_spawned")
        },
        Method { signature: " ", ..Method::of("process.release_spawned") },
    ],
};

pub const CODE_INTERPRETER: Class = Class {
    name: "CodeInterpreter",
    module: "code_interpreter",
    doc: "",
    service: "code_interpreter",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[
        Method {
            signature: "code * context on_stdout on_stderr on_error envs timeout",
            arguments: &[("context_id", "context_id(context)")],
            then: &["return {await}run({}, on_stdout, on_stderr, on_error)"],
            returns: "ExecutionResult",
            ..Method::of("code_interpreter.run_code")
        },
        Method {
            signature: "context",
            arguments: &[("context_id", "context_id(context)")],
            ..Method::of("code_interpreter.delete_context")
        },
    ],
};
