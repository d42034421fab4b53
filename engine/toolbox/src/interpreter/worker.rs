//! One Python worker process.
//!
//! Its standard input is a socket that carries requests in and messages out, one JSON document a line; its standard output and
//! error are pipes that carry what child processes of the user's code write.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;

use crate::Toolbox;
use crate::environment::Variables;
use crate::shell::start_failure;

/// The worker's program.
const PROGRAM: &str = include_str!("worker.py");
/// Bytes read from a pipe at a time.
const READ_SIZE: usize = 16 * 1024;

/// One message to the client; every message has all five keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    /// `stdout`, `stderr`, `error` or `control`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: String,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) traceback: String,
}

/// A request to the worker.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    pub(super) code: &'a str,
    pub(super) envs: &'a Variables,
}

/// A running worker. Dropping it kills its process group.
pub(super) struct Worker {
    child: Child,
    group: Pid,
    requests: OwnedWriteHalf,
    messages: BufReader<OwnedReadHalf>,
    line: Vec<u8>,
    stdout: RawOutput,
    stderr: RawOutput,
    /// Messages to hand out before reading more.
    ready: VecDeque<Message>,
    /// Whether what child processes write is shown.
    shows_children: bool,
}

impl Worker {
    /// Starts `python3` (or `python`) in `cwd`.
    pub(super) fn start(toolbox: &Toolbox, cwd: &str) -> io::Result<Self> {
        let python = python(toolbox).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "python3 not found"))?;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let mut command = toolbox.command(&python, Some(cwd), &Variables::new());
        let (stdout, stdout_writer) = io::pipe()?;
        let (stderr, stderr_writer) = io::pipe()?;
        command
            .args(["-u", "-c", PROGRAM, toolbox.config.compat.name()])
            .stdin(OwnedFd::from(theirs))
            .stdout(stdout_writer)
            .stderr(stderr_writer)
            .process_group(0);
        let mut command = tokio::process::Command::from(command);
        let child = command.kill_on_drop(true).spawn().map_err(|error| start_failure(command.as_std(), &error))?;
        // The command holds the worker's ends of the pipes.
        drop(command);
        let group = Pid::from_raw(child.id().map_or(0, u32::cast_signed));
        ours.set_nonblocking(true)?;
        let (reader, requests) = UnixStream::from_std(ours)?.into_split();
        Ok(Self {
            child,
            group,
            requests,
            messages: BufReader::new(reader),
            line: Vec::new(),
            stdout: RawOutput::new("stdout", stdout)?,
            stderr: RawOutput::new("stderr", stderr)?,
            ready: VecDeque::new(),
            shows_children: !toolbox.config.compat.hides_output_of_children(),
        })
    }

    /// Asks for one run.
    pub(super) async fn submit(&mut self, request: &Request<'_>) -> io::Result<()> {
        let mut line = serde_json::to_vec(request).map_err(io::Error::other)?;
        line.push(b'\n');
        self.requests.write_all(&line).await
    }

    /// The next message of the run; `None` when the worker has ended. Before a `control` message comes everything child
    /// processes wrote until then. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            tokio::select! {
                read = self.messages.read_until(b'\n', &mut self.line) => {
                    if !matches!(read, Ok(read) if read > 0) || self.line.last() != Some(&b'\n') {
                        return None;
                    }
                    let message: Message = serde_json::from_slice(&std::mem::take(&mut self.line)).ok()?;
                    if message.kind == "control" {
                        let written = [self.stdout.take_now(), self.stderr.take_now()];
                        self.ready.extend(written.into_iter().flatten().filter(|_| self.shows_children));
                    }
                    self.ready.push_back(message);
                }
                message = self.stdout.next() => self.ready.extend(message.filter(|_| self.shows_children)),
                message = self.stderr.next() => self.ready.extend(message.filter(|_| self.shows_children)),
            }
        }
    }

    /// Interrupts the run as Ctrl+C would, children included.
    pub(super) fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    fn signal(&self, signal: Signal) {
        if self.group.as_raw() > 0 {
            // A group that is gone needs no signal.
            let _ = killpg(self.group, signal);
        }
    }

    /// Whether the process is still there.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.is_alive() {
            self.signal(Signal::SIGKILL);
        }
    }
}

/// The interpreter contexts run on, if the sandbox has one.
pub(super) fn python(toolbox: &Toolbox) -> Option<std::path::PathBuf> {
    toolbox.environment.which("python3").or_else(|| toolbox.environment.which("python"))
}

/// A pipe that child processes of the user's code write to.
struct RawOutput {
    kind: &'static str,
    pipe: Option<pipe::Receiver>,
    /// Up to three bytes of a character that the next read completes.
    incomplete: Vec<u8>,
}

impl RawOutput {
    fn new(kind: &'static str, reader: io::PipeReader) -> io::Result<Self> {
        let pipe = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok(Self { kind, pipe: Some(pipe), incomplete: Vec::new() })
    }

    /// Waits for output; never returns once the pipe is closed.
    async fn next(&mut self) -> Option<Message> {
        let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
        let mut buffer = Vec::with_capacity(READ_SIZE);
        match pipe.read_buf(&mut buffer).await {
            Ok(read) if read > 0 => self.message(&buffer),
            _ => {
                self.pipe = None;
                None
            }
        }
    }

    /// The output so far.
    fn take_now(&mut self) -> Option<Message> {
        let mut buffer = Vec::new();
        if let Some(pipe) = &self.pipe {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = pipe.try_read(&mut chunk) {
                buffer.extend_from_slice(&chunk[..read]);
            }
        }
        self.message(&buffer)
    }

    fn message(&mut self, bytes: &[u8]) -> Option<Message> {
        self.incomplete.extend_from_slice(bytes);
        let complete = match std::str::from_utf8(&self.incomplete) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.incomplete.len(),
        };
        let text = String::from_utf8_lossy(&self.incomplete[..complete]).into_owned();
        self.incomplete.drain(..complete);
        (!text.is_empty()).then(|| Message { kind: self.kind.to_owned(), text, ..Message::default() })
    }
}
