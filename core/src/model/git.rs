//! Git repositories in a sandbox.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::null_as_default;

/// Options of `clone`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCloneOptions {
    /// Branch to check out. Default: the remote's.
    pub branch: Option<String>,
    /// Commit to check out, detached.
    pub commit_id: Option<String>,
    /// User name at the remote; used only together with `password`.
    pub username: Option<String>,
    /// Password or token at the remote.
    #[debug("[secret]")]
    pub password: Option<String>,
    /// Whether to accept any TLS certificate. Default: false.
    pub insecure_skip_tls: Option<bool>,
    /// Number of commits to fetch. Default: all.
    pub depth: Option<i64>,
    /// Seconds the call may take; 0 = no limit. Default: 1800.
    pub timeout: Option<f64>,
}

/// Options of `push` and `pull`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitRemoteOptions {
    /// User name at the remote; used only together with `password`.
    pub username: Option<String>,
    /// Password or token at the remote.
    #[debug("[secret]")]
    pub password: Option<String>,
    /// Branch. Default: the current one.
    pub branch: Option<String>,
    /// Remote. Default: `origin`.
    pub remote: Option<String>,
    /// Whether the branch follows the remote one from now on (`push` only). Default: false.
    pub set_upstream: Option<bool>,
    /// Seconds the call may take; 0 = no limit. Default: 1800.
    pub timeout: Option<f64>,
}

/// Options of `commit`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCommitOptions {
    /// Whether a commit without changes is fine. Default: false.
    pub allow_empty: Option<bool>,
}

/// Options of `delete_branch`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitDeleteBranchOptions {
    /// Whether to delete a branch whose commits are nowhere else. Default: what the server does, which is to delete it.
    pub force: Option<bool>,
}

/// State of a changed file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileStatus {
    /// Path in the repository.
    pub name: String,
    /// Previous path of a renamed file.
    #[serde(deserialize_with = "null_as_default")]
    pub extra: String,
    /// State in the index: `Unmodified`, `Untracked`, `Modified`, `Added`, `Deleted`, `Renamed`, `Copied` or
    /// `Updated but unmerged`.
    #[serde(deserialize_with = "null_as_default")]
    pub staging: String,
    /// State in the worktree, in the same words.
    #[serde(deserialize_with = "null_as_default")]
    pub worktree: String,
}

/// State of a repository.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitStatus {
    /// Current branch; `HEAD` when detached.
    pub current_branch: String,
    /// Changed files.
    #[serde(deserialize_with = "null_as_default")]
    pub file_status: Vec<FileStatus>,
    /// Whether the branch exists at its remote.
    pub branch_published: Option<bool>,
    /// Commits the remote branch lacks.
    pub ahead: Option<i64>,
    /// Commits only the remote branch has.
    pub behind: Option<i64>,
    /// Whether no branch is checked out, where the server tells it.
    pub detached: Option<bool>,
    /// The branch at the remote, where the server tells it.
    pub upstream: Option<String>,
}

/// Branches of a repository.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListBranchResponse {
    /// Local branches.
    #[serde(deserialize_with = "null_as_default")]
    pub branches: Vec<String>,
    /// Current branch, where the server tells it; empty when detached.
    pub current: Option<String>,
}

/// A new commit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCommitResponse {
    /// Its hash.
    #[serde(alias = "hash")]
    pub sha: String,
}

/// A commit of the history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCommitInfo {
    /// Its hash.
    pub hash: String,
    /// Name of its author.
    pub author: String,
    /// E-mail address of its author.
    pub email: String,
    /// Its message.
    pub message: String,
    /// When it was made, ISO 8601.
    pub timestamp: String,
}
