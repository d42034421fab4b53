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
use serde_json::json;

use crate::client::Client;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::local;
use crate::model::Json;
use crate::raw;

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
    #[debug(skip)]
    #[expect(dead_code, reason = "it ends with the engine")]
    process: Process,
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
    /// What was done to it.
    pub action: Action,
}

/// What an interval does to a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Stops it.
    Stop,
    /// Pauses it.
    Pause,
    /// Archives it.
    Archive,
    /// Deletes it.
    Delete,
    /// Something that this version does not know, as the engine named it.
    #[serde(untagged)]
    Other(String),
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
        let client = Client::new(Config { local_binary: options.binary, ..Config::local() })?;
        Self::start_as(&client, options.arguments).await
    }

    /// Starts an engine with the program that a client of the local engine would start.
    #[doc(hidden)]
    pub async fn start_as(client: &Client, arguments: Vec<String>) -> Result<Self> {
        let config = client.config();
        let program = config.local_binary.clone().unwrap_or_else(|| "daytona".to_owned());
        let install = local::how_to_install(&config.source);
        let started = tokio::task::spawn_blocking(move || spawn(&program, &arguments, install)).await;
        // The process ends when nobody waits for it any more, and when there is no client.
        let (process, Announced { api_url, api_key }) = started.map_err(|error| failed(error.to_string()))??;
        let client = Client::new(Config {
            api_url: Some(api_url.clone()),
            api_key: Some(api_key.clone()),
            ..Config::default()
        })?;
        Ok(Self { api_url, api_key, client, process })
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

    /// Ends the engine with everything in it, and waits for that. Dropping it does the same, and blocks meanwhile.
    pub async fn close(self) {
        // It is dropped in any case.
        let _ = tokio::task::spawn_blocking(move || drop(self)).await;
    }

    /// Returns the engine's time, as ISO 8601 in UTC. Programs inside sandboxes keep the machine's.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn now(&self) -> Result<String> {
        self.ask("now", Json::Null).await
    }

    /// Moves time ahead, for intervals, times to live and tokens, at most 10 years. Returns what intervals did, oldest first, when all
    /// that was due has happened.
    ///
    /// # Errors
    /// `Validation` when it is too long.
    pub async fn advance(&self, by: Duration) -> Result<Vec<Done>> {
        self.ask("advance", json!(by.as_secs_f64())).await
    }

    /// Lets requests fail from now on.
    ///
    /// # Errors
    /// `Validation` when a rule makes no sense.
    pub async fn add_faults(&self, rules: &[Rule]) -> Result<()> {
        self.ask::<Json>("add_faults", json!(rules)).await.map(drop)
    }

    /// Returns the rules that are not used up.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn faults(&self) -> Result<Vec<Rule>> {
        self.ask("faults", Json::Null).await
    }

    /// Lets everything succeed again.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn clear_faults(&self) -> Result<()> {
        self.ask::<Json>("clear_faults", Json::Null).await.map(drop)
    }

    /// Makes sandboxes to begin a test with, and returns their documents once they are in their states. Each is what `POST /sandbox`
    /// takes, for example `{"name": "old", "state": "archived"}`; the state is `started` (the default), `stopped`, `paused`, `archived` or
    /// `error`.
    ///
    /// # Errors
    /// `Validation` when one of them cannot be made.
    pub async fn seed(&self, sandboxes: Vec<Json>) -> Result<Vec<Json>> {
        self.ask("seed", sandboxes.into()).await
    }

    /// Deletes all sandboxes, removes all faults and takes back what moved the clock. Clients go on working.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn reset(&self) -> Result<()> {
        self.ask::<Json>("reset", Json::Null).await.map(drop)
    }

    /// Begins to record what happens to sandboxes: requests and answers, changes, faults. A recording under way begins anew.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn start_recording(&self) -> Result<()> {
        self.ask::<Json>("start_recording", Json::Null).await.map(drop)
    }

    /// Ends the recording and returns it, as JSON Lines. In a file it is what `daytona local serve --replay FILE` answers from.
    ///
    /// # Errors
    /// `NotFound` when nothing is recorded.
    pub async fn stop_recording(&self) -> Result<String> {
        self.ask("stop_recording", Json::Null).await
    }

    /// Returns the page that shows a recording, as HTML that needs nothing else.
    ///
    /// # Errors
    /// `Connection` when the engine has ended.
    pub async fn recording_page(&self, recording: &str) -> Result<String> {
        self.ask("recording_page", recording.into()).await
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&self, what: &str, argument: Json) -> Result<T> {
        let answer = ask(&self.client, what, argument).await?;
        serde_json::from_value(answer).map_err(|error| failed(format!("its answer cannot be read: {error}")))
    }
}

