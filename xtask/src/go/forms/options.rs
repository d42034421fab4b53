//! Sets of functional options.

use crate::go::options::{Extra, Set};

const fn set(of: &'static str, name: &'static str, functions: &'static [(&'static str, &'static str)]) -> Set {
    Set { of, name, functions, plain: &[], without: &[], extra: &[] }
}

impl Set {
    /// Fields that are plain values rather than pointers: unset is the zero value.
    const fn plain(mut self, fields: &'static [&'static str]) -> Self {
        self.plain = fields;
        self
    }

    const fn without(mut self, fields: &'static [&'static str]) -> Self {
        self.without = fields;
        self
    }

    /// Fields that the hand-written files look at.
    const fn extra(mut self, fields: &'static [Extra]) -> Self {
        self.extra = fields;
        self
    }
}

const PTY_SIZE: &str = "Size of the terminal. Default: 80 columns, 24 rows.";

/// The sets of functional options, by options struct, or by the operation whose parameters are optional.
pub const SETS: &[Set] = &[
    set(
        "CreateOptions",
        "CreateSandbox",
        &[("timeout", "WithTimeout"), ("wait_for_start", "WithWaitForStart"), ("keep", "WithKeep")],
    )
    .plain(&["wait_for_start", "keep"])
    .extra(&[Extra {
        field: "LogChannel",
        ty: "chan string",
        function: "WithLogChannel",
        doc: "Channel for the lines of the log while an image is built for the sandbox. It must be read; it stays open and the \
              caller's.",
    }]),
    set(
        "PyprojectOptions",
        crate::go::builder::PIP,
        &[
            ("optional_dependencies", "WithOptionalDependencies"),
            ("find_links", "WithFindLinks"),
            ("index_url", "WithIndexURL"),
            ("extra_index_urls", "WithExtraIndexURLs"),
            // It takes no argument: written by hand.
            ("pre", ""),
            ("extra_options", "WithExtraOptions"),
        ],
    )
    .plain(&["index_url", "pre", "extra_options"]),
    set("CreateSnapshotOptions", "CreateSnapshot", &[("timeout", "WithSnapshotTimeout")]),
    set(
        "ListSnapshotsOptions",
        "ListSnapshots",
        &[
            ("page", "WithSnapshotPage"),
            ("limit", "WithSnapshotLimit"),
            ("name", "WithSnapshotName"),
            ("sort", "WithSnapshotSort"),
            ("order", "WithSnapshotOrder"),
            ("source_sandbox_id", "WithSourceSandbox"),
        ],
    ),
    set("WaitOptions", "CreateSnapshotOf", &[("timeout", "WithCreateSnapshotTimeout")]),
    set("WaitOptions", "StartSandbox", &[("timeout", "WithStartTimeout")]),
    set("StopOptions", "StopSandbox", &[("timeout", "WithStopTimeout"), ("force", "WithForceStop")]).plain(&["force"]),
    set("DeleteOptions", "DeleteSandbox", &[("timeout", "WithDeleteTimeout"), ("wait", "WithDeleteWait")])
        .plain(&["wait"]),
    set("WaitOptions", "Wait", &[("timeout", "WithWaitTimeout")]),
    set("MetricsOptions", "GetMetrics", &[("start", "WithMetricsStart"), ("end", "WithMetricsEnd")])
        .plain(&["start", "end"]),
    set(
        "UpdateEnvOptions",
        "UpdateEnv",
        &[("set", "WithEnvSet"), ("unset", "WithEnvUnset"), ("unset_value_prefix", "WithEnvUnsetValuePrefix")],
    ),
    set(
        "ExecOptions",
        "ExecuteCommand",
        &[("cwd", "WithCwd"), ("env", "WithCommandEnv"), ("timeout", "WithExecuteTimeout")],
    ),
    set("CodeRunOptions", "CodeRun", &[("timeout", "WithCodeRunTimeout")]).without(&["argv", "env"]).extra(&[
        Extra {
            field: "Params",
            ty: "*types.CodeRunParams",
            function: "WithCodeRunParams",
            doc: "Arguments and environment variables of the program.",
        },
        Extra {
            field: "Language",
            ty: "types.CodeLanguage",
            function: "WithCodeRunLanguage",
            doc: "Language of the program. Default: that of the parameters, else the sandbox's.",
        },
    ]),
    set("WaitOptions", "ExecuteSessionCommand", &[("timeout", "WithSessionCommandTimeout")]).extra(&[
        Extra {
            field: "RunAsync",
            ty: "bool",
            function: "WithRunAsync",
            doc: "Whether to return at once; the command goes on. Default: false.",
        },
        Extra {
            field: "SuppressInputEcho",
            ty: "bool",
            function: "WithSuppressInputEcho",
            doc: "Whether to keep input that is sent to the command out of its log. Default: false.",
        },
    ]),
    set("PtyCreateOptions", "PtySession", &[("envs", "WithPtyEnv"), ("cwd", "WithPtyCwd")])
        .without(&["rows", "cols"])
        .extra(&[Extra { field: "PtySize", ty: "*types.PtySize", function: "WithPtySize", doc: PTY_SIZE }]),
    set("PtyCreateOptions", "CreatePty", &[("envs", "WithCreatePtyEnv"), ("cwd", "WithCreatePtyCwd")])
        .without(&["rows", "cols"])
        .extra(&[Extra { field: "PtySize", ty: "*types.PtySize", function: "WithCreatePtySize", doc: PTY_SIZE }]),
    set("SpawnOptions", "Spawn", &[("cwd", "WithSpawnCwd"), ("env", "WithSpawnEnv"), ("stdin", "WithStdin")])
        .plain(&["stdin"]),
    // The channel is chosen by the method.
    set("OutputOptions", "Output", &[("channel", ""), ("follow", "WithFollow")]),
    set(
        "WaitForLogOptions",
        "WaitForLog",
        &[("regex", "WithRegex"), ("channel", "WithLogOutput"), ("timeout", "WithLogTimeout")],
    )
    .plain(&["regex"]),
    set("fs.create_folder", "CreateFolder", &[("mode", "WithMode")]),
    set(
        "PermissionOptions",
        "SetFilePermissions",
        &[("mode", "WithPermissionMode"), ("owner", "WithOwner"), ("group", "WithGroup")],
    ),
    set("ListFilesOptions", "ListFiles", &[("depth", "WithDepth")]),
    set("DownloadOptions", "Transfer", &[("timeout", "WithTransferTimeout")]),
    set("UploadOptions", "Transfer", &[("timeout", "WithTransferTimeout")]),
    set(
        "DirectoryOptions",
        "Directory",
        &[("exclude", "WithExclude"), ("timeout", "WithDirectoryTimeout")],
    )
    .extra(&[Extra {
        field: "Progress",
        ty: "func(types.DirectoryProgress)",
        function: "WithDirectoryProgress",
        doc: "Function that is called some ten times a second, on the goroutine of the call.",
    }]),
    set(
        "GitCloneOptions",
        "GitClone",
        &[
            ("branch", "WithBranch"),
            ("commit_id", "WithCommitId"),
            ("username", "WithUsername"),
            ("password", "WithPassword"),
            ("insecure_skip_tls", "WithInsecureSkipTLS"),
            ("depth", "WithCloneDepth"),
            ("timeout", "WithCloneTimeout"),
        ],
    ),
    set("ScreenshotOptions", "Screenshot", &[]),
    set("GitCommitOptions", "GitCommit", &[("allow_empty", "WithAllowEmpty")]),
    set("GitDeleteBranchOptions", "GitDeleteBranch", &[("force", "WithForce")]),
    set(
        "GitRemoteOptions",
        "GitPush",
        &[
            ("username", "WithPushUsername"),
            ("password", "WithPushPassword"),
            ("branch", "WithPushBranch"),
            ("remote", "WithPushRemote"),
            ("set_upstream", "WithSetUpstream"),
            ("timeout", "WithPushTimeout"),
        ],
    ),
    set(
        "GitRemoteOptions",
        "GitPull",
        &[
            ("username", "WithPullUsername"),
            ("password", "WithPullPassword"),
            ("branch", "WithPullBranch"),
            ("remote", "WithPullRemote"),
            ("timeout", "WithPullTimeout"),
        ],
    )
    .without(&["set_upstream"]),
    set(
        "RunCodeOptions",
        "RunCode",
        &[("context_id", "WithCustomContext"), ("envs", "WithEnv"), ("timeout", "WithInterpreterTimeout")],
    )
    .plain(&["context_id"]),
    set("CreateContextOptions", "CreateContext", &[("cwd", "WithContextCwd"), ("language", "WithContextLanguage")]),
];
