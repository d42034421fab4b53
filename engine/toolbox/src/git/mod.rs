//! Git over HTTP (wire section 3.5, additions 4.4), through the real `git`.

mod command;
mod status;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::command::{Credentials, Git};
use crate::errors::ApiError;
use crate::extract::{Json, Query};
use crate::{State, Toolbox};

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/git/clone", post(clone))
        .route("/git/status", get(read_status))
        .route("/git/branches", get(branches).post(create_branch).delete(delete_branch))
        .route("/git/history", get(history))
        .route("/git/add", post(add))
        .route("/git/commit", post(commit))
        .route("/git/checkout", post(checkout))
        .route("/git/push", post(push))
        .route("/git/pull", post(pull))
        .route("/git/init", post(init))
        .route("/git/reset", post(reset))
        .route("/git/restore", post(restore))
        .route("/git/remotes", get(remotes).post(add_remote))
        .route("/git/config", get(read_config).post(write_config))
        .route("/git/config/user", post(configure_user))
        .route("/git/credentials", post(store_credentials))
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

#[derive(Deserialize)]
struct CloneRequest {
    #[serde(default)]
    url: String,
    #[serde(default)]
    path: String,
    branch: Option<String>,
    commit_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(default)]
    insecure_skip_tls: bool,
    depth: Option<u32>,
}

async fn clone(toolbox: State, Json(request): Json<CloneRequest>) -> Result<StatusCode, ApiError> {
    let url = operand("url", &request.url)?;
    let path = operand("path", &request.path)?;
    let target = toolbox.resolve(path);
    let existed = target.exists();
    let credentials = Credentials::of(request.username, request.password)?;
    let mut git = Git::new(&toolbox, &toolbox.config.work_dir).credentials(credentials);
    if request.insecure_skip_tls {
        git = git.args(["-c", "http.sslVerify=false"]);
    }
    git = git.args(["clone", "--quiet"]);
    let commit = request.commit_id.filter(|commit| !commit.is_empty());
    // A commit may be anywhere in the history, so it needs all of it.
    if commit.is_none() {
        git = git.args(["--single-branch"]);
        if let Some(depth) = request.depth.filter(|depth| *depth > 0) {
            git = git.args([format!("--depth={depth}")]);
        }
    }
    if let Some(branch) = request.branch.filter(|branch| !branch.is_empty()) {
        git = git.args([format!("--branch={branch}")]);
    }
    let cloned = git.args(["--", url]).args([&target]).text().await;
    let checked_out = match (cloned, commit) {
        (Ok(_), Some(commit)) => {
            let commit = operand("commit_id", &commit)?.to_owned();
            Git::new(&toolbox, &target).args(["checkout", "--quiet", "--detach", &commit]).text().await
        }
        (cloned, _) => cloned,
    };
    if let Err(error) = checked_out {
        // Nothing half-done: what this request made goes.
        if !existed {
            let _ = tokio::fs::remove_dir_all(&target).await;
        }
        return Err(error);
    }
    Ok(StatusCode::OK)
}

async fn read_status(toolbox: State, query: Query) -> Result<axum::Json<status::Status>, ApiError> {
    let directory = queried(&toolbox, &query)?;
    Ok(axum::Json(status::read(&toolbox, &directory).await?))
}

async fn branches(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
    let directory = queried(&toolbox, &query)?;
    let format = "--format=%(refname:short)";
    let list = Git::new(&toolbox, &directory).args(["for-each-ref", format, "refs/heads"]).text().await?;
    let head = Git::new(&toolbox, &directory).args(["symbolic-ref", "--quiet", "--short", "HEAD"]).output().await?;
    let current = head.map_or_else(|_| String::new(), |name| String::from_utf8_lossy(&name).trim().to_owned());
    Ok(axum::Json(json!({ "branches": list.lines().collect::<Vec<_>>(), "current": current })))
}

#[derive(Deserialize)]
struct BranchRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    name: String,
}

/// Creates the branch and checks it out.
async fn create_branch(toolbox: State, Json(request): Json<BranchRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let name = operand("name", &request.name)?;
    Git::new(&toolbox, &directory).args(["checkout", "--quiet", "-b", name]).text().await?;
    Ok(StatusCode::CREATED)
}

/// Removes the branch's reference, merged or not; one that does not exist is no error.
async fn delete_branch(toolbox: State, Json(request): Json<BranchRequest>) -> Result<StatusCode, ApiError> {
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
    timestamp: &'a str,
}

/// The history of `HEAD`, newest first.
async fn history(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
    let directory = queried(&toolbox, &query)?;
    // Fields are separated by NUL, commits by the record separator: neither can be in a message.
    let log = Git::new(&toolbox, &directory).args(["log", "--format=%H%x00%an%x00%ae%x00%cI%x00%B%x1e"]).text().await?;
    let commits: Vec<_> = log
        .split('\x1e')
        .filter_map(|record| {
            let mut fields = record.trim_start_matches('\n').splitn(5, '\0');
            let (hash, author, email) = (fields.next()?, fields.next()?, fields.next()?);
            let (timestamp, message) = (fields.next()?, fields.next()?);
            Some(Commit { hash, author, email, message, timestamp })
        })
        .collect();
    Ok(axum::Json(json!(commits)))
}

