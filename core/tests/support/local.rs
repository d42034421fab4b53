//! A state directory whose engine ends with it.
#![allow(dead_code, reason = "each test file uses what it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daytona::{Client, Config};
use serde_json::Value;

/// A state directory; the engine that runs in it is stopped at the end.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn directory(&self) -> &Path {
        self.0.path()
    }

    /// A client that finds or starts the engine here.
    pub fn client(&self) -> Client {
        Client::new(self.config()).unwrap()
    }

    pub fn config(&self) -> Config {
        Config {
            local_binary: Some(program().to_string_lossy().into_owned()),
            local_state_dir: Some(self.directory().to_string_lossy().into_owned()),
            ..Config::local()
        }
    }

    /// `daytona local stop`.
    pub fn stop(&self) {
        let mut command = Command::new(program());
        command.args(["local", "stop", "--state-dir"]).arg(self.directory()).stdout(Stdio::null());
        assert!(command.status().unwrap().success());
    }

    /// Kills the engine, as the kernel would when memory runs out.
    pub fn kill(&self) {
        let pid = self.pid();
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        // It is a child of this process, which reaps it.
        while nix::sys::signal::kill(pid, None).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    pub fn pid(&self) -> nix::unistd::Pid {
        let pid = self.announced().unwrap()["pid"].as_i64().unwrap();
        nix::unistd::Pid::from_raw(pid.try_into().unwrap())
    }

    /// What `engine.json` says.
    pub fn announced(&self) -> Option<Value> {
        Self::announced_in(self.directory())
    }

    pub fn announced_in(directory: &Path) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(directory.join("engine.json")).ok()?).ok()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `DAYTONA_LOCAL_BINARY`, or the program built beside this test.
pub fn program() -> PathBuf {
    std::env::var_os("DAYTONA_LOCAL_BINARY")
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("daytona"), PathBuf::from)
}
