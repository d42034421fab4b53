//! Finding the local engine, and starting it when it is not running.
//!
//! The engine and its clients meet in a file: `engine.json` in the state directory, readable by its owner only, holds the
//! engine's address and key. A client that finds no running engine there starts `daytona local serve`, which writes
//! the file when it listens and ends by itself when it is idle.
//!
//! The file counts only while its engine holds a lock on it: what a killed engine left behind may name a port that
//! somebody else has by now. Before the key is sent anywhere, the server has to prove that it knows it. The lock is
//! looked at again before each request, so a client notices that its engine has ended, however it ended, and finds or
//! starts the next one. While a client exists it holds a lock as well, by which the engine knows that it is not idle.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use daytona_discovery::{self as discovery, Announced, Presence};
use http::Method;
use serde::Deserialize;

use crate::config::Resolved;
use crate::error::{Error, ErrorKind, Result};
use crate::travel::http::{Outgoing, Pool};

/// Limit for a starting engine to listen, the end of the one before included.
const START_LIMIT: Duration = Duration::from_secs(60);
const PROBE_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);
/// Seconds without sandboxes, clients and requests after which a started engine ends.
const IDLE_TIMEOUT: &str = "600";
/// Beyond this many bytes the engine's log is put aside before another engine writes to it.
const LOG_LIMIT: u64 = 4 << 20;

/// A running engine.
pub(crate) struct Engine {
    pub(crate) api_url: String,
    pub(crate) api_key: String,
    announced: Announced,
    /// Keeps the engine from being idle; missing where the state directory cannot be written to.
    _presence: Option<Presence>,
}

impl Engine {
    /// Id of the organization that its key belongs to.
    pub(crate) fn organization_id(&self) -> &str {
        &self.announced.engine.organization_id
    }

    /// Whether it is still running and takes requests.
    pub(crate) fn is_running(&self) -> bool {
        self.announced.stands()
    }
}

/// The running engine, started if need be.
pub(crate) async fn find_or_start(config: &Resolved, http: &Pool) -> Result<Engine> {
    let engine = find_or_start_any(config, http).await?;
    // An engine that is started inherits the variable; one that runs already may have been started without it.
    check_compat(&engine.announced.engine.compat, std::env::var("DAYTONA_LOCAL_COMPAT").ok().as_deref())?;
    Ok(engine)
}

fn check_compat(running: &str, wanted: Option<&str>) -> Result<()> {
    match wanted.filter(|wanted| !wanted.is_empty() && *wanted != running) {
        Some(wanted) => Err(Error::invalid_argument(format!(
            "DAYTONA_LOCAL_COMPAT is {wanted}, but the local engine that is running answers as {running}. Stop it with \
             `daytona local stop`, or use another DAYTONA_LOCAL_STATE_DIR."
        ))),
        None => Ok(()),
    }
}

async fn find_or_start_any(config: &Resolved, http: &Pool) -> Result<Engine> {
    let directory = state_dir(config)?;
    let place = directory.clone();
    blocking(move || refuse_foreign(&place)).await?;
    if let Some(engine) = running(&directory, http).await {
        return Ok(engine);
    }
    let started = tokio::time::Instant::now();
    let mut child = start(config, &directory).await?;
    loop {
        tokio::time::sleep(POLL).await;
        if let Some(engine) = running(&directory, http).await {
            return Ok(engine);
        }
        if let Some(status) = child.ended() {
            // Another process may have won the race to start it.
            if let Some(engine) = running(&directory, http).await {
                return Ok(engine);
            }
            if !status.success() {
                return Err(blocking(move || child.failed(format!("it ended with {status}"))).await);
            }
            // That engine was ready and has ended since.
            child = start(config, &directory).await?;
        }
        if started.elapsed() > START_LIMIT {
            child.kill();
            let why = format!("it did not listen within {} s", START_LIMIT.as_secs());
            return Err(blocking(move || child.failed(why)).await);
        }
    }
}

async fn start(config: &Resolved, directory: &Path) -> Result<Starting> {
    let (config, directory) = (config.clone(), directory.to_owned());
    blocking(move || Starting::new(&config, &directory)).await
}

/// Works on files or processes, which may wait, where that holds nobody up.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The engine that `engine.json` names, if it is running and is the one that wrote the file.
async fn running(directory: &Path, http: &Pool) -> Option<Engine> {
    let place = directory.to_owned();
    let found = blocking(move || match discovery::announced(&place)? {
        Some(announced) => Ok::<_, std::io::Error>(Some((announced, discovery::hold_presence(&place)))),
        None => Ok(None),
    });
    let (announced, presence) = match found.await {
        Ok(found) => found?,
        Err(error) => {
            tracing::warn!(%error, ?directory, "engine.json is not trusted");
            return None;
        }
    };
    if let Err(error) = &presence {
        tracing::debug!(%error, "the engine cannot be told that a client is there");
    }
    let (api_url, api_key) = (announced.engine.api_url.clone(), announced.engine.api_key.clone());
    if !has_key(&api_url, &api_key, http).await {
        return None;
    }
    Some(Engine { api_url, api_key, announced, _presence: presence.ok() })
}

