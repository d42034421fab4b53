//! Which shell runs commands (wire section 9), and how programs are started.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::{AccessFlags, access};

use crate::Toolbox;
use crate::environment::Variables;
use crate::errors::reason;

/// Shells in order of preference.
const PREFERRED: [&str; 4] = ["/usr/bin/zsh", "/bin/zsh", "/usr/bin/bash", "/bin/bash"];

impl Toolbox {
    /// The first preferred shell listed in `/etc/shells`, else `$SHELL`, else `sh`.
    pub(crate) fn shell(&self) -> PathBuf {
        let listed = std::fs::read_to_string("/etc/shells").unwrap_or_default();
        let lines = || listed.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        PREFERRED
            .into_iter()
            .find(|shell| lines().any(|line| line.contains(shell)) && Path::new(shell).exists())
            .map(PathBuf::from)
            .or_else(|| self.environment.get("SHELL").map(PathBuf::from).filter(|shell| shell.exists()))
            .or_else(|| self.environment.which("sh"))
            .unwrap_or_else(|| PathBuf::from("/bin/sh"))
    }

    /// A command that will run `program` with the toolbox's environment plus `variables`, in `cwd` (the work directory when
    /// absent or empty).
    pub(crate) fn command(&self, program: &Path, cwd: Option<&str>, variables: &Variables) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment.snapshot())
            .envs(variables)
            .current_dir(self.resolve(cwd.unwrap_or_default()));
        command
    }
}

/// Why `command` could not be started: the system's error names neither the directory nor the program.
pub(crate) fn start_failure(command: &Command, error: &io::Error) -> io::Error {
    let message = match command.get_current_dir() {
        Some(directory) if !directory.exists() => format!("working directory not found: {}", directory.display()),
        Some(directory) if !directory.is_dir() => {
            format!("working directory is not a directory: {}", directory.display())
        }
        Some(directory) if access(directory, AccessFlags::X_OK).is_err() => {
            format!("working directory may not be entered: {}", directory.display())
        }
        _ => format!("{}: {}", Path::new(command.get_program()).display(), reason(error)),
    };
    io::Error::new(error.kind(), message)
}
