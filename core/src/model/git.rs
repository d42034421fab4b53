//! Git repositories in a sandbox.

use std::time::Duration;

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
    /// Commit to check out, without a branch.
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
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
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
    /// Branch to push or pull. Default: the current one.
    pub branch: Option<String>,
    /// Name of the remote. Default: `origin`.
    pub remote: Option<String>,
    /// Whether the branch tracks the remote one from now on (`push` only). Default: false.
    pub set_upstream: Option<bool>,
    /// Seconds the call may take; 0 = no limit. Default: 1800.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// Options of `commit`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCommitOptions {
    /// Whether to allow a commit without changes. Default: false.
    pub allow_empty: Option<bool>,
}

/// Options of `delete_branch`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitDeleteBranchOptions {
    /// Whether to delete a branch whose commits are on no other branch. Default: it is deleted.
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
    /// State in the worktree, with the same values as `staging`.
    #[serde(deserialize_with = "null_as_default")]
    pub worktree: String,
    /// The same as `name`.
    pub path: String,
    /// State in one word: that of the worktree, or that of the index when nothing has changed in the worktree.
    pub status: String,
}

/// State of a repository.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitStatus {
    /// Current branch; `HEAD` when no branch is checked out.
    pub current_branch: String,
    /// Changed files.
    #[serde(deserialize_with = "null_as_default")]
    pub file_status: Vec<FileStatus>,
    /// Whether the branch exists at the remote.
    pub branch_published: Option<bool>,
    /// Number of commits that the remote branch lacks.
    pub ahead: Option<i64>,
    /// Number of commits that only the remote branch has.
    pub behind: Option<i64>,
    /// Whether no branch is checked out, if the server sends it.
    pub detached: Option<bool>,
    /// Remote branch that the current branch tracks, if the server sends it.
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
    /// Current branch, if the server sends it; empty when no branch is checked out.
    pub current: Option<String>,
}

/// A new commit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCommitResponse {
    /// Hash of the commit.
    pub sha: String,
    /// The same as `sha`.
    pub hash: String,
}

/// A commit of the history.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitCommitInfo {
    /// Hash of the commit.
    pub hash: String,
    /// Name of the author.
    pub author: String,
    /// E-mail address of the author.
    pub email: String,
    /// Message of the commit.
    pub message: String,
    /// Time of the commit, ISO 8601.
    pub timestamp: String,
}
