//! Git over HTTP (wire section 3.5, additions 4.4), through the real `git`.
//!
//! * [`remotes`], [`branches`], [`worktree`], [`settings`]: the operations by subject; [`status`]: reading `git status`.
//! * [`command`]: running git; [`credentials`]: giving it a user name and password; [`failure`]: what its errors mean.
//! * [`apart`]: a git with credentials, away from what the sandbox configured; [`origins`]: where the caller's remotes are.

mod apart;
mod branches;
mod command;
mod credentials;
mod failure;
mod origins;
mod remotes;
mod settings;
mod status;
mod worktree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;

use self::command::Git;
pub(crate) use self::origins::Origins;
use crate::Toolbox;
use crate::errors::ApiError;
use crate::extract::Query;

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/git/clone", post(remotes::clone))
        .route("/git/status", get(worktree::status))
        .route("/git/branches", get(branches::list).post(branches::create).delete(branches::delete))
        .route("/git/history", get(branches::history))
        .route("/git/add", post(worktree::add))
        .route("/git/commit", post(worktree::commit))
        .route("/git/checkout", post(branches::checkout))
        .route("/git/push", post(remotes::push))
        .route("/git/pull", post(remotes::pull))
        .route("/git/init", post(worktree::init))
        .route("/git/reset", post(worktree::reset))
        .route("/git/restore", post(worktree::restore))
        .route("/git/remotes", get(remotes::list).post(remotes::add))
        .route("/git/config", get(settings::read).post(settings::write))
        .route("/git/config/user", post(settings::configure_user))
        .route("/git/credentials", post(settings::store_credentials))
}

/// The repository a request is about.
fn repository(toolbox: &Toolbox, path: &str) -> Result<PathBuf, ApiError> {
    if path.is_empty() {
        return Err(ApiError::bad_request("path is required"));
    }
    let directory = toolbox.resolve(path);
    if !directory.is_dir() {
        let message = format!("not found: repository does not exist: {}", directory.display());
        return Err(ApiError::new(StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND", message));
    }
    Ok(directory)
}

fn queried(toolbox: &Toolbox, query: &Query) -> Result<PathBuf, ApiError> {
    repository(toolbox, &query.required("path")?)
}

/// Text that is an argument and must not be taken for an option.
fn operand<'a>(name: &str, value: &'a str) -> Result<&'a str, ApiError> {
    if value.is_empty() {
        return Err(ApiError::invalid_body(format!("{name} is required")));
    }
    if value.starts_with('-') {
        return Err(ApiError::bad_request(format!("{name} must not begin with a dash: {value}")));
    }
    Ok(value)
}

/// Name of the branch `HEAD` is on, which may have no commit yet; `None` when it is detached.
async fn current_branch(toolbox: &Toolbox, directory: &Path) -> Result<Option<String>, ApiError> {
    let head = Git::new(toolbox, directory).args(["symbolic-ref", "--quiet", "--short", "HEAD"]).output().await?;
    match head {
        Ok(name) => Ok(Some(String::from_utf8_lossy(&name).trim().to_owned())),
        Err(failure) if failure.stderr.is_empty() => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// The answer for a repository without a commit.
fn no_commit_yet() -> ApiError {
    ApiError::not_found("reference not found")
}
