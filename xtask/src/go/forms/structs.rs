//! What structs have besides their fields.

/// What the documentation of a struct says besides, and fields that do not travel.
pub const BESIDES: &[(&str, &str, &str)] = &[
    (
        "SandboxInfo",
        "Its methods that change the sandbox update the fields, so they must not run at the same time as something that reads \
         them.",
        "
\t// FileSystem has its files.
\tFileSystem *FileSystemService `json:\"-\"`
\t// Fs is FileSystem.
\tFs *FileSystemService `json:\"-\"`
\t// Git has its git repositories.
\tGit *GitService `json:\"-\"`
\t// Process runs commands and code.
\tProcess *ProcessService `json:\"-\"`
\t// CodeInterpreter runs Python code with variables that last.
\tCodeInterpreter *CodeInterpreterService `json:\"-\"`
\t// Network tells what it does on the network.
\tNetwork *NetworkService `json:\"-\"`
\t// ComputerUse is its desktop.
\tComputerUse *ComputerUseService `json:\"-\"`

\tclient *Client
",
    ),
    (
        "Snapshot",
        "LastUsedAt is nil until a sandbox has been made from it.",
        "\n\t// SkipValidation is whether the image was taken as it is, without starting it once.\n\tSkipValidation bool `json:\"skipValidation\"`\n",
    ),
    ("Session", "SessionId has the same value as SessionID.", ""),
    ("Command", "Id has the same value as ID.", ""),
    ("PtySessionInfo", "Id, Cwd and ProcessId have the same values as ID, CWD and ProcessID.", ""),
];

/// Second spellings of fields, with the same value.
pub const SPELLINGS: &[(&str, &str)] = &[
    ("Command.id", "Id"),
    ("PtySessionInfo.cwd", "Cwd"),
    ("PtySessionInfo.id", "Id"),
    ("PtySessionInfo.process_id", "ProcessId"),
    ("Session.session_id", "SessionId"),
];

/// Methods that return a field; those of an optional field return the zero value for nil, and have a `Has` beside them.
pub const GETTERS: &[(&str, &str)] = &[
    ("Command.command", "GetCommand"),
    ("Command.exit_code", "GetExitCode"),
    ("Command.id", "GetId"),
    ("Session.commands", "GetCommands"),
    ("Session.session_id", "GetSessionId"),
    ("SessionCommandLogsResponse.output", "GetOutput"),
    ("SessionCommandLogsResponse.stderr", "GetStderr"),
    ("SessionCommandLogsResponse.stdout", "GetStdout"),
];

/// Further keys of the maps that stand for structs: the same value under another name.
pub const MAP_KEYS: &[(&str, &str)] = &[("Command.id", "cmdId"), ("SessionExecuteResponse.cmd_id", "id")];

/// Structs of which the hand-written files make maps.
pub const MAPS: &[&str] = &["SessionExecuteResponse"];
