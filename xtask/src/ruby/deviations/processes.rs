//! Methods of processes, sessions and terminals.

use super::{ARG, Arg, FORM, Form, Shape};

const NOTHING: Option<(&str, &str, &str)> = Some(("void", "void", ""));
const SPAWNED: Option<(&str, &str, &str)> = Some(("SpawnedProcess", "SpawnedProcess", ""));
const FOLLOWER: Option<(&str, &str, &str)> =
    Some(("LogFollower", "LogFollower", "Its `join` waits for the end, its `close` stops following."));
const STREAMED: Option<(&str, &str, &str)> =
    Some(("LogStream, Object, nil", "LogStream", "The stream, what the block returns, or nil after callables."));
const NO_LIMIT: Arg = Arg { name: "timeout", doc: "Seconds to wait; 0 = no limit. Default: no limit.", ..ARG };
const TEXT: Option<(&str, &str)> = Some(("#call, nil", "_OnText?"));
const CALLBACKS: [Arg; 2] = [
    Arg {
        name: "on_stdout",
        shape: Shape::Keyword("nil"),
        types: TEXT,
        doc: "Called with each piece of standard output, as text.",
        ..ARG
    },
    Arg {
        name: "on_stderr",
        shape: Shape::Keyword("nil"),
        types: TEXT,
        doc: "Called with each piece of standard error, as text.",
        ..ARG
    },
];
const CHANNEL: Arg = Arg {
    name: "channel",
    types: Some(("Symbol, String, nil", "(Symbol | String)?")),
    doc: "`:stdout` or `:stderr`. Default: both.",
    ..ARG
};
const PATTERN: Arg = Arg {
    name: "pattern",
    value: "Wire.pattern(pattern)",
    types: Some(("String, Regexp", "String | Regexp")),
    doc: "Text that the line contains, or a regular expression in the common syntax: without look-around and \
          back-references.",
    ..ARG
};
const REGEX: Arg = Arg { name: "regex", value: "pattern.is_a?(Regexp) || regex", ..ARG };
const LOGS_NOTE: &str = "With callables, calls them with pieces of text and returns when the log ends; with a block, \
                         yields the stream and closes it; otherwise returns the stream.";

