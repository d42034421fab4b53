//! Python's form of the public methods: where it differs from the core's, and what only Python has.
//!
//! An operation that is not listed here is a method of its service with the core's name, parameters, and documentation. In
//! text, `{A}` is `Async` in the asynchronous form and nothing in the synchronous one, `{await}` likewise.

/// A public class and the operations it takes from a service.
pub struct Class {
    pub name: &'static str,
    /// Module it is generated in.
    pub module: &'static str,
    /// Documentation, when it is not the service's.
    pub doc: &'static str,
    /// Service whose operations these are.
    pub service: &'static str,
    /// What it extends.
    pub base: &'static str,
    /// Attributes of its own and how they are set; a service has none.
    pub head: &'static [&'static str],
    /// Where the operations of the service are, in front of the method: `self.` or an attribute.
    pub on: &'static str,
    /// Parameters that the object itself stands for.
    pub receiver: &'static [(&'static str, &'static str)],
    /// The methods. Operations that no class lists belong to the class of their service.
    pub methods: &'static [Method],
}

/// A method that differs.
pub struct Method {
    /// Operation it calls, and whose documentation it has.
    pub op: &'static str,
    /// Name, when it is not the operation's.
    pub name: &'static str,
    /// The side it is on, `sync` or `async`, when it is not on both.
    pub side: &'static str,
    /// Other names of the same.
    pub aliases: &'static [&'static str],
    /// Parameters, when they are not the operation's: names, `*` and `/`. `sync ; async` when they differ.
    pub signature: &'static str,
    /// Signatures of the overloads and their results.
    pub overloads: &'static [(&'static str, &'static str)],
    /// Lines in front of the call.
    pub prepare: &'static [&'static str],
    /// Arguments of the operation that are not simply the parameter of that name.
    pub arguments: &'static [(&'static str, &'static str)],
    /// The call as an expression, when it is not that of the operation. `sync ; async` when they differ.
    pub call: &'static str,
    /// What is done with the result, which is `{}`.
    pub then: &'static [&'static str],
    /// Annotation of the result, when it is not the operation's.
    pub returns: &'static str,
    /// Whether the asynchronous form is a plain function too.
    pub plain: bool,
    /// Whether the synchronous form is a coroutine function too.
    pub coroutine: bool,
    /// Documentation and errors, when they are not the operation's.
    pub doc: &'static str,
    pub errors: &'static str,
}

impl Method {
    /// One that does not differ.
    pub const fn plain() -> Self {
        Self::of("")
    }

    const fn of(op: &'static str) -> Self {
        Self {
            op,
            name: "",
            side: "",
            aliases: &[],
            signature: "",
            overloads: &[],
            prepare: &[],
            arguments: &[],
            call: "",
            then: &[],
            returns: "",
            plain: false,
            coroutine: false,
            doc: "",
            errors: "",
        }
    }
}

const ENV: &[(&str, &str)] = &[("env", "environment(env, envs, env_vars)")];
const SCREENSHOT: &[(&str, &str)] = &[
    ("show_cursor", "given.show_cursor"),
    ("format", "given.format"),
    ("quality", "given.quality"),
    ("scale", "given.scale"),
];
const SANDBOX: &[&str] = &["return {A}Sandbox({}, self._client)"];
const TAKE: &[&str] = &["self._take({})"];
const SPAWNED: &[&str] = &["return {A}SpawnedProcess({}, self)"];
const LOG_PATTERN: &[&str] = &["text, is_regex = log_pattern(pattern, regex)"];
const LOG_ARGUMENTS: &[(&str, &str)] =
    &[("pattern", "text"), ("regex", "is_regex"), ("channel", "None if channel is None else OutputChannel(channel)")];

