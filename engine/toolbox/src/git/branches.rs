//! Branches, checking out, and the history of commits.

use std::path::Path;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::command::Git;
use super::{current_branch, no_commit_yet, operand, queried, repository};
use crate::errors::ApiError;
use crate::extract::{Json, Query};
use crate::{State, Toolbox};

pub(super) async fn list(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
    let directory = queried(&toolbox, &query)?;
    let format = "--format=%(refname:short)";
    let list = Git::new(&toolbox, &directory).args(["for-each-ref", format, "refs/heads"]).text().await?;
    let current = current_branch(&toolbox, &directory).await?.unwrap_or_default();
    Ok(axum::Json(json!({ "branches": list.lines().collect::<Vec<_>>(), "current": current })))
}

#[derive(Deserialize)]
pub(super) struct BranchRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    name: String,
}

/// Creates the branch and checks it out.
pub(super) async fn create(toolbox: State, Json(request): Json<BranchRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let name = operand("name", &request.name)?;
    if toolbox.config.compat.wants_clean_worktrees() && is_changed(&toolbox, &directory).await? {
        return Err(changed());
    }
    Git::new(&toolbox, &directory).args(["checkout", "--quiet", "-b", name]).text().await?;
    Ok(StatusCode::CREATED)
}

/// Whether files git knows differ from the index.
async fn is_changed(toolbox: &Toolbox, directory: &Path) -> Result<bool, ApiError> {
    match Git::new(toolbox, directory).args(["diff", "--quiet"]).output().await? {
        Ok(_) => Ok(false),
        Err(failure) if failure.stderr.is_empty() => Ok(true),
        Err(failure) => Err(failure.into()),
    }
}

fn changed() -> ApiError {
    ApiError::conflict("worktree contains unstaged changes")
}

/// Removes the branch's reference, merged or not; one that does not exist is no error.
pub(super) async fn delete(toolbox: State, Json(request): Json<BranchRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let name = operand("name", &request.name)?;
    let reference = format!("refs/heads/{name}");
    Git::new(&toolbox, &directory).args(["update-ref", "-d", &reference]).text().await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Commit<'a> {
    hash: &'a str,
    author: &'a str,
    email: &'a str,
    message: &'a str,
    timestamp: String,
}

/// The history of `HEAD`, newest first.
pub(super) async fn history(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
    let directory = queried(&toolbox, &query)?;
    // Fields are separated by NUL, commits by the record separator: neither can be in a message.
    let log =
        Git::new(&toolbox, &directory).args(["log", "--format=%H%x00%an%x00%ae%x00%cI%x00%B%x1e"]).output().await?;
    let log = match log {
        Ok(log) => String::from_utf8_lossy(&log).into_owned(),
        Err(failure) if failure.stderr.contains("does not have any commits yet") => return Err(no_commit_yet()),
        Err(failure) => return Err(failure.into()),
    };
    let commits: Vec<_> = log
        .split('\x1e')
        .filter_map(|record| {
            let mut fields = record.trim_start_matches('\n').splitn(5, '\0');
            let (hash, author, email) = (fields.next()?, fields.next()?, fields.next()?);
            let (timestamp, message) = (fields.next()?, fields.next()?);
            // As Go writes times.
            let timestamp = timestamp.strip_suffix("+00:00").map_or(timestamp.to_owned(), |utc| format!("{utc}Z"));
            Some(Commit { hash, author, email, message: message.trim_end_matches('\n'), timestamp })
        })
        .collect();
    Ok(axum::Json(json!(commits)))
}

#[derive(Deserialize)]
pub(super) struct CheckoutRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    branch: String,
}

/// Checks out a branch, or a commit by its hash.
pub(super) async fn checkout(toolbox: State, Json(request): Json<CheckoutRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let branch = operand("branch", &request.branch)?;
    if toolbox.config.compat.wants_clean_worktrees() && is_changed(&toolbox, &directory).await? {
        // Only tried out: files in the way are another failure.
        Git::new(&toolbox, &directory).args(["read-tree", "-n", "-u", "-m", "HEAD", branch]).text().await?;
        return Err(changed());
    }
    Git::new(&toolbox, &directory).args(["checkout", "--quiet", branch, "--"]).text().await?;
    Ok(StatusCode::OK)
}
