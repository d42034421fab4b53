//! An engine of its own for tests: no account, no network, time that can be moved, faults on demand.
//!
//! ```no_run
//! # async fn test() -> daytona::Result<()> {
//! use std::time::Duration;
//!
//! use daytona::testing::Engine;
//!
//! let engine = Engine::start(Default::default()).await?;
//! let daytona = engine.client()?;
//! let mut sandbox = daytona.create(Default::default()).await?;
//! engine.advance(Duration::from_secs(15 * 60)).await?; // the sandbox has stopped by itself
//! sandbox.refresh().await?;
//! # Ok(())
//! # }
//! ```
//!
//! It takes the `daytona` program: `DAYTONA_LOCAL_BINARY`, else the one on `PATH`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Json;

/// The most of the engine's last words that an error repeats, in bytes.
const LAST_WORDS: u64 = 4 << 10;

/// How an engine is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Further arguments of `daytona local serve`, for example `["--isolation", "none"]`.
    pub arguments: Vec<String>,
    /// The `daytona` program. Default: `DAYTONA_LOCAL_BINARY`, else the one on `PATH`.
    pub binary: Option<String>,
}

/// An engine for this process alone, with sandboxes, a clock and faults of its own.
///
/// It ends when it is dropped and with this process, however that ends; what it kept goes with it.
#[derive(derive_more::Debug)]
pub struct Engine {
    api_url: String,
    #[debug("[secret]")]
    api_key: String,
    #[debug(skip)]
    client: Client,
    process: Child,
}

/// Which requests fail, and how. Of several rules the first one that fits a request applies, and is used up by it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// HTTP method. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Text that the path and query must contain, for example `/process/execute`. Default: any.
    #[serde(default)]
    pub path: String,
    /// Number of fitting requests that pass first. Default: 0.
    #[serde(default)]
    pub skip: u32,
    /// Number of requests that fail, 0 for all. Default: 1.
    #[serde(default = "once")]
    pub times: u32,
    /// The fault.
    #[serde(rename = "do")]
    pub fault: Fault,
}

fn once() -> u32 {
    1
}

impl Rule {
    /// The next request whose path and query contain `path` fails.
    pub fn new(path: &str, fault: Fault) -> Self {
        Self { method: None, path: path.to_owned(), skip: 0, times: 1, fault }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    /// The connection breaks.
    Drop(Moment),
    /// The request waits for so many seconds.
    Delay(f64),
    /// The client gets this answer instead.
    Answer(Answer),
    /// The answer ends after so many bytes of its body, or of a WebSocket's frames.
    Cut(u64),
    /// The next sandbox that starts takes so many seconds longer.
    SlowStart(f64),
    /// The processes of the request's sandbox die before the request arrives.
    Kill(bool),
}

/// When a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// Before the request is looked at.
    Before,
    /// After it was carried out.
    After,
}

/// An answer instead of the engine's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// HTTP status, 200 to 599.
    pub status: u16,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body.
    #[serde(default)]
    pub body: String,
    /// Whether the request is carried out first, so that only its answer is lost.
    #[serde(default)]
    pub committed: bool,
}

/// Something that an interval did while time was moved.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// When, in the engine's time, as ISO 8601.
    pub at: String,
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// What was done to it: `stop`, `pause`, `archive` or `delete`.
    pub action: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Announced {
    api_url: String,
    api_key: String,
}

impl Engine {
    /// Starts an engine and waits until it is ready.
    ///
    /// # Errors
    /// `Connection` when it cannot be started; the message has its last words.
    pub async fn start(options: Options) -> Result<Self> {
        let started = tokio::task::spawn_blocking(move || spawn(&options)).await;
        // The process ends when nobody waits for it any more, and when there is no client.
        let (process, Announced { api_url, api_key }) = started.map_err(|error| failed(error.to_string()))??;
        let config = Config { api_url: Some(api_url.clone()), api_key: Some(api_key.clone()), ..Config::default() };
        let client = Client::new(config)?;
        Ok(Self { api_url, api_key, client, process: process.release() })
    }

    /// The configuration of clients of this engine.
    pub fn config(&self) -> Config {
        Config { api_url: Some(self.api_url.clone()), api_key: Some(self.api_key.clone()), ..Config::default() }
    }

    /// Returns a client of this engine.
    ///
    /// # Errors
    /// Those of [`Client::new`].
    pub fn client(&self) -> Result<Client> {
        Client::new(self.config())
    }

