//! Files of a sandbox.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Blob, null_as_default};

/// A file or directory (wire.md 3.2).
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileInfo {
    /// Name without directory.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// Size in bytes.
    pub size: i64,
    /// Type and permissions as letters, for example `-rw-r--r--`.
    #[serde(deserialize_with = "null_as_default")]
    pub mode: String,
    /// Permissions in octal, for example `0644`.
    #[serde(deserialize_with = "null_as_default")]
    pub permissions: String,
    /// Id of the owning user.
    #[serde(deserialize_with = "null_as_default")]
    pub owner: String,
    /// Id of the owning group.
    #[serde(deserialize_with = "null_as_default")]
    pub group: String,
    /// Time of the last change, as text; use `modified_at` to parse it.
    #[serde(deserialize_with = "null_as_default")]
    pub mod_time: String,
    /// Time of the last change, ISO 8601.
    pub modified_at: Option<String>,
    /// Full path, if the server sends it.
    pub path: Option<String>,
}

/// Options of `list_files`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListFilesOptions {
    /// Levels of directories to list; 1 = only the entries of the directory itself. Default: 1.
    pub depth: Option<i64>,
}

/// Options of `delete_file`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteFileOptions {
    /// Whether to delete a directory with everything in it. Default: false.
    pub recursive: Option<bool>,
}

/// Options of `set_file_permissions`. Anything that is not given stays unchanged.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PermissionOptions {
    /// Permissions in octal, for example `644`.
    pub mode: Option<String>,
    /// User name or id.
    pub owner: Option<String>,
    /// Group name or id.
    pub group: Option<String>,
}

/// Options of uploads.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UploadOptions {
    /// Seconds the transfer may take; 0 = no limit. Default: 1800.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// Options of downloads.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DownloadOptions {
    /// Seconds the transfer may take; 0 = no limit. Default: 1800.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// A file to upload, either from memory or from a local path.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileUpload {
    /// Path of the file in the sandbox; relative paths begin at the working directory.
    pub destination: String,
    /// Content of the file.
    pub content: Option<Blob>,
    /// Local path to read the content from; it is streamed, not loaded into memory.
    pub local_path: Option<String>,
}

/// A file to download.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileDownloadRequest {
    /// Path of the file in the sandbox.
    pub source: String,
    /// Local path to write to; the file appears when it is complete. Default: the content is returned.
    pub destination: Option<String>,
}

/// Reason why one of several files could not be downloaded.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileDownloadErrorDetails {
    /// Message, as a sentence.
    pub message: String,
    /// HTTP status of the error.
    #[serde(alias = "status_code")]
    pub status_code: Option<i64>,
    /// Code of the error.
    #[serde(alias = "code", alias = "error_code")]
    pub error_code: Option<String>,
}

/// Result of downloading one of several files.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileDownloadResponse {
    /// Path in the sandbox, as requested.
    pub source: String,
    /// Content of the file, if no destination was given.
    pub content: Option<Blob>,
    /// Local path of the file, if a destination was given.
    pub local_path: Option<String>,
    /// Reason why there is neither.
    pub error: Option<String>,
    /// Details of the error.
    pub error_details: Option<FileDownloadErrorDetails>,
}

/// A line found by `find_files`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Match {
    /// Path of the file.
    pub file: String,
    /// Line number, from 1.
    pub line: i64,
    /// Text of the line.
    pub content: String,
}

/// Files found by `search_files`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchFilesResponse {
    /// Paths of the files whose names match.
    #[serde(deserialize_with = "null_as_default")]
    pub files: Vec<String>,
}

/// Result of a replacement in one file.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplaceResult {
    /// Path of the file.
    pub file: Option<String>,
    /// Whether the replacement succeeded.
    pub success: Option<bool>,
    /// Reason why it was not replaced.
    pub error: Option<String>,
}
