//! One interpreter context: a Python process whose globals last, and the queue of runs before it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::{Mutex, mpsc, watch};

use crate::Toolbox;
use crate::environment::Variables;
use crate::process_tree;

const WORKER: &str = include_str!("worker.py");
/// How long interrupted code may take to end before its process is killed.
const INTERRUPT_GRACE: Duration = Duration::from_secs(2);

pub(crate) struct Context {
    pub(crate) id: String,
    pub(crate) cwd: PathBuf,
    pub(crate) created_at: OffsetDateTime,
    /// Held by the run in progress; the others queue up in order.
    worker: Mutex<Option<Worker>>,
    pid: watch::Sender<i32>,
    closed: AtomicBool,
}

struct Worker {
    child: Child,
    requests: pipe::Sender,
    messages: BufReader<pipe::Receiver>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Completed,
    /// Interrupted by its timeout, or by the code itself.
    Interrupted,
    /// The process ended under the code.
    WorkerEnded,
    /// The context was deleted.
    Deleted,
    /// Nobody listens any more.
    Abandoned,
}

/// What to run.
pub(crate) struct Run {
    pub(crate) code: String,
    pub(crate) envs: Variables,
    pub(crate) timeout: Option<Duration>,
}

impl Context {
    pub(crate) fn new(id: String, cwd: PathBuf) -> Self {
        Self {
            id,
            cwd,
            created_at: OffsetDateTime::now_utc(),
            worker: Mutex::new(None),
            pid: watch::Sender::new(0),
            closed: AtomicBool::new(false),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// Runs code when those before it are done, and sends what it says to `messages` as JSON texts.
    pub(crate) async fn run(&self, toolbox: &Toolbox, run: Run, messages: mpsc::Sender<String>) -> io::Result<Ending> {
        let mut slot = self.worker.lock().await;
        if !self.is_active() {
            return Ok(Ending::Deleted);
        }
        if slot.as_mut().is_none_or(|worker| !matches!(worker.child.try_wait(), Ok(None))) {
            let worker = Worker::start(toolbox, self)?;
            self.pid.send_replace(worker.child.id().map_or(0, u32::cast_signed));
            *slot = Some(worker);
        }
        let Some(worker) = slot.as_mut() else { return Ok(Ending::WorkerEnded) };
        let guard = RunGuard { context: self, finished: false };
        let ending = worker.run(run, &messages).await;
        guard.finish();
        if ending.as_ref().map_or(true, |ending| *ending == Ending::WorkerEnded) {
            *slot = None;
        }
        if !self.is_active() { Ok(Ending::Deleted) } else { ending }
    }

    /// Ends the context and its process.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let pid = *self.pid.borrow();
        if pid > 0 {
            process_tree::signal(pid, Signal::SIGKILL);
        }
    }
}

/// Interrupts the code when its client goes away: nobody would ever read what it says.
struct RunGuard<'a> {
    context: &'a Context,
    finished: bool,
}

impl RunGuard<'_> {
    fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        let pid = *self.context.pid.borrow();
        if !self.finished && pid > 0 {
            process_tree::signal(pid, Signal::SIGKILL);
        }
    }
}

impl Worker {
    fn start(toolbox: &Toolbox, context: &Context) -> io::Result<Self> {
        let python = ["python3", "python"].iter().find_map(|name| toolbox.environment.which(name));
        let python = python.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the sandbox has no python3"))?;
        let (request_reader, request_writer) = io::pipe()?;
        let (message_reader, message_writer) = io::pipe()?;
        let mut command = toolbox.command(&python, context.cwd.to_str(), &Variables::new());
        command.args(["-u", "-c", WORKER]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (requests, messages) = (request_reader.as_raw_fd(), message_writer.as_raw_fd());
        // SAFETY: setsid, dup and dup2 are async-signal-safe; the descriptors are open in the child.
        unsafe {
            command.pre_exec(move || {
                nix::unistd::setsid()?;
                // First out of the way of 3 and 4, which either of them may be.
                let (requests, messages) = (libc::fcntl(requests, libc::F_DUPFD, 10), libc::fcntl(messages, libc::F_DUPFD, 10));
                if requests < 0 || messages < 0 || libc::dup2(requests, 3) < 0 || libc::dup2(messages, 4) < 0 {
                    return Err(io::Error::last_os_error());
                }
                libc::close(requests);
                libc::close(messages);
                Ok(())
            });
        }
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let child = command.spawn()?;
        Ok(Self {
            child,
            requests: pipe::Sender::from_owned_fd(OwnedFd::from(request_writer))?,
            messages: BufReader::new(pipe::Receiver::from_owned_fd(OwnedFd::from(message_reader))?),
        })
    }

    async fn run(&mut self, run: Run, messages: &mpsc::Sender<String>) -> io::Result<Ending> {
        let mut request = json!({ "code": run.code, "envs": run.envs }).to_string();
        request.push('\n');
        let deadline = run.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
        let talk = async {
            if self.requests.write_all(request.as_bytes()).await.is_err() {
                return Ok(Ending::WorkerEnded);
            }
            loop {
                let mut line = String::new();
                if self.messages.read_line(&mut line).await? == 0 {
                    return Ok(Ending::WorkerEnded);
                }
                let control = line.starts_with(r#"{"type": "control""#);
                let text = line.trim_end().to_owned();
                let ending = control.then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
                if messages.send(text).await.is_err() {
                    return Ok(Ending::Abandoned);
                }
                match ending.as_ref().and_then(|message| message["text"].as_str()) {
                    Some("completed") => return Ok(Ending::Completed),
                    Some(_) => return Ok(Ending::Interrupted),
                    None => {}
                }
            }
        };
        tokio::pin!(talk);
        let Some(deadline) = deadline else { return talk.await };
        let pid = self.child.id().map_or(0, u32::cast_signed);
        if let Ok(ending) = tokio::time::timeout_at(deadline, &mut talk).await {
            return ending;
        }
        let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
        if let Ok(ending) = tokio::time::timeout(INTERRUPT_GRACE, &mut talk).await {
            // Code that caught the interrupt and finished has run out of time all the same.
            return ending.map(|_| Ending::Interrupted);
        }
        process_tree::signal(pid, Signal::SIGKILL);
        Ok(Ending::Interrupted)
    }
}
