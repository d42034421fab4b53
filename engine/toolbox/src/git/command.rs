//! Running the real `git`, with credentials that nobody else can see.
//!
//! A user name and password travel through a pipe that only this git and its credential helper inherit: they are never an
//! argument, an environment variable or a file, and git has no other way to ask for them.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use http::StatusCode;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::Toolbox;
use crate::environment::Variables;
use crate::errors::ApiError;

/// The descriptor the credential helper reads.
const CREDENTIALS_FD: i32 = 9;
/// Answers `get` with what the pipe holds, and ignores `store` and `erase`.
const CREDENTIAL_HELPER: &str = "!f() { test \"$1\" = get && cat <&9; }; f";

/// Who to be at a remote.
pub(super) struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// Credentials count only when both parts are there (wire section 3.5).
    pub(super) fn of(username: Option<String>, password: Option<String>) -> Result<Option<Self>, ApiError> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let (Some(username), Some(password)) = (filled(username), filled(password)) else { return Ok(None) };
        if [&username, &password].iter().any(|text| text.contains(['\n', '\0'])) {
            return Err(ApiError::bad_request("the user name or password holds a line break or NUL"));
        }
        Ok(Some(Self { username, password }))
    }
}

/// A git command in the making.
pub(super) struct Git {
    command: Command,
    credentials: Option<Credentials>,
}

/// A failed git command.
pub(super) struct Failure {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Git {
    /// `git` in `directory`, speaking plain English and never asking anybody anything.
    pub(super) fn new(toolbox: &Toolbox, directory: &Path) -> Self {
        let mut command = toolbox.command(Path::new("git"), directory.to_str(), &Variables::new());
        command
            .env("LC_ALL", "C.UTF-8")
            .env("LANGUAGE", "C")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("GIT_PAGER", "cat")
            .env("GIT_EDITOR", "true")
            // A key that is not known yet must fail, not wait for an answer.
            .env("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
            .env_remove("SSH_ASKPASS")
            .args(["-c", "core.quotePath=false", "-c", "advice.detachedHead=false"]);
        Self { command, credentials: None }
    }

    pub(super) fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(super) fn credentials(mut self, credentials: Option<Credentials>) -> Self {
        if credentials.is_some() {
            // The empty one first: it forgets helpers configured elsewhere.
            let helper = format!("credential.helper={CREDENTIAL_HELPER}");
            self.command.args(["-c", "credential.helper=", "-c", &helper]);
        }
        self.credentials = credentials;
        self
    }

    /// Runs to the end; its standard output, or what it said on both outputs.
    ///
    /// # Errors
    /// Outer: git could not be run. Inner: git failed.
    pub(super) async fn output(mut self) -> Result<Result<Vec<u8>, Failure>, ApiError> {
        let cannot = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => ApiError::not_implemented("git is not installed: git"),
            std::io::ErrorKind::InvalidInput => ApiError::bad_request("an argument holds a NUL"),
            _ => ApiError::internal(format!("git could not be run: {error}")),
        };
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let pipe = match &self.credentials {
            None => None,
            Some(Credentials { username, password }) => {
                let (reader, mut writer) = std::io::pipe().map_err(cannot)?;
                // Far below what a pipe holds, so this never waits.
                write!(writer, "username={username}\npassword={password}\n").map_err(cannot)?;
                let fd = reader.as_raw_fd();
                // SAFETY: dup2 is async-signal-safe; the descriptor is open in the child.
                unsafe {
                    self.command.pre_exec(move || {
                        if libc::dup2(fd, CREDENTIALS_FD) < 0 {
                            return Err(std::io::Error::last_os_error());
                        }
                        Ok(())
                    });
                }
                Some(reader)
            }
        };
        let child = tokio::process::Command::from(self.command).spawn().map_err(cannot)?;
        drop(pipe);
        // Whoever abandons the request stops git and its helpers.
        let guard = Group(child.id().map(|id| Pid::from_raw(id.cast_signed())));
        let output = child.wait_with_output().await.map_err(cannot)?;
        std::mem::forget(guard);
        if output.status.success() {
            return Ok(Ok(output.stdout));
        }
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).trim().to_owned();
        Ok(Err(Failure { stdout: text(output.stdout), stderr: text(output.stderr) }))
    }

    /// Runs to the end; its standard output as text.
    ///
    /// # Errors
    /// What git's failure means (wire section 3.5, additions 4.7).
    pub(super) async fn text(self) -> Result<String, ApiError> {
        match self.output().await? {
            Ok(stdout) => Ok(String::from_utf8_lossy(&stdout).into_owned()),
            Err(failure) => Err(failure.into()),
        }
    }
}

struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

/// What a failure says, its status and its code. The first that is found decides.
const MEANINGS: &[(&str, StatusCode, &str)] = &[
    ("authentication failed", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("could not read username", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("could not read password", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("permission denied (publickey", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("returned error: 403", StatusCode::FORBIDDEN, "FORBIDDEN"),
    ("returned error: 401", StatusCode::UNAUTHORIZED, "GIT_AUTH_FAILED"),
    ("remote branch", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("couldn't find remote ref", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("no such ref was fetched", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("did not match any file(s) known to git", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("did not match any files", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("not a valid object name", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("reference is not a tree", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("unknown revision", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("does not have any commits yet", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("src refspec", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("fatal: repository '", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("not a git repository", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("repository not found", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("returned error: 404", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("does not appear to be a git repository", StatusCode::NOT_FOUND, "GIT_REPO_NOT_FOUND"),
    ("no such remote", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("no configured push destination", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("no remote repository specified", StatusCode::NOT_FOUND, "NOT_FOUND"),
    ("already exists and is not an empty directory", StatusCode::CONFLICT, "CONFLICT"),
    ("a branch named", StatusCode::CONFLICT, "GIT_BRANCH_EXISTS"),
    ("remote ref does not exist", StatusCode::NOT_FOUND, "GIT_BRANCH_NOT_FOUND"),
    ("already exists", StatusCode::CONFLICT, "CONFLICT"),
    ("non-fast-forward", StatusCode::CONFLICT, "GIT_PUSH_REJECTED"),
    ("fetch first", StatusCode::CONFLICT, "GIT_PUSH_REJECTED"),
    ("not possible to fast-forward", StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
    ("conflict", StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
    ("would be overwritten", StatusCode::CONFLICT, "GIT_DIRTY_WORKTREE"),
    ("unmerged files", StatusCode::CONFLICT, "GIT_MERGE_CONFLICT"),
    ("pre-receive hook declined", StatusCode::UNPROCESSABLE_ENTITY, "GIT_REMOTE_REJECTED"),
    ("[remote rejected]", StatusCode::UNPROCESSABLE_ENTITY, "GIT_REMOTE_REJECTED"),
    ("certificate", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("could not resolve host", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("failed to connect", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("unable to access", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("could not read from remote repository", StatusCode::BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
    ("nothing to commit", StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
];

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let said = if failure.stderr.is_empty() { failure.stdout } else { failure.stderr };
        let lower = said.to_lowercase();
        let (_, status, code) = MEANINGS.iter().find(|(words, ..)| lower.contains(words)).copied().unwrap_or((
            "",
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_SERVER_ERROR",
        ));
        Self::new(status, code, said)
    }
}