    /// Returns the engine's time, as ISO 8601 in UTC. Programs inside sandboxes keep the machine's.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn now(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct Clock {
            now: String,
        }
        Ok(self.ask::<Clock>("GET", "clock", None).await?.now)
    }

    /// Moves time ahead, for intervals, times to live and tokens, at most 10 years. Returns what intervals did, oldest first, when all
    /// that was due has happened.
    ///
    /// # Errors
    /// `Validation` when it is too long.
    pub async fn advance(&self, by: Duration) -> Result<Vec<Done>> {
        #[derive(Deserialize)]
        struct Moved {
            done: Vec<Done>,
        }
        let body = serde_json::json!({"advance": by.as_secs_f64()});
        Ok(self.ask::<Moved>("POST", "clock", Some(body)).await?.done)
    }

    /// Lets requests fail from now on.
    ///
    /// # Errors
    /// `Validation` when a rule makes no sense.
    pub async fn add_faults(&self, rules: &[Rule]) -> Result<()> {
        self.ask::<Vec<Rule>>("POST", "faults", Some(serde_json::json!(rules))).await.map(drop)
    }

    /// Returns the rules that are not used up.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn faults(&self) -> Result<Vec<Rule>> {
        self.ask("GET", "faults", None).await
    }

    /// Lets everything succeed again.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn clear_faults(&self) -> Result<()> {
        self.send("DELETE", "faults", None).await.map(drop)
    }

    /// Makes sandboxes to begin a test with, and returns their documents once they are in their states. Each is what `POST /sandbox`
    /// takes, for example `{"name": "old", "state": "archived"}`; the state is `started` (the default), `stopped`, `paused`, `archived` or
    /// `error`.
    ///
    /// # Errors
    /// `Validation` when one of them cannot be made.
    pub async fn seed(&self, sandboxes: Vec<Json>) -> Result<Vec<Json>> {
        #[derive(Deserialize)]
        struct Seeded {
            sandboxes: Vec<Json>,
        }
        let body = serde_json::json!({"sandboxes": sandboxes});
        Ok(self.ask::<Seeded>("POST", "seed", Some(body)).await?.sandboxes)
    }

    /// Deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn reset(&self) -> Result<()> {
        self.send("POST", "reset", None).await.map(drop)
    }

    /// Begins to record what happens to sandboxes: requests and answers, changes, faults. A recording under way begins anew.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn start_recording(&self) -> Result<()> {
        self.send("POST", "recording", None).await.map(drop)
    }

    /// Ends the recording and returns it, as JSON Lines. In a file it is what `daytona local serve --replay FILE` answers from.
    ///
    /// # Errors
    /// `NotFound` when nothing is recorded.
    pub async fn stop_recording(&self) -> Result<String> {
        #[derive(Deserialize)]
        struct Recorded {
            recording: String,
        }
        Ok(self.ask::<Recorded>("DELETE", "recording", None).await?.recording)
    }

    /// Returns the page that shows a recording, as HTML that needs nothing else.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn recording_page(&self, recording: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Shown {
            page: String,
        }
        let body = serde_json::json!({"recording": recording});
        Ok(self.ask::<Shown>("POST", "recording/page", Some(body)).await?.page)
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&self, method: &str, path: &str, body: Option<Json>) -> Result<T> {
        let answer = self.send(method, path, body).await?;
        serde_json::from_slice(&answer).map_err(|error| failed(format!("its answer cannot be read: {error}")))
    }

    async fn send(&self, method: &str, path: &str, body: Option<Json>) -> Result<bytes::Bytes> {
        self.client.send(method, &format!("/testing/{path}"), body.as_ref()).await
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// A process that ends unless it is released.
struct Guard(Option<Child>);

impl Guard {
    fn release(mut self) -> Child {
        self.0.take().unwrap_or_else(|| unreachable!("it is taken once"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            end(process);
        }
    }
}

/// Ends an engine, which takes its sandboxes and its directory with it, and waits for that.
fn end(process: &mut Child) {
    #[cfg(target_os = "linux")]
    if let Ok(pid) = i32::try_from(process.id()) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = process.kill();
    let _ = process.wait();
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::Connection, format!("The test's engine could not be used: {why}"))
}

/// Starts the program and reads where it keeps its address. Blocks.
fn spawn(options: &Options) -> Result<(Guard, Announced)> {
    let given = options.binary.clone().or_else(|| std::env::var("DAYTONA_LOCAL_BINARY").ok());
    let program = given.filter(|program| !program.is_empty()).unwrap_or_else(|| "daytona".to_owned());
    let mut log = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(&program);
    command.args(["local", "serve", "--testing", "--owner"]).arg(std::process::id().to_string());
    command.args(&options.arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(log.try_clone().map_err(|error| failed(error.to_string()))?);
    // Ctrl-C is for the tests, which end the engine when they are done.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let process = command.spawn().map_err(|error| {
        let advice = "install the daytona program, or set DAYTONA_LOCAL_BINARY";
        failed(format!("its program {program:?} cannot be started: {error}; {advice}"))
    })?;
    let mut process = Guard(Some(process));
    let mut place = String::new();
    if let Some(out) = process.0.as_mut().and_then(|process| process.stdout.take()) {
        let _ = BufReader::new(out).read_line(&mut place);
    }
    if place.trim().is_empty() {
        drop(process);
        return Err(failed(format!("it ended: {}", last_words(&mut log))));
    }
    let announced = std::fs::read(Path::new(place.trim_end_matches('\n')).join("engine.json"));
    let announced = announced.map_err(|error| failed(error.to_string()))?;
    let announced = serde_json::from_slice(&announced).map_err(|error| failed(error.to_string()))?;
    Ok((process, announced))
}

fn last_words(log: &mut File) -> String {
    let mut text = Vec::new();
    let length = log.metadata().map(|found| found.len()).unwrap_or_default();
    let _ = log.seek(std::io::SeekFrom::Start(length.saturating_sub(LAST_WORDS)));
    let _ = log.take(LAST_WORDS).read_to_end(&mut text);
    String::from_utf8_lossy(&text).trim().to_owned()
}
