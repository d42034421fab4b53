//! Where TypeScript differs from the schema with code of its own: classes, conversions of arguments and results. Names, aliases and
//! positional options stand in `schema/deviations.toml`.

use crate::schema::Receiver;

/// A class that users see. Codegen writes it on top of a hand-written base, which holds what is idiom.
pub struct Class {
    pub name: &'static str,
    pub receiver: Receiver,
    /// The base, in the file of that name. Default: `Service`.
    pub base: Option<(&'static str, &'static str)>,
    /// Describes a class that is not a service of the core.
    pub doc: &'static str,
}

/// The base of the client, which programs have as `Daytona`.
pub const OF_CLIENT: &str = "DaytonaMethods";

/// The classes that codegen writes.
pub const CLASSES: &[Class] = &[
    Class {
        name: "Sandbox",
        receiver: Receiver::Sandbox,
        base: Some(("SandboxObject", "sandbox-object")),
        doc: "A sandbox: an isolated computer with files, processes and network of its own. Its properties are those of its \
              last description; `refreshData` brings them up to date.",
    },
    Class { name: "Process", receiver: Receiver::Process, base: Some(("ProcessHandles", "process-handles")), doc: "" },
    Class {
        name: "SpawnedProcess",
        receiver: Receiver::SpawnedProcess,
        base: Some(("ProcessHandle", "process-handle")),
        doc: "A process in the sandbox.\n\nIt runs until it ends, is signalled or released, whether its output is read or not: \
              the sandbox keeps the\noutput, and every reader gets all of it from the beginning. Losing the handle does not end \
              the process; `attach`\nfinds it again.",
    },
    Class { name: "FileSystem", receiver: Receiver::Fs, base: Some(("FileTransfers", "file-transfers")), doc: "" },
    Class { name: "Git", receiver: Receiver::Git, base: None, doc: "" },
    Class {
        name: "CodeInterpreter",
        receiver: Receiver::CodeInterpreter,
        base: Some(("InterpreterRuns", "interpreter-runs")),
        doc: "",
    },
    Class {
        name: "LspServer",
        receiver: Receiver::LspServer,
        base: Some(("LanguageServer", "language-server")),
        doc: "A language server: completions, symbols, definitions and more, for a language and a project. Each such pair has a \
              server of its own, which runs from `start` until `stop` or the end of the sandbox.",
    },
    Class { name: "Network", receiver: Receiver::Network, base: None, doc: "" },
    Class {
        name: "SnapshotService",
        receiver: Receiver::Snapshot,
        base: Some(("SnapshotBuilds", "snapshot-builds")),
        doc: "",
    },
    Class {
        name: OF_CLIENT,
        receiver: Receiver::Daytona,
        base: Some(("Sandboxes", "sandboxes")),
        doc: "Operations of a client.",
    },
    Class { name: "VolumeService", receiver: Receiver::Volume, base: None, doc: "" },
    Class { name: "SecretService", receiver: Receiver::Secret, base: None, doc: "" },
    Class { name: "ComputerUse", receiver: Receiver::ComputerUse, base: Some(super::desktop::SERVICES), doc: "" },
    Class { name: "Mouse", receiver: Receiver::Mouse, base: None, doc: "" },
    Class { name: "Keyboard", receiver: Receiver::Keyboard, base: None, doc: "" },
    Class {
        name: "Screenshot",
        receiver: Receiver::Screenshot,
        base: Some(("ScreenshotAnswers", "screenshot-answers")),
        doc: "",
    },
    Class { name: "Display", receiver: Receiver::Display, base: Some(("DisplayAnswers", "display-answers")), doc: "" },
    Class { name: "RecordingService", receiver: Receiver::Recording, base: None, doc: "" },
    Class { name: "Accessibility", receiver: Receiver::Accessibility, base: None, doc: "" },
];

/// Methods of a sandbox that one of its services has, too: operation, and further names.
pub const SHORTCUTS: &[(&str, &str, &[&str])] = &[
    ("fs.get_user_home_dir", "fs", &[]),
    ("fs.get_work_dir", "fs", &["getWorkingDir"]),
    ("process.update_env", "process", &[]),
    ("process.get_metrics_latest", "process", &[]),
];