#[derive(Deserialize)]
struct AddRequest {
    #[serde(default)]
    path: String,
    files: Option<Vec<String>>,
}

async fn add(toolbox: State, Json(request): Json<AddRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let files = request.files.ok_or_else(|| ApiError::invalid_body("files is required"))?;
    if !files.is_empty() {
        Git::new(&toolbox, &directory).args(["add", "--"]).args(&files).text().await?;
    }
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
struct CommitRequest {
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

async fn commit(toolbox: State, Json(request): Json<CommitRequest>) -> Result<axum::Json<Value>, ApiError> {
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
struct CheckoutRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    branch: String,
}

/// Checks out a branch, or a commit by its hash.
async fn checkout(toolbox: State, Json(request): Json<CheckoutRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let branch = operand("branch", &request.branch)?;
    Git::new(&toolbox, &directory).args(["checkout", "--quiet", branch, "--"]).text().await?;
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
struct RemoteRequest {
    #[serde(default)]
    path: String,
    branch: Option<String>,
    remote: Option<String>,
    #[serde(default)]
    set_upstream: bool,
    username: Option<String>,
    password: Option<String>,
}

/// Pushes a branch, the current one by default, to the branch of the same name.
async fn push(toolbox: State, Json(request): Json<RemoteRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let remote = request.remote.filter(|r| !r.is_empty()).unwrap_or_else(|| "origin".to_owned());
    let branch = request.branch.filter(|b| !b.is_empty()).unwrap_or_else(|| "HEAD".to_owned());
    let mut git = Git::new(&toolbox, &directory).credentials(Credentials::of(request.username, request.password)?);
    git = git.args(["push", "--quiet"]);
    if request.set_upstream {
        git = git.args(["--set-upstream"]);
    }
    git.args([operand("remote", &remote)?, operand("branch", &branch)?]).text().await?;
    Ok(StatusCode::OK)
}

/// Fetches a branch, the current one by default, and moves forward to it.
async fn pull(toolbox: State, Json(request): Json<RemoteRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let remote = request.remote.filter(|r| !r.is_empty()).unwrap_or_else(|| "origin".to_owned());
    let branch = match request.branch.filter(|b| !b.is_empty()) {
        Some(branch) => branch,
        None => {
            let head =
                Git::new(&toolbox, &directory).args(["symbolic-ref", "--quiet", "--short", "HEAD"]).output().await?;
            let head = head.map_err(|_| ApiError::conflict("the repository is not on a branch"))?;
            String::from_utf8_lossy(&head).trim().to_owned()
        }
    };
    let git = Git::new(&toolbox, &directory).credentials(Credentials::of(request.username, request.password)?);
    let arguments = ["pull", "--quiet", "--ff-only", operand("remote", &remote)?, operand("branch", &branch)?];
    git.args(arguments).text().await?;
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
struct InitRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    bare: bool,
    initial_branch: Option<String>,
}

async fn init(toolbox: State, Json(request): Json<InitRequest>) -> Result<StatusCode, ApiError> {
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
struct ResetRequest {
    #[serde(default)]
    path: String,
    mode: Option<String>,
    target: Option<String>,
    files: Option<Vec<String>>,
}

async fn reset(toolbox: State, Json(request): Json<ResetRequest>) -> Result<StatusCode, ApiError> {
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
struct RestoreRequest {
    #[serde(default)]
    path: String,
    files: Option<Vec<String>>,
    staged: Option<bool>,
    worktree: Option<bool>,
    source: Option<String>,
}

async fn restore(toolbox: State, Json(request): Json<RestoreRequest>) -> Result<StatusCode, ApiError> {
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

async fn remotes(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
    let directory = queried(&toolbox, &query)?;
    let names = Git::new(&toolbox, &directory).args(["remote"]).text().await?;
    let mut remotes = Vec::new();
    for name in names.lines() {
        let url = Git::new(&toolbox, &directory).args(["remote", "get-url", "--", name]).text().await?;
        remotes.push(json!({ "name": name, "url": url.trim() }));
    }
    Ok(axum::Json(json!({ "remotes": remotes })))
}

#[derive(Deserialize)]
struct AddRemoteRequest {
    #[serde(default)]
    path: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    fetch: bool,
    #[serde(default)]
    overwrite: bool,
}

async fn add_remote(toolbox: State, Json(request): Json<AddRemoteRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let (name, url) = (operand("name", &request.name)?, operand("url", &request.url)?);
    let known = Git::new(&toolbox, &directory).args(["remote", "get-url", "--", name]).output().await?.is_ok();
    let verb = if known && request.overwrite { "set-url" } else { "add" };
    Git::new(&toolbox, &directory).args(["remote", verb, "--", name, url]).text().await?;
    if request.fetch {
        Git::new(&toolbox, &directory).args(["fetch", "--quiet", "--", name]).text().await?;
    }
    Ok(StatusCode::CREATED)
}

/// The options that select a configuration file, and the directory git runs in.
fn scope(toolbox: &Toolbox, scope: Option<&str>, path: Option<&str>) -> Result<(&'static str, PathBuf), ApiError> {
    let path = path.filter(|path| !path.is_empty());
    let anywhere = || toolbox.config.work_dir.clone();
    match scope.filter(|scope| !scope.is_empty()).unwrap_or("global") {
        "global" => Ok(("--global", anywhere())),
        "system" => Ok(("--system", anywhere())),
        "local" => {
            let path = path.ok_or_else(|| ApiError::bad_request("path is required for the local scope"))?;
            Ok(("--local", repository(toolbox, path)?))
        }
        other => Err(ApiError::bad_request(format!("invalid scope: {other}: use global, local or system"))),
    }
}

async fn read_config(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
    let key = query.required("key")?;
    let (option, directory) = scope(&toolbox, query.text("scope").as_deref(), query.text("path").as_deref())?;
    let value =
        Git::new(&toolbox, &directory).args(["config", option, "--get", operand("key", &key)?]).output().await?;
    let value = match value {
        Ok(text) => json!(String::from_utf8_lossy(&text).trim_end_matches('\n')),
        Err(failure) if failure.stderr.is_empty() => Value::Null,
        Err(failure) => return Err(ApiError::bad_request(failure.stderr)),
    };
    Ok(axum::Json(json!({ "value": value })))
}

#[derive(Deserialize)]
struct ConfigRequest {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
    scope: Option<String>,
    path: Option<String>,
}

async fn write_config(toolbox: State, Json(request): Json<ConfigRequest>) -> Result<StatusCode, ApiError> {
    set_config(&toolbox, &request.scope, &request.path, &[(&request.key, &request.value)]).await
}

#[derive(Deserialize)]
struct UserRequest {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    scope: Option<String>,
    path: Option<String>,
}

async fn configure_user(toolbox: State, Json(request): Json<UserRequest>) -> Result<StatusCode, ApiError> {
    let settings = [("user.name", request.name.as_str()), ("user.email", request.email.as_str())];
    if let Some((key, _)) = settings.iter().find(|(_, value)| value.is_empty()) {
        return Err(ApiError::invalid_body(format!("{} is required", key.trim_start_matches("user."))));
    }
    set_config(&toolbox, &request.scope, &request.path, &settings).await
}

async fn set_config(
    toolbox: &Toolbox,
    requested: &Option<String>,
    path: &Option<String>,
    settings: &[(&str, &str)],
) -> Result<StatusCode, ApiError> {
    let (option, directory) = scope(toolbox, requested.as_deref(), path.as_deref())?;
    for (key, value) in settings {
        let git = Git::new(toolbox, &directory).args(["config", option, operand("key", key)?, value]);
        if let Err(failure) = git.output().await? {
            return Err(ApiError::bad_request(failure.stderr));
        }
    }
    Ok(StatusCode::OK)
}

#[derive(Deserialize)]
struct CredentialsRequest {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    host: Option<String>,
    protocol: Option<String>,
}

/// Stores credentials for later commands in the sandbox, in plain text: what the caller asked for, by the contract.
async fn store_credentials(toolbox: State, Json(request): Json<CredentialsRequest>) -> Result<StatusCode, ApiError> {
    let host = request.host.filter(|host| !host.is_empty()).unwrap_or_else(|| "github.com".to_owned());
    let protocol = request.protocol.filter(|p| !p.is_empty()).unwrap_or_else(|| "https".to_owned());
    if Credentials::of(Some(request.username.clone()), Some(request.password.clone()))?.is_none() {
        return Err(ApiError::invalid_body("username and password are required"));
    }
    if [&host, &protocol].iter().any(|text| text.contains(['\n', '/', '@', '\0'])) {
        return Err(ApiError::bad_request("invalid host or protocol"));
    }
    set_config(&toolbox, &None, &None, &[("credential.helper", "store")]).await?;
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let line = format!("{protocol}://{}:{}@{host}", encode(&request.username), encode(&request.password));
    let file = toolbox.config.home.join(".git-credentials");
    let stored = tokio::task::spawn_blocking(move || store(&file, &format!("@{host}"), &line)).await?;
    stored.map_err(|e| ApiError::internal(format!("the credentials could not be stored: {e}")))?;
    Ok(StatusCode::OK)
}

/// Replaces the host's line in a file only its owner may read.
fn store(file: &Path, host: &str, line: &str) -> std::io::Result<()> {
    use std::io::Write;
    let before = std::fs::read_to_string(file).unwrap_or_default();
    let mut lines: Vec<_> = before.lines().filter(|known| !known.ends_with(host)).collect();
    lines.push(line);
    // A temporary file is private from the start, and its rename is atomic.
    let directory = file.parent().unwrap_or_else(|| Path::new("/"));
    let mut replacement = tempfile::NamedTempFile::new_in(directory)?;
    replacement.write_all(format!("{}\n", lines.join("\n")).as_bytes())?;
    replacement.persist(file)?;
    Ok(())
}
