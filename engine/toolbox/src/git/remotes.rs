//! Operations that talk to other repositories: cloning, pushing, pulling, and the list of remotes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::apart::Apart;
use super::command::Git;
use super::credentials::Credentials;
use super::{current_branch, operand, queried, repository};
use crate::errors::ApiError;
use crate::extract::{Json, Query};
use crate::remove_tree::{Locked, remove_tree};
use crate::{State, Toolbox};

/// The remote a clone has, and the one meant when a request names none.
const DEFAULT_REMOTE: &str = "origin";

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
    toolbox.config.compat.carry_out(make_clone(toolbox, request)).await
}

async fn make_clone(toolbox: State, request: CloneRequest) -> Result<StatusCode, ApiError> {
    let compat = toolbox.config.compat;
    let url = operand("url", &request.url)?;
    if compat.refuses_git_protocol() && url.starts_with("git://") {
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "unauthorized: invalid auth method"));
    }
    let path = operand("path", &request.path)?;
    let target = toolbox.resolve(path);
    let unfinished = Unfinished::of(&target);
    let work_dir = &toolbox.config.work_dir;
    let login = Credentials::of(request.username, request.password, &[url])?;
    let mut git = match login {
        Some(login) => Git::apart(&toolbox)?.credentials(Some(login)),
        None => Git::new(&toolbox, work_dir),
    };
    if request.insecure_skip_tls {
        git = git.args(["-c", "http.sslVerify=false"]);
    }
    // Files are checked out afterwards, by a git that has the user's settings and no credentials.
    git = git.args(["clone", "--quiet", "--no-checkout"]);
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
    match &checked_out {
        Ok(()) => {
            unfinished.keep();
            toolbox.git_origins.remember(&target, DEFAULT_REMOTE, url);
            if compat.clones_without_upstream() {
                // A detached one has none.
                let _ = Git::new(&toolbox, &target).args(["branch", "--unset-upstream"]).output().await?;
            }
        }
        Err(error) => {
            unfinished.remove().await;
            if compat.keeps_failed_clones() && error.code == "GIT_BRANCH_NOT_FOUND" {
                Git::new(&toolbox, work_dir).args(["init", "--quiet", "--"]).args([&target]).text().await?;
            }
        }
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
                match remove_tree(&target, Locked::Unlock) {
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

/// The commit that a new clone shows: the one asked for, or else the one git checked out, if any.
async fn check_out(toolbox: &Toolbox, directory: &Path, commit: Option<&str>) -> Result<(), ApiError> {
    if let Some(commit) = commit {
        Git::new(toolbox, directory).args(["checkout", "--quiet", "--detach", commit]).text().await?;
        return Ok(());
    }
    let any = Git::new(toolbox, directory).args(["for-each-ref", "--count=1"]).text().await?;
    if any.is_empty() {
        return Err(ApiError::not_found("remote repository is empty"));
    }
    // A remote whose default branch does not exist leaves nothing to check out.
    if Git::new(toolbox, directory).args(["rev-parse", "--quiet", "--verify", "HEAD"]).output().await?.is_ok() {
        Git::new(toolbox, directory).args(["checkout", "--quiet", "HEAD", "--"]).text().await?;
    }
    Ok(())
}

/// Which way commits go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    From,
    To,
}

/// A remote to be talked to with credentials.
struct Login {
    urls: Vec<String>,
    credentials: Credentials,
}

/// The credentials of a request, good for where `remote`, a name or an address, leads and nowhere else; `None` when it has
/// none or they are of no use there.
async fn login(
    toolbox: &Toolbox,
    directory: &Path,
    remote: &str,
    direction: Direction,
    (username, password): (Option<String>, Option<String>),
) -> Result<Option<Login>, ApiError> {
    if Credentials::of(username.clone(), password.clone(), &["https://host"])?.is_none() {
        return Ok(None);
    }
    let urls = addresses(toolbox, directory, remote, direction).await?;
    let Some(credentials) = Credentials::of(username, password, &urls)? else { return Ok(None) };
    for url in &urls {
        toolbox.git_origins.check(directory, remote, url)?;
    }
    Ok(Some(Login { urls, credentials }))
}

/// Where a remote is, as the repository has it: rewriting of addresses does not apply. Empty when there is no such remote.
async fn addresses(
    toolbox: &Toolbox,
    directory: &Path,
    remote: &str,
    direction: Direction,
) -> Result<Vec<String>, ApiError> {
    if remote.contains("://") {
        return Ok(vec![remote.to_owned()]);
    }
    let settings: &[&str] = match direction {
        Direction::From => &["url"],
        Direction::To => &["pushurl", "url"],
    };
    for setting in settings {
        let key = format!("remote.{remote}.{setting}");
        if let Ok(urls) = Git::new(toolbox, directory).args(["config", "--get-all", &key]).output().await? {
            return Ok(String::from_utf8_lossy(&urls).lines().map(str::to_owned).collect());
        }
    }
    Ok(Vec::new())
}

/// Where the repository remembers a remote's branch, if it does.
async fn tracking(toolbox: &Toolbox, directory: &Path, remote: &str, branch: &str) -> Result<Option<String>, ApiError> {
    let key = format!("remote.{remote}.fetch");
    let Ok(specs) = Git::new(toolbox, directory).args(["config", "--get-all", &key]).output().await? else {
        return Ok(None);
    };
    let branch = format!("refs/heads/{branch}");
    let specs = String::from_utf8_lossy(&specs);
    Ok(specs.lines().find_map(|spec| {
        let (source, destination) = spec.trim_start_matches('+').split_once(':')?;
        match source.split_once('*') {
            None => (source == branch).then(|| destination.to_owned()),
            Some((before, after)) => {
                let name = branch.strip_prefix(before)?.strip_suffix(after)?;
                Some(destination.replacen('*', name, 1))
            }
        }
    }))
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
        operand("remote", self.remote.as_deref().filter(|remote| !remote.is_empty()).unwrap_or(DEFAULT_REMOTE))
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
    if request.set_upstream {
        track(&toolbox, &directory, remote, &branch).await?;
    }
    let Some(login) = login(&toolbox, &directory, remote, Direction::To, request.credentials()).await? else {
        let upstream: &[&str] = if request.set_upstream { &["--set-upstream"] } else { &[] };
        let git = Git::new(&toolbox, &directory).args(["push", "--quiet"]).args(upstream);
        git.args(["--", remote, &branch]).text().await?;
        return Ok(StatusCode::OK);
    };
    let apart = Apart::of(&toolbox, &directory, login.credentials).await?;
    for url in &login.urls {
        apart.push(url, &branch).await?;
    }
    record_push(&toolbox, &directory, remote, &branch, request.set_upstream).await?;
    Ok(StatusCode::OK)
}

/// Notes in the repository what a push by its own git would have noted.
async fn record_push(
    toolbox: &Toolbox,
    directory: &Path,
    remote: &str,
    branch: &str,
    set_upstream: bool,
) -> Result<(), ApiError> {
    if let Some(reference) = tracking(toolbox, directory, remote, branch).await? {
        let source = format!("refs/heads/{branch}");
        // The pushed reference may not be a branch of this repository.
        let _ = Git::new(toolbox, directory).args(["update-ref", &reference, &source]).output().await?;
    }
    if set_upstream {
        let settings = [("remote", remote.to_owned()), ("merge", format!("refs/heads/{branch}"))];
        for (name, value) in settings {
            let key = format!("branch.{branch}.{name}");
            Git::new(toolbox, directory).args(["config", "--local", &key, &value]).text().await?;
        }
    }
    Ok(())
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
    let pull = match &login {
        Some(login) => Pull::Apart(Apart::of(&toolbox, &directory, login.credentials.clone()).await?, &login.urls[0]),
        None => Pull::Ordinary,
    };
    match pull.from(&toolbox, &directory, remote, &branch).await {
        Err(error) if error.code == "GIT_BRANCH_NOT_FOUND" && !request.names_a_branch() => {
            pull.from(&toolbox, &directory, remote, "HEAD").await?;
        }
        pulled => pulled?,
    }
    Ok(StatusCode::OK)
}

/// How a pull reaches its remote.
enum Pull<'a> {
    /// By the repository's own git.
    Ordinary,
    /// With credentials, at this address.
    Apart(Apart<'a>, &'a str),
}

impl Pull<'_> {
    async fn from(&self, toolbox: &Toolbox, directory: &Path, remote: &str, source: &str) -> Result<(), ApiError> {
        let git = Git::new(toolbox, directory);
        match self {
            Self::Ordinary => git.args(["pull", "--quiet", "--ff-only", "--", remote, source]).text().await?,
            Self::Apart(apart, url) => {
                let commit = apart.fetch(url, source).await?;
                let tracking = tracking(toolbox, directory, remote, source).await?;
                apart.hand_over(directory, tracking.as_deref().filter(|_| source != "HEAD")).await?;
                git.args(["merge", "--quiet", "--ff-only", &commit]).text().await?
            }
        };
        Ok(())
    }
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
    toolbox.git_origins.remember(&directory, name, url);
    if request.fetch {
        Git::new(&toolbox, &directory).args(["fetch", "--quiet", "--", name]).text().await?;
    }
    Ok(StatusCode::CREATED)
}
