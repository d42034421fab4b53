//! Directories on their way to and from a sandbox.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Options of `upload_dir` and `download_dir`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryOptions {
    /// Globs of entries to leave out. A glob without `/` is compared with every name (`node_modules`, `*.pyc`), one
    /// with `/` with the path below the directory (`build/**`). Everything below an excluded directory is excluded too.
    pub exclude: Option<Vec<String>>,
    /// Seconds the transfer may take; 0 = no limit. Default: 1800.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// Progress of a transfer.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryProgress {
    /// Files transferred so far.
    pub files: i64,
    /// Bytes of file content transferred so far.
    pub bytes: i64,
    /// Files in total; known for uploads only.
    pub total_files: Option<i64>,
    /// Bytes of file content in total; known for uploads only.
    pub total_bytes: Option<i64>,
}

/// Result of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryResult {
    /// Files written.
    pub files: i64,
    /// Bytes of file content written.
    pub bytes: i64,
    /// Entries that were not transferred, with the reason: devices, sockets, links that lead outside.
    pub skipped: Vec<SkippedEntry>,
}

/// An entry that could not be transferred.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkippedEntry {
    /// Path below the directory.
    pub path: String,
    /// Reason, as a sentence.
    pub reason: String,
}
