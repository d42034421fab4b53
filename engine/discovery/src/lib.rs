//! How a local engine and its clients find one another: the state directory and `engine.json` in it.
//!
//! `engine.json` counts only while its engine holds a lock on that very file, so what a killed engine left behind leads nobody
//! to whoever has its port now. A client reads the file, asks `GET {apiUrl}/health?challenge=…` without credentials for a
//! proof that the server has the key, and otherwise starts `daytona local serve --or-existing` and waits for the file. The
//! key is a new one at each start.
//!
//! One engine runs per state directory: it holds the lock on `engine.lock` for as long as it lives. Every client holds a
//! shared lock on `clients.lock`.
//!
//! Engines run on Linux only. Elsewhere nothing is ever found and nothing can be locked.

mod locks;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// The environment variable that names the state directory.
pub const STATE_DIR_VARIABLE: &str = "DAYTONA_LOCAL_STATE_DIR";

const ANNOUNCEMENT: &str = "engine.json";
const UNFINISHED: &str = "engine.json.unfinished";
const ENGINE_LOCK: &str = "engine.lock";
const CLIENTS_LOCK: &str = "clients.lock";

/// The prefix of the challenge that is signed with the API key.
const PROOF_CONTEXT: &[u8] = b"daytona-local-engine:";

/// The content of `engine.json`. Readable by its owner only, because it holds the API key. Address and key are always there.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EngineFile {
    /// The engine's process; 0 when it does not say.
    #[serde(default)]
    pub pid: u32,
    /// `http://host:port/api`.
    pub api_url: String,
    /// The API key to use.
    pub api_key: String,
    /// The one organisation's id.
    #[serde(default)]
    pub organization_id: String,
    /// The engine's version.
    #[serde(default)]
    pub version: String,
    /// The isolation level in force.
    #[serde(default)]
    pub isolation: String,
    /// The server whose answers it gives: `newest` or a version.
    #[serde(default = "newest")]
    pub compat: String,
}

fn newest() -> String {
    "newest".to_owned()
}

/// The state directory used when none is named: `$XDG_STATE_HOME/daytona/local`, else `~/.local/state/daytona/local`.
///
/// `None` without a home directory. The caller looks at [`STATE_DIR_VARIABLE`] first.
pub fn default_state_dir() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state_home = variable("XDG_STATE_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    Some(state_home?.join("daytona/local"))
}

/// Creates the state directory, for its owner only, and returns its absolute path.
///
/// # Errors
/// When it cannot be created or belongs to somebody else.
pub fn prepare_state_dir(directory: &Path) -> io::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    #[cfg(unix)]
    fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    fs::canonicalize(directory)
}

/// The user id of the state directory's owner, if that is neither this user nor one who may do everything anyway.
///
/// Such a directory is a trap: its owner can put anything there.
pub fn foreign_owner(directory: &Path) -> Option<u32> {
    locks::foreign_owner(directory)
}

/// The right to be the one engine of a state directory; given up when dropped.
#[derive(Debug)]
pub struct EngineLock {
    _file: File,
}

/// Takes the lock, or `None` when another engine has it.
///
/// # Errors
/// When the lock file cannot be opened or locked.
pub fn lock(state_dir: &Path) -> io::Result<Option<EngineLock>> {
    let file = locks::open(&state_dir.join(ENGINE_LOCK))?;
    Ok(locks::take(&file)?.then_some(EngineLock { _file: file }))
}

/// Whether an engine has the state directory: starting, running or ending.
pub fn is_taken(state_dir: &Path) -> bool {
    File::open(state_dir.join(ENGINE_LOCK)).is_ok_and(|file| locks::is_held(&file))
}

/// A client's sign to the engine of a state directory that it is there; ends when dropped.
#[derive(Debug)]
pub struct Presence {
    _file: File,
}

/// Tells the engine of a state directory, running or yet to come, that a client is there.
///
/// # Errors
/// When the file that clients lock cannot be opened or locked.
pub fn hold_presence(state_dir: &Path) -> io::Result<Presence> {
    let file = locks::open(&state_dir.join(CLIENTS_LOCK))?;
    locks::share(&file)?;
    Ok(Presence { _file: file })
}

/// The clients of a state directory's engine.
#[derive(Debug)]
pub struct Clients {
    lock: File,
}

impl Clients {
    /// Opens the file that clients lock.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn of(state_dir: &Path) -> io::Result<Self> {
        Ok(Self { lock: locks::open(&state_dir.join(CLIENTS_LOCK))? })
    }

    /// Whether there are any.
    pub fn connected(&self) -> bool {
        locks::is_held(&self.lock)
    }
}