pub const FORMS: &[Form] = &[
    // Processes.
    Form {
        op: "process.code_run",
        args: &[
            Arg {
                name: "params",
                shape: Shape::Position("nil"),
                types: Some(("CodeRunParams, Hash, nil", "(CodeRunParams | Hash[Symbol, untyped])?")),
                doc: "`argv` and `env` together.",
                ..ARG
            },
            Arg {
                name: "language",
                shape: Shape::Keyword("nil"),
                value: "(language || self.language).to_s",
                types: Some(("String, Symbol, nil", "(String | Symbol)?")),
                doc: "A value of {CodeLanguage}. Default: the sandbox's.",
                ..ARG
            },
            Arg { name: "argv", value: "argv || params.argv", ..ARG },
            Arg { name: "env", value: "env || envs || env_vars || params.env", ..ARG },
        ],
        before: &["params = CodeRunParams.coerce(params || {})"],
        ..FORM
    },
    Form {
        op: "process.create_pty",
        args: &[
            Arg { name: "session_id", also: &["id"], ..ARG },
            Arg {
                name: "pty_size",
                shape: Shape::Keyword("nil"),
                types: Some(("PtySize, Hash, nil", "(PtySize | Hash[Symbol, untyped])?")),
                doc: "Size, instead of `rows` and `cols`.",
                ..ARG
            },
            Arg { name: "rows", value: "size&.rows || rows", ..ARG },
            Arg { name: "cols", value: "size&.cols || cols", ..ARG },
        ],
        before: &["size = pty_size && PtySize.coerce(pty_size)"],
        result: "killed_afterwards({}, &block)",
        block: Some(("pty", "PtyHandle", "Its session is killed after the block.")),
        ..FORM
    },
    Form { op: "process.connect_pty", block: Some(("pty", "PtyHandle", "Disconnected after the block.")), ..FORM },
    Form {
        op: "process.resize_pty_session",
        args: &[
            Arg {
                name: "pty_size",
                shape: Shape::Position("nil"),
                types: Some(("PtySize, Hash, Integer, nil", "(PtySize | Hash[Symbol, untyped] | Integer)?")),
                doc: "Size, or the number of columns.",
                ..ARG
            },
            Arg {
                name: "lines",
                shape: Shape::Position("nil"),
                types: Some(("Integer, nil", "Integer?")),
                doc: "The number of lines after that of columns.",
                ..ARG
            },
            Arg {
                name: "rows",
                shape: Shape::Keyword("lines"),
                value: "size.rows",
                types: Some(("Integer, nil", "Integer?")),
                ..ARG
            },
            Arg {
                name: "cols",
                shape: Shape::Keyword("nil"),
                value: "size.cols",
                types: Some(("Integer, nil", "Integer?")),
                ..ARG
            },
        ],
        before: &["size = PtySize.of(pty_size, rows, cols)"],
        ..FORM
    },
    Form {
        op: "process.execute_session_command",
        args: &[
            Arg {
                name: "request",
                types: Some((
                    "SessionExecuteRequest, Hash, String",
                    "SessionExecuteRequest | Hash[Symbol, untyped] | String",
                )),
                ..ARG
            },
            NO_LIMIT,
        ],
        ..FORM
    },
    Form { op: "process.stream_session_command_logs", ..FORM },
    Form {
        op: "process.stream_session_command_logs",
        name: "get_session_command_logs_stream",
        note: LOGS_NOTE,
        args: &CALLBACKS,
        result: "consume({}, on_stdout, on_stderr, &block)",
        returns: STREAMED,
        ..FORM
    },
    Form {
        op: "process.stream_session_command_logs",
        name: "get_session_command_logs_async",
        note: "Hands the log to callables and returns when it ends.",
        args: &CALLBACKS,
        result: "{}.forward(on_stdout: on_stdout, on_stderr: on_stderr)",
        returns: NOTHING,
        ..FORM
    },
    Form {
        op: "process.stream_session_command_logs",
        name: "follow_session_command_logs",
        note: "Hands the log to callables in the background, on a thread of its own, and returns at once.",
        args: &CALLBACKS,
        result: "LogFollower.new({}, on_stdout: on_stdout, on_stderr: on_stderr)",
        returns: FOLLOWER,
        ..FORM
    },
    Form { op: "process.stream_entrypoint_logs", ..FORM },
    Form {
        op: "process.stream_entrypoint_logs",
        name: "get_entrypoint_logs_stream",
        note: LOGS_NOTE,
        args: &CALLBACKS,
        result: "consume({}, on_stdout, on_stderr, &block)",
        returns: STREAMED,
        ..FORM
    },
    Form {
        op: "process.stream_entrypoint_logs",
        name: "get_entrypoint_logs_async",
        note: "Hands the log to callables and returns when it ends.",
        args: &CALLBACKS,
        result: "{}.forward(on_stdout: on_stdout, on_stderr: on_stderr)",
        returns: NOTHING,
        ..FORM
    },
    Form {
        op: "process.stream_entrypoint_logs",
        name: "follow_entrypoint_logs",
        note: "Hands the log to callables in the background, on a thread of its own, and returns at once.",
        args: &CALLBACKS,
        result: "LogFollower.new({}, on_stdout: on_stdout, on_stderr: on_stderr)",
        returns: FOLLOWER,
        ..FORM
    },
    Form { op: "process.wait_for_log", args: &[PATTERN, REGEX, CHANNEL], ..FORM },
    Form {
        op: "process.spawn",
        result: "released_afterwards(block) { SpawnedProcess.new(self, {}) }",
        returns: SPAWNED,
        block: Some(("process", "SpawnedProcess", "Released after the block.")),
        ..FORM
    },
    Form {
        op: "process.list_spawned",
        result: "{}.map { |info| SpawnedProcess.new(self, info) }",
        returns: Some(("Array<SpawnedProcess>", "Array[SpawnedProcess]", "")),
        ..FORM
    },
    Form { op: "process.get_spawned", result: "SpawnedProcess.new(self, {})", returns: SPAWNED, ..FORM },
    // A process.
    Form {
        op: "process.stream_output",
        args: &[
            CHANNEL,
            Arg { name: "follow", shape: Shape::Keyword("true"), types: Some(("Boolean", "bool")), ..ARG },
        ],
        ..FORM
    },
    Form { op: "process.write_stdin", private: true, ..FORM },
    Form { op: "process.wait_spawned", args: &[NO_LIMIT], result: "info.exit_code ||= {}", ..FORM },
    Form {
        op: "process.signal_spawned",
        args: &[Arg {
            name: "signal",
            value: "signal.to_s",
            types: Some(("String, Symbol, Integer", "String | Symbol | Integer")),
            doc: "`'SIGTERM'`, `:TERM` or 15.",
            ..ARG
        }],
        ..FORM
    },
    Form { op: "process.release_spawned", result: "close_outputs", ..FORM },
    Form {
        op: "process.wait_for_log",
        class: "SpawnedProcess",
        doc: "Waits until a line of the output matches, looking from the beginning.",
        args: &[
            Arg { name: "session_id", shape: Shape::Hidden, sent: "info.session_id", ..ARG },
            Arg { name: "command_id", shape: Shape::Hidden, sent: "info.command_id", ..ARG },
            PATTERN,
            REGEX,
            CHANNEL,
        ],
        ..FORM
    },
];
