//! One command of a session: its directory, its pipes, its log, its end.
//!
//! The directory `{session}/{command}` holds `cmd.sh`, the named pipes the shell redirects to, `output.log` and, at the end,
//! `exit_code`. The log is the contract's labelled format: every line is a 3-byte stream marker, the line, a line feed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use memchr::{memchr, memchr_iter};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::watch;
use uuid::Uuid;

use crate::compat::Compat;
use crate::errors::{ApiError, reason};

/// An output stream of a command; the discriminant indexes per-stream state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout = 0,
    Stderr = 1,
}

impl Stream {
    /// The bytes that start each of this stream's lines in the log.
    pub(super) const fn marker(self) -> [u8; 3] {
        match self {
            Self::Stdout => [1; 3],
            Self::Stderr => [2; 3],
        }
    }
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Waiting for its turn, or running.
    Unfinished,
    /// Ended; all output is in the log.
    Exited(i32),
    /// Its session was deleted.
    Cancelled,
}

/// The events that followers of the log wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogState {
    /// Bytes in the log so far.
    pub(super) length: u64,
    pub(super) progress: Progress,
}

/// A command of a session, shared by the requests about it and the thread that labels its output.
pub(super) struct Command {
    pub(super) id: String,
    pub(super) text: String,
    directory: PathBuf,
    input: Option<tokio::sync::Mutex<pipe::Sender>>,
    echoes_input: bool,
    /// Keeps the status pipe open and lets the session report a shell that died before reporting itself.
    status: Mutex<File>,
    log: Mutex<Log>,
    state: watch::Sender<LogState>,
    pub(super) compat: Compat,
    accepted: Instant,
    ended: OnceLock<Instant>,
}

/// How a command reads its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdin {
    /// At end of file from the start.
    Empty,
    /// A pipe that `send_input` writes to; `echoes`: what is sent also appears in the log.
    Open { echoes: bool },
}

impl Command {
    /// Makes the command's directory, script and pipes below the session's directory.
    pub(super) fn create(
        session_directory: &std::path::Path,
        id: String,
        text: String,
        stdin: Stdin,
        compat: Compat,
    ) -> io::Result<Self> {
        let directory = session_directory.join(&id);
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("cmd.sh"), format!("{text}\n"))?;
        for name in ["stdout.pipe", "stderr.pipe", "status.pipe"] {
            mkfifo(&directory.join(name), Mode::S_IRUSR | Mode::S_IWUSR)?;
        }
        let input = match stdin {
            Stdin::Empty => None,
            Stdin::Open { .. } => {
                let path = directory.join("input.pipe");
                mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
                // Read-write: opening does not wait for the command, and the command sees no end of file.
                let sender = pipe::OpenOptions::new().read_write(true).open_sender(path)?;
                Some(tokio::sync::Mutex::new(sender))
            }
        };
        let status = OpenOptions::new().read(true).write(true).open(directory.join("status.pipe"))?;
        let file = OpenOptions::new().create_new(true).write(true).open(directory.join("output.log"))?;
        let (state, _) = watch::channel(LogState { length: 0, progress: Progress::Unfinished });
        Ok(Self {
            id,
            text,
            directory,
            input,
            echoes_input: matches!(stdin, Stdin::Open { echoes: true }),
            status: Mutex::new(status),
            log: Mutex::new(Log::new(file)),
            state,
            compat,
            accepted: Instant::now(),
            ended: OnceLock::new(),
        })
    }

    /// A fresh command id.
    pub(super) fn new_id() -> String {
        Uuid::new_v4().to_string()
    }

    /// The line that makes the session's shell run this command and report its exit code.
    pub(super) fn shell_line(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        let quoted = |name: &str| {
            let path = self.directory.join(name);
            let mut quoted = vec![b'\''];
            for byte in path.as_os_str().as_bytes() {
                match byte {
                    b'\'' => quoted.extend_from_slice(b"'\\''"),
                    byte => quoted.push(*byte),
                }
            }
            quoted.push(b'\'');
            quoted
        };
        let input = if self.input.is_some() { quoted("input.pipe") } else { b"/dev/null".to_vec() };
        let mut line = b"{ . ".to_vec();
        line.extend(quoted("cmd.sh"));
        line.extend_from_slice(b"; } <");
        line.extend(input);
        line.extend_from_slice(b" >");
        line.extend(quoted("stdout.pipe"));
        line.extend_from_slice(b" 2>");
        line.extend(quoted("stderr.pipe"));
        line.extend_from_slice(b"; echo $? >");
        line.extend(quoted("status.pipe"));
        line.push(b'\n');
        line
    }

    /// One of the command's pipes, opened without waiting for the other side.
    pub(super) fn open_pipe(&self, name: &str) -> io::Result<File> {
        let flags = nix::libc::O_NONBLOCK;
        OpenOptions::new().read(true).custom_flags(flags).open(self.directory.join(name))
    }

    /// A write end of one of the command's pipes that never waits; the pipe must already have a reader.
    pub(super) fn open_pipe_writer(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).custom_flags(nix::libc::O_NONBLOCK).open(self.directory.join(name))
    }

    /// Where the labelled log is.
    pub(super) fn log_path(&self) -> PathBuf {
        self.directory.join("output.log")
    }

    /// Observes the log's growth and the command's end.
    pub(super) fn watch(&self) -> watch::Receiver<LogState> {
        self.state.subscribe()
    }

    pub(super) fn progress(&self) -> Progress {
        self.state.borrow().progress
    }

    /// The exit code, once there is one.
    pub(super) fn exit_code(&self) -> Option<i32> {
        match self.progress() {
            Progress::Exited(code) => Some(code),
            Progress::Unfinished | Progress::Cancelled => None,
        }
    }

    /// Whether the command has only just ended, on a server that makes the file of the exit code before it writes it.
    pub(super) fn exit_code_is_unwritten(&self) -> bool {
        self.ended.get().is_some_and(|ended| ended.elapsed() < self.compat.exit_code_delay())
    }

    /// Waits for the command's end.
    pub(super) async fn finished(&self) -> Progress {
        let mut state = self.watch();
        match state.wait_for(|state| state.progress != Progress::Unfinished).await {
            Ok(state) => state.progress,
            Err(_) => Progress::Cancelled,
        }
    }

    /// Tells the labeller that the shell is gone and will not report.
    pub(super) fn report_shell_exit(&self, code: i32) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        // The pipe cannot be full: at most two short lines are ever written to it.
        let _ = writeln!(status, "{code} shell");
    }

    /// Appends output. A full disk loses it, but never stops the command.
    pub(super) fn append(&self, stream: Stream, bytes: &[u8]) {
        if self.compat.drops_nul() && memchr(0, bytes).is_some() {
            let kept: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
            return self.write_log(|log| log.append(stream, &kept));
        }
        self.write_log(|log| log.append(stream, bytes));
    }

    /// Ends an unfinished last line of `stream`.
    pub(super) fn end_stream(&self, stream: Stream) {
        self.write_log(|log| log.end_stream(stream));
    }

    fn write_log(&self, write: impl FnOnce(&mut Log)) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut log);
        let length = log.length;
        // Under the lock: lengths are announced in the order they were reached.
        self.state.send_modify(|state| state.length = length);
    }

    /// Records the end of the command. The first end counts.
    pub(super) fn finish(&self, progress: Progress) {
        self.ended.get_or_init(Instant::now);
        if let Progress::Exited(code) = progress {
            // For people who look at the files; the toolbox itself remembers.
            let _ = fs::write(self.directory.join("exit_code"), code.to_string());
        }
        self.state.send_if_modified(|state| {
            let first = state.progress == Progress::Unfinished;
            if first {
                state.progress = progress;
            }
            first
        });
    }

    /// Writes `data` to the command's standard input, adding a line feed when it has none.
    ///
    /// # Errors
    /// 410 `COMMAND_ALREADY_COMPLETED` when the command ended, also while waiting for it to read; 400 when its standard input was
    /// never open.
    pub(super) async fn send_input(self: Arc<Self>, data: String) -> Result<(), ApiError> {
        // A task of its own: a client that leaves does not leave half a line behind.
        tokio::spawn(async move { self.write_input(data).await }).await?
    }

    async fn write_input(&self, mut data: String) -> Result<(), ApiError> {
        let completed = |progress| match progress {
            Progress::Exited(code) => ApiError::new(
                http::StatusCode::GONE,
                "COMMAND_ALREADY_COMPLETED",
                format!("gone: command has already completed with exit code {code}"),
            ),
            Progress::Unfinished | Progress::Cancelled => super::session_ended(),
        };
        match self.progress() {
            Progress::Unfinished => {}
            ended => return Err(completed(ended)),
        }
        if self.accepted.elapsed() < self.compat.input_pipe_delay() {
            return Err(ApiError::internal("failed to open input pipe"));
        }
        let Some(input) = &self.input else {
            return Err(ApiError::bad_request("the command runs synchronously: its standard input is empty"));
        };
        if !data.ends_with('\n') {
            data.push('\n');
        }
        let mut input = input.lock().await;
        // First, so that the log shows the input before what the command makes of it.
        if self.echoes_input {
            self.append(Stream::Stdout, data.as_bytes());
        }
        tokio::select! {
            written = input.write_all(data.as_bytes()) => written.map_err(|error| ApiError::internal(reason(&error)))?,
            ended = self.finished() => return Err(completed(ended)),
        }
        Ok(())
    }
}

