//! Git repositories in the sandbox.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::Git;
use super::fs::{check_nul, check_path};
use super::process::quote;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    ExecOptions, FileStatus, GitCloneOptions, GitCommitInfo, GitCommitOptions, GitCommitResponse,
    GitDeleteBranchOptions, GitRemoteOptions, GitStatus, ListBranchResponse,
};
use crate::travel::deadline;
use crate::travel::http::body;

/// Limit of a call that talks to a remote when nothing else is said.
const REMOTE_LIMIT: Option<Duration> = Some(Duration::from_secs(30 * 60));

impl Git {
    /// Clones a repository into a directory.
    ///
    /// # Parameters
    /// * `url`: URL of the repository.
    /// * `path`: Directory to clone into; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `GitAuthFailed` for wrong credentials, `GitBranchNotFound` for an unknown branch, `GitRepoNotFound` for an
    /// unknown repository, `Conflict` when the directory is not empty, `GitTransportFailed` when the remote cannot be
    /// reached, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `git clone`
    pub async fn clone(&self, url: &str, path: &str, options: GitCloneOptions) -> Result<()> {
        check_path(path)?;
        if url.is_empty() {
            return Err(Error::invalid_argument("The URL of the repository is empty."));
        }
        check_nul("URL", url)?;
        if let Some(depth) = options.depth.filter(|depth| *depth < 1) {
            return Err(Error::invalid_argument(format!("depth is {depth}: it must be 1 or more.")));
        }
        let limit = deadline::limit(options.timeout, REMOTE_LIMIT);
        let body = body(json!({
            "url": url,
            "path": path,
            "branch": options.branch,
            "commit_id": options.commit_id,
            "username": options.username,
            "password": options.password,
            "insecure_skip_tls": options.insecure_skip_tls,
            "depth": options.depth,
        }));
        self.post("git.clone", "/git/clone", limit, &body).await
    }

