//! Finding the local engine, and starting it when it is not running.
//!
//! The engine and its clients meet in a file: `engine.json` in the state directory, readable by its owner only, holds the
//! engine's address and key. A client that finds no answering engine there starts `daytona local serve`, which writes
//! the file when it listens and ends by itself when it is idle.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use http::{HeaderValue, Method, header};
use serde::Deserialize;

use crate::config::Resolved;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Pool;

/// How long a starting engine may take to listen.
const START_LIMIT: Duration = Duration::from_secs(30);
const PROBE_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
/// Seconds without sandboxes and requests after which a started engine ends.
const IDLE_TIMEOUT: &str = "600";

/// A running engine, as `engine.json` describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Engine {
    pub(crate) api_url: String,
    pub(crate) api_key: String,
}

/// The running engine, started if need be.
pub(crate) async fn find_or_start(config: &Resolved, http: &Pool) -> Result<Engine> {
    let directory = state_dir(config)?;
    if let Some(engine) = running(&directory, http).await {
        return Ok(engine);
    }
    let mut child = spawn(config, &directory)?;
    let started = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(POLL).await;
        if let Some(engine) = running(&directory, http).await {
            // It goes on without us; reaping it at its end needs a thread that waits, and nothing else does.
            std::thread::spawn(move || child.wait());
            return Ok(engine);
        }
        if let Ok(Some(status)) = child.try_wait() {
            // Another process may have won the race to start it.
            if let Some(engine) = running(&directory, http).await {
                return Ok(engine);
            }
            return Err(failed(format!("it ended with {status}"), &directory));
        }
        if started.elapsed() > START_LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(format!("it did not listen within {} s", START_LIMIT.as_secs()), &directory));
        }
    }
}

async fn running(directory: &Path, http: &Pool) -> Option<Engine> {
    let text = std::fs::read(directory.join("engine.json")).ok()?;
    let engine: Engine = serde_json::from_slice(&text).ok()?;
    let mut probe = reqwest::Request::new(Method::GET, format!("{}/health", engine.api_url).parse().ok()?);
    let bearer = HeaderValue::try_from(format!("Bearer {}", engine.api_key)).ok()?;
    probe.headers_mut().insert(header::AUTHORIZATION, bearer);
    *probe.timeout_mut() = Some(PROBE_LIMIT);
    http.send(probe).await.ok()?.status().is_success().then_some(engine)
}

fn spawn(config: &Resolved, directory: &Path) -> Result<std::process::Child> {
    let program = config.local_binary.clone().unwrap_or_else(|| "daytona".to_owned());
    let refuse = |e: std::io::Error| {
        Error::new(ErrorKind::Connection, format!("Cannot start the local engine with {program:?}"))
            .with_source(e)
            .context("The local engine is not running. Install the `daytona` program or set DAYTONA_LOCAL_BINARY")
    };
    make_private(directory).map_err(refuse)?;
    let log = std::fs::File::create(directory.join("engine.log")).map_err(refuse)?;
    let mut command = Command::new(&program);
    command
        .args(["local", "serve", "--or-existing", "--idle-timeout", IDLE_TIMEOUT, "--state-dir"])
        .arg(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(refuse)?)
        .stderr(log);
    #[cfg(unix)]
    {
        // Its own process group: Ctrl-C in the program that started it must not end it.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
    }
    command.spawn().map_err(refuse)
}

fn make_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn failed(why: String, directory: &Path) -> Error {
    let log = std::fs::read_to_string(directory.join("engine.log")).unwrap_or_default();
    let lines: Vec<_> = log.lines().rev().filter(|l| !l.trim().is_empty()).take(3).collect();
    let said = lines.into_iter().rev().collect::<Vec<_>>().join("; ");
    Error::new(ErrorKind::Connection, format!("The local engine could not be started: {why}")).with_source(said)
}

fn state_dir(config: &Resolved) -> Result<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(directory) = &config.local_state_dir {
        return Ok(PathBuf::from(directory));
    }
    let base =
        from("XDG_STATE_HOME").or_else(|| from("HOME").map(|home| home.join(".local/state"))).ok_or_else(|| {
            Error::invalid_argument(
                "There is no place for the local engine's state: set HOME or DAYTONA_LOCAL_STATE_DIR.",
            )
        })?;
    Ok(base.join("daytona/local"))
}