/// `engine.json` of this engine; no client trusts the file any more when this is dropped.
#[derive(Debug)]
pub struct Announcement {
    path: PathBuf,
    _file: File,
}

/// Tells clients where the engine is, in one step.
///
/// # Errors
/// When the file cannot be written or somebody else has locked it.
pub fn announce(state_dir: &Path, engine: &EngineFile) -> io::Result<Announcement> {
    let unfinished = state_dir.join(UNFINISHED);
    let _ = fs::remove_file(&unfinished);
    let mut file = locks::create(&unfinished)?;
    file.write_all(&serde_json::to_vec_pretty(engine)?)?;
    if !locks::take(&file)? {
        return Err(io::Error::other("engine.json is locked by another process"));
    }
    let path = state_dir.join(ANNOUNCEMENT);
    fs::rename(&unfinished, &path)?;
    Ok(Announcement { path, _file: file })
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes what a killed engine had announced. Only the holder of the engine's lock may do so.
pub fn remove_leftover(state_dir: &Path, _lock: &EngineLock) {
    let _ = fs::remove_file(state_dir.join(ANNOUNCEMENT));
}

/// A running engine as it announced itself.
pub struct Announced {
    /// Its content.
    pub engine: EngineFile,
    file: File,
}

impl Announced {
    /// Whether the engine still runs and takes requests.
    pub fn stands(&self) -> bool {
        locks::is_held(&self.file)
    }
}

/// The running engine of a state directory; `None` when there is none. What a killed engine left does not count.
///
/// # Errors
/// When the file is not trusted, because others than this user can write or read it, or cannot be understood.
pub fn announced(state_dir: &Path) -> io::Result<Option<Announced>> {
    let mut file = match locks::open_trusted(&state_dir.join(ANNOUNCEMENT)) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Unsupported) => return Ok(None),
        other => other?,
    };
    if !locks::is_held(&file) {
        return Ok(None);
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(Some(Announced { engine: serde_json::from_slice(&text)?, file }))
}

fn signed(api_key: &str, challenge: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(api_key.as_bytes()).expect("any key length will do");
    mac.update(PROOF_CONTEXT);
    mac.update(challenge.as_bytes());
    mac
}

/// Shows that this server has the API key, to a client that has it too and will not send it to anybody else.
///
/// In lower-case hexadecimal digits.
pub fn prove(api_key: &str, challenge: &str) -> String {
    let proof = signed(api_key, challenge).finalize().into_bytes();
    proof.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a server's proof shows that it has the API key.
pub fn is_proven(api_key: &str, challenge: &str, proof: &str) -> bool {
    let digit = |byte: u8| Some((byte as char).to_digit(16)? as u8);
    let pairs = proof.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect();
    bytes.is_some_and(|bytes| signed(api_key, challenge).verify_slice(&bytes).is_ok())
}

/// The answer of the announced engine's `GET /health`.
///
/// # Errors
/// When the engine cannot be reached, or does not answer 200 with JSON within seconds.
pub fn check_health(engine: &EngineFile) -> io::Result<serde_json::Value> {
    let address = engine.api_url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/api"));
    let address: Option<SocketAddr> = address.and_then(|address| address.parse().ok());
    let address = address.ok_or_else(|| io::Error::other("engine.json has an unexpected apiUrl"))?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return Err(io::Error::other("the engine's answer was cut off"));
    };
    if !head.starts_with("HTTP/1.1 200") {
        let status = head.lines().next().unwrap_or_default();
        return Err(io::Error::other(format!("the engine is not healthy: {status}")));
    }
    Ok(serde_json::from_str(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_the_key_can_prove_it() {
        let proof = prove("dtn_local_key", "challenge");
        assert!(is_proven("dtn_local_key", "challenge", &proof));
        assert!(!is_proven("dtn_local_key", "another", &proof));
        assert!(!is_proven("dtn_local_other", "challenge", &proof));
        for wrong in ["", "0", "zz", &proof[1..], &proof[2..]] {
            assert!(!is_proven("dtn_local_key", "challenge", wrong), "{wrong}");
        }
    }

    #[test]
    fn address_and_key_are_enough() {
        let text = r#"{"apiUrl": "u", "apiKey": "k"}"#;
        let engine: EngineFile = serde_json::from_str(text).unwrap();
        assert_eq!((engine.pid, &*engine.compat), (0, "newest"));
    }
}