    /// Returns the current branch, how far it is ahead of or behind the remote, and the changed files.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `NotFound` (`GitRepoNotFound`) when there is no repository or no commit yet.
    ///
    /// # Examples
    /// `git status-commit`
    pub async fn status(&self, path: &str) -> Result<GitStatus> {
        check_path(path)?;
        self.toolbox
            .client
            .run("git.status", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::GET, "/git/status").await?.query("path", path);
                let mut status: GitStatus = request.read().await?;
                status.file_status.iter_mut().for_each(summarise);
                Ok(status)
            })
            .await
    }

    /// Stages files for the next commit.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    /// * `files`: Paths in the repository; `.` stands for all files.
    ///
    /// # Errors
    /// `NotFound` when the repository or a file does not exist.
    ///
    /// # Examples
    /// `git status-commit`
    pub async fn add(&self, path: &str, files: Vec<String>) -> Result<()> {
        check_path(path)?;
        self.post("git.add", "/git/add", DEFAULT_LIMIT, &json!({ "path": path, "files": files })).await
    }

    /// Commits what is staged.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    /// * `message`: Commit message.
    /// * `author`: Name of the author.
    /// * `email`: E-mail address of the author.
    ///
    /// # Errors
    /// `InvalidArgument` when message, author or e-mail address is empty, `InternalServer` when nothing is staged and
    /// `allow_empty` is not set.
    ///
    /// # Examples
    /// `git status-commit`
    pub async fn commit(
        &self,
        path: &str,
        message: &str,
        author: &str,
        email: &str,
        options: GitCommitOptions,
    ) -> Result<GitCommitResponse> {
        check_path(path)?;
        for (name, value) in [("message", message), ("author", author), ("email", email)] {
            if value.is_empty() {
                return Err(Error::invalid_argument(format!("The commit's {name} is empty.")));
            }
        }
        let body = body(json!({
            "path": path,
            "message": message,
            "author": author,
            "email": email,
            "allow_empty": options.allow_empty,
        }));
        self.toolbox
            .client
            .run("git.commit", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::POST, "/git/commit").await?.json(&body);
                let Commit { sha } = request.read().await?;
                Ok(GitCommitResponse { hash: sha.clone(), sha })
            })
            .await
    }

    /// Pushes the current branch.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `GitAuthFailed` for wrong credentials, `GitPushRejected` when the remote has commits that are missing here,
    /// `GitRemoteRejected` when the remote refuses, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `git push-pull`
    pub async fn push(&self, path: &str, options: GitRemoteOptions) -> Result<()> {
        self.exchange("git.push", "/git/push", path, options).await
    }

    /// Fetches the current branch and fast-forwards to it.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `GitAuthFailed` for wrong credentials, `GitMergeConflict` when the branches have diverged, `GitDirtyWorktree`
    /// when local changes are in the way, `Timeout` when it takes too long.
    ///
    /// # Examples
    /// `git push-pull`
    pub async fn pull(&self, path: &str, options: GitRemoteOptions) -> Result<()> {
        self.exchange("git.pull", "/git/pull", path, options).await
    }

    /// Returns the local branches.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    ///
    /// # Errors
    /// `GitRepoNotFound` when there is no repository.
    ///
    /// # Examples
    /// `git branches`
    pub async fn branches(&self, path: &str) -> Result<ListBranchResponse> {
        check_path(path)?;
        self.toolbox
            .client
            .run("git.branches", DEFAULT_LIMIT, async {
                self.toolbox.request(Method::GET, "/git/branches").await?.query("path", path).read().await
            })
            .await
    }

    /// Creates a branch and checks it out.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    /// * `name`: Name of the new branch.
    ///
    /// # Errors
    /// `GitBranchExists` when there is a branch of this name.
    ///
    /// # Examples
    /// `git branches`
    pub async fn create_branch(&self, path: &str, name: &str) -> Result<()> {
        check_path(path)?;
        check_branch(name)?;
        let body = json!({ "path": path, "name": name });
        self.post("git.create_branch", "/git/branches", DEFAULT_LIMIT, &body).await
    }

    /// Checks out a branch or a commit.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    /// * `branch`: Name of the branch, or hash of a commit.
    ///
    /// # Errors
    /// `GitBranchNotFound` when there is no such branch, `GitDirtyWorktree` when changes would be lost.
    ///
    /// # Examples
    /// `git branches`
    pub async fn checkout_branch(&self, path: &str, branch: &str) -> Result<()> {
        check_path(path)?;
        check_branch(branch)?;
        let body = json!({ "path": path, "branch": branch });
        self.post("git.checkout_branch", "/git/checkout", DEFAULT_LIMIT, &body).await
    }

    /// Deletes a local branch, even if its commits are on no other branch.
    ///
    /// Set `force` to false to keep a branch whose commits would be lost: it is then deleted with `git branch -d`, and
    /// with true by `git branch -D`.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    /// * `name`: Name of the branch.
    ///
    /// # Errors
    /// `GitRepoNotFound` when there is no repository, and if `force` is given, `GitBranchNotFound` when there is no
    /// such branch, `Conflict` when it is checked out or (with false) not merged.
    ///
    /// # Examples
    /// `git branches`
    pub async fn delete_branch(&self, path: &str, name: &str, options: GitDeleteBranchOptions) -> Result<()> {
        check_path(path)?;
        check_branch(name)?;
        self.toolbox
            .client
            .run("git.delete_branch", DEFAULT_LIMIT, async {
                match options.force {
                    None => {
                        let body = json!({ "path": path, "name": name });
                        self.toolbox.request(Method::DELETE, "/git/branches").await?.json(&body).done().await
                    }
                    Some(force) => self.delete_by_git(path, name, if force { "-D" } else { "-d" }).await,
                }
            })
            .await
    }

    /// Returns the commits of the current branch, newest first.
    ///
    /// # Parameters
    /// * `path`: Directory of the repository; relative paths begin at the working directory.
    ///
    /// # Returns
    /// The commits.
    ///
    /// # Errors
    /// `NotFound` when there is no repository or no commit yet.
    ///
    /// # Examples
    /// `git history`
    pub async fn history(&self, path: &str) -> Result<Vec<GitCommitInfo>> {
        check_path(path)?;
        self.toolbox
            .client
            .run("git.history", DEFAULT_LIMIT, async {
                let request = self.toolbox.request(Method::GET, "/git/history").await?;
                let commits: Option<_> = request.query("path", path).read().await?;
                Ok(commits.unwrap_or_default())
            })
            .await
    }

    async fn delete_by_git(&self, path: &str, name: &str, flag: &str) -> Result<()> {
        // The output of git is read below, so it must be in English.
        let command = format!("cd -- {} && LC_ALL=C git branch {flag} -- {}", quote(path), quote(name));
        let done = self.toolbox.process().exec(&command, ExecOptions::default()).await?;
        if done.exit_code == 0 {
            return Ok(());
        }
        let said = done.result.trim();
        let kind = if said.contains("not found") {
            ErrorKind::GitBranchNotFound
        } else if said.contains("not fully merged") || said.contains("checked out") || said.contains("used by worktree")
        {
            ErrorKind::Conflict
        } else {
            ErrorKind::GitRepoNotFound
        };
        Err(Error::new(kind, said))
    }

    async fn exchange(
        &self,
        operation: &'static str,
        route: &str,
        path: &str,
        options: GitRemoteOptions,
    ) -> Result<()> {
        check_path(path)?;
        let limit = deadline::limit(options.timeout, REMOTE_LIMIT);
        let body = body(json!({
            "path": path,
            "username": options.username,
            "password": options.password,
            "branch": options.branch,
            "remote": options.remote,
            "set_upstream": options.set_upstream,
        }));
        self.post(operation, route, limit, &body).await
    }

    async fn post(
        &self,
        operation: &'static str,
        route: &str,
        limit: Option<Duration>,
        body: &serde_json::Value,
    ) -> Result<()> {
        self.toolbox
            .client
            .run(operation, limit, async { self.toolbox.request(Method::POST, route).await?.json(body).done().await })
            .await
    }
}

fn check_branch(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid_argument("The branch name is empty."));
    }
    if name.starts_with('-') {
        return Err(Error::invalid_argument(format!("The branch name {name:?} begins with a dash.")));
    }
    check_nul("branch name", name)
}

/// The answer of a commit.
#[derive(Deserialize)]
struct Commit {
    #[serde(alias = "hash")]
    sha: String,
}

/// Adds what follows from the rest.
fn summarise(file: &mut FileStatus) {
    let unchanged = matches!(file.worktree.as_str(), "" | "Unmodified");
    file.path.clone_from(&file.name);
    file.status.clone_from(if unchanged { &file.staging } else { &file.worktree });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_a_file_is_that_of_the_side_that_changed_last() {
        for (staging, worktree, status) in [
            ("Untracked", "Untracked", "Untracked"),
            ("Added", "Unmodified", "Added"),
            ("Added", "Modified", "Modified"),
            ("Unmodified", "Deleted", "Deleted"),
            ("Renamed", "", "Renamed"),
        ] {
            let (staging, worktree) = (staging.to_owned(), worktree.to_owned());
            let mut file = FileStatus { name: "a/b".to_owned(), staging, worktree, ..Default::default() };
            summarise(&mut file);
            assert_eq!((file.path.as_str(), file.status.as_str()), ("a/b", status));
        }
    }
}
