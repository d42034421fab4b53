//! The working tree and the index of a repository, and making one.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::command::Git;
use super::{operand, queried, repository, status};
use crate::State;
use crate::errors::ApiError;
use crate::extract::{Json, Query};

pub(super) async fn status(toolbox: State, query: Query) -> Result<axum::Json<status::Status>, ApiError> {
    let directory = queried(&toolbox, &query)?;
    Ok(axum::Json(status::read(&toolbox, &directory).await?))
}

#[derive(Deserialize)]
pub(super) struct AddRequest {
    #[serde(default)]
    path: String,
    files: Option<Vec<String>>,
}

pub(super) async fn add(toolbox: State, Json(request): Json<AddRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let files = request.files.ok_or_else(|| ApiError::invalid_body("files is required"))?;
    if !files.is_empty() {
        Git::new(&toolbox, &directory).args(["add", "--"]).args(&files).text().await?;
    }
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
pub(super) struct CommitRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    author: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    allow_empty: bool,
}

pub(super) async fn commit(toolbox: State, Json(request): Json<CommitRequest>) -> Result<axum::Json<Value>, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    for (name, value) in [("message", &request.message), ("author", &request.author), ("email", &request.email)] {
        if value.is_empty() {
            return Err(ApiError::invalid_body(format!("{name} is required")));
        }
    }
    let mut git = Git::new(&toolbox, &directory)
        .env("GIT_AUTHOR_NAME", &request.author)
        .env("GIT_AUTHOR_EMAIL", &request.email)
        .env("GIT_COMMITTER_NAME", &request.author)
        .env("GIT_COMMITTER_EMAIL", &request.email)
        .args(["commit", "--quiet", "--no-gpg-sign", "-m", &request.message]);
    if request.allow_empty {
        git = git.args(["--allow-empty"]);
    }
    if let Err(failure) = git.output().await? {
        if failure.stdout.contains("nothing to commit") || failure.stdout.contains("nothing added to commit") {
            return Err(ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL_SERVER_ERROR",
                "cannot create empty commit: clean working tree",
            ));
        }
        return Err(failure.into());
    }
    let hash = Git::new(&toolbox, &directory).args(["rev-parse", "HEAD"]).text().await?;
    Ok(axum::Json(json!({ "hash": hash.trim() })))
}

#[derive(Deserialize)]
pub(super) struct InitRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    bare: bool,
    initial_branch: Option<String>,
}

pub(super) async fn init(toolbox: State, Json(request): Json<InitRequest>) -> Result<StatusCode, ApiError> {
    let path = operand("path", &request.path)?;
    let target = toolbox.resolve(path);
    let mut git = Git::new(&toolbox, &toolbox.config.work_dir).args(["init", "--quiet"]);
    if request.bare {
        git = git.args(["--bare"]);
    }
    if let Some(branch) = request.initial_branch.filter(|branch| !branch.is_empty()) {
        git = git.args([format!("--initial-branch={branch}")]);
    }
    git.args(["--"]).args([&target]).text().await?;
    Ok(StatusCode::CREATED)
}

#[derive(Deserialize)]
pub(super) struct ResetRequest {
    #[serde(default)]
    path: String,
    mode: Option<String>,
    target: Option<String>,
    files: Option<Vec<String>>,
}

pub(super) async fn reset(toolbox: State, Json(request): Json<ResetRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let target = request.target.filter(|t| !t.is_empty()).unwrap_or_else(|| "HEAD".to_owned());
    let target = operand("target", &target)?;
    let mode = request.mode.filter(|mode| !mode.is_empty());
    let git = Git::new(&toolbox, &directory).args(["reset", "--quiet"]);
    match request.files.filter(|files| !files.is_empty()) {
        Some(_) if mode.as_deref().is_some_and(|mode| mode != "mixed") => {
            return Err(ApiError::bad_request("files can only be reset in mixed mode"));
        }
        Some(files) => git.args([target, "--"]).args(&files).text().await?,
        None => {
            let mode = mode.unwrap_or_else(|| "mixed".to_owned());
            if !matches!(mode.as_str(), "soft" | "mixed" | "hard" | "merge" | "keep") {
                return Err(ApiError::bad_request(format!("invalid reset mode: {mode}")));
            }
            git.args([format!("--{mode}")]).args([target]).text().await?
        }
    };
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
pub(super) struct RestoreRequest {
    #[serde(default)]
    path: String,
    files: Option<Vec<String>>,
    staged: Option<bool>,
    worktree: Option<bool>,
    source: Option<String>,
}

pub(super) async fn restore(toolbox: State, Json(request): Json<RestoreRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let files = request.files.filter(|files| !files.is_empty());
    let files = files.ok_or_else(|| ApiError::invalid_body("files is required"))?;
    let staged = request.staged.unwrap_or(false);
    let mut git = Git::new(&toolbox, &directory).args(["restore", "--quiet"]);
    if staged {
        git = git.args(["--staged"]);
    }
    if request.worktree.unwrap_or(!staged) {
        git = git.args(["--worktree"]);
    }
    if let Some(source) = request.source.filter(|source| !source.is_empty()) {
        git = git.args([format!("--source={source}")]);
    }
    git.args(["--"]).args(&files).text().await?;
    Ok(StatusCode::OK)
}