/// A request to an engine of tests.
struct Question {
    /// Method of [`Engine`] that asks it.
    what: &'static str,
    operation: &'static str,
    method: &'static str,
    path: &'static str,
    /// Member of the body that the argument is; empty where it is the body.
    argument: &'static str,
    /// Member of the answer that is the result; empty where the answer is.
    result: &'static str,
}

#[rustfmt::skip]
const QUESTIONS: &[Question] = &[
    Question { what: "now", operation: "testing.now", method: "GET", path: "/testing/clock", argument: "", result: "now" },
    Question { what: "advance", operation: "testing.advance", method: "POST", path: "/testing/clock", argument: "advance", result: "done" },
    Question { what: "add_faults", operation: "testing.add_faults", method: "POST", path: "/testing/faults", argument: "", result: "" },
    Question { what: "faults", operation: "testing.faults", method: "GET", path: "/testing/faults", argument: "", result: "" },
    Question { what: "clear_faults", operation: "testing.clear_faults", method: "DELETE", path: "/testing/faults", argument: "", result: "" },
    Question { what: "seed", operation: "testing.seed", method: "POST", path: "/testing/seed", argument: "sandboxes", result: "sandboxes" },
    Question { what: "reset", operation: "testing.reset", method: "POST", path: "/testing/reset", argument: "", result: "" },
    Question { what: "start_recording", operation: "testing.start_recording", method: "POST", path: "/testing/recording", argument: "", result: "" },
    Question { what: "stop_recording", operation: "testing.stop_recording", method: "DELETE", path: "/testing/recording", argument: "", result: "recording" },
    Question { what: "recording_page", operation: "testing.recording_page", method: "POST", path: "/testing/recording/page", argument: "recording", result: "page" },
];

/// Does what the method `what` of [`Engine`] does, for a client of an engine: the argument and the result are JSON. It takes as long as
/// it takes: moving time waits for sandboxes.
#[doc(hidden)]
pub async fn ask(client: &Client, what: &str, argument: Json) -> Result<Json> {
    let question = QUESTIONS.iter().find(|question| question.what == what);
    let Some(Question { operation, method, path, argument: member, result, .. }) = question else {
        return Err(Error::invalid_argument(format!("An engine of tests cannot be asked {what:?}.")));
    };
    let body = match *member {
        "" => Some(argument).filter(|argument| !argument.is_null()),
        member => Some(json!({ member: argument })),
    };
    let (method, path) = raw::checked(method, path)?;
    let answer = client.run(operation, None, raw::exchange(client.api(method, path), body.as_ref())).await?;
    if answer.is_empty() {
        return Ok(Json::Null);
    }
    let mut answer: Json =
        serde_json::from_slice(&answer).map_err(|error| failed(format!("its answer cannot be read: {error}")))?;
    Ok(if result.is_empty() { answer } else { answer[result].take() })
}

/// A process that ends when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.0);
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
fn spawn(program: &str, arguments: &[String], install: &str) -> Result<(Process, Announced)> {
    let mut log = tempfile::tempfile().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(["local", "serve", "--testing", "--owner"]).arg(std::process::id().to_string());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(log.try_clone().map_err(|error| failed(error.to_string()))?);
    // Ctrl-C is for the tests, which end the engine when they are done.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let process = command.spawn().map_err(|error| {
        failed(format!("its program {program:?} cannot be started: {error}. {install}, or set DAYTONA_LOCAL_BINARY"))
    })?;
    let mut process = Process(process);
    let mut place = String::new();
    if let Some(out) = process.0.stdout.take() {
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
