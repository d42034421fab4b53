//! One running server program.
//!
//! A task writes to it and a task reads from it; both end with it. Requests wait for their answers by number. Dropping the
//! connection kills the program with everything it started.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::program::Program;
use super::{documents, framing};
use crate::Toolbox;
use crate::environment::Variables;
use crate::errors::ApiError;
use crate::shell::start_failure;

/// Messages that wait to be written.
const UNWRITTEN: usize = 16;
/// Requests that wait for answers.
const UNANSWERED: usize = 128;
/// Files whose problems are kept.
const PUBLISHED: usize = 512;
/// Bytes of the last errors a program wrote that are kept.
const LAST_WORDS: usize = 2048;
/// How long a program may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The program has ended, or what it sends is no message.
    Ended,
    /// The program refused the request: its code and words.
    Refused(i64, String),
    /// Too many requests are waiting.
    Busy,
}

/// What the tasks share.
struct Shared {
    waiting: Mutex<HashMap<i64, oneshot::Sender<Result<Value, Failure>>>>,
    /// The problems of files, as published, and how many times they have been.
    published: watch::Sender<HashMap<PathBuf, (u64, Value)>>,
    last_heard: Mutex<Instant>,
    ended: watch::Sender<bool>,
    last_words: Mutex<Vec<u8>>,
}

