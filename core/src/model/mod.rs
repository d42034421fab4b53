//! What travels: the documented data types of every operation.
//!
//! `xtask codegen` reads these files and writes the same types for every language, so the model keeps to plain structs,
//! enums of strings, `Option`, `Vec`, `BTreeMap`, [`Blob`] and [`Json`]. All readers are tolerant: an unknown
//! field is ignored, a missing one takes its default, an unknown enum value is kept as it came.

mod blob;
mod chart;
mod code_interpreter;
mod directory;
mod file;
mod git;
mod process;
mod pty;
mod sandbox;
mod spawn;

pub use blob::Blob;
pub use chart::{Chart, ChartElement, ChartType};
pub use code_interpreter::{CreateContextOptions, ExecutionError, ExecutionResult, InterpreterContext, RunCodeOptions};
pub use directory::{DirectoryOptions, DirectoryProgress, DirectoryResult, SkippedEntry};
pub use file::{
    DeleteFileOptions, DownloadOptions, FileDownloadErrorDetails, FileDownloadRequest, FileDownloadResponse, FileInfo,
    FileUpload, ListFilesOptions, Match, PermissionOptions, ReplaceResult, SearchFilesResponse, UploadOptions,
};
pub use git::{
    FileStatus, GitCloneOptions, GitCommitInfo, GitCommitOptions, GitCommitResponse, GitDeleteBranchOptions,
    GitRemoteOptions, GitStatus, ListBranchResponse,
};
pub use process::{
    CodeLanguage, CodeRunOptions, Command, ExecOptions, ExecuteResponse, ExecutionArtifacts, Session,
    SessionCommandLogsResponse, SessionExecuteRequest, SessionExecuteResponse,
};
pub use pty::{PtyCreateOptions, PtyResult, PtySessionInfo, PtySize};
pub use sandbox::{
    BuildInfo, CreateOptions, CreateSandboxParams, DeleteOptions, FindOneOptions, ListPageOptions, ListSandboxesQuery,
    ListSandboxesResponse, NetworkSettings, PaginatedSandboxes, PortPreviewUrl, Resources, SandboxDesiredState,
    SandboxInfo, SandboxListSortDirection, SandboxListSortField, SandboxState, SignedPortPreviewUrl, StopOptions,
    VolumeMount, WaitOptions,
};
pub use spawn::{OutputChannel, OutputOptions, ProcessInfo, SpawnOptions, WaitForLogOptions};

/// A value of any JSON type.
pub type Json = serde_json::Value;

/// A value that servers may send as `null` for its default.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::Deserialize<'de> + Default,
{
    use serde::Deserialize;
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
