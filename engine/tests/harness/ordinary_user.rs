//! Engines of a user without privileges. Needs root, to become that user.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::{Engine, announcement, wait_for};

/// Nobody.
pub const USER: u32 = 65534;

/// A command that runs as that user.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let user = USER.to_string();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]).arg(program);
    command
}

/// The engine's program where a user may run it, which a build directory need not be.
pub fn program(directory: &Path) -> PathBuf {
    let built = PathBuf::from(env!("CARGO_BIN_EXE_daytona-engine"));
    if command("test").arg("-x").arg(&built).status().expect("setpriv is there").success() {
        return built;
    }
    let copy = directory.join("engine");
    std::fs::copy(built, &copy).expect("room for the engine's program");
    copy
}

/// Starts such an engine, with further variables.
pub async fn start(variables: &[(&str, &str)]) -> Engine {
    start_in(tempfile::tempdir().expect("a temporary directory"), variables).await
}

/// The same in a directory, which becomes the user's.
pub async fn start_in(directory: TempDir, variables: &[(&str, &str)]) -> Engine {
    std::os::unix::fs::chown(directory.path(), Some(USER), Some(USER)).expect("a directory of the user's");
    let mut command = command(program(directory.path()));
    command.arg(directory.path()).envs(variables.iter().copied()).stdin(Stdio::null());
    let process: Child = command.spawn().expect("setpriv is there");
    let announced = wait_for(|| announcement(directory.path())).await;
    Engine::announced(directory, process, &announced)
}