pub(super) struct Connection {
    shared: Arc<Shared>,
    messages: mpsc::Sender<Vec<u8>>,
    next: AtomicI64,
    capabilities: Value,
    child: Mutex<Child>,
    group: Pid,
    tasks: Vec<AbortHandle>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    /// Starts a program in the directory of a project, and initializes it.
    pub(super) async fn start(toolbox: &Toolbox, program: &Program, project: &str) -> Result<Self, ApiError> {
        let mut command = toolbox.command(&program.path, Some(project), &Variables::new());
        command.args(&program.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.envs(program.environment.iter().cloned()).process_group(0);
        let mut command = tokio::process::Command::from(command);
        let mut child = command.kill_on_drop(true).spawn().map_err(|error| {
            ApiError::internal(format!(
                "the language server was not started: {}",
                start_failure(command.as_std(), &error)
            ))
        })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(ApiError::internal("the language server has no pipes"));
        };
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            published: watch::channel(HashMap::new()).0,
            last_heard: Mutex::new(Instant::now()),
            ended: watch::channel(false).0,
            last_words: Mutex::default(),
        });
        let (messages, unwritten) = mpsc::channel(UNWRITTEN);
        let tasks = [
            tokio::spawn(write(input, unwritten, Arc::clone(&shared))),
            tokio::spawn(read_all(output, messages.clone(), Arc::clone(&shared))),
            tokio::spawn(listen(errors, Arc::clone(&shared))),
        ];
        let mut connection = Self {
            shared,
            messages,
            next: AtomicI64::new(1),
            capabilities: Value::Null,
            group: Pid::from_raw(child.id().map_or(0, u32::cast_signed)),
            child: Mutex::new(child),
            tasks: tasks.iter().map(tokio::task::JoinHandle::abort_handle).collect(),
        };
        let answer = connection.request("initialize", initialization(program, project)).await;
        let answer = answer.map_err(|failure| connection.not_started(program, &failure))?;
        connection.capabilities = answer.get("capabilities").cloned().unwrap_or_default();
        // One that has ended by now shows at the first request.
        let _ = connection.notify("initialized", json!({})).await;
        Ok(connection)
    }

    fn not_started(&self, program: &Program, failure: &Failure) -> ApiError {
        let name = &program.name;
        let words = locked(&self.shared.last_words);
        let words = String::from_utf8_lossy(&words);
        ApiError::internal(match failure {
            Failure::Refused(_, message) => format!("the language server {name} did not start: {message}"),
            _ => format!("the language server {name} ended while it was started: {}", words.trim()),
        })
    }

    /// What the program says it can do.
    pub(super) fn capabilities(&self) -> &Value {
        &self.capabilities
    }

    pub(super) fn has_ended(&self) -> bool {
        *self.shared.ended.borrow()
    }

    /// Whether nothing has come from the program since then.
    pub(super) fn silent_since(&self, moment: Instant) -> bool {
        *locked(&self.shared.last_heard) < moment
    }

    /// Sends a request and waits for its answer, however long that takes. Dropping the future tells the program that nobody
    /// waits any more.
    pub(super) async fn request(&self, method: &str, parameters: Value) -> Result<Value, Failure> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        {
            let mut waiting = locked(&self.shared.waiting);
            if waiting.len() >= UNANSWERED {
                return Err(Failure::Busy);
            }
            waiting.insert(id, answer);
        }
        let given_up = GivenUp { connection: self, id };
        let mut message = json!({"jsonrpc": "2.0", "id": id, "method": method});
        // Some programs refuse parameters where there are none.
        if !parameters.is_null() {
            message["params"] = parameters;
        }
        self.send(&message).await?;
        let mut ended = self.shared.ended.subscribe();
        let answer = tokio::select! {
            biased;
            answer = answered => answer.unwrap_or(Err(Failure::Ended)),
            _ = ended.wait_for(|ended| *ended) => Err(Failure::Ended),
        };
        std::mem::forget(given_up);
        locked(&self.shared.waiting).remove(&id);
        answer
    }

    /// Tells the program something.
    pub(super) async fn notify(&self, method: &str, parameters: Value) -> Result<(), Failure> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": parameters})).await
    }

    async fn send(&self, message: &Value) -> Result<(), Failure> {
        self.messages.send(framing::frame(message)).await.map_err(|_| Failure::Ended)
    }

    /// The problems of a file as they were published last, and how many times they have been.
    pub(super) fn published(&self, path: &Path) -> (u64, Value) {
        self.shared.published.borrow().get(path).cloned().unwrap_or_default()
    }

    /// Waits until the problems of any file are published.
    pub(super) async fn next_publication(&self) {
        let mut published = self.shared.published.subscribe();
        let mut ended = self.shared.ended.subscribe();
        tokio::select! {
            _ = published.changed() => {}
            _ = ended.wait_for(|ended| *ended) => {}
        }
    }

    /// Lets the program end by itself; it is killed when it does not.
    pub(super) async fn stop(&self) {
        let farewell = async {
            if self.request("shutdown", Value::Null).await.is_ok() {
                let _ = self.send(&json!({"jsonrpc": "2.0", "method": "exit"})).await;
                let mut ended = self.shared.ended.subscribe();
                let _ = ended.wait_for(|ended| *ended).await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        self.kill();
    }

    /// Ends the program with everything it started.
    pub(super) fn kill(&self) {
        self.shared.ended.send_replace(true);
        // A group whose leader has not been waited for cannot have become another's.
        if self.group.as_raw() > 0 && matches!(locked(&self.child).try_wait(), Ok(None)) {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.kill();
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// A request whose answer nobody waits for any more.
struct GivenUp<'a> {
    connection: &'a Connection,
    id: i64,
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        locked(&self.connection.shared.waiting).remove(&self.id);
        let message = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": self.id}});
        // A program that takes nothing now answers in vain.
        let _ = self.connection.messages.try_send(framing::frame(&message));
    }
}

async fn write(mut input: ChildStdin, mut messages: mpsc::Receiver<Vec<u8>>, shared: Arc<Shared>) {
    while let Some(message) = messages.recv().await {
        if input.write_all(&message).await.is_err() {
            break;
        }
    }
    shared.ended.send_replace(true);
}

async fn read_all(output: ChildStdout, messages: mpsc::Sender<Vec<u8>>, shared: Arc<Shared>) {
    let mut output = BufReader::new(output);
    while let Ok(Some(message)) = framing::read(&mut output).await {
        *locked(&shared.last_heard) = Instant::now();
        match (message.get("method").and_then(Value::as_str), message.get("id")) {
            (Some(method), Some(id)) => {
                let reply = json!({"jsonrpc": "2.0", "id": id, "result": reply(method, &message["params"])});
                // One that asks and does not read the answers would stop both.
                if messages.try_send(framing::frame(&reply)).is_err() {
                    break;
                }
            }
            (Some("textDocument/publishDiagnostics"), None) => publish(&shared, &message["params"]),
            (None, Some(id)) => {
                let waiting = id.as_i64().and_then(|id| locked(&shared.waiting).remove(&id));
                if let Some(waiting) = waiting {
                    // Nobody may be waiting any more.
                    let _ = waiting.send(answer(message));
                }
            }
            _ => {}
        }
    }
    shared.ended.send_replace(true);
}

fn answer(mut message: Value) -> Result<Value, Failure> {
    match message.get("error").filter(|error| !error.is_null()) {
        None => Ok(message["result"].take()),
        Some(error) => {
            let words = error["message"].as_str().unwrap_or("no reason was given");
            let words: String = words.chars().take(1000).collect();
            Err(Failure::Refused(error["code"].as_i64().unwrap_or_default(), words))
        }
    }
}

/// The answer to what a program asks of its client: no settings, for each that it asks for; nothing otherwise.
fn reply(method: &str, parameters: &Value) -> Value {
    match method {
        "workspace/configuration" => {
            let wanted = parameters["items"].as_array().map_or(0, Vec::len).min(1000);
            Value::Array(vec![Value::Null; wanted])
        }
        "workspace/applyEdit" => json!({"applied": false}),
        _ => Value::Null,
    }
}

fn publish(shared: &Shared, parameters: &Value) {
    let Some(uri) = parameters["uri"].as_str() else { return };
    let path = documents::path(uri, |_| false);
    shared.published.send_modify(|published| {
        if published.len() >= PUBLISHED && !published.contains_key(&path) {
            published.clear();
        }
        let (times, problems) = published.entry(path).or_default();
        *times += 1;
        *problems = parameters["diagnostics"].clone();
    });
}

/// Keeps the end of what the program writes about its troubles.
async fn listen(mut errors: ChildStderr, shared: Arc<Shared>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = errors.read(&mut buffer).await {
        let mut words = locked(&shared.last_words);
        words.extend_from_slice(&buffer[..read]);
        let excess = words.len().saturating_sub(LAST_WORDS);
        words.drain(..excess);
    }
}

fn initialization(program: &Program, project: &str) -> Value {
    let uri = documents::uri(project.as_ref());
    let mut parameters = json!({
        // Servers end when they may not signal this process, which is another user's. They end with their input anyway.
        "processId": null,
        "clientInfo": {"name": "daytona"},
        "rootPath": project,
        "rootUri": uri,
        "workspaceFolders": [{"uri": uri, "name": project}],
        "capabilities": {
            "general": {"positionEncodings": ["utf-16"]},
            "workspace": {
                "configuration": true,
                "workspaceFolders": true,
                "symbol": {},
                "didChangeWatchedFiles": {"dynamicRegistration": true},
            },
            "textDocument": {
                "synchronization": {},
                "completion": {
                    "contextSupport": true,
                    "completionItem": {"documentationFormat": ["markdown", "plaintext"]},
                },
                "documentSymbol": {"hierarchicalDocumentSymbolSupport": true},
                "hover": {"contentFormat": ["markdown", "plaintext"]},
                "definition": {"linkSupport": true},
                "references": {},
                "rename": {},
                "formatting": {},
                "diagnostic": {},
                "publishDiagnostics": {},
            },
        },
    });
    if !program.options.is_null() {
        parameters["initializationOptions"] = program.options.clone();
    }
    parameters
}
