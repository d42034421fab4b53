//! Which shell runs commands (wire section 9), and how programs are started.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Toolbox;
use crate::environment::Variables;

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
