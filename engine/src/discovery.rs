//! How clients find a running engine: the state directory and `engine.json` in it.
//!
//! A client reads `engine.json`, checks `GET {apiUrl}/health`, and otherwise starts
//! `daytona local serve --idle-timeout 600 --or-existing` and waits for the file. One engine runs per
//! state directory: it holds the lock file's lock for as long as it lives.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use daytona_toolbox::Compat;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

/// What `engine.json` says. Readable by its owner only, because it holds the API key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineFile {
    /// The engine's process.
    pub pid: u32,
    /// `http://host:port/api`.
    pub api_url: String,
    /// The API key to use.
    pub api_key: String,
    /// The one organisation's id.
    pub organization_id: String,
    /// The engine's version.
    pub version: String,
    /// The isolation level in force.
    pub isolation: String,
    /// The server whose answers it gives.
    #[serde(default)]
    pub compat: Compat,
}

/// The state directory used when none is named: `$DAYTONA_LOCAL_STATE_DIR`, else
/// `$XDG_STATE_HOME/daytona/local`, else `~/.local/state/daytona/local`.
pub fn default_state_dir() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = variable("DAYTONA_LOCAL_STATE_DIR") {
        return Ok(directory);
    }
    let state_home = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    let state_home = state_home.context("no state directory: set DAYTONA_LOCAL_STATE_DIR or HOME")?;
    Ok(state_home.join("daytona/local"))
}

/// Creates the state directory, for its owner only, and returns its absolute path.
pub fn prepare_state_dir(directory: &Path) -> Result<PathBuf> {
    let create = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    create.with_context(|| format!("creating {}", directory.display()))?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    Ok(fs::canonicalize(directory)?)
}

fn engine_file(state_dir: &Path) -> PathBuf {
    state_dir.join("engine.json")
}

/// The right to be the one engine of a state directory; given up when dropped.
#[derive(Debug)]
pub struct EngineLock {
    _lock: Flock<fs::File>,
}

/// Takes the lock, or `None` when another engine has it.
pub fn lock(state_dir: &Path) -> Result<Option<EngineLock>> {
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(state_dir.join("engine.lock"))
        .context("opening the lock file")?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(EngineLock { _lock: lock })),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error).context("locking the state directory"),
    }
}

/// Tells clients where the engine is, in one step.
pub fn announce(state_dir: &Path, engine: &EngineFile) -> Result<()> {
    let unfinished = state_dir.join("engine.json.unfinished");
    let _ = fs::remove_file(&unfinished);
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished)?;
    file.write_all(&serde_json::to_vec_pretty(engine)?)?;
    fs::rename(&unfinished, engine_file(state_dir)).context("writing engine.json")
}

/// Takes the announcement back.
pub fn withdraw(state_dir: &Path) {
    let _ = fs::remove_file(engine_file(state_dir));
}

/// What is announced in a state directory, if anything. It may be from an engine that was killed.
pub fn announced(state_dir: &Path) -> Option<EngineFile> {
    serde_json::from_slice(&fs::read(engine_file(state_dir)).ok()?).ok()
}

/// The answer of the announced engine's `GET /health`.
pub fn check_health(engine: &EngineFile) -> Result<serde_json::Value> {
    let address = engine.api_url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/api"));
    let address = address.context("engine.json has an unexpected apiUrl")?;
    let address: std::net::SocketAddr = address.parse().context("engine.json has an unexpected apiUrl")?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { bail!("the engine's answer was cut off") };
    if !head.starts_with("HTTP/1.1 200") {
        bail!("the engine is not healthy: {}", head.lines().next().unwrap_or_default());
    }
    serde_json::from_str(body).context("understanding the engine's answer")
}