/// Parameters in another order than the core's, `options` among them. `*name` are the options as an object of that name, which is
/// required; `options` are then only those of every call.
pub const ORDERS: &[(&str, &[&str])] = &[
    ("fs.set_file_permissions", &["path", "*permissions", "options"]),
    ("process.resize_pty_session", &["session_id", "cols", "rows", "options"]),
];

/// A parameter of the core that has another form.
pub struct Conversion {
    /// Operation and parameter.
    pub param: &'static str,
    /// Names and types of what is given instead, documented where the core's documentation does not fit.
    pub given: &'static [(&'static str, &'static str, &'static str)],
    /// Makes of it what the core takes.
    pub value: &'static str,
    /// Where the names come from: file, and names.
    pub imports: (&'static str, &'static [&'static str]),
}

/// A snapshot, where the core takes its id or name.
const OF_SNAPSHOT: Conversion = Conversion {
    param: "",
    given: &[("snapshot", "Snapshot | string", "The snapshot, or its id or name.")],
    value: "snapshotId(snapshot)",
    imports: ("snapshot-builds", &["snapshotId", "type Snapshot"]),
};

/// Parameters of the core that have another form.
pub const CONVERSIONS: &[Conversion] = &[
    Conversion {
        param: "code_interpreter.delete_context.context_id",
        given: &[("context", "InterpreterContext | string", "The context or its id.")],
        value: "idOf(context)",
        imports: ("interpreter-runs", &["idOf"]),
    },
    Conversion {
        param: "fs.upload_file.file",
        given: &[
            ("file", "FileSource", "Bytes, or the path of a local file, which is streamed."),
            ("remotePath", "string", "Path in the sandbox; relative paths begin at the working directory."),
        ],
        value: "uploadEntry(file, remotePath)",
        imports: ("file-transfers", &["type FileSource", "uploadEntry"]),
    },
    Conversion {
        param: "fs.upload_files.files",
        given: &[("files", "FileUpload[]", "")],
        value: "files.map(({ source, destination }) => uploadEntry(source, destination))",
        imports: ("file-transfers", &["type FileUpload", "uploadEntry"]),
    },
    Conversion {
        param: "process.execute_session_command.request",
        given: &[("req", "SessionExecuteRequest", "")],
        value: "sessionCommand(req)",
        imports: ("process-handles", &["type SessionExecuteRequest", "sessionCommand"]),
    },
    Conversion {
        param: "process.write_stdin.data",
        given: &[("data", "string | Uint8Array", "Text, sent as UTF-8, or any bytes.")],
        value: "bytesOf('input', data)",
        imports: ("argument", &["bytesOf"]),
    },
    Conversion {
        param: "process.wait_for_log.pattern",
        given: &[("pattern", "LogPattern", "A text, or a regular expression without look-around and back-references.")],
        value: "pattern",
        imports: ("log-pattern", &["type LogPattern"]),
    },
    Conversion {
        param: "sandbox.get.id_or_name",
        given: &[("sandboxIdOrName", "string", "")],
        value: "sandboxIdOrName",
        imports: ("", &[]),
    },
    Conversion {
        param: "sandbox.verify_webhook.headers",
        given: &[(
            "headers",
            "WebhookHeaders",
            "Headers of the request; names in any case. Needed are `webhook-id`, `webhook-timestamp` and \
             `webhook-signature`, or the same with `svix-`.",
        )],
        value: "plainHeaders(headers)",
        imports: ("sandboxes", &["plainHeaders", "type WebhookHeaders"]),
    },
    Conversion { param: "snapshot.activate.id_or_name", ..OF_SNAPSHOT },
    Conversion { param: "snapshot.deactivate.id_or_name", ..OF_SNAPSHOT },
    Conversion { param: "snapshot.delete.id_or_name", ..OF_SNAPSHOT },
    Conversion {
        param: "snapshot.get.id_or_name",
        given: &[("name", "string", "Its id or name.")],
        value: "name",
        imports: ("", &[]),
    },
    Conversion {
        param: "process.signal_spawned.signal",
        given: &[("signal", "SignalName", "")],
        value: "String(signal)",
        imports: ("process-handle", &["type SignalName"]),
    },
];

/// A result that the hand-written base makes something of.
pub struct Outcome {
    pub op: &'static str,
    /// Type of the options. Default: the core's.
    pub options: &'static str,
    pub returns: &'static str,
    /// Method of the base that runs the operation.
    pub run: &'static str,
    /// Where the types come from: file, and names.
    pub imports: &'static [(&'static str, &'static str)],
}

/// Operations that take handlers of live output, too: the operation that opens the stream.
pub const LIVE: &[(&str, &str)] = &[
    ("process.get_entrypoint_logs", "process.stream_entrypoint_logs"),
    ("process.get_session_command_logs", "process.stream_session_command_logs"),
];

const PICTURE: &[(&str, &str)] = &[("../screenshot-answers.js", "type ScreenshotResponse")];

const SPAWNED: &[(&str, &str)] = &[("./spawned-process.js", "type SpawnedProcess")];

const SANDBOX: &[(&str, &str)] = &[("./sandbox.js", "type Sandbox")];

const SNAPSHOT: &[(&str, &str)] = &[("../snapshot-builds.js", "type Snapshot")];

/// Results that the hand-written base makes something of.
pub const OUTCOMES: &[Outcome] = &[
    Outcome {
        op: "code_interpreter.run_code",
        options: "RunCodeOptions",
        returns: "ExecutionResult",
        run: "run",
        imports: &[("../interpreter-runs.js", "type RunCodeOptions"), ("./models.js", "ExecutionResult")],
    },
    Outcome {
        op: "display.get_info",
        options: "",
        returns: "DisplayInfoResponse",
        run: "info",
        imports: &[("../display-answers.js", "type DisplayInfoResponse")],
    },
    Outcome {
        op: "fs.download_dir",
        options: "DirectoryTransferOptions",
        returns: "DirectoryResult",
        run: "transfer",
        imports: &[("../directory-transfer.js", "type DirectoryTransferOptions"), ("./models.js", "DirectoryResult")],
    },
    Outcome {
        op: "fs.download_files",
        options: "",
        returns: "FileDownloadResponse[]",
        run: "downloads",
        imports: &[("../file-transfers.js", "type FileDownloadResponse")],
    },
    Outcome {
        op: "fs.upload_dir",
        options: "DirectoryTransferOptions",
        returns: "DirectoryResult",
        run: "transfer",
        imports: &[("../directory-transfer.js", "type DirectoryTransferOptions"), ("./models.js", "DirectoryResult")],
    },
    Outcome {
        op: "process.connect_pty",
        options: "PtyConnectOptions & CallOptions",
        returns: "PtyHandle",
        run: "terminal",
        imports: &[("../process-handles.js", "type PtyConnectOptions"), ("../pty-handle.js", "type PtyHandle")],
    },
    Outcome { op: "process.get_spawned", options: "", returns: "SpawnedProcess", run: "spawned", imports: SPAWNED },
    Outcome {
        op: "process.list_spawned",
        options: "",
        returns: "SpawnedProcess[]",
        run: "allSpawned",
        imports: SPAWNED,
    },
    Outcome { op: "process.spawn", options: "", returns: "SpawnedProcess", run: "spawned", imports: SPAWNED },
    Outcome {
        op: "screenshot.take_full_screen",
        options: "",
        returns: "ScreenshotResponse",
        run: "picture",
        imports: PICTURE,
    },
    Outcome {
        op: "screenshot.take_region",
        options: "",
        returns: "ScreenshotResponse",
        run: "picture",
        imports: PICTURE,
    },
    Outcome {
        op: "screenshot.take_compressed",
        options: "",
        returns: "ScreenshotResponse",
        run: "picture",
        imports: PICTURE,
    },
    Outcome {
        op: "screenshot.take_compressed_region",
        options: "",
        returns: "ScreenshotResponse",
        run: "picture",
        imports: PICTURE,
    },
    Outcome { op: "sandbox.get", options: "", returns: "Sandbox", run: "sandbox", imports: SANDBOX },
    Outcome { op: "snapshot.activate", options: "", returns: "Snapshot", run: "read", imports: SNAPSHOT },
    Outcome { op: "snapshot.get", options: "", returns: "Snapshot", run: "read", imports: SNAPSHOT },
    Outcome { op: "process.wait_for_log", options: "", returns: "string", run: "line", imports: &[] },
    Outcome { op: "process.wait_spawned", options: "", returns: "number", run: "exit", imports: &[] },
];
