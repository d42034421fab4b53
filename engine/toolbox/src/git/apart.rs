//! Talking to a remote with credentials, apart from everything the sandbox configured.
//!
//! A git that holds credentials is the system's own, with an environment of its own, and reads no configuration but what is
//! passed to it: no `insteadOf`, no helper, no hook, no proxy of the repository, the user or the machine. It never works in the
//! caller's repository, whose configuration could not be kept out, but in an empty one that borrows its objects and
//! references. What it fetched is then taken over by an ordinary git, which has no credentials.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::command::Git;
use super::credentials::Credentials;
use crate::Toolbox;
use crate::errors::{ApiError, reason};

/// Where a fetched commit is kept.
const FETCHED: &str = "refs/daytona/fetched";

/// A repository without configuration that has all that another one has.
pub(super) struct Apart<'a> {
    toolbox: &'a Toolbox,
    repository: TempDir,
    credentials: Credentials,
}

impl<'a> Apart<'a> {
    /// Borrows the objects and references of the repository at `directory`.
    pub(super) async fn of(toolbox: &'a Toolbox, directory: &Path, credentials: Credentials) -> Result<Self, ApiError> {
        let ask = |args: &[&str]| Git::new(toolbox, directory).args(args).text();
        let paths = ["rev-parse", "--show-object-format", "--git-path", "objects", "--git-path", "shallow"];
        let answers = ask(&paths).await?;
        let mut answers = answers.lines();
        let (format, objects) = (answers.next().unwrap_or("sha1"), answers.next().unwrap_or_default());
        let shallow = directory.join(answers.next().unwrap_or_default());
        let references = ask(&["for-each-ref", "--format=%(objectname) %(refname)"]).await?;
        let head = match super::current_branch(toolbox, directory).await? {
            Some(branch) => format!("ref: refs/heads/{branch}"),
            None => ask(&["rev-parse", "HEAD"]).await?,
        };
        let parts = Parts { format, objects: directory.join(objects), shallow, references, head };
        let repository = parts
            .write()
            .map_err(|error| ApiError::internal(format!("the connection could not be prepared: {}", reason(&error))))?;
        Ok(Self { toolbox, repository, credentials })
    }

    fn git(&self) -> Result<Git, ApiError> {
        let git = Git::apart(self.toolbox)?.directory(self.repository.path());
        Ok(git.credentials(Some(self.credentials.clone())))
    }

    /// Fetches a branch, or `HEAD`; its commit.
    pub(super) async fn fetch(&self, url: &str, source: &str) -> Result<String, ApiError> {
        let refspec = format!("+{source}:{FETCHED}");
        self.git()?.args(["fetch", "--quiet", "--", url, &refspec]).text().await?;
        let commit =
            Git::apart(self.toolbox)?.directory(self.repository.path()).args(["rev-parse", FETCHED]).text().await?;
        Ok(commit.trim().to_owned())
    }

    /// Pushes a branch to the branch of the same name.
    pub(super) async fn push(&self, url: &str, branch: &str) -> Result<(), ApiError> {
        self.git()?.args(["push", "--quiet", "--", url, branch]).text().await?;
        Ok(())
    }

    /// Gives the repository at `directory` what was fetched, new tags with it, and puts the commit in `tracking`.
    pub(super) async fn hand_over(&self, directory: &Path, tracking: Option<&str>) -> Result<(), ApiError> {
        let fetched = match tracking {
            Some(tracking) => format!("+{FETCHED}:{tracking}"),
            None => FETCHED.to_owned(),
        };
        let git = Git::new(self.toolbox, directory).args(["-c", "protocol.file.allow=always"]);
        let git = git.args(["fetch", "--quiet", "--no-tags", "--"]);
        git.args([self.repository.path()]).args([&fetched, "refs/tags/*:refs/tags/*"]).text().await?;
        Ok(())
    }
}

/// The files and directories that make a repository.
struct Parts<'a> {
    format: &'a str,
    objects: PathBuf,
    shallow: PathBuf,
    references: String,
    head: String,
}

impl Parts<'_> {
    fn write(&self) -> std::io::Result<TempDir> {
        use std::os::unix::ffi::OsStrExt;
        let repository = tempfile::Builder::new().prefix("daytona-git-").tempdir()?;
        let at = |name: &str| repository.path().join(name);
        std::fs::create_dir_all(at("refs"))?;
        std::fs::create_dir_all(at("objects/info"))?;
        let mut config = "[core]\n\tbare = true\n\trepositoryformatversion = 0\n".to_owned();
        if self.format != "sha1" {
            config = config.replace("= 0", "= 1");
            let _ = write!(config, "[extensions]\n\tobjectformat = {}\n", self.format);
        }
        std::fs::write(at("config"), config)?;
        std::fs::write(at("HEAD"), format!("{}\n", self.head.trim()))?;
        std::fs::write(at("packed-refs"), &self.references)?;
        let objects = self.objects.canonicalize()?;
        std::fs::write(at("objects/info/alternates"), [objects.as_os_str().as_bytes(), b"\n"].concat())?;
        if self.shallow.is_file() {
            std::fs::copy(&self.shallow, at("shallow"))?;
        }
        Ok(repository)
    }
}
