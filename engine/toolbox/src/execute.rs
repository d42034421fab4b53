//! `POST /process/execute`: one command, its combined output, its exit code (wire section 9).
//!
//! The command text is the shell's standard input. The shell leads its own process group; the group is killed when the timeout
//! expires and when the request is abandoned, so a cancelled call never leaves its command running. The answer waits until
//! the output pipe is closed by everyone who holds it; the group is killed when there is more output than an answer may hold.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use crate::environment::{self, Variables};
use crate::errors::{ApiError, reason};
use crate::extract::Json;
use crate::outcome::Outcome;
use crate::shell::start_failure;
use crate::{State, Toolbox};

/// Room made in the output buffer before each read, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// The most output one command may have, in bytes: the answer holds all of it at once.
const OUTPUT_LIMIT: usize = 64 << 20;

/// The most output that all running commands together may have, in bytes.
const TOTAL_OUTPUT_LIMIT: usize = 256 << 20;

/// Output that is being held.
static HELD: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/process/execute", post(execute))
}

#[derive(Deserialize)]
struct ExecuteRequest {
    #[serde(default)]
    command: String,
    timeout: Option<u32>,
    cwd: Option<String>,
    envs: Option<Variables>,
}

async fn execute(toolbox: State, Json(request): Json<ExecuteRequest>) -> Result<Response, ApiError> {
    if request.command.trim().is_empty() {
        return Err(ApiError::bad_request("command cannot be empty or whitespace-only"));
    }
    let variables = request.envs.unwrap_or_default();
    environment::check(&variables)?;
    let command = toolbox.command(&toolbox.shell(), request.cwd.as_deref(), &variables);
    let memory = toolbox.watch_memory();
    let work = run(command, request.command.into_bytes(), seconds(request.timeout));
    let (exit_code, output) = match toolbox.config.compat.carry_out(work).await? {
        Ok(Finished { status, mut output }) => {
            if !status.success() {
                memory.explain(&mut output.bytes);
            }
            (status.code().unwrap_or(-1), output)
        }
        Err(error) => (-1, Output::from(reason(&error).into_bytes())),
    };
    Ok(Outcome::<()> { exit_code, artifacts: None }.with(output))
}

/// A request's timeout; absent and 0 mean none.
pub(crate) fn seconds(timeout: Option<u32>) -> Option<Duration> {
    timeout.filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.into()))
}

/// `bytes` as text; what is not UTF-8 becomes U+FFFD. Valid text is not copied.
pub(crate) fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// A command that ran to its end.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) output: Output,
}

/// Standard output and standard error in the order they were written.
pub(crate) struct Output {
    pub(crate) bytes: Vec<u8>,
    /// Counts the bytes as held until they are answered.
    _held: Held,
}

impl From<Vec<u8>> for Output {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, _held: Held::default() }
    }
}

/// Runs `command` in its own process group with `input` on its standard input.
///
/// The inner error is a failure to start. Dropping the future kills the group.
///
/// # Errors
/// 408 `PROCESS_EXECUTION_TIMEOUT` when `timeout` expires, 413 `PROCESS_OUTPUT_TOO_LARGE` when there is too much output.
pub(crate) async fn run(
    command: std::process::Command,
    input: Vec<u8>,
    timeout: Option<Duration>,
) -> Result<io::Result<Finished>, ApiError> {
    let finished = run_to_end(command, input);
    let finished = match timeout {
        None => finished.await,
        Some(timeout) => tokio::time::timeout(timeout, finished).await.map_err(|_| {
            ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "PROCESS_EXECUTION_TIMEOUT",
                "request timeout: command execution timeout",
            )
        })?,
    };
    match finished {
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "PROCESS_OUTPUT_TOO_LARGE", error.to_string()))
        }
        finished => Ok(finished),
    }
}

async fn run_to_end(mut command: std::process::Command, input: Vec<u8>) -> io::Result<Finished> {
    use std::os::unix::process::CommandExt;

    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer).process_group(0);
    let mut command = tokio::process::Command::from(command);
    let mut child = command.spawn().map_err(|error| start_failure(command.as_std(), &error))?;
    // The command holds the write end of the pipe; without it, end of file means every process closed its own.
    drop(command);
    let mut group = GroupGuard::of(&child);
    let mut reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
    let stdin = child.stdin.take();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // A shell that exits early (`exit`, `exec`) leaves the rest of its script unread.
            let _ = stdin.write_all(&input).await;
        }
    };
    let mut held = Held::default();
    let work = async {
        let output = read_to_end(&mut reader, &mut held).await?;
        // Reaped only now: until then the process group id cannot be reused, so the guard never hits a stranger.
        io::Result::Ok((child.wait().await?, output))
    };
    let (status, output) = {
        tokio::pin!(work);
        tokio::select! {
            finished = &mut work => finished?,
            () = feed => work.await?,
        }
    };
    group.disarm();
    Ok(Finished { status, output: Output { bytes: output, _held: held } })
}

async fn read_to_end(reader: &mut pipe::Receiver, held: &mut Held) -> io::Result<Vec<u8>> {
    let mut output = Vec::new();
    loop {
        output.reserve(READ_SIZE);
        let read = reader.read_buf(&mut output).await?;
        if read == 0 {
            return Ok(output);
        }
        held.add(read)?;
    }
}

/// One command's part of the output that is being held.
#[derive(Default)]
pub(crate) struct Held(usize);

impl Held {
    fn add(&mut self, size: usize) -> io::Result<()> {
        self.0 += size;
        let total = HELD.fetch_add(size, Ordering::Relaxed) + size;
        let (whose, limit) = if self.0 > OUTPUT_LIMIT {
            ("the command", OUTPUT_LIMIT)
        } else if total > TOTAL_OUTPUT_LIMIT {
            ("the commands running now together", TOTAL_OUTPUT_LIMIT)
        } else {
            return Ok(());
        };
        let sentence = format!(
            "{whose} printed more than {} MiB and the command was killed: write the output to a file, or run the command in a \
             session and follow its log",
            limit >> 20
        );
        Err(io::Error::new(io::ErrorKind::FileTooLarge, sentence))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Kills a process group when dropped before the command was reaped.
struct GroupGuard(Option<Pid>);

impl GroupGuard {
    fn of(child: &tokio::process::Child) -> Self {
        Self(child.id().map(|id| Pid::from_raw(id.cast_signed())))
    }

    fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for GroupGuard {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