/// The labelled log file.
struct Log {
    file: File,
    length: u64,
    /// The stream whose unfinished line the log ends with.
    open_line: Option<Stream>,
    /// Per stream: whether its last byte was something other than a line feed.
    unfinished: [bool; 2],
    buffer: Vec<u8>,
}

impl Log {
    fn new(file: File) -> Self {
        Self { file, length: 0, open_line: None, unfinished: [false; 2], buffer: Vec::new() }
    }

    fn append(&mut self, stream: Stream, bytes: &[u8]) {
        self.buffer.clear();
        let mut start = 0;
        let ends = memchr_iter(b'\n', bytes).map(|at| at + 1);
        let last = (bytes.last().is_some_and(|last| *last != b'\n')).then_some(bytes.len());
        for end in ends.chain(last) {
            // An unfinished line of the same stream goes on without another marker.
            if start > 0 || self.open_line != Some(stream) {
                self.buffer.extend_from_slice(&stream.marker());
            }
            self.buffer.extend_from_slice(&bytes[start..end]);
            start = end;
        }
        if !bytes.is_empty() {
            self.open_line = last.map(|_| stream);
            self.unfinished[stream as usize] = last.is_some();
        }
        self.write_buffer();
    }

    fn end_stream(&mut self, stream: Stream) {
        if !std::mem::take(&mut self.unfinished[stream as usize]) {
            return;
        }
        self.buffer.clear();
        if self.open_line == Some(stream) {
            self.open_line = None;
        } else {
            self.buffer.extend_from_slice(&stream.marker());
        }
        self.buffer.push(b'\n');
        self.write_buffer();
    }

    /// Writes the buffer after what is known to be whole, so that a piece written halfway is overwritten.
    fn write_buffer(&mut self) {
        if self.file.write_all_at(&self.buffer, self.length).is_ok() {
            self.length += self.buffer.len() as u64;
        } else {
            // The marker may be among what was lost.
            self.open_line = None;
        }
    }
}
