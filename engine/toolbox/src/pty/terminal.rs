//! One terminal: created, started (at once or by the first client), shared by its clients, ended with its shell.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use nix::sys::signal::Signal;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::Child;
use tokio::sync::{mpsc, watch};

use super::device::{Device, Size};
use super::recent::{Recent, Replay};
use crate::environment::Variables;
use crate::errors::reason;
use crate::{Toolbox, process_tree};

/// Output frames that may wait for one client.
const CLIENT_QUEUE: usize = 256;
/// How long the terminal is held up for a client whose queue is full before that client is dropped.
const SLOW_CLIENT_GRACE: Duration = Duration::from_secs(5);
/// Largest output frame, in bytes.
const FRAME_SIZE: usize = 32 * 1024;
/// Largest number of columns or rows.
pub(super) const SIZE_LIMIT: u16 = 1000;
/// Messages that may wait to be typed.
const INPUT_QUEUE: usize = 64;

/// How a shell ended, as clients are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exit {
    /// 0 to 255; 137 when the terminal was deleted; -1 when a signal ended the shell itself.
    pub(super) exit_code: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_reason: Option<String>,
}

impl Exit {
    /// `killed`: the terminal was deleted, and its shell with it.
    fn of(status: io::Result<ExitStatus>, killed: bool) -> Self {
        let code = status.ok().and_then(|status| status.code());
        let exit_code = code.unwrap_or(if killed { 128 + Signal::SIGKILL as i32 } else { -1 });
        let exit_reason = match exit_code {
            0 => None,
            130 => Some("Ctrl+C".to_owned()),
            137 => Some("SIGKILL".to_owned()),
            143 => Some("SIGTERM".to_owned()),
            code if code > 128 => Some(format!("signal {}", code - 128)),
            _ => Some("non-zero exit".to_owned()),
        };
        Self { exit_code, exit_reason }
    }
}

/// The settings of a new terminal.
pub(super) struct Description {
    pub(super) id: String,
    pub(super) cwd: Option<String>,
    pub(super) envs: Variables,
    pub(super) size: Size,
    pub(super) lazy_start: bool,
    /// Whether the last output is kept for clients that come back.
    pub(super) keeps_recent: bool,
}

/// Wire name `PtySessionInfo`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TerminalInfo {
    id: String,
    cwd: String,
    envs: Variables,
    cols: u16,
    rows: u16,
    created_at: String,
    active: bool,
    lazy_start: bool,
}

/// A terminal, shared by requests and clients.
pub(super) struct Terminal {
    description: Description,
    cwd: String,
    created_at: OffsetDateTime,
    inner: Mutex<Inner>,
    /// Input from clients.
    input: mpsc::Sender<Bytes>,
    /// Set when the terminal is killed: nobody is waited for any more.
    killed: watch::Sender<bool>,
    exit: watch::Sender<Option<Exit>>,
}

struct Inner {
    size: Size,
    phase: Phase,
    clients: BTreeMap<u64, ClientQueue>,
    next_client: u64,
    recent: Option<Recent>,
}

enum Phase {
    /// With what clients will have typed by the time the shell starts.
    Created(mpsc::Receiver<Bytes>),
    /// The shell is being forked; no lock is held for that.
    Starting,
    Running {
        device: Arc<Device>,
        shell: i32,
    },
    Ended,
}

struct ClientQueue {
    output: mpsc::Sender<Bytes>,
    too_slow: Arc<AtomicBool>,
}

/// A client's end of the terminal.
pub(crate) struct Attachment {
    terminal: Arc<Terminal>,
    number: u64,
    /// Output since attaching; closed when the shell ends or the client is too slow.
    pub(crate) output: mpsc::Receiver<Bytes>,
    /// The input.
    pub(crate) input: mpsc::Sender<Bytes>,
    too_slow: Arc<AtomicBool>,
}

/// Why a client could not be attached or a terminal not be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Ended,
    NotStarted,
    Failed(String),
}

