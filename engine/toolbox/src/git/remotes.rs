//! What talks to other repositories: cloning, pushing, pulling, and the list of remotes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::command::Git;
use super::credentials::Credentials;
use super::{current_branch, operand, queried, repository};
use crate::errors::ApiError;
use crate::extract::{Json, Query};
use crate::{State, Toolbox};

#[derive(Deserialize)]
pub(super) struct CloneRequest {
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

pub(super) async fn clone(toolbox: State, Json(request): Json<CloneRequest>) -> Result<StatusCode, ApiError> {
    let url = operand("url", &request.url)?;
    let path = operand("path", &request.path)?;
    let target = toolbox.resolve(path);
    let unfinished = Unfinished::of(&target);
    let work_dir = &toolbox.config.work_dir;
    let login = login(&toolbox, work_dir, url, Direction::From, (request.username, request.password)).await?;
    let mut git = Git::new(&toolbox, work_dir).credentials(login);
    if request.insecure_skip_tls {
        git = git.args(["-c", "http.sslVerify=false"]);
    }
    git = git.args(["clone", "--quiet"]);
    let commit = request.commit_id.filter(|commit| !commit.is_empty());
    commit.as_deref().map(|commit| operand("commit_id", commit)).transpose()?;
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
    let checked_out = match cloned {
        Ok(_) => check_out(&toolbox, &target, commit.as_deref()).await,
        Err(error) => Err(error),
    };
    match checked_out {
        Ok(()) => unfinished.keep(),
        Err(_) => unfinished.remove().await,
    }
    checked_out.map(|()| StatusCode::OK)
}

/// The directory a clone makes: gone again when the clone fails, or its client does not wait for it.
struct Unfinished(Option<PathBuf>);

impl Unfinished {
    /// Pause between two attempts to remove what a git that was just killed may still be writing.
    const PAUSE: Duration = Duration::from_millis(20);
    const ATTEMPTS: u32 = 100;

    /// One that exists already is somebody else's.
    fn of(target: &Path) -> Self {
        Self((!target.exists()).then(|| target.to_owned()))
    }

    fn keep(mut self) {
        self.0 = None;
    }

    async fn remove(mut self) {
        if let Some(removal) = self.begin_removal() {
            let _ = removal.await;
        }
    }

    fn begin_removal(&mut self) -> Option<tokio::task::JoinHandle<()>> {
        let target = self.0.take()?;
        Some(tokio::task::spawn_blocking(move || {
            for _ in 0..Self::ATTEMPTS {
                match std::fs::remove_dir_all(&target) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => std::thread::sleep(Self::PAUSE),
                    _ => return,
                }
            }
        }))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.begin_removal();
    }
}

/// What a new clone shows: the commit asked for, or else whatever git checked out, if there was anything.
async fn check_out(toolbox: &Toolbox, directory: &Path, commit: Option<&str>) -> Result<(), ApiError> {
    if let Some(commit) = commit {
        Git::new(toolbox, directory).args(["checkout", "--quiet", "--detach", commit]).text().await?;
        return Ok(());
    }
    let any = Git::new(toolbox, directory).args(["for-each-ref", "--count=1"]).text().await?;
    if any.is_empty() {
        return Err(ApiError::not_found("remote repository is empty"));
    }
    Ok(())
}

/// Which way commits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    From,
    To,
}

/// The credentials of a request, good for where `remote`, a name or an address, leads and nowhere else.
async fn login(
    toolbox: &Toolbox,
    directory: &Path,
    remote: &str,
    direction: Direction,
    (username, password): (Option<String>, Option<String>),
) -> Result<Option<Credentials>, ApiError> {
    if Credentials::of(username.clone(), password.clone(), &[remote])?.is_none() {
        return Ok(None);
    }
    // Git's own answer, because its settings can lead elsewhere than the name says.
    let mut addresses = Err(());
    if direction == Direction::To {
        let git = Git::new(toolbox, directory).args(["remote", "get-url", "--push", "--all", "--", remote]);
        addresses = git.output().await?.map_err(drop);
    }
    let addresses = match addresses {
        Ok(addresses) => addresses,
        Err(()) => Git::new(toolbox, directory).args(["ls-remote", "--get-url", "--", remote]).text().await?.into(),
    };
    let addresses = String::from_utf8_lossy(&addresses);
    Credentials::of(username, password, &addresses.lines().collect::<Vec<_>>())
}