/// The classes a program sees.
pub const CLASSES: &[Class] = &[
    Class {
        name: "DaytonaMethods",
        module: "client",
        doc: "What a client does.",
        service: "sandbox",
        base: "",
        head: &["__slots__ = (\"_client\", \"_ops\")", "", "_client: Client", "_ops: {A}SandboxesOps"],
        on: "self._ops.",
        receiver: &[],
        methods: &[
            Method {
                signature: "params * client.timeout wait_for_start keep on_snapshot_create_logs **fields",
                prepare: &[
                    "given = create_params(params, fields)",
                    "if on_snapshot_create_logs is not None:",
                    "    build = {await}self._ops.create_with_logs(given, timeout or 0, wait_for_start, keep)",
                    "    info = SandboxInfo.from_wire({await}built(build, on_snapshot_create_logs))",
                    "    return {A}Sandbox(info, self._client)",
                ],
                arguments: &[("params", "given")],
                then: SANDBOX,
                returns: "{A}Sandbox",
                ..Method::of("sandbox.create")
            },
            Method {
                signature: "sandbox_id_or_name",
                arguments: &[("id_or_name", "sandbox_id_or_name")],
                then: SANDBOX,
                returns: "{A}Sandbox",
                ..Method::of("sandbox.get")
            },
            Method {
                signature: "sandbox_id_or_name labels * id_or_name",
                arguments: &[("id_or_name", "id_or_name if sandbox_id_or_name is None else sandbox_id_or_name")],
                then: SANDBOX,
                returns: "{A}Sandbox",
                ..Method::of("sandbox.find_one")
            },
            Method {
                name: "list",
                signature: "labels page limit * query",
                overloads: &[
                    ("query: ListSandboxesQuery, /", "{A}PaginatedSandboxes"),
                    ("*, query: ListSandboxesQuery | None", "{A}PaginatedSandboxes"),
                    (
                        "labels: dict[str, str] | None = None, page: int | None = None, limit: int | None = None",
                        "{A}PaginatedSandboxes",
                    ),
                ],
                call: "{A}PaginatedSandboxes(self._client, *listing(labels, page, limit, query))",
                returns: "{A}PaginatedSandboxes",
                plain: true,
                doc: "Lists sandboxes: iterate over the result for all of them, or look at one page. The asynchronous client's is awaited for one page.",
                ..Method::of("sandbox.list_page")
            },
            Method {
                signature: "sandbox timeout",
                call: "sandbox.start(timeout)",
                returns: "None",
                ..Method::of("sandbox.start")
            },
            Method {
                signature: "sandbox timeout force",
                call: "sandbox.stop(timeout, force)",
                returns: "None",
                ..Method::of("sandbox.stop")
            },
            Method {
                signature: "sandbox timeout wait",
                call: "sandbox.delete(timeout, wait)",
                returns: "None",
                ..Method::of("sandbox.delete")
            },
            Method::of("sandbox.rate_limits"),
            Method::of("sandbox.verify_webhook"),
            Method::of("sandbox.poll_events"),
        ],
    },
    Class {
        name: "SandboxMethods",
        module: "sandbox",
        doc: "What can be done with a sandbox as a whole.",
        service: "sandbox",
        base: "SandboxInfo",
        head: &[
            "__slots__ = (\"_sandboxes\", \"fs\", \"process\")",
            "",
            "_sandboxes: {A}SandboxesOps",
            "fs: {A}FileSystem",
            "process: {A}Process",
            "",
            "def _take(self, info: SandboxInfo) -> None:",
            "    for name in SandboxInfo.__slots__:",
            "        setattr(self, name, getattr(info, name))",
            "",
            "def _another(self, info: SandboxInfo) -> Self:",
            "    raise NotImplementedError",
        ],
        on: "self._sandboxes.",
        receiver: &[("id_or_name", "self.id")],
        methods: &[
            Method {
                name: "refresh_data",
                aliases: &["refresh"],
                signature: " ",
                then: TAKE,
                returns: "None",
                doc: "Reads the description anew.",
                errors: "`NotFound` when the sandbox is gone.",
                ..Method::of("sandbox.get")
            },
            Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.start") },
            Method { signature: "timeout force", then: TAKE, returns: "None", ..Method::of("sandbox.stop") },
            Method { signature: "timeout wait", then: TAKE, returns: "None", ..Method::of("sandbox.delete") },
            Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.recover") },
            Method { signature: " ", then: TAKE, returns: "None", ..Method::of("sandbox.archive") },
            Method { signature: "resources timeout", then: TAKE, returns: "None", ..Method::of("sandbox.resize") },
            Method {
                signature: "timeout",
                then: TAKE,
                returns: "None",
                ..Method::of("sandbox.wait_for_resize_complete")
            },
            Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.pause") },
            Method {
                signature: "name timeout * keep",
                then: &["return self._another({})"],
                returns: "Self",
                ..Method::of("sandbox.fork")
            },
            Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.wait_for_start") },
            Method { signature: "timeout", then: TAKE, returns: "None", ..Method::of("sandbox.wait_for_stop") },
            Method {
                signature: "labels",
                then: &["self.labels = {}", "return self.labels"],
                ..Method::of("sandbox.set_labels")
            },
            Method {
                signature: "interval",
                then: &["{}", "self.auto_stop_interval = interval"],
                ..Method::of("sandbox.set_auto_stop_interval")
            },
            Method {
                signature: "interval",
                then: &["{}", "self.auto_archive_interval = interval"],
                ..Method::of("sandbox.set_auto_archive_interval")
            },
            Method {
                signature: "interval",
                then: &["{}", "self.auto_delete_interval = interval"],
                ..Method::of("sandbox.set_auto_delete_interval")
            },
            Method {
                signature: "interval",
                then: &["{}", "self.auto_pause_interval = interval"],
                ..Method::of("sandbox.set_auto_pause_interval")
            },
            Method { signature: "ttl_minutes", then: TAKE, returns: "None", ..Method::of("sandbox.set_ttl") },
            Method { signature: "is_public", then: TAKE, returns: "None", ..Method::of("sandbox.set_public") },
            Method { signature: "name timeout", then: TAKE, returns: "None", ..Method::of("sandbox.create_snapshot") },
            Method { signature: " ", ..Method::of("sandbox.refresh_activity") },
            Method { signature: "start end", ..Method::of("sandbox.get_metrics") },
            Method {
                signature: "* network_block_all network_allow_list domain_allow_list",
                prepare: &["settings = NetworkSettings(network_block_all, network_allow_list, domain_allow_list)"],
                arguments: &[("settings", "settings")],
                then: TAKE,
                returns: "None",
                ..Method::of("sandbox.update_network_settings")
            },
            Method { signature: "port", ..Method::of("sandbox.get_preview_link") },
            Method { signature: "port expires_in_seconds", ..Method::of("sandbox.create_signed_preview_url") },
            Method { signature: "port token", ..Method::of("sandbox.expire_signed_preview_url") },
            Method { signature: "expires_in_minutes", ..Method::of("sandbox.create_ssh_access") },
            Method { signature: "token", ..Method::of("sandbox.validate_ssh_access") },
            Method { signature: "token", ..Method::of("sandbox.revoke_ssh_access") },
            Method {
                signature: "port local_port",
                then: &["return {A}PortForward({})"],
                returns: "{A}PortForward",
                ..Method::of("sandbox.forward_port")
            },
            Method {
                signature: "set unset unset_value_prefix",
                call: "self.process.update_env(set, unset, unset_value_prefix)",
                ..Method::of("process.update_env")
            },
            Method {
                signature: " ",
                call: "self.process.get_metrics_latest()",
                ..Method::of("process.get_metrics_latest")
            },
            Method {
                signature: " ",
                aliases: &["get_user_root_dir"],
                call: "self.fs.get_user_home_dir()",
                ..Method::of("fs.get_user_home_dir")
            },
            Method {
                signature: " ",
                aliases: &["get_working_dir"],
                call: "self.fs.get_work_dir()",
                ..Method::of("fs.get_work_dir")
            },
        ],
    },
    Class {
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
            Method {
                signature: "command cwd env timeout * envs env_vars",
                arguments: ENV,
                ..Method::of("process.exec")
            },
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
    },
    Class {
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
    },
    Class {
        name: "FileSystem",
        module: "fs",
        doc: "",
        service: "fs",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[
            Method {
                signature: "file remote_path timeout * local_path upload.on_progress cancel_event",
                overloads: &[
                    (
                        "file: Bytes | LocalPath | Readable, remote_path: str, timeout: float = 1800.0, *, on_progress: Callable[[UploadProgress], Any] | None = None, cancel_event: CancelEvent | None = None",
                        "None",
                    ),
                    (
                        "*, local_path: LocalPath, remote_path: str, timeout: float = 1800.0, on_progress: Callable[[UploadProgress], Any] | None = None, cancel_event: CancelEvent | None = None",
                        "None",
                    ),
                ],
                call: "upload_file(self, local_path if file is None else file, remote_path, timeout, on_progress, cancel_event)",
                ..Method::of("fs.upload_file")
            },
            Method { signature: "files timeout", ..Method::of("fs.upload_files") },
            Method {
                name: "upload_file_stream",
                signature: "source remote_path timeout upload.on_progress cancel_event",
                call: "upload_pieces(self, source, remote_path, timeout, on_progress, cancel_event)",
                returns: "None",
                doc: "Uploads piece by piece, without ever holding the whole content.",
                errors: "`Cancelled` when the event was set, otherwise as `upload_file`.",
                ..Method::of("fs.open_upload")
            },
            Method {
                signature: "remote_path timeout",
                call: "{A}FileWriter(lambda: self._open_upload(remote_path, timeout))",
                returns: "{A}FileWriter",
                plain: true,
                ..Method::of("fs.open_upload")
            },
            Method {
                signature: "remote_path local_path timeout",
                overloads: &[
                    ("remote_path: str, timeout: float = 1800.0, /", "bytes"),
                    ("remote_path: str, *, timeout: float = 1800.0", "bytes"),
                    ("remote_path: str, local_path: LocalPath, timeout: float = 1800.0", "None"),
                ],
                call: "download_file(self, remote_path, local_path, timeout)",
                returns: "bytes | None",
                doc: "Downloads a file: into memory, or to a local path, which appears only when it is complete.",
                ..Method::of("fs.download_file")
            },
            Method { signature: "files timeout", ..Method::of("fs.download_files") },
            Method {
                name: "download_file_stream",
                signature: "remote_path timeout download.on_progress cancel_event",
                call: "{A}DownloadStream(lambda: self._open_download(remote_path, timeout), remote_path, on_progress, cancel_event)",
                returns: "{A}DownloadStream",
                plain: true,
                doc: "Downloads piece by piece: iterate over the result. The asynchronous client's may be awaited before.",
                errors: "`Cancelled` when the event was set, otherwise as `download_file`.",
                ..Method::of("fs.open_download")
            },
            Method {
                signature: "remote_path timeout",
                call: "{A}FileReader(lambda: self._open_download(remote_path, timeout))",
                returns: "{A}FileReader",
                plain: true,
                ..Method::of("fs.open_download")
            },
            Method {
                signature: "local_path remote_path * exclude on_progress timeout cancel_event",
                arguments: &[("local_path", "fspath(local_path)")],
                then: &["return {await}transferred({}, on_progress, cancel_event)"],
                returns: "DirectoryResult",
                ..Method::of("fs.upload_dir")
            },
            Method {
                signature: "remote_path local_path * exclude on_progress timeout cancel_event",
                arguments: &[("local_path", "fspath(local_path)")],
                then: &["return {await}transferred({}, on_progress, cancel_event)"],
                returns: "DirectoryResult",
                ..Method::of("fs.download_dir")
            },
        ],
    },
    Class {
        name: "Git",
        module: "git",
        doc: "",
        service: "git",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[
            // Nothing is set upstream by a pull.
            Method { signature: "path username password branch remote timeout", ..Method::of("git.pull") },
        ],
    },
    Class {
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
    },
    Class {
        name: "LspServer",
        module: "lsp_server",
        doc: "A language server: completions, symbols, definitions and more, for a language and a project.\n\nEach such pair has a server of its own, which runs from `start` until `stop` or the end of the sandbox.",
        service: "lsp",
        base: "{A}Service",
        head: &[
            "__slots__ = (\"_server\",)",
            "",
            "def __init__(self, client: Client, target: str, server: LspServerInfo) -> None:",
            "    super().__init__(client, target)",
            "    self._server = server",
            "",
            "@property",
            "def language_id(self) -> LspLanguageId:",
            "    \"\"\"Language of the server.\"\"\"",
            "    return self._server.language_id",
            "",
            "@property",
            "def path_to_project(self) -> str:",
            "    \"\"\"Directory of the project.\"\"\"",
            "    return self._server.path_to_project",
        ],
        on: "",
        receiver: &[("server", "self._server")],
        methods: &[],
    },
    Class {
        name: "Network",
        module: "network",
        doc: "",
        service: "network",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[],
    },
    Class {
        name: "VolumeService",
        module: "volume",
        doc: "",
        service: "volume",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[Method { signature: "name create", ..Method::of("volume.get") }],
    },
    Class {
        name: "SnapshotService",
        module: "snapshot",
        doc: "",
        service: "snapshot",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[
            Method {
                signature: "params * on_logs snapshot.timeout",
                call: "create_snapshot(self, params, on_logs, timeout)",
                returns: "Snapshot",
                ..Method::of("snapshot.create")
            },
            Method {
                name: "create_stream",
                signature: "params * snapshot.timeout",
                call: "{A}SnapshotBuild(lambda: self._create_with_logs(CreateSnapshotParams.given(\"params\", params), timeout))",
                returns: "{A}SnapshotBuild",
                plain: true,
                ..Method::of("snapshot.create_with_logs")
            },
            Method {
                signature: "name * request_timeout",
                arguments: &[("id_or_name", "name")],
                ..Method::of("snapshot.get")
            },
            Method {
                signature: "snapshot",
                arguments: &[("id_or_name", "snapshot_id(snapshot)")],
                ..Method::of("snapshot.activate")
            },
            Method {
                signature: "snapshot",
                arguments: &[("id_or_name", "snapshot_id(snapshot)")],
                ..Method::of("snapshot.deactivate")
            },
            Method {
                signature: "snapshot",
                arguments: &[("id_or_name", "snapshot_id(snapshot)")],
                ..Method::of("snapshot.delete")
            },
        ],
    },
    Class {
        name: "ComputerUse",
        module: "computer_use",
        doc: "",
        service: "computer_use",
        base: "{A}ComputerUseServices",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[],
    },
    Class {
        name: "Mouse",
        module: "mouse",
        doc: "",
        service: "mouse",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[],
    },
    Class {
        name: "Keyboard",
        module: "keyboard",
        doc: "",
        service: "keyboard",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[],
    },
    Class {
        name: "Screenshot",
        module: "screenshot",
        doc: "",
        service: "screenshot",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[
            Method {
                signature: "options * request_timeout",
                prepare: &["given = options or ScreenshotOptions()"],
                arguments: SCREENSHOT,
                ..Method::of("screenshot.take_compressed")
            },
            Method {
                signature: "region options * request_timeout",
                prepare: &["given = options or ScreenshotOptions()"],
                arguments: SCREENSHOT,
                ..Method::of("screenshot.take_compressed_region")
            },
        ],
    },
    Class {
        name: "Display",
        module: "display",
        doc: "",
        service: "display",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[],
    },
    Class {
        name: "RecordingService",
        module: "recording",
        doc: "",
        service: "recording",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[],
    },
    Class {
        name: "Accessibility",
        module: "accessibility",
        doc: "",
        service: "accessibility",
        base: "{A}Service",
        head: &["__slots__ = ()"],
        on: "",
        receiver: &[],
        methods: &[],
    },
];

