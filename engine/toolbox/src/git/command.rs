//! Running the real `git`.

use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::credentials::{self, Credentials};
use super::failure::Failure;
use crate::Toolbox;
use crate::environment::Variables;
use crate::errors::{ApiError, reason};

/// Where a system keeps its own programs: nobody but its administrator changes them.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/usr/bin", "/bin", "/usr/local/bin"];

/// A git command in the making.
pub(super) struct Git {
    command: Command,
    credentials: Option<Credentials>,
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

    /// The system's own `git`, which sees nothing of what the sandbox's user configured and speaks HTTP alone.
    ///
    /// # Errors
    /// 501 when the system has none.
    pub(super) fn apart(toolbox: &Toolbox) -> Result<Self, ApiError> {
        let programs = SYSTEM_DIRECTORIES.iter().map(|directory| Path::new(directory).join("git"));
        let program = programs.into_iter().find(|program| program.is_file()).ok_or_else(not_installed)?;
        let mut command = toolbox.guarded(&program);
        command
            .env("PATH", SYSTEM_DIRECTORIES.join(":"))
            // No configuration, no .netrc, no templates.
            .env("HOME", "/nonexistent")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_ALLOW_PROTOCOL", "http:https")
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            // Where no configuration of a directory above is found.
            .current_dir("/")
            .args(["-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false", "-c", "advice.detachedHead=false"])
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "safe.directory=*"]);
        Ok(Self { command, credentials: None })
    }

    /// Works on the repository whose git directory this is.
    pub(super) fn directory(self, git_directory: &Path) -> Self {
        self.args(["--git-dir"]).args([git_directory])
    }

    pub(super) fn args<S: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Options that come before git's own command, so this is called before `args`.
    pub(super) fn credentials(self, credentials: Option<Credentials>) -> Self {
        let Some(credentials) = credentials else { return self };
        let mut configured = credentials.configure(self);
        configured.credentials = Some(credentials);
        configured
    }

    /// Runs to the end; its standard output, or what it said on both outputs.
    ///
    /// # Errors
    /// Outer: git could not be run. Inner: git failed.
    pub(super) async fn output(mut self) -> Result<Result<Vec<u8>, Failure>, ApiError> {
        let cannot = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => not_installed(),
            std::io::ErrorKind::InvalidInput => ApiError::bad_request("an argument is too long or holds a NUL"),
            _ => ApiError::internal(format!("git could not be run: {}", reason(&error))),
        };
        self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let pipe = self.credentials.as_ref().map(Credentials::pipe).transpose().map_err(cannot)?;
        if let Some(fd) = pipe.as_ref().map(AsRawFd::as_raw_fd) {
            // SAFETY: dup2 is async-signal-safe; the descriptor is open in the child.
            unsafe {
                self.command.pre_exec(move || {
                    // A descriptor that has the number already would stay one that is closed when git starts.
                    let passed = match fd {
                        credentials::DESCRIPTOR => libc::fcntl(fd, libc::F_SETFD, 0),
                        _ => libc::dup2(fd, credentials::DESCRIPTOR),
                    };
                    if passed < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
                });
            }
        }
        let child = tokio::process::Command::from(self.command).spawn().map_err(cannot)?;
        drop(pipe);
        // Abandoning the request stops git and its helpers.
        let guard = Group(child.id().map(|id| Pid::from_raw(id.cast_signed())));
        let output = child.wait_with_output().await.map_err(cannot)?;
        std::mem::forget(guard);
        if output.status.success() {
            return Ok(Ok(output.stdout));
        }
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8_lossy(&bytes);
            match &self.credentials {
                Some(credentials) => credentials.hide(text.trim()),
                None => text.trim().to_owned(),
            }
        };
        Ok(Err(Failure { stdout: text(output.stdout), stderr: text(output.stderr) }))
    }

    /// Runs to the end; its standard output as text.
    ///
    /// # Errors
    /// The meaning of git's failure (wire section 3.5, additions 4.7).
    pub(super) async fn text(self) -> Result<String, ApiError> {
        match self.output().await? {
            Ok(stdout) => Ok(String::from_utf8_lossy(&stdout).into_owned()),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn not_installed() -> ApiError {
    ApiError::not_implemented("git is not installed: git")
}

struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