#[derive(Deserialize)]
pub(super) struct RemoteRequest {
    #[serde(default)]
    path: String,
    branch: Option<String>,
    remote: Option<String>,
    #[serde(default)]
    set_upstream: bool,
    username: Option<String>,
    password: Option<String>,
}

impl RemoteRequest {
    /// The remote's name, `origin` by default.
    fn remote(&self) -> Result<&str, ApiError> {
        operand("remote", self.remote.as_deref().filter(|remote| !remote.is_empty()).unwrap_or("origin"))
    }

    fn names_a_branch(&self) -> bool {
        self.branch.as_deref().is_some_and(|branch| !branch.is_empty())
    }

    /// The branch's name, the current one by default.
    async fn branch(&self, toolbox: &Toolbox, directory: &Path) -> Result<String, ApiError> {
        match self.branch.as_deref().filter(|branch| !branch.is_empty()) {
            Some(branch) => Ok(operand("branch", branch)?.to_owned()),
            None => current_branch(toolbox, directory)
                .await?
                .ok_or_else(|| ApiError::conflict("the repository is not on a branch")),
        }
    }

    fn credentials(&self) -> (Option<String>, Option<String>) {
        (self.username.clone(), self.password.clone())
    }
}

/// Pushes a branch, the current one by default, to the branch of the same name.
pub(super) async fn push(toolbox: State, Json(request): Json<RemoteRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let (remote, branch) = (request.remote()?, request.branch(&toolbox, &directory).await?);
    let login = login(&toolbox, &directory, remote, Direction::To, request.credentials()).await?;
    let mut git = Git::new(&toolbox, &directory).credentials(login).args(["push", "--quiet"]);
    if request.set_upstream {
        track(&toolbox, &directory, remote, &branch).await?;
        git = git.args(["--set-upstream"]);
    }
    git.args(["--", remote, &branch]).text().await?;
    Ok(StatusCode::OK)
}

/// Makes the repository remember where `branch` stands at `remote`: a clone of one branch does so for that branch alone.
async fn track(toolbox: &Toolbox, directory: &Path, remote: &str, branch: &str) -> Result<(), ApiError> {
    let key = format!("remote.{remote}.fetch");
    // A remote that is an address has no such setting and needs none.
    let Ok(tracked) = Git::new(toolbox, directory).args(["config", "--get-all", &key]).output().await? else {
        return Ok(());
    };
    let sources = ["refs/heads/*:".to_owned(), format!("refs/heads/{branch}:")];
    if !String::from_utf8_lossy(&tracked).lines().any(|spec| sources.iter().any(|source| spec.contains(source))) {
        Git::new(toolbox, directory).args(["remote", "set-branches", "--add", "--", remote, branch]).text().await?;
    }
    Ok(())
}

/// Fetches a branch and moves forward to it: the one named, else the current one, else, when the remote does not have that,
/// the remote's own default.
pub(super) async fn pull(toolbox: State, Json(request): Json<RemoteRequest>) -> Result<StatusCode, ApiError> {
    let directory = repository(&toolbox, &request.path)?;
    let (remote, branch) = (request.remote()?, request.branch(&toolbox, &directory).await?);
    let login = login(&toolbox, &directory, remote, Direction::From, request.credentials()).await?;
    let pull = |source: &str| {
        let git = Git::new(&toolbox, &directory).credentials(login.clone());
        git.args(["pull", "--quiet", "--ff-only", "--", remote, source]).text()
    };
    match pull(&branch).await {
        Err(error) if error.code == "GIT_BRANCH_NOT_FOUND" && !request.names_a_branch() => pull("HEAD").await?,
        pulled => pulled?,
    };
    Ok(StatusCode::OK)
}

pub(super) async fn list(toolbox: State, query: Query) -> Result<axum::Json<Value>, ApiError> {
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
pub(super) struct AddRemoteRequest {
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

pub(super) async fn add(toolbox: State, Json(request): Json<AddRemoteRequest>) -> Result<StatusCode, ApiError> {
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