/// Whether the server at `api_url` knows the key, without telling it.
async fn has_key(api_url: &str, api_key: &str, http: &Pool) -> bool {
    #[derive(Deserialize)]
    struct Health {
        proof: String,
    }
    let challenge = uuid::Uuid::new_v4().simple().to_string();
    let ask = async {
        let url = format!("{api_url}/health?challenge={challenge}").parse().ok()?;
        let answer = http.send(Outgoing::new(Method::GET, url)).await.ok()?.whole().await.ok()?;
        Some(serde_json::from_slice::<Health>(&answer).ok()?.proof)
    };
    let proof = tokio::time::timeout(PROBE_LIMIT, ask).await.ok().flatten();
    proof.is_some_and(|proof| discovery::is_proven(api_key, &challenge, &proof))
}

/// What brings the engine's program to a caller in its language.
pub(crate) fn how_to_install(source: &str) -> &'static str {
    match source {
        "sdk-python" | "sdk-python-async" => "Install it with `pip install 'daytona[local]'`",
        "sdk-typescript" => "Install it with `npm install @daytonaio/local`",
        "sdk-ruby" => "Install it with `gem install daytona-local`",
        "sdk-go" => "Install it with `go install github.com/daytonaio/daytona/libs/sdk-go/cmd/daytona@latest`",
        _ => "Put the `daytona` program on PATH",
    }
}

/// An engine on its way. When it is dropped, the engine goes on.
struct Starting {
    /// There until it is handed to whoever waits for its end.
    process: Option<Child>,
    log: PathBuf,
    /// Position in the log at which this engine's words begin.
    log_start: u64,
}

impl Starting {
    fn new(config: &Resolved, directory: &Path) -> Result<Self> {
        let program = config.local_binary.clone().unwrap_or_else(|| "daytona".to_owned());
        let refuse = |e: std::io::Error| {
            let missing = e.kind() == std::io::ErrorKind::NotFound && config.local_binary.is_none();
            let error = Error::new(ErrorKind::Connection, format!("Cannot start the local engine with {program:?}"));
            error.with_source(e).context(if missing {
                format!(
                    "The local engine is not running and its program is not installed. {}, or set DAYTONA_LOCAL_BINARY",
                    how_to_install(&config.source)
                )
            } else {
                "The local engine is not running. Set DAYTONA_LOCAL_BINARY to a `daytona` program that can run"
                    .to_owned()
            })
        };
        let unusable = |e: std::io::Error| {
            let why = format!("The local engine's state directory {} cannot be used", directory.display());
            let error = Error::new(ErrorKind::Connection, why).with_source(e);
            error.context(format!(
                "The local engine is not running. Set {} to a directory that can be written",
                discovery::STATE_DIR_VARIABLE
            ))
        };
        discovery::prepare_state_dir(directory).map_err(unusable)?;
        let path = directory.join("engine.log");
        if std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_LIMIT) {
            let _ = std::fs::rename(&path, directory.join("engine.log.old"));
        }
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(unusable)?;
        let log_start = log.seek(SeekFrom::End(0)).map_err(unusable)?;
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
        Ok(Self { process: Some(command.spawn().map_err(refuse)?), log: path, log_start })
    }

    /// Its exit status, if it has ended.
    fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.process.as_mut()?.try_wait().ok()?
    }

    fn kill(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
        }
    }

    fn failed(&self, why: String) -> Error {
        let mut log = Vec::new();
        let read = File::open(&self.log).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.log_start))?;
            file.take(LOG_LIMIT).read_to_end(&mut log)
        });
        let log = read.map(|_| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().filter(|l| !l.trim().is_empty()).take(3).collect();
        let said = lines.into_iter().rev().collect::<Vec<_>>().join("; ");
        Error::new(ErrorKind::Connection, format!("The local engine could not be started: {why}")).with_source(said)
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // Reaping it at its end needs a thread that waits, and nothing else does. Without a thread it stays a zombie
            // until this process ends.
            let _ = std::thread::Builder::new().spawn(move || process.wait());
        }
    }
}

/// A state directory somebody else owns is a trap: its owner can put anything there.
fn refuse_foreign(directory: &Path) -> Result<()> {
    match discovery::foreign_owner(directory) {
        Some(owner) => Err(Error::invalid_argument(format!(
            "The local engine's state directory {} belongs to another user (id {owner}). Set {} to a directory of your own.",
            directory.display(),
            discovery::STATE_DIR_VARIABLE,
        ))),
        None => Ok(()),
    }
}

fn state_dir(config: &Resolved) -> Result<PathBuf> {
    config.local_state_dir.as_ref().map(PathBuf::from).or_else(discovery::default_state_dir).ok_or_else(|| {
        Error::invalid_argument(format!(
            "There is no place for the local engine's state: set HOME or {}.",
            discovery::STATE_DIR_VARIABLE
        ))
    })
}
