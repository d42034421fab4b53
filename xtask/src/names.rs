//! Names in the conventions of each language, and the ONE table of deviations from them.

/// Names that differ from the language's convention, by operation id (`process.exec`) or struct field
/// (`ExecuteResponse.exit_code`). Everything not listed follows the convention.
pub struct Deviations(&'static [(&'static str, &'static str)]);

impl Deviations {
    /// The special name, if there is one.
    pub fn get(&self, id: &str) -> Option<&'static str> {
        self.0.iter().find(|(key, _)| *key == id).map(|(_, name)| *name)
    }
}

/// Python.
///
/// Methods that begin with an underscore have a public form of their own in the package.
pub const PYTHON: Deviations = Deviations(&[
    ("Chart.chart_type", "type"),
    ("ChartElement.chart_type", "type"),
    ("ChartType.UnknownChart", "UNKNOWN"),
    ("CodeLanguage.JavaScript", "JAVASCRIPT"),
    ("CodeLanguage.TypeScript", "TYPESCRIPT"),
    ("CreateSandboxParams.user", "os_user"),
    ("SandboxListSortField.CreatedAt", "CREATEDAT"),
    ("SandboxListSortField.DiskGib", "DISKGIB"),
    ("SandboxListSortField.LastActivityAt", "LASTACTIVITYAT"),
    ("SandboxListSortField.MemoryGib", "MEMORYGIB"),
    ("SandboxState.UnknownState", "UNKNOWN"),
    ("code_interpreter.delete_context", "_delete_context"),
    ("code_interpreter.run_code", "_run_code"),
    ("fs.download_dir", "_download_dir"),
    ("fs.download_file", "_download_file"),
    ("fs.download_files", "_download_files"),
    ("fs.download_to_path", "_download_to_path"),
    ("fs.open_download", "_open_download"),
    ("fs.open_upload", "_open_upload"),
    ("fs.upload_dir", "_upload_dir"),
    ("fs.upload_file", "_upload_file"),
    ("fs.upload_files", "_upload_files"),
    ("git.pull", "_pull"),
    ("process.close_stdin", "_close_stdin"),
    ("process.code_run", "_code_run"),
    ("process.connect_pty", "_connect_pty"),
    ("process.create_pty", "_create_pty"),
    ("process.execute_session_command", "_execute_session_command"),
    ("process.get_spawned", "_get_spawned"),
    ("process.list_spawned", "_list_spawned"),
    ("process.release_spawned", "_release_spawned"),
    ("process.resize_pty_session", "_resize_pty_session"),
    ("process.signal_spawned", "_signal_spawned"),
    ("process.spawn", "_spawn"),
    ("process.stream_entrypoint_logs", "_stream_entrypoint_logs"),
    ("process.stream_output", "_stream_output"),
    ("process.stream_session_command_logs", "_stream_session_command_logs"),
    ("process.wait_for_log", "_wait_for_log"),
    ("process.wait_spawned", "_wait_spawned"),
    ("process.write_stdin", "_write_stdin"),
]);

