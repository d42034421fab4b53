//! How Go's methods and functional options differ from its conventions. Plain names stand in `schema/deviations.toml`.
//!
//! By convention an operation is a method of its service's class: `ctx` first, then its parameters, then functional options
//! for what is optional; a struct comes back as a pointer. An options struct is a set of functional options called like it
//! (`WaitForLogOptions`: `options.WaitForLog`), and each field has a function (`options.WithWaitForLogRegex`).

mod options;
mod structs;

use super::services::{Gives, Method};

pub use options::SETS;
pub use structs::{BESIDES, GETTERS, MAP_KEYS, MAPS, SPELLINGS};

/// A method that differs from the convention, under another name or as one of several.
const fn method(name: &'static str) -> Method {
    Method { on: None, name, takes: None, set: None, gives: Gives::Result, hidden: false }
}

/// A method that only the hand-written files call, with the operation's own parameters.
const fn hidden(name: &'static str) -> Method {
    Method { hidden: true, ..method(name) }
}

/// A method of the sandbox that sets one of its intervals, which are minutes; `nil` is what nil stands for.
const fn setter(name: &'static str, nil: &'static str) -> Method {
    method(name).on("Sandbox").takes(&["*interval as intervalMinutes"]).gives(Gives::Sets(nil))
}

/// A second name of the method before it.
const fn alias(name: &'static str) -> Method {
    Method { gives: Gives::Alias, ..method(name) }
}

impl Method {
    /// On another class than the service's.
    const fn on(mut self, class: &'static str) -> Self {
        self.on = Some(class);
        self
    }

    /// Its parameters: fields of the options too, `*` before what may be nil, ` as name` behind what is called otherwise,
    /// `opts` for the functional options.
    const fn takes(mut self, parameters: &'static [&'static str]) -> Self {
        self.takes = Some(parameters);
        self
    }

    /// The functional options it takes, where several sets belong to one options struct.
    const fn set(mut self, set: &'static str) -> Self {
        self.set = Some(set);
        self
    }

    const fn gives(mut self, gives: Gives) -> Self {
        self.gives = gives;
        self
    }

    /// What a hand-written function makes of the result.
    const fn through(self, function: &'static str, result: &'static str) -> Self {
        self.gives(Gives::Through(function, result))
    }

    const fn updates(self) -> Self {
        self.on("Sandbox").through("s.update", "error")
    }
}

const TRANSFERRED: &str = "transferred(ctx, o.Progress)";

