//! What Ruby's methods do otherwise than the schema says, beyond the names in `schema/deviations.toml`: defaults, types,
//! conversions, results, blocks, and further methods of an operation. A method that is not listed follows the schema.
//!
//! Snippets of Ruby stand where only Ruby can say it; whatever they call is in the hand-written half of the class.

/// How a parameter appears.
#[derive(Clone, Copy, PartialEq)]
pub enum Shape {
    /// As the schema has it: parameters by position, options by keyword.
    Schema,
    /// Required, by position.
    Required,
    /// Optional, by position, with this default.
    Position(&'static str),
    /// Optional, by keyword, with this default.
    Keyword(&'static str),
    /// Not at all: what is sent is `value`.
    Hidden,
    /// The fields of its struct, by keyword.
    Spread,
}

/// A parameter that deviates, or that only Ruby has.
pub struct Arg {
    /// In the schema; of a parameter that only Ruby has, its name.
    pub name: &'static str,
    pub shape: Shape,
    /// Other keywords for the same.
    pub also: &'static [&'static str],
    /// What is sent, before it is encoded. Default: the parameter.
    pub value: &'static str,
    /// What is sent, encoded.
    pub sent: &'static str,
    /// Types in the notations of YARD and RBS. Default: those of the schema.
    pub types: Option<(&'static str, &'static str)>,
    /// Documentation instead of the schema's.
    pub doc: &'static str,
}

/// What the block of a method gets: name, class, and what happens afterwards.
pub type Block = (&'static str, &'static str, &'static str);

/// A method.
pub struct Form {
    /// The operation.
    pub op: &'static str,
    /// The class it is a method of. Default: the one that the schema says.
    pub class: &'static str,
    /// Default: the operation's name, or the one in `schema/deviations.toml`, as are its aliases.
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// Documentation instead of the schema's.
    pub doc: &'static str,
    /// Documentation after the schema's.
    pub note: &'static str,
    /// Kinds of errors it raises, as the schema says it. Default: the schema's.
    pub errors: &'static str,
    pub args: &'static [Arg],
    /// Lines before the call.
    pub before: &'static [&'static str],
    /// What is returned; `{}` is the result as the schema has it.
    pub result: &'static str,
    /// Types of the result in the notations of YARD and RBS, and what it is.
    pub returns: Option<(&'static str, &'static str, &'static str)>,
    pub block: Option<Block>,
    /// Whether only the class itself calls it.
    pub private: bool,
    /// Whether it takes its argument by position only: a hash without braces.
    pub plain: bool,
    /// The call, where another method makes it.
    pub instead: &'static str,
}

const ARG: Arg = Arg { name: "", shape: Shape::Schema, also: &[], value: "", sent: "", types: None, doc: "" };

pub const FORM: Form = Form {
    op: "",
    class: "",
    name: "",
    aliases: &[],
    doc: "",
    note: "",
    errors: "",
    args: &[],
    before: &[],
    result: "{}",
    returns: None,
    block: None,
    private: false,
    plain: false,
    instead: "",
};

/// Names of the same option: whichever an operation has, the others are taken too.
pub const ENVIRONMENT: [&str; 3] = ["env", "envs", "env_vars"];

const ITSELF: Option<(&str, &str, &str)> = Some(("self", "self", ""));
const NOTHING: Option<(&str, &str, &str)> = Some(("void", "void", ""));
const SANDBOX: Option<(&str, &str, &str)> = Some(("Sandbox", "Sandbox", ""));
const SPAWNED: Option<(&str, &str, &str)> = Some(("SpawnedProcess", "SpawnedProcess", ""));
const FOLLOWER: Option<(&str, &str, &str)> =
    Some(("LogFollower", "LogFollower", "Its `join` waits for the end, its `close` stops following."));
const STREAMED: Option<(&str, &str, &str)> =
    Some(("LogStream, Object, nil", "LogStream", "The stream, what the block returns, or nil after callables."));

const ID: Arg = Arg { name: "id_or_name", shape: Shape::Hidden, sent: "id", ..ARG };
const TIMEOUT: Arg = Arg { name: "timeout", shape: Shape::Position("DEFAULT_TIMEOUT"), types: NUMERIC, ..ARG };
const WAIT: Arg = Arg { doc: "Seconds to wait; 0 = no limit. Default: 60.", ..TIMEOUT };
const NO_LIMIT: Arg = Arg { name: "timeout", doc: "Seconds to wait; 0 = no limit. Default: no limit.", ..ARG };
const OF_SANDBOX: Arg =
    Arg { name: "sandbox", shape: Shape::Required, types: Some(("Sandbox", "Sandbox")), doc: "The sandbox.", ..ARG };
const SANDBOX_TIMEOUT: Arg = Arg { shape: Shape::Position("Sandbox::DEFAULT_TIMEOUT"), ..TIMEOUT };
const SANDBOX_WAIT: Arg = Arg { shape: Shape::Position("Sandbox::DEFAULT_TIMEOUT"), ..WAIT };
const NO_FORCE: Arg = Arg { name: "force", shape: Shape::Keyword("false"), types: Some(("Boolean", "bool")), ..ARG };
const NO_WAIT: Arg = Arg { name: "wait", shape: Shape::Keyword("false"), types: Some(("Boolean", "bool")), ..ARG };
const WAIT_BY_KEYWORD: Arg = Arg { shape: Shape::Keyword("DEFAULT_TIMEOUT"), ..WAIT };
const SNAPSHOT: Arg = Arg {
    name: "id_or_name",
    value: "id_of(snapshot)",
    types: Some(("Snapshot, String", "Snapshot | String")),
    doc: "The snapshot, or its id or name.",
    ..ARG
};
const NUMERIC: Option<(&str, &str)> = Some(("Numeric", "Numeric"));
const TEXT: Option<(&str, &str)> = Some(("#call, nil", "_OnText?"));
const EVENT: Option<(&str, &str)> = Some(("#call, nil", "_OnEvent?"));
const PATH: Option<(&str, &str)> = Some(("String, Pathname", "String | Pathname"));
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
const CONTEXT: Option<(&str, &str)> = Some(("InterpreterContext, String, nil", "(InterpreterContext | String)?"));
const EXCLUDE: Arg = Arg {
    name: "exclude",
    value: "exclude && Array(exclude)",
    types: Some(("Array<String>, String, nil", "(Array[String] | String)?")),
    ..ARG
};
const ON_DIRECTORY: Arg = Arg {
    name: "on_progress",
    shape: Shape::Keyword("nil"),
    types: Some(("#call, nil", "_OnDirectoryProgress?")),
    doc: "Called with a {DirectoryProgress} some ten times a second; so is a block.",
    ..ARG
};
const DIRECTORY: Option<(&str, &str, &str)> =
    Some(("DirectoryResult", "DirectoryResult", "How much it was, and what was left out although nobody excluded it."));
const BUTTON: Arg = Arg { name: "button", shape: Shape::Position("'left'"), types: Some(("String", "String")), ..ARG };
const DOUBLE: Arg = Arg { name: "double", shape: Shape::Position("false"), types: Some(("Boolean", "bool")), ..ARG };
const SHOW_CURSOR: Arg =
    Arg { name: "show_cursor", shape: Shape::Position("false"), types: Some(("Boolean", "bool")), ..ARG };
const PICTURE: [Arg; 5] = [
    Arg {
        name: "options",
        shape: Shape::Position("nil"),
        types: Some(("ScreenshotOptions, Hash, nil", "(ScreenshotOptions | Hash[Symbol, untyped])?")),
        doc: "Format, quality, size and pointer. Default: a PNG of full size without the pointer.",
        ..ARG
    },
    Arg { name: "show_cursor", shape: Shape::Hidden, sent: "options.show_cursor", ..ARG },
    Arg { name: "format", shape: Shape::Hidden, sent: "options.format", ..ARG },
    Arg { name: "quality", shape: Shape::Hidden, sent: "options.quality", ..ARG },
    Arg { name: "scale", shape: Shape::Hidden, sent: "options.scale", ..ARG },
];
const PICTURE_OPTIONS: &[&str] = &["options = ScreenshotOptions.coerce(options || {})"];
const LOGS_NOTE: &str = "With callables, calls them with pieces of text and returns when the log ends; with a block, \
                         yields the stream and closes it; otherwise returns the stream.";

/// Every method that deviates.
pub const FORMS: &[Form] = &[
    // The client.
    Form { op: "sandbox.create", class: "Daytona", name: "create_sandbox", private: true, ..FORM },
    Form { op: "sandbox.create_with_logs", class: "Daytona", name: "build_sandbox", private: true, ..FORM },
    Form {
        op: "sandbox.create_snapshot",
        aliases: &["experimental_create_snapshot"],
        args: &[ID, WAIT_BY_KEYWORD],
        ..FORM
    },
    Form { op: "snapshot.create", name: "make", private: true, ..FORM },
    Form { op: "snapshot.create_with_logs", name: "build", private: true, ..FORM },
    Form { op: "snapshot.activate", args: &[SNAPSHOT], ..FORM },
    Form { op: "snapshot.deactivate", args: &[SNAPSHOT], ..FORM },
    Form { op: "snapshot.delete", args: &[SNAPSHOT], ..FORM },
    Form { op: "sandbox.list", class: "Daytona", name: "list_sandboxes", private: true, ..FORM },
    Form { op: "sandbox.list_page", class: "Daytona", name: "list_sandbox_page", private: true, ..FORM },
    Form {
        op: "sandbox.get",
        class: "Daytona",
        args: &[Arg { name: "id_or_name", also: &["id"], ..ARG }],
        result: "wrap({})",
        returns: SANDBOX,
        ..FORM
    },
    Form {
        op: "sandbox.find_one",
        class: "Daytona",
        args: &[
            Arg { name: "id_or_name", shape: Shape::Position("nil"), also: &["id"], ..ARG },
            Arg { name: "labels", value: "labels&.empty? ? nil : labels", ..ARG },
        ],
        result: "wrap({})",
        returns: SANDBOX,
        ..FORM
    },
    Form {
        op: "sandbox.start",
        class: "Daytona",
        args: &[ID, OF_SANDBOX, SANDBOX_WAIT],
        returns: SANDBOX,
        instead: "sandbox.start(timeout, request_timeout: request_timeout)",
        ..FORM
    },
    Form {
        op: "sandbox.stop",
        class: "Daytona",
        args: &[ID, OF_SANDBOX, SANDBOX_TIMEOUT, NO_FORCE],
        returns: SANDBOX,
        instead: "sandbox.stop(timeout, force: force, request_timeout: request_timeout)",
        ..FORM
    },
    Form {
        op: "sandbox.delete",
        class: "Daytona",
        args: &[ID, OF_SANDBOX, SANDBOX_TIMEOUT, NO_WAIT],
        returns: SANDBOX,
        instead: "sandbox.delete(timeout, wait: wait, request_timeout: request_timeout)",
        ..FORM
    },
    // A sandbox.
    Form { op: "sandbox.start", args: &[WAIT], ..FORM },
    Form { op: "sandbox.stop", args: &[TIMEOUT, NO_FORCE], ..FORM },
    Form { op: "sandbox.delete", args: &[TIMEOUT, NO_WAIT], ..FORM },
    Form { op: "sandbox.recover", args: &[WAIT], ..FORM },
    Form {
        op: "sandbox.get",
        class: "Sandbox",
        name: "refresh",
        aliases: &["refresh_data"],
        doc: "Asks the server for the attributes again.",
        errors: "`NotFound` when it is gone.",
        args: &[ID],
        result: "update({})",
        returns: ITSELF,
        ..FORM
    },
    Form { op: "sandbox.resize", args: &[WAIT], ..FORM },
    Form { op: "sandbox.wait_for_resize_complete", args: &[WAIT], ..FORM },
    Form { op: "sandbox.pause", args: &[WAIT], ..FORM },
    // The keyword is a word of the language, too.
    Form {
        op: "sandbox.get_metrics",
        args: &[Arg { name: "end", value: "binding.local_variable_get(:end)", ..ARG }],
        ..FORM
    },
    Form {
        op: "sandbox.fork",
        args: &[Arg { shape: Shape::Keyword("DEFAULT_TIMEOUT"), ..WAIT }],
        result: "claim(Sandbox.new({}, @connection, config))",
        returns: SANDBOX,
        ..FORM
    },
    Form { op: "sandbox.wait_for_start", args: &[WAIT], ..FORM },
    Form { op: "sandbox.wait_for_stop", args: &[WAIT], ..FORM },
    Form { op: "sandbox.set_labels", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_stop_interval", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_archive_interval", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_delete_interval", plain: true, ..FORM },
    Form { op: "sandbox.set_auto_pause_interval", plain: true, ..FORM },
    Form {
        op: "sandbox.update_network_settings",
        note: "Rules that are not given stay as they are.",
        args: &[Arg { name: "settings", shape: Shape::Spread, ..ARG }],
        ..FORM
    },
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
    // Files.
    Form {
        op: "fs.upload_file",
        note: "Local files, IOs and pieces are streamed.",
        args: &[
            Arg {
                name: "source",
                shape: Shape::Required,
                types: Some(("String, Pathname, #read, #each", "FileUpload::source")),
                doc: "The path of a local file, the content itself, an IO, or pieces (an Enumerator or Array). A String \
                      is a path when there is a file with this name, else the content.",
                ..ARG
            },
            Arg {
                name: "remote_path",
                shape: Shape::Required,
                types: Some(("String", "String")),
                doc: "Path in the sandbox; relative paths start at the working directory.",
                ..ARG
            },
            Arg { name: "file", shape: Shape::Hidden, sent: "upload.to_request.to_wire(blobs)", ..ARG },
        ],
        before: &[
            "upload = FileUpload.new(source, remote_path)",
            "return upload_pieces(upload, timeout, request_timeout) if upload.streamed?",
            "",
        ],
        ..FORM
    },
    Form {
        op: "fs.upload_files",
        note: "IOs and pieces are read into memory first.",
        args: &[Arg {
            name: "files",
            types: Some((
                "Array<FileUpload, FileUploadRequest, Hash>",
                "Array[FileUpload | FileUploadRequest | Hash[Symbol, untyped]]",
            )),
            ..ARG
        }],
        before: &["files = files.map { |file| FileUpload.request(file) }"],
        ..FORM
    },
    Form {
        op: "fs.download_to_path",
        args: &[Arg { name: "local_path", value: "File.expand_path(local_path)", types: PATH, ..ARG }],
        ..FORM
    },
    Form {
        op: "fs.download_files",
        args: &[Arg {
            name: "files",
            types: Some((
                "Array<FileDownloadRequest, Hash, String>",
                "Array[FileDownloadRequest | Hash[Symbol, untyped] | String]",
            )),
            doc: "A String is the path of a file to download into memory.",
            ..ARG
        }],
        ..FORM
    },
    Form {
        op: "fs.upload_dir",
        args: &[Arg { name: "local_path", value: "local_path.to_s", types: PATH, ..ARG }, EXCLUDE, ON_DIRECTORY],
        result: "{}.finish(on_progress || block)",
        returns: DIRECTORY,
        block: Some(("progress", "DirectoryProgress", "How far it is.")),
        ..FORM
    },
    Form {
        op: "fs.download_dir",
        args: &[Arg { name: "local_path", value: "local_path.to_s", types: PATH, ..ARG }, EXCLUDE, ON_DIRECTORY],
        result: "{}.finish(on_progress || block)",
        returns: DIRECTORY,
        block: Some(("progress", "DirectoryProgress", "How far it is.")),
        ..FORM
    },
    // The code interpreter.
    Form {
        op: "code_interpreter.run_code",
        name: "run_code",
        note: "Returns what it wrote when it has ended, and the exception that ended it, if any.",
        args: &[
            Arg {
                name: "context_id",
                shape: Shape::Keyword("nil"),
                value: "id_of(context)",
                types: CONTEXT,
                doc: "Context to run in, or its id. Default: the sandbox's default context.",
                ..ARG
            },
            Arg {
                name: "on_stdout",
                shape: Shape::Keyword("nil"),
                types: EVENT,
                doc: "Called with an {OutputMessage} for each piece of standard output.",
                ..ARG
            },
            Arg {
                name: "on_stderr",
                shape: Shape::Keyword("nil"),
                types: EVENT,
                doc: "Called with an {OutputMessage} for each piece of standard error.",
                ..ARG
            },
            Arg {
                name: "on_error",
                shape: Shape::Keyword("nil"),
                types: EVENT,
                doc: "Called with the {ExecutionError} that ended the run.",
                ..ARG
            },
        ],
        result: "{}.result(on_stdout, on_stderr, on_error)",
        returns: Some(("ExecutionResult", "ExecutionResult", "")),
        ..FORM
    },
    Form {
        op: "code_interpreter.run_code",
        name: "run_code_stream",
        note: "Returns its output as it comes.",
        args: &[Arg {
            name: "context_id",
            shape: Shape::Keyword("nil"),
            value: "id_of(context)",
            types: CONTEXT,
            doc: "Context to run in, or its id. Default: the sandbox's default context.",
            ..ARG
        }],
        ..FORM
    },
    Form {
        op: "code_interpreter.delete_context",
        args: &[Arg {
            name: "context_id",
            also: &["context_id"],
            value: "id_of(context_id)",
            types: CONTEXT,
            doc: "The context or its id.",
            ..ARG
        }],
        ..FORM
    },
    // The desktop.
    Form { op: "mouse.click", args: &[BUTTON, DOUBLE], ..FORM },
    Form { op: "mouse.drag", args: &[BUTTON], ..FORM },
    Form {
        op: "mouse.scroll",
        args: &[Arg { name: "amount", shape: Shape::Position("1"), types: Some(("Integer", "Integer")), ..ARG }],
        ..FORM
    },
    Form { op: "keyboard.type_text", args: &[Arg { name: "delay", shape: Shape::Position("nil"), ..ARG }], ..FORM },
    Form { op: "keyboard.press", args: &[Arg { name: "modifiers", shape: Shape::Position("nil"), ..ARG }], ..FORM },
    Form { op: "screenshot.take_full_screen", args: &[SHOW_CURSOR], ..FORM },
    Form { op: "screenshot.take_region", args: &[SHOW_CURSOR], ..FORM },
    Form { op: "screenshot.take_compressed", args: &PICTURE, before: PICTURE_OPTIONS, ..FORM },
    Form { op: "screenshot.take_compressed_region", args: &PICTURE, before: PICTURE_OPTIONS, ..FORM },
    Form { op: "recording.start", args: &[Arg { name: "label", shape: Shape::Position("nil"), ..ARG }], ..FORM },
];

/// Classes whose attributes are those of a struct: class, struct, and the attributes (all when there are none).
pub const ATTRIBUTES: &[(&str, &str, &[&str])] = &[
    ("Sandbox", "SandboxInfo", &[]),
    ("SpawnedProcess", "ProcessInfo", &["id", "command", "cwd", "exit_code"]),
    ("LspServer", "LspServerInfo", &[]),
];

/// Other names of attributes: struct, other name, attribute.
pub const ATTRIBUTE_ALIASES: &[(&str, &str, &str)] = &[
    ("Command", "cmd_id", "id"),
    ("ListSandboxesQuery", "public?", "is_public"),
    ("ListSandboxesQuery", "recoverable?", "is_recoverable"),
    ("SandboxInfo", "os_user", "user"),
    ("SessionExecuteResponse", "id", "cmd_id"),
];

/// Attributes that can be given and read by another name: struct, other name, attribute.
pub const SYNONYMS: &[(&str, &str, &str)] = &[
    ("CreateSandboxParams", "os_user", "user"),
    ("CreateSandboxParams", "env", "env_vars"),
    ("CreateSandboxParams", "envs", "env_vars"),
    ("ScreenshotOptions", "fmt", "format"),
    ("SessionExecuteRequest", "var_async", "run_async"),
];

/// Structs that are made into other classes when they arrive: struct, class and expression.
pub const RECEIVED_AS: &[(&str, &str, &str)] =
    &[("Chart", "Chart", "Charts.parse_chart(ChartInfo.from_wire({}, blobs))")];

/// Structs for which one value may stand: struct and the attribute that the value is.
pub const SHORTHANDS: &[(&str, &str)] = &[("FileDownloadRequest", "source"), ("SessionExecuteRequest", "command")];