/// TypeScript.
pub const TYPESCRIPT: Deviations = Deviations(&[
    // A service is the base of the public class that has its plain name.
    ("Sandboxes", "SandboxService"),
    // An underscore: the public class offers the operation in another shape.
    ("process.exec", "_exec"),
    ("process.code_run", "_codeRun"),
    ("process.create_pty", "_createPty"),
    ("process.connect_pty", "_connectPty"),
    ("process.resize_pty_session", "_resizePtySession"),
    ("process.execute_session_command", "_executeSessionCommand"),
    ("process.get_session_command_logs", "_getSessionCommandLogs"),
    ("process.get_entrypoint_logs", "_getEntrypointLogs"),
    ("fs.delete_file", "_deleteFile"),
    ("fs.find_files", "_findFiles"),
    ("fs.set_file_permissions", "_setFilePermissions"),
    ("fs.upload_file", "_uploadFile"),
    ("fs.upload_files", "_uploadFiles"),
    ("fs.download_file", "_downloadFile"),
    ("fs.download_to_path", "_downloadToPath"),
    ("fs.download_files", "_downloadFiles"),
    ("fs.upload_dir", "_uploadDir"),
    ("fs.download_dir", "_downloadDir"),
    ("git.clone", "_clone"),
    ("git.status", "_status"),
    ("git.commit", "_commit"),
    ("git.push", "_push"),
    ("git.pull", "_pull"),
    ("git.delete_branch", "_deleteBranch"),
    ("process.spawn", "_spawn"),
    ("process.list_spawned", "_listSpawned"),
    ("process.get_spawned", "_getSpawned"),
    ("process.stream_output", "_streamOutput"),
    ("process.write_stdin", "_writeStdin"),
    ("process.close_stdin", "_closeStdin"),
    ("process.wait_spawned", "_waitSpawned"),
    ("process.signal_spawned", "_signalSpawned"),
    ("process.release_spawned", "_releaseSpawned"),
    ("process.wait_for_port", "_waitForPort"),
    ("process.wait_for_log", "_waitForLog"),
    ("code_interpreter.run_code", "_runCode"),
    ("code_interpreter.create_context", "_createContext"),
    ("code_interpreter.delete_context", "_deleteContext"),
    // The public type has another shape.
    ("FileUpload", "UploadEntry"),
    ("FileDownloadResponse", "DownloadEntry"),
    ("FileStatus", "FileStatusData"),
    ("GitStatus", "GitStatusData"),
    ("GitCommitResponse", "GitCommitData"),
    ("PaginatedSandboxes", "SandboxPage"),
    ("PtyCreateOptions", "PtyOptions"),
    ("RunCodeOptions", "InterpreterRunOptions"),
    ("SessionExecuteRequest", "SessionCommand"),
]);

/// Ruby.
pub const RUBY: Deviations = Deviations(&[
    ("Chart", "ChartInfo"),
    ("Chart.chart_type", "type"),
    ("ChartElement.chart_type", "type"),
    ("FileUpload", "FileUploadRequest"),
    ("PaginatedSandboxes", "SandboxPage"),
    ("code_interpreter.run_code", "run_code_stream"),
    ("fs.download_file", "read_file"),
    ("process.connect_pty", "connect_pty_session"),
    ("process.create_pty", "create_pty_session"),
    ("process.execute_session_command.request", "req"),
]);

/// Go.
pub const GO: Deviations = Deviations(&[
    ("process.exec", "ExecuteCommand"),
    ("SandboxState.UnknownState", "Unknown"),
    ("ChartType.UnknownChart", "Unknown"),
    ("PortPreviewUrl", "PreviewLink"),
    ("SignedPortPreviewUrl", "SignedPreviewLink"),
    ("GitCommitResponse.sha", "SHA"),
    // Behind public types of another shape.
    ("CreateSandboxParams", "api.CreateSandboxParams"),
    ("FileDownloadErrorDetails", "api.FileDownloadErrorDetails"),
    ("FileDownloadRequest", "api.FileDownloadRequest"),
    ("FileDownloadResponse", "api.FileDownloadResponse"),
    ("FileUpload", "api.FileUpload"),
    ("ListSandboxesQuery", "api.ListSandboxesQuery"),
    ("ListSandboxesResponse", "api.ListSandboxesResponse"),
    ("PaginatedSandboxes", "api.PaginatedSandboxes"),
    ("SandboxInfo", "api.SandboxInfo"),
    ("SessionExecuteRequest", "api.SessionExecuteRequest"),
    // Written by hand: times, second names, and values whose Go type depends on another.
    ("Chart", "types.Chart"),
    ("Command", "types.Command"),
    ("FileInfo", "types.FileInfo"),
    ("FileStatus", "types.FileStatus"),
    ("GitStatus", "types.GitStatus"),
    ("PtySessionInfo", "types.PtySessionInfo"),
    ("Resources", "types.Resources"),
    ("Session", "types.Session"),
    ("SessionCommandLogsResponse", "types.SessionCommandLogsResponse"),
]);

/// The languages of uniffi.
pub const UNIFFI: Deviations = Deviations(&[
    // Every object has a `clone` already.
    ("git.clone", "clone_repository"),
]);

/// `exec_command` -> `execCommand`.
pub fn camel(name: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// `exec_command` -> `ExecCommand`.
pub fn pascal(name: &str) -> String {
    let camel = camel(name);
    let mut chars = camel.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// `ExecCommand` -> `exec_command`.
pub fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_uppercase() {
            if i > 0 {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}
