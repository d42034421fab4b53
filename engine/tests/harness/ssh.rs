//! The real OpenSSH client.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::process::Command;

use crate::harness::Engine;

/// A token, and where it leads.
#[derive(Clone)]
pub struct Access {
    pub token: String,
    pub port: String,
}

impl Access {
    /// A new token for a sandbox.
    pub async fn of(engine: &Engine, id: &str) -> Self {
        let (status, access) = engine.post(&format!("/api/sandbox/{id}/ssh-access"), json!({})).await;
        assert_eq!(status, StatusCode::OK, "{access}");
        let token = access["token"].as_str().expect("a token").to_owned();
        let (_, health) = engine.get("/api/health").await;
        let port = health["ssh"]["port"].to_string();
        assert_eq!(access["sshCommand"], format!("ssh -p {port} {token}@127.0.0.1"));
        Self { token, port }
    }

    /// Options that every client needs: no file of the user's is read or written.
    pub fn options(&self) -> Vec<String> {
        let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "BatchMode=yes", "LogLevel=INFO"];
        let options = options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]);
        ["-F".to_owned(), "/dev/null".to_owned()].into_iter().chain(options).collect()
    }

    /// Who to connect to.
    pub fn destination(&self) -> String {
        format!("{}@127.0.0.1", self.token)
    }

    /// `ssh` with further arguments before the destination and a command after it.
    pub fn ssh(&self, arguments: &[&str], command: &[&str]) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(self.options()).args(["-p", &self.port]).args(arguments).arg(self.destination()).args(command);
        ssh.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        ssh
    }

    /// A command of the same family, whose port is `-P`.
    pub fn copy(&self, program: &str, arguments: &[&str]) -> Command {
        let mut copy = Command::new(program);
        copy.args(self.options()).args(["-P", &self.port]).args(arguments);
        copy.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        copy
    }

    /// The command for `rsync -e` and `GIT_SSH_COMMAND`.
    pub fn command(&self) -> String {
        format!("ssh {} -p {}", self.options().join(" "), self.port)
    }

    /// Runs a command that must succeed; its standard output.
    pub async fn output(&self, command: &str) -> String {
        text(&done(self.ssh(&[], &[command])).await)
    }
}

/// Runs a program to its end, which must come within a minute.
pub async fn ended(mut program: Command) -> Output {
    let running = tokio::time::timeout(Duration::from_secs(60), program.output()).await;
    running.expect("the program ends").expect("the program runs")
}

/// Runs a program that must succeed.
pub async fn done(program: Command) -> Output {
    let shown = format!("{:?}", program.as_std());
    let output = ended(program).await;
    assert!(output.status.success(), "{shown}: {:?}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// What it said, without the last line end.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Bytes of every value, in a file.
pub fn write_bytes(path: &Path, length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let bytes: Vec<u8> = (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        })
        .collect();
    std::fs::write(path, &bytes).expect("the file is written");
    bytes
}

/// Revokes a sandbox's access.
pub async fn revoke(engine: &Engine, id: &str) {
    let answer = engine.request(Method::DELETE, &format!("/api/sandbox/{id}/ssh-access")).send().await;
    assert!(answer.expect("an answer").status().is_success());
}
