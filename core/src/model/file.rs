//! Files of a sandbox.

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
    /// When it was last changed, as text; `modified_at` is the one to parse.
    #[serde(deserialize_with = "null_as_default")]
    pub mod_time: String,
    /// When it was last changed, ISO 8601.
    pub modified_at: Option<String>,
    /// Full path, where the server tells it.
    pub path: Option<String>,
}

/// Options of `list_files`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListFilesOptions {
    /// How deep to go, from 1 (the directory's own entries). Default: 1.
    pub depth: Option<i64>,
}

/// Options of `delete_file`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteFileOptions {
    /// Whether a directory may be deleted with everything in it. Default: false.
    pub recursive: Option<bool>,
}

/// Options of `set_file_permissions`; what is not given stays as it is.
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
    pub timeout: Option<f64>,
}

/// Options of downloads.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DownloadOptions {
    /// Seconds the transfer may take; 0 = no limit. Default: 1800.
    pub timeout: Option<f64>,
}

/// A file to upload: from memory or from a local path, one of the two.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileUpload {
    /// Path in the sandbox; relative paths start at the working directory.
    pub destination: String,
    /// The content.
    pub content: Option<Blob>,
    /// Local file to read the content from; it is streamed, not loaded.
    pub local_path: Option<String>,
}

/// A file to download.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileDownloadRequest {
    /// Path in the sandbox.
    pub source: String,
    /// Local path to write to, atomically. Default: return the content.
    pub destination: Option<String>,
}

/// Why one file of several could not be downloaded.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileDownloadErrorDetails {
    /// A sentence for people.
    pub message: String,
    /// HTTP status this error would have had on its own.
    #[serde(alias = "status_code")]
    pub status_code: Option<i64>,
    /// Machine-readable code.
    #[serde(alias = "code", alias = "error_code")]
    pub error_code: Option<String>,
}

/// Result of one file of several.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileDownloadResponse {
    /// Path in the sandbox, as requested.
    pub source: String,
    /// The content, when no destination was given.
    pub content: Option<Blob>,
    /// The local path written to, when a destination was given.
    pub local_path: Option<String>,
    /// Why there is neither.
    pub error: Option<String>,
    /// More about the error.
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
    /// The line.
    pub content: String,
}

/// What `search_files` found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchFilesResponse {
    /// Paths whose name matches.
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
    /// Whether it was replaced.
    pub success: Option<bool>,
    /// Why not.
    pub error: Option<String>,
}