impl Terminal {
    pub(super) fn new(toolbox: &Toolbox, mut description: Description) -> Arc<Self> {
        description.envs.entry("TERM".to_owned()).or_insert_with(|| "xterm-256color".to_owned());
        let cwd = toolbox.resolve(description.cwd.as_deref().unwrap_or_default()).to_string_lossy().into_owned();
        let (input, typed) = mpsc::channel(INPUT_QUEUE);
        let phase = Phase::Created(typed);
        let recent = description.keeps_recent.then(Recent::default);
        let inner = Inner { size: description.size, phase, clients: BTreeMap::new(), next_client: 0, recent };
        let ((killed, _), (exit, _)) = (watch::channel(false), watch::channel(None));
        Arc::new(Self {
            description,
            cwd,
            created_at: OffsetDateTime::now_utc(),
            inner: Mutex::new(inner),
            input,
            killed,
            exit,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> &str {
        &self.description.id
    }

    pub(super) fn info(&self) -> TerminalInfo {
        let inner = self.lock();
        TerminalInfo {
            id: self.description.id.clone(),
            cwd: self.cwd.clone(),
            envs: self.description.envs.clone(),
            cols: inner.size.cols,
            rows: inner.size.rows,
            created_at: self.created_at.format(&Rfc3339).unwrap_or_default(),
            active: matches!(inner.phase, Phase::Running { .. }),
            lazy_start: self.description.lazy_start,
        }
    }

    /// Starts the shell unless it runs already.
    pub(super) fn start(self: &Arc<Self>, toolbox: &Arc<Toolbox>) -> Result<(), Refusal> {
        let (typed, size) = {
            let mut inner = self.lock();
            match std::mem::replace(&mut inner.phase, Phase::Starting) {
                Phase::Created(typed) => (typed, inner.size),
                Phase::Ended => {
                    inner.phase = Phase::Ended;
                    return Err(Refusal::Ended);
                }
                other => {
                    inner.phase = other;
                    return Ok(());
                }
            }
        };
        let cwd = self.description.cwd.as_deref();
        let mut shell = toolbox.command(&toolbox.shell(), cwd, &self.description.envs);
        shell.args(["-i", "-l"]);
        let (device, child) = match Device::start(shell, size) {
            Ok(started) => started,
            Err(error) => {
                let mut inner = self.lock();
                inner.phase = if *self.killed.borrow() { Phase::Ended } else { Phase::Created(typed) };
                // Clients that came meanwhile learn from it that there is no shell.
                inner.clients.clear();
                return Err(Refusal::Failed(reason(&error)));
            }
        };
        let device = Arc::new(device);
        let pid = child.id().map_or(0, u32::cast_signed);
        let resized = {
            let mut inner = self.lock();
            inner.phase = Phase::Running { device: Arc::clone(&device), shell: pid };
            (inner.size != size).then_some(inner.size)
        };
        if let Some(size) = resized {
            // Accepted while the shell was being forked.
            let _ = device.resize(size);
        }
        if *self.killed.borrow() {
            // Before there was a shell to kill.
            process_tree::signal(pid, Signal::SIGKILL);
        }
        tokio::spawn(type_into(Arc::clone(&device), typed));
        tokio::spawn(run(Arc::clone(self), Arc::clone(toolbox), device, child));
        Ok(())
    }

    /// Attaches a client and starts the shell if this is what it waited for; the client misses nothing from then on.
    pub(super) fn attach(self: &Arc<Self>, toolbox: &Arc<Toolbox>) -> Result<Attachment, Refusal> {
        self.attach_since(toolbox, 0).map(|(attachment, _)| attachment)
    }

    /// The same for a client that has received so many bytes before; what it lacks of the last output comes with it.
    pub(super) fn attach_since(
        self: &Arc<Self>,
        toolbox: &Arc<Toolbox>,
        received: u64,
    ) -> Result<(Attachment, Replay), Refusal> {
        let (sender, output) = mpsc::channel(CLIENT_QUEUE);
        let too_slow = Arc::new(AtomicBool::new(false));
        let (number, replay) = {
            let mut inner = self.lock();
            if matches!(inner.phase, Phase::Ended) {
                return Err(Refusal::Ended);
            }
            inner.next_client += 1;
            let number = inner.next_client;
            inner.clients.insert(number, ClientQueue { output: sender, too_slow: Arc::clone(&too_slow) });
            let replay = inner.recent.as_ref().map_or_else(Replay::default, |recent| recent.since(received));
            (number, replay)
        };
        match self.start(toolbox) {
            Ok(()) => {
                let input = self.input.clone();
                Ok((Attachment { terminal: Arc::clone(self), number, output, input, too_slow }, replay))
            }
            Err(refusal) => {
                self.lock().clients.remove(&number);
                Err(refusal)
            }
        }
    }

    pub(super) fn resize(&self, size: Size) -> Result<(), Refusal> {
        let mut inner = self.lock();
        match &inner.phase {
            Phase::Created(_) => return Err(Refusal::NotStarted),
            Phase::Ended => return Err(Refusal::Ended),
            // The shell's first look at its terminal finds this size.
            Phase::Starting => {}
            Phase::Running { device, .. } => {
                device.resize(size).map_err(|error| Refusal::Failed(reason(&error)))?;
            }
        }
        inner.size = size;
        Ok(())
    }

    /// Kills the shell and everything it started. Looks through the sandbox's processes: call it off the runtime.
    pub(super) fn kill(&self) {
        self.killed.send_replace(true);
        let shell = {
            let mut inner = self.lock();
            match inner.phase {
                Phase::Running { shell, .. } => shell,
                // The caller kills it.
                Phase::Starting => return,
                Phase::Created(_) | Phase::Ended => {
                    inner.phase = Phase::Ended;
                    return;
                }
            }
        };
        if shell > 0 {
            process_tree::signal(shell, Signal::SIGKILL);
        }
    }

    /// Gives one piece of output to every client, holding the terminal up for those that are behind, but not for ever, and
    /// not when it is killed.
    async fn broadcast(&self, chunk: Bytes) {
        let mut killed = self.killed.subscribe();
        let mut behind = Vec::new();
        {
            let mut inner = self.lock();
            // With the clients, so that one that comes now gets it once.
            if let Some(recent) = &mut inner.recent {
                recent.push(&chunk);
            }
            inner.clients.retain(|number, client| match client.output.try_send(chunk.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Closed(_)) => false,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    behind.push((*number, client.output.clone()));
                    true
                }
            });
        }
        for (number, output) in behind {
            let caught_up = tokio::select! {
                sent = output.send_timeout(chunk.clone(), SLOW_CLIENT_GRACE) => sent.is_ok(),
                _ = killed.wait_for(|killed| *killed) => continue,
            };
            if !caught_up && let Some(client) = self.lock().clients.remove(&number) {
                client.too_slow.store(true, Ordering::Release);
            }
        }
    }
}

/// Types what clients send.
async fn type_into(device: Arc<Device>, mut typed: mpsc::Receiver<Bytes>) {
    while let Some(bytes) = typed.recv().await {
        if device.write_all(&bytes).await.is_err() {
            // The shell is gone; clients learn that from its exit.
            return;
        }
    }
}

/// The terminal's task: carries output until the shell ends, then tells everyone.
async fn run(terminal: Arc<Terminal>, toolbox: Arc<Toolbox>, device: Arc<Device>, mut child: Child) {
    let mut buffer = vec![0; FRAME_SIZE];
    let status = loop {
        let read = tokio::select! {
            read = device.read(&mut buffer) => read,
            status = child.wait() => break status,
        };
        match read {
            Ok(read) if read > 0 => terminal.broadcast(Bytes::copy_from_slice(&buffer[..read])).await,
            // Everyone closed the terminal, but the shell may still run.
            _ => break child.wait().await,
        }
    };
    // The shell's last output. Background processes may go on writing; nobody waits for them.
    for _ in 0..CLIENT_QUEUE {
        match device.read_now(&mut buffer) {
            Ok(read) if read > 0 => terminal.broadcast(Bytes::copy_from_slice(&buffer[..read])).await,
            _ => break,
        }
    }
    let killed = *terminal.killed.borrow();
    terminal.exit.send_replace(Some(Exit::of(status, killed)));
    toolbox.terminals.forget(&terminal);
    let mut inner = terminal.lock();
    inner.phase = Phase::Ended;
    inner.clients.clear();
}

impl Attachment {
    /// How the shell ended, once `output` is closed; `None` when the client was too slow.
    pub(crate) fn exit(&self) -> Option<Exit> {
        if self.too_slow.load(Ordering::Acquire) {
            return None;
        }
        let exit = self.terminal.exit.borrow().clone();
        Some(exit.unwrap_or(Exit { exit_code: -1, exit_reason: Some("non-zero exit".to_owned()) }))
    }
}

impl Attachment {
    /// Changes the terminal's size, if it is a possible one and the shell is there.
    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        if (1..=SIZE_LIMIT).contains(&cols) && (1..=SIZE_LIMIT).contains(&rows) {
            // A shell that is not there has no size.
            let _ = self.terminal.resize(Size { cols, rows });
        }
    }

    /// Leaves the terminal, which ends when nobody comes within a time.
    pub(crate) fn leave(self, linger: Duration) {
        let (terminal, number) = (Arc::clone(&self.terminal), self.number);
        drop(self);
        tokio::spawn(async move {
            let mut exit = terminal.exit.subscribe();
            // An answer means that the shell has ended by itself.
            if tokio::time::timeout(linger, exit.wait_for(Option::is_some)).await.is_ok() {
                return;
            }
            let unused = {
                let inner = terminal.lock();
                inner.clients.is_empty() && inner.next_client == number
            };
            if unused {
                // It looks through all processes, so not on this thread.
                let _ = tokio::task::spawn_blocking(move || terminal.kill()).await;
            }
        });
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.terminal.lock().clients.remove(&self.number);
    }
}