/// The methods of each operation that has others than the convention says.
pub const METHODS: &[(&str, &[Method])] = &[
    ("sandbox.create", &[hidden("create").set("CreateSandbox")]),
    ("sandbox.create_with_logs", &[hidden("createWithLogs").set("CreateSandbox")]),
    (
        "sandbox.create_snapshot",
        &[
            method("CreateSnapshot").set("CreateSnapshotOf").updates(),
            method("CreateSnapshotWithTimeout").takes(&["name", "timeout"]).updates(),
        ],
    ),
    ("snapshot.create", &[hidden("create").set("CreateSnapshot")]),
    ("snapshot.create_with_logs", &[hidden("createWithLogs").set("CreateSnapshot")]),
    ("snapshot.get", &[method("Get").takes(&["id_or_name as nameOrID"])]),
    ("snapshot.list", &[method("List").takes(&["*page", "*limit"]), method("ListWith")]),
    ("snapshot.activate", &[method("Activate").takes(&["id_or_name as snapshot *types.Snapshot"])]),
    ("snapshot.deactivate", &[method("Deactivate").takes(&["id_or_name as snapshot *types.Snapshot"])]),
    ("snapshot.delete", &[method("Delete").takes(&["id_or_name as snapshot *types.Snapshot"])]),
    (
        "sandbox.get",
        &[
            method("Get").takes(&["id_or_name as sandboxIDOrName"]).through("c.sandbox", "(*Sandbox, error)"),
            method("RefreshData").updates(),
            alias("Refresh").on("Sandbox"),
        ],
    ),
    (
        "sandbox.find_one",
        &[method("FindOne")
            .takes(&["*id_or_name as sandboxIDOrName", "labels"])
            .through("c.sandbox", "(*Sandbox, error)")],
    ),
    ("sandbox.list", &[method("ListPart").takes(&["*query"]).through("c.part", "(*SandboxesPart, error)")]),
    (
        "sandbox.list_page",
        &[method("ListPage").takes(&["labels", "*page", "*limit"]).through("c.page", "(*PaginatedSandboxes, error)")],
    ),
    (
        "sandbox.start",
        &[
            method("Start").takes(&[]).updates(),
            method("StartWithTimeout").takes(&["timeout"]).updates(),
            method("Start").takes(&["sandbox", "opts"]).set("StartSandbox").through("sandbox.update", "error"),
        ],
    ),
    (
        "sandbox.stop",
        &[
            method("Stop").takes(&[]).updates(),
            method("StopWithTimeout").takes(&["timeout", "...force"]).updates(),
            method("Stop").takes(&["sandbox", "opts"]).through("sandbox.update", "error"),
        ],
    ),
    (
        "sandbox.delete",
        &[
            method("Delete").takes(&[]).updates(),
            method("DeleteWithTimeout").takes(&["timeout"]).updates(),
            method("Delete").takes(&["sandbox", "opts"]).through("sandbox.update", "error"),
        ],
    ),
    (
        "sandbox.wait_for_start",
        &[method("WaitForStart").takes(&["timeout"]).updates(), alias("WaitUntilStarted").on("Sandbox")],
    ),
    (
        "sandbox.wait_for_stop",
        &[method("WaitForStop").takes(&["timeout"]).updates(), alias("WaitUntilStopped").on("Sandbox")],
    ),
    ("volume.list", &[method("List").gives(Gives::Pointers)]),
    ("volume.delete", &[method("Delete").takes(&["*volume"])]),
    ("volume.wait_for_ready", &[method("WaitForReady").takes(&["*volume", "timeout"])]),
    ("sandbox.archive", &[method("Archive").updates()]),
    (
        "sandbox.recover",
        &[method("Recover").takes(&[]).updates(), method("RecoverWithTimeout").takes(&["timeout"]).updates()],
    ),
    (
        "sandbox.resize",
        &[
            method("Resize").takes(&["*resources"]).updates(),
            method("ResizeWithTimeout").takes(&["*resources", "timeout"]).updates(),
        ],
    ),
    ("sandbox.wait_for_resize_complete", &[method("WaitForResize").takes(&["timeout"]).updates()]),
    (
        "sandbox.pause",
        &[method("Pause").takes(&[]).updates(), method("PauseWithTimeout").takes(&["timeout"]).updates()],
    ),
    (
        "sandbox.fork",
        &[
            method("Fork").on("Sandbox").takes(&["*name"]).through("s.client.sandbox", "(*Sandbox, error)"),
            alias("ExperimentalFork").on("Sandbox").takes(&["*name"]),
            method("ForkWithTimeout")
                .on("Sandbox")
                .takes(&["*name", "timeout"])
                .through("s.client.sandbox", "(*Sandbox, error)"),
            alias("ExperimentalForkWithTimeout").on("Sandbox").takes(&["*name", "timeout"]),
        ],
    ),
    ("sandbox.set_auto_pause_interval", &[setter("SetAutoPauseInterval", "0")]),
    ("sandbox.set_ttl", &[method("SetTTL").updates()]),
    ("sandbox.set_public", &[method("SetPublic").updates()]),
    ("sandbox.get_metrics", &[method("GetMetrics").on("Sandbox")]),
    ("process.update_env", &[method("UpdateEnv").on("Sandbox")]),
    ("process.get_metrics_latest", &[method("GetMetricsLatest").on("Sandbox")]),
    ("sandbox.set_labels", &[method("SetLabels").on("Sandbox").through("s.setLabels", "error")]),
    ("sandbox.set_auto_stop_interval", &[setter("SetAutoStopInterval", "0")]),
    ("sandbox.set_auto_archive_interval", &[setter("SetAutoArchiveInterval", "0")]),
    ("sandbox.set_auto_delete_interval", &[setter("SetAutoDeleteInterval", "-1")]),
    ("sandbox.refresh_activity", &[method("RefreshActivity").on("Sandbox")]),
    ("sandbox.update_network_settings", &[method("UpdateNetworkSettings").updates()]),
    ("sandbox.update_secrets", &[method("UpdateSecrets").updates()]),
    ("sandbox.get_preview_link", &[method("GetPreviewLink").on("Sandbox")]),
    (
        "sandbox.create_signed_preview_url",
        &[
            method("GetSignedPreviewLink").on("Sandbox").takes(&["port", "expires_in_seconds"]),
            alias("CreateSignedPreviewURL").on("Sandbox").takes(&["port", "expires_in_seconds"]),
        ],
    ),
    ("sandbox.expire_signed_preview_url", &[method("ExpireSignedPreviewLink").on("Sandbox")]),
    (
        "sandbox.forward_port",
        &[method("ForwardPort")
            .on("Sandbox")
            .takes(&["port", "local_port"])
            .through("forwarded", "(*PortForward, error)")],
    ),
    ("sandbox.create_ssh_access", &[method("CreateSSHAccess").on("Sandbox").takes(&["*expires_in_minutes"])]),
    ("sandbox.validate_ssh_access", &[method("ValidateSSHAccess").on("Sandbox")]),
    ("sandbox.revoke_ssh_access", &[method("RevokeSSHAccess").on("Sandbox").takes(&["token"])]),
    ("process.code_run", &[hidden("codeRun")]),
    (
        "process.create_pty",
        &[
            method("CreatePty")
                .takes(&["session_id as id", "opts"])
                .set("CreatePty")
                .through("p.connected", "(*PtyHandle, error)"),
            method("CreatePtySession")
                .takes(&["session_id as id", "opts"])
                .set("PtySession")
                .through("p.left(ctx, id)", "(*types.PtySessionInfo, error)"),
        ],
    ),
    ("process.connect_pty", &[method("ConnectPty").through("p.connected", "(*PtyHandle, error)")]),
    ("process.list_pty_sessions", &[method("ListPtySessions").gives(Gives::Pointers)]),
    ("process.resize_pty_session", &[hidden("resizePtySession")]),
    ("process.kill_pty_session", &[method("KillPtySession"), alias("DeletePtySession")]),
    ("process.get_session", &[method("GetSession").gives(Gives::Maps("map[string]any")), method("GetSessionTyped")]),
    (
        "process.list_sessions",
        &[method("ListSessions").gives(Gives::Maps("[]map[string]any")), method("ListSessionsTyped")],
    ),
    ("process.execute_session_command", &[hidden("executeSessionCommand").set("ExecuteSessionCommand")]),
    (
        "process.get_session_command",
        &[method("GetSessionCommand").gives(Gives::Maps("map[string]any")), method("GetSessionCommandTyped")],
    ),
    (
        "process.stream_session_command_logs",
        &[
            method("StreamSessionCommandLogs").through("opened(ctx)", "(*LogStream, error)"),
            method("GetSessionCommandLogsStream").gives(Gives::Channels),
        ],
    ),
    (
        "process.stream_entrypoint_logs",
        &[
            method("StreamEntrypointLogs").through("opened(ctx)", "(*LogStream, error)"),
            method("GetEntrypointLogsStream").gives(Gives::Channels),
        ],
    ),
    ("process.spawn", &[method("Spawn").through("p.spawned", "(*SpawnedProcess, error)")]),
    ("process.list_spawned", &[method("ListSpawned").through("p.allSpawned", "([]*SpawnedProcess, error)")]),
    ("process.get_spawned", &[method("Attach").through("p.spawned", "(*SpawnedProcess, error)"), alias("GetSpawned")]),
    ("process.stream_output", &[method("Output").on("SpawnedProcess").through("opened(ctx)", "(*LogStream, error)")]),
    ("process.write_stdin", &[method("WriteStdin").on("SpawnedProcess")]),
    ("process.close_stdin", &[method("CloseStdin").on("SpawnedProcess")]),
    ("process.wait_spawned", &[method("Wait").on("SpawnedProcess").set("Wait")]),
    ("process.signal_spawned", &[method("SendSignal").on("SpawnedProcess")]),
    ("process.release_spawned", &[method("Release").on("SpawnedProcess")]),
    ("process.wait_for_port", &[method("WaitForPort").set("Wait")]),
    ("process.wait_for_log", &[method("WaitForLog"), method("WaitForLog").on("SpawnedProcess")]),
    ("fs.upload_dir", &[method("UploadDir").set("Directory").through(TRANSFERRED, "(*types.DirectoryResult, error)")]),
    (
        "fs.download_dir",
        &[method("DownloadDir").set("Directory").through(TRANSFERRED, "(*types.DirectoryResult, error)")],
    ),
    ("fs.list_files", &[method("ListFiles").gives(Gives::Pointers)]),
    ("fs.get_file_info", &[method("GetFileInfo"), alias("GetFileDetails")]),
    ("fs.delete_file", &[method("DeleteFile").takes(&["path", "recursive"])]),
    ("fs.find_files", &[method("FindFiles").gives(Gives::Maps("any")), method("FindFilesTyped")]),
    (
        "fs.search_files",
        &[method("SearchFiles").gives(Gives::Maps("any")), method("SearchFilesTyped").gives(Gives::Field("files"))],
    ),
    ("fs.replace_in_files", &[method("ReplaceInFiles").gives(Gives::Maps("any")), method("ReplaceInFilesTyped")]),
    ("fs.get_user_home_dir", &[method("GetUserHomeDir").on("Sandbox")]),
    ("fs.get_work_dir", &[method("GetWorkingDir").on("Sandbox"), alias("GetWorkDir").on("Sandbox")]),
    ("fs.upload_file", &[]),
    ("fs.upload_files", &[hidden("uploadFiles").set("Transfer")]),
    ("fs.open_upload", &[hidden("openUpload").set("Transfer")]),
    ("fs.download_file", &[hidden("downloadFile").set("Transfer")]),
    ("fs.download_to_path", &[method("DownloadFileTo").set("Transfer")]),
    (
        "fs.download_files",
        &[method("DownloadFiles").set("Transfer").through("downloaded", "([]types.FileDownloadResponse, error)")],
    ),
    ("fs.open_download", &[hidden("openDownload").set("Transfer")]),
    ("computer_use.start", &[method("Start").through("outcome", "error"), method("StartTyped")]),
    ("computer_use.stop", &[method("Stop").through("outcome", "error"), method("StopTyped")]),
    ("computer_use.get_status", &[method("GetStatus").gives(Gives::Maps("map[string]any")), method("GetStatusTyped")]),
    ("mouse.get_position", &[method("GetPosition").gives(Gives::Maps("map[string]any")), method("GetPositionTyped")]),
    ("mouse.move_to", &[method("Move").gives(Gives::Maps("map[string]any")), method("MoveTyped")]),
    (
        "mouse.click",
        &[
            method("Click").takes(&["x", "y", "*button", "*double"]).gives(Gives::Maps("map[string]any")),
            method("ClickTyped"),
        ],
    ),
    (
        "mouse.drag",
        &[
            method("Drag")
                .takes(&["start_x", "start_y", "end_x", "end_y", "*button"])
                .gives(Gives::Maps("map[string]any")),
            method("DragTyped"),
        ],
    ),
    ("mouse.scroll", &[method("Scroll").takes(&["x", "y", "direction", "*amount"]), method("ScrollWithOptions")]),
    ("keyboard.type_text", &[method("Type").takes(&["text", "*delay"])]),
    ("keyboard.press", &[method("Press").takes(&["key", "modifiers"])]),
    ("screenshot.take_full_screen", &[method("TakeFullScreen").takes(&["*show_cursor"])]),
    ("screenshot.take_region", &[method("TakeRegion").takes(&["region", "*show_cursor"])]),
    ("screenshot.take_compressed", &[hidden("takeCompressed").set("Screenshot")]),
    ("screenshot.take_compressed_region", &[hidden("takeCompressedRegion").set("Screenshot")]),
    ("display.get_info", &[method("GetInfo").gives(Gives::Maps("map[string]any")), method("GetInfoTyped")]),
    ("display.get_windows", &[method("GetWindows").gives(Gives::Maps("map[string]any")), method("GetWindowsTyped")]),
    ("recording.start", &[method("Start").takes(&["*label"])]),
    ("recording.stop", &[method("Stop").takes(&["recording_id as id"])]),
    ("recording.get", &[method("Get").takes(&["recording_id as id"])]),
    ("recording.delete", &[method("Delete").takes(&["recording_id as id"])]),
    ("recording.download", &[method("Download").takes(&["recording_id as id", "local_path"])]),
    ("accessibility.invoke_node", &[method("InvokeNode").takes(&["node_id as id", "*action"])]),
    ("git.branches", &[method("Branches").gives(Gives::Field("branches")), method("BranchesTyped")]),
    (
        "git.checkout_branch",
        &[
            method("Checkout").takes(&["path", "branch as name"]),
            alias("CheckoutBranch").takes(&["path", "branch as name"]),
        ],
    ),
    ("git.push", &[method("Push").set("GitPush")]),
    ("git.pull", &[method("Pull").set("GitPull")]),
    ("lsp.completions", &[method("Completions").through("untyped", "(any, error)"), method("CompletionsTyped")]),
    (
        "lsp.document_symbols",
        &[method("DocumentSymbols").through("eachUntyped", "([]any, error)"), method("DocumentSymbolsTyped")],
    ),
    (
        "lsp.sandbox_symbols",
        &[
            method("SandboxSymbols").through("eachUntyped", "([]any, error)"),
            alias("WorkspaceSymbols"),
            method("SandboxSymbolsTyped"),
        ],
    ),
    (
        "code_interpreter.run_code",
        &[method("RunCode").set("RunCode").through("inChannels(ctx)", "(*OutputChannels, error)")],
    ),
    (
        "code_interpreter.create_context",
        &[method("CreateContext").takes(&["*cwd"]).gives(Gives::Maps("map[string]any")), method("CreateContextTyped")],
    ),
    (
        "code_interpreter.list_contexts",
        &[method("ListContexts").gives(Gives::Maps("[]map[string]any")), method("ListContextsTyped")],
    ),
];
