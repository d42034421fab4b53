//! How clients find a running engine: the state directory and `engine.json` in it.
//!
//! `engine.json` counts only while its engine holds a lock on that very file, so what an engine that was killed left
//! behind leads nobody to whoever has its port now. A client reads the file, asks `GET {apiUrl}/health?challenge=…`
//! without credentials for a proof that the server has the key, and otherwise starts `daytona local serve
//! --or-existing` and waits for the file. The key is a new one at each start.
//!
//! One engine runs per state directory: it holds the lock on `engine.lock` for as long as it lives. Every client holds
//! a shared lock on `clients.lock`. Locks belong to open files (`F_OFD_SETLK`), end with their process, and can be
//! looked at without being taken.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use daytona_toolbox::Compat;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
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

/// The whole of a file, as a lock.
fn whole(kind: libc::c_int) -> libc::flock {
    let (l_type, l_whence) = (kind as libc::c_short, libc::SEEK_SET as libc::c_short);
    libc::flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 }
}

/// Takes an exclusive lock that lasts until the file is closed; false when somebody else has one.
fn take_lock(file: &fs::File) -> nix::Result<bool> {
    match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole(libc::F_WRLCK))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether somebody else has a lock on the file, shared or exclusive.
fn is_locked(file: &fs::File) -> bool {
    let mut lock = whole(libc::F_WRLCK);
    fcntl(file.as_fd(), FcntlArg::F_OFD_GETLK(&mut lock)).is_ok() && lock.l_type != libc::F_UNLCK as libc::c_short
}

fn open_lock(state_dir: &Path, name: &str) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(state_dir.join(name))
}

/// The right to be the one engine of a state directory; given up when dropped.
#[derive(Debug)]
pub struct EngineLock {
    _file: fs::File,
}

/// Takes the lock, or `None` when another engine has it.
pub fn lock(state_dir: &Path) -> Result<Option<EngineLock>> {
    let file = open_lock(state_dir, "engine.lock").context("opening the lock file")?;
    let taken = take_lock(&file).context("locking the state directory")?;
    Ok(taken.then_some(EngineLock { _file: file }))
}

/// Whether an engine has the state directory: starting, running or ending.
pub fn is_taken(state_dir: &Path) -> bool {
    fs::File::open(state_dir.join("engine.lock")).is_ok_and(|file| is_locked(&file))
}

/// The clients of a state directory's engine.
#[derive(Debug)]
pub struct Clients {
    lock: fs::File,
}

impl Clients {
    /// Where clients show that they are there.
    pub fn of(state_dir: &Path) -> Result<Self> {
        let lock = open_lock(state_dir, "clients.lock").context("opening the file that clients lock")?;
        Ok(Self { lock })
    }

    /// Whether there are any.
    pub fn connected(&self) -> bool {
        is_locked(&self.lock)
    }
}

/// `engine.json` of a running engine; no client trusts the file any more when this is dropped.
#[derive(Debug)]
pub struct Announcement {
    path: PathBuf,
    _file: fs::File,
}

/// Tells clients where the engine is, in one step.
pub fn announce(state_dir: &Path, engine: &EngineFile) -> Result<Announcement> {
    let unfinished = state_dir.join("engine.json.unfinished");
    let _ = fs::remove_file(&unfinished);
    let mut file = fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished)?;
    file.write_all(&serde_json::to_vec_pretty(engine)?)?;
    if !take_lock(&file).context("locking engine.json")? {
        bail!("engine.json is locked by another process");
    }
    fs::rename(&unfinished, engine_file(state_dir)).context("writing engine.json")?;
    Ok(Announcement { path: engine_file(state_dir), _file: file })
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what an engine that was killed had announced. Only the holder of the engine's lock may do so.
pub fn remove_leftover(state_dir: &Path, _lock: &EngineLock) {
    let _ = fs::remove_file(engine_file(state_dir));
}

/// The running engine of a state directory, if there is one. What an engine that was killed left does not count.
pub fn announced(state_dir: &Path) -> Option<EngineFile> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.read(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(engine_file(state_dir)).ok()?;
    // Somebody else could have written anything there, another process's id for example.
    let is_ours = file.metadata().is_ok_and(|metadata| metadata.uid() == nix::unistd::geteuid().as_raw());
    if !is_ours || !is_locked(&file) {
        return None;
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
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
