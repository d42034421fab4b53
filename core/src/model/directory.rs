//! Directories on their way to and from a sandbox.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Options of `upload_dir` and `download_dir`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryOptions {
    /// Globs of what to leave out. One without `/` is compared with every name (`node_modules`, `*.pyc`), one with `/` with
    /// the path below the directory (`build/**`). What is below a directory left out is left out too.
    pub exclude: Option<Vec<String>>,
    /// Seconds the transfer may take; 0 = no limit. Default: 1800.
    pub timeout: Option<f64>,
}

/// How far a transfer has come.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryProgress {
    /// Files done.
    pub files: i64,
    /// Bytes of file content done.
    pub bytes: i64,
    /// Files in all, where it is known beforehand (uploads).
    pub total_files: Option<i64>,
    /// Bytes of file content in all, where it is known beforehand (uploads).
    pub total_bytes: Option<i64>,
}

/// What a transfer did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryResult {
    /// Files written.
    pub files: i64,
    /// Bytes of file content written.
    pub bytes: i64,
    /// What was not transferred, and why: devices, sockets, links that lead outside.
    pub skipped: Vec<SkippedEntry>,
}

/// Something a transfer left out although nobody excluded it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SkippedEntry {
    /// Path below the directory.
    pub path: String,
    /// A sentence for people.
    pub reason: String,
}
