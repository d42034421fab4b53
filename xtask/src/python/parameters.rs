//! Parameters of Python's public methods that differ from the core's.

/// A parameter that differs from the core's of that name, or has none there.
pub struct Parameter {
    /// `name`, `service.name`, `service.operation.name` or `method.name`: the most exact is taken.
    pub key: &'static str,
    pub annotation: &'static str,
    /// Nothing when it is required.
    pub default: &'static str,
    /// The core's when there is nothing.
    pub doc: &'static str,
}

const fn parameter(key: &'static str, annotation: &'static str, default: &'static str, doc: &'static str) -> Parameter {
    Parameter { key, annotation, default, doc }
}

const SAME_AS_ENV: &str = "The same as `env`.";
const SAME_AS_ENVS: &str = "The same as `envs`.";

/// Parameters in Python's form.
pub const PARAMETERS: &[Parameter] = &[
    parameter("sandbox.timeout", "float | None", "60.0", "Seconds to wait; 0 or `None` = no limit."),
    parameter(
        "sandbox.create.params",
        "CreateSandboxBaseParams | None",
        "None",
        "`CreateSandboxFromSnapshotParams` or `CreateSandboxFromImageParams`; their fields may be given as keywords instead. Default: a sandbox from the server's default snapshot.",
    ),
    parameter(
        "client.timeout",
        "float | None",
        "60.0",
        "Seconds to wait for the sandbox to start; 0 or `None` = no limit.",
    ),
    parameter("sandbox.create.wait_for_start", "bool", "True", ""),
    parameter("sandbox.create.keep", "bool", "False", ""),
    parameter(
        "on_snapshot_create_logs",
        "Callable[[str], Any] | None",
        "None",
        "Called with each line of the log while an image is built for the sandbox; in the asynchronous client it may be a coroutine function.",
    ),
    parameter("**fields", "Unpack[CreateFields]", "", "The fields of `params` as keywords."),
    parameter("sandbox.get.sandbox_id_or_name", "str", "", "Id or name of the sandbox."),
    parameter("sandbox.find_one.sandbox_id_or_name", "str | None", "None", "Id or name of the sandbox."),
    parameter("sandbox.find_one.id_or_name", "str | None", "None", "The same as `sandbox_id_or_name`."),
    parameter("sandbox.find_one.labels", "dict[str, str] | None", "None", "Labels it must have, all of them."),
    parameter("sandbox.list_page.labels", "ListSandboxesQuery | dict[str, str] | None", "None", ""),
    parameter("query", "ListSandboxesQuery | None", "None", "Filters and order, for iteration."),
    parameter("sandbox", "{A}Sandbox", "", "The sandbox."),
    parameter("sandbox.stop.force", "bool", "False", ""),
    parameter("sandbox.delete.wait", "bool", "False", ""),
    parameter("sandbox.network_block_all", "bool | None", "None", ""),
    parameter("sandbox.network_allow_list", "str | None", "None", ""),
    parameter("sandbox.domain_allow_list", "str | None", "None", ""),
    parameter("snapshot.timeout", "float | None", "0", ""),
    parameter(
        "snapshot.params",
        "CreateSnapshotParams | Mapping[str, Any]",
        "",
        "`CreateSnapshotParams`, or a dictionary of its fields.",
    ),
    parameter(
        "on_logs",
        "Callable[[str], Any] | None",
        "None",
        "Called with each line of the log while the image is fetched or built; in the asynchronous client it may be a coroutine function.",
    ),
    parameter("snapshot.get.name", "str", "", "Id or name of the snapshot."),
    parameter("snapshot.snapshot", "Snapshot | str", "", "The snapshot, or its id or name."),
    parameter("process.envs", "dict[str, str] | None", "None", SAME_AS_ENV),
    parameter("process.env_vars", "dict[str, str] | None", "None", SAME_AS_ENV),
    parameter("process.create_pty.envs", "dict[str, str] | None", "None", ""),
    parameter("process.create_pty.env", "dict[str, str] | None", "None", SAME_AS_ENVS),
    parameter("process.create_pty.env_vars", "dict[str, str] | None", "None", SAME_AS_ENVS),
    parameter("process.create_pty.id", "str", "", "Id of the session."),
    parameter("process.spawn.stdin", "bool", "False", ""),
    parameter(
        "process.code_run.params",
        "CodeRunParams | None",
        "None",
        "Arguments and environment variables; `argv` and `env` are the same as keywords.",
    ),
    parameter(
        "process.code_run.language",
        "CodeLanguage | str | None",
        "None",
        "`python`, `typescript` or `javascript`. Default: the sandbox's.",
    ),
    parameter("process.pty_size", "PtySize | int | None", "None", "The size, or its columns when `rows` is given too."),
    parameter("process.create_pty.pty_size", "PtySize | None", "None", "Size. Default: 80 columns, 24 rows."),
    parameter("process.resize_pty_session.rows", "int | None", "None", "Lines, 1 to 1000."),
    parameter("process.resize_pty_session.cols", "int | None", "None", "Columns, 1 to 1000."),
    parameter(
        "on_data",
        "Callable[[bytes], Any] | None",
        "None",
        "Called with output as it comes, on a thread of its own; in the asynchronous client on a task, and it may be a coroutine function. Default: read the output from the handle.",
    ),
    parameter(
        "process.req",
        "SessionExecuteRequest | Mapping[str, Any] | str",
        "",
        "`SessionExecuteRequest`, a dictionary of its fields, or the command's text.",
    ),
    parameter(
        "process.pattern",
        "str | Pattern[str]",
        "",
        "A text, or a regular expression: a compiled one, or text with `regex`.",
    ),
    parameter("process.wait_for_log.regex", "bool", "False", ""),
    parameter(
        "process.wait_for_log.channel",
        "OutputChannel | str | None",
        "None",
        "`stdout` or `stderr`. Default: both.",
    ),
    parameter("process.write_stdin.data", "str | Bytes", "", "The input; text is sent as UTF-8."),
    parameter("process.signal_spawned.signal", "int | str", "", "`signal.SIGTERM`, 15, `\"SIGTERM\"` or `\"TERM\"`."),
    parameter("fs.timeout", "float", "1800.0", ""),
    parameter(
        "fs.upload_file.file",
        "Bytes | LocalPath | Readable | None",
        "None",
        "The content as bytes, a local path (streamed, not loaded), or a binary file object.",
    ),
    parameter("fs.upload_file.remote_path", "str", "\"\"", "Path in the sandbox."),
    parameter("fs.upload_file.local_path", "LocalPath | None", "None", "A local path, instead of `file`."),
    parameter("source", "{A}UploadSource", "", "Bytes, a local path, a binary file object, or an iterable of bytes."),
    parameter("upload.on_progress", "Callable[[UploadProgress], Any] | None", "None", "Called after every piece."),
    parameter(
        "download.on_progress",
        "Callable[[DownloadProgress], Any] | None",
        "None",
        "Called for every piece, before it is handed out.",
    ),
    parameter(
        "fs.on_progress",
        "Callable[[DirectoryProgress], Any] | None",
        "None",
        "Called some ten times a second and at the end.",
    ),
    parameter("cancel_event", "CancelEvent | None", "None", "Gives the transfer up when it is set."),
    parameter("fs.download_file.local_path", "Any", "None", "Local path to write to. Default: return the content."),
    parameter("fs.upload_dir.local_path", "LocalPath", "", "The local directory."),
    parameter("fs.download_dir.local_path", "LocalPath", "", "The local directory."),
    parameter(
        "code_interpreter.context",
        "InterpreterContext | str | None",
        "None",
        "The context to run in, or its id. Default: the sandbox's default context.",
    ),
    parameter("code_interpreter.delete_context.context", "InterpreterContext | str", "", "The context, or its id."),
    parameter(
        "code_interpreter.on_stdout",
        "Callable[[OutputMessage], Any] | None",
        "None",
        "Called with standard output as it comes.",
    ),
    parameter(
        "code_interpreter.on_stderr",
        "Callable[[OutputMessage], Any] | None",
        "None",
        "Called with standard error as it comes.",
    ),
    parameter(
        "code_interpreter.on_error",
        "Callable[[ExecutionError], Any] | None",
        "None",
        "Called with the exception that ended the run.",
    ),
    parameter(
        "lsp.position",
        "LspCompletionPosition | Mapping[str, int]",
        "",
        "Place in the file, from 0; a dictionary will do.",
    ),
    parameter("mouse.button", "str", "\"left\"", ""),
    parameter("mouse.double", "bool", "False", ""),
    parameter("mouse.amount", "int", "1", ""),
    parameter("screenshot.show_cursor", "bool", "False", ""),
    parameter(
        "screenshot.take_compressed.options",
        "ScreenshotOptions | None",
        "None",
        "Format, quality, size and pointer. Default: a PNG of full size without the pointer.",
    ),
    parameter(
        "screenshot.take_compressed_region.options",
        "ScreenshotOptions | None",
        "None",
        "Format, quality, size and pointer. Default: a PNG of full size without the pointer.",
    ),
    parameter("on_stdout", "Callable[[str], Any] | None", "None", "Called with text of the standard output."),
    parameter("on_stderr", "Callable[[str], Any] | None", "None", "Called with text of the standard error."),
];