/// Operations as the methods of classes call them, without a public form of their own.
pub const RAW: &[&str] = &[
    "fs.download_file",
    "fs.download_to_path",
    "fs.open_download",
    "fs.open_upload",
    "fs.upload_file",
    "process.close_stdin",
    "process.get_spawned",
    "process.release_spawned",
    "process.signal_spawned",
    "process.stream_entrypoint_logs",
    "process.stream_output",
    "process.stream_session_command_logs",
    "process.wait_for_log",
    "process.wait_spawned",
    "snapshot.create",
    "snapshot.create_with_logs",
    "process.write_stdin",
];

/// Names in methods, and where they are. Those that only annotate are imported for type checkers.
pub const IMPORTS: &[(&str, &str, bool)] = &[
    ("AsyncIterable", "collections.abc", false),
    ("Callable", "collections.abc", false),
    ("Mapping", "collections.abc", false),
    ("Pattern", "re", false),
    ("Any", "typing", false),
    ("Self", "typing_extensions", false),
    ("overload", "typing", true),
    ("fspath", "os", true),
    ("text_or_bytes", "..._arguments", true),
    ("Client", "..._daytona", false),
    ("Bytes", "..._files", false),
    ("CancelEvent", "..._files", false),
    ("DownloadProgress", "..._files", false),
    ("LocalPath", "..._files", false),
    ("Readable", "..._files", false),
    ("UploadProgress", "..._files", false),
    ("OutputMessage", "..._messages", false),
    ("attach", "..._model", true),
    ("attached", "..._model", true),
    ("context_id", "..._requests", true),
    ("environment", "..._arguments", true),
    ("log_pattern", "..._requests", true),
    ("rows_and_cols", "..._requests", true),
    ("session_request", "..._requests", true),
    ("signal_name", "..._requests", true),
    ("size_of", "..._requests", true),
    ("CreateFields", "..create_params", false),
    ("CreateSandboxBaseParams", "..create_params", false),
    ("create_params", "..._requests", true),
    ("listing", "..._requests", true),
    ("Unpack", "typing_extensions", false),
    ("asynchronous", "...{side}.coroutines", true),
    ("follow_log", "...{side}.coroutines", true),
    ("{A}PaginatedSandboxes", "...{side}.listing", true),
    ("{A}Sandbox", "...{side}.sandbox", true),
    ("{A}SandboxesOps", ".sandbox", false),
    ("{A}PortForward", "...{side}.forward", true),
    ("{A}LogStream", "...{side}.outputs", true),
    ("{A}SnapshotBuild", "...{side}.building", true),
    ("built", "...{side}.building", true),
    ("create_snapshot", "...{side}.building", true),
    ("snapshot_id", "..._requests", true),
    ("{A}ComputerUseServices", "...{side}.computer_use_services", true),
    ("{A}UploadSource", "...{side}.pieces", false),
    ("{A}PtyHandle", "...{side}.pty", true),
    ("run", "...{side}.run", true),
    ("{A}Service", "...{side}.runtime", true),
    ("{A}StreamHandle", "...{side}.runtime", false),
    ("{A}SpawnedProcess", "...{side}.spawned", true),
    ("{A}DownloadStream", "...{side}.streams", true),
    ("{A}FileReader", "...{side}.streams", true),
    ("{A}FileWriter", "...{side}.streams", true),
    ("download_file", "...{side}.transfers", true),
    ("transferred", "...{side}.transfers", true),
    ("upload_file", "...{side}.transfers", true),
    ("upload_pieces", "...{side}.transfers", true),
    ("{A}FileSystem", ".fs", false),
    ("{A}Process", ".process", false),
];
