//! Processes as programs expect them: outputs apart, input, exit code, signals to the whole tree, reattaching.
//!
//! A process runs in a session of its own, so everything here works against any server: the script it is started with is
//! a command of that session, its outputs are that command's log, which can be read from the start at any time and by
//! anybody. The script is in `spawn_script`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Process;
use super::fs::{check_nul, check_path};
use super::spawn_script::{self, END_OF_INPUT};
use crate::cleanup::Unsettled;
use crate::client::DEFAULT_LIMIT;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    Blob, ExecOptions, OutputChannel, OutputOptions, ProcessInfo, SessionExecuteRequest, SpawnOptions, WaitOptions,
};
use crate::protocols::log_demux::LogChannel;
use crate::protocols::logs::LogStream;
use crate::travel::backoff::Backoff;
use crate::travel::deadline;
use crate::travel::http::segment;

/// Begins the ids of sessions that are processes.
const SESSION_PREFIX: &str = "process-";
/// Bytes of input that travel in one line: shells read lines byte by byte, and pipes hold 64 KiB.
const INPUT_LINE: usize = 24 * 1024;
/// Pauses between two looks at whether a process has ended.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// Pauses between the attempts to take away what a start that was given up may leave.
const AFTERMATH: [Duration; 3] = [Duration::ZERO, Duration::from_millis(500), Duration::from_secs(3)];
/// Time within which a new process must become visible to signals.
const VISIBLE_LIMIT: Duration = Duration::from_secs(5);

impl Process {
    /// Starts a command in the background and returns at once.
    ///
    /// The process runs until it ends, is signalled or is released, whether or not anyone reads its output. The server
    /// keeps the output, so nothing is lost when a connection breaks and nothing is held in memory here. Release the
    /// process when it is no longer needed.
    ///
    /// # Parameters
    /// * `command`: Command line, run by the shell.
    ///
    /// # Returns
    /// The process.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty command or an invalid variable name.
    ///
    /// # Examples
    /// `processes spawn`
    pub async fn spawn(&self, command: &str, options: SpawnOptions) -> Result<ProcessInfo> {
        if command.trim().is_empty() {
            return Err(Error::invalid_argument("The command is empty."));
        }
        check_nul("command", command)?;
        if let Some(cwd) = &options.cwd {
            check_path(cwd)?;
        }
        let environment = options.env.as_ref().map(spawn_script::exports).transpose()?.unwrap_or_default();
        let id = uuid::Uuid::new_v4().to_string();
        let mut info = ProcessInfo {
            session_id: format!("{SESSION_PREFIX}{id}"),
            id,
            command: command.to_owned(),
            cwd: options.cwd,
            stdin: options.stdin.unwrap_or(false),
            ..Default::default()
        };
        let request = SessionExecuteRequest {
            command: spawn_script::start(&info, !environment.is_empty()),
            run_async: Some(true),
            suppress_input_echo: Some(true),
        };
        self.toolbox
            .client
            .run("process.spawn", DEFAULT_LIMIT, async {
                let started = Started { process: self, info: &info, complete: false };
                self.create_session(&info.session_id).await?;
                let command = self.execute_session_command(&info.session_id, request, WaitOptions::default()).await?;
                if !environment.is_empty() {
                    let line = STANDARD.encode(environment);
                    self.send_session_command_input(&info.session_id, &command.cmd_id, &line).await?;
                }
                started.complete();
                info.command_id = command.cmd_id;
                Ok(info)
            })
            .await
    }

    /// Returns the processes that any client has started with `spawn` and nobody has released.
    ///
    /// # Returns
    /// The processes.
    ///
    /// # Errors
    /// Only those of every request.
    ///
    /// # Examples
    /// `processes reattach`
    pub async fn list_spawned(&self) -> Result<Vec<ProcessInfo>> {
        Ok(self.list_sessions().await?.iter().filter_map(spawn_script::started).collect())
    }

    /// Returns a process that any client has started with `spawn`.
    ///
    /// # Parameters
    /// * `process_id`: Id of the process.
    ///
    /// # Returns
    /// The process.
    ///
    /// # Errors
    /// `ProcessNotFound` when there is no such process: it was never started or has been released.
    ///
    /// # Examples
    /// `processes reattach`
    pub async fn get_spawned(&self, process_id: &str) -> Result<ProcessInfo> {
        let unknown = || {
            Error::new(
                ErrorKind::ProcessNotFound,
                format!("There is no process {process_id:?}: it may have been released."),
            )
            .in_operation("process.get_spawned")
        };
        if process_id.is_empty() {
            return Err(Error::invalid_argument("The process id is empty."));
        }
        match self.get_session(&format!("{SESSION_PREFIX}{process_id}")).await {
            Ok(session) => spawn_script::started(&session).ok_or_else(unknown),
            Err(error) if error.kind().is(ErrorKind::NotFound) => Err(unknown()),
            Err(error) => Err(error),
        }
    }

    /// Streams the output of a process from its start until it ends. There may be any number of readers; each gets all
    /// of the output, at its own speed.
    ///
    /// # Parameters
    /// * `process`: The process, as `spawn` returned it.
    ///
    /// # Returns
    /// The output.
    ///
    /// # Errors
    /// `NotFound` when it has been released; while reading, `Connection` when the stream breaks for good.
    ///
    /// # Examples
    /// `processes spawn`
    pub async fn stream_output(&self, process: ProcessInfo, options: OutputOptions) -> Result<LogStream> {
        let channel = log_channel(options.channel.as_ref())?;
        let path =
            format!("/process/session/{}/command/{}/logs", segment(&process.session_id), segment(&process.command_id));
        let stream = self
            .toolbox
            .client
            .run("process.stream_output", DEFAULT_LIMIT, async {
                match options.follow.unwrap_or(true) {
                    true => LogStream::follow(&self.toolbox, path).await,
                    false => LogStream::so_far(&self.toolbox, path).await,
                }
            })
            .await?;
        Ok(stream.only(channel).of_process(process))
    }

    /// Writes bytes to the standard input of a process.
    ///
    /// # Parameters
    /// * `process`: The process, as `spawn` returned it.
    /// * `data`: Bytes to write.
    ///
    /// # Errors
    /// `InvalidArgument` when it was started without input, `CommandAlreadyCompleted` when it has ended, `NotFound` when it has
    /// been released.
    ///
    /// # Examples
    /// `processes stdin`
    pub async fn write_stdin(&self, process: ProcessInfo, data: Blob) -> Result<()> {
        check_stdin(&process)?;
        for piece in data.0.chunks(INPUT_LINE) {
            let line = STANDARD.encode(piece);
            self.send_session_command_input(&process.session_id, &process.command_id, &line).await?;
        }
        Ok(())
    }

    /// Closes the standard input of a process: after what was written, it reads the end of the file.
    ///
    /// # Parameters
    /// * `process`: The process, as `spawn` returned it.
    ///
    /// # Errors
    /// `InvalidArgument` when it was started without input, `NotFound` when it has been released.
    ///
    /// # Examples
    /// `processes stdin`
    pub async fn close_stdin(&self, process: ProcessInfo) -> Result<()> {
        check_stdin(&process)?;
        match self.send_session_command_input(&process.session_id, &process.command_id, END_OF_INPUT).await {
            Err(error) if error.kind().is(ErrorKind::Gone) => Ok(()),
            sent => sent,
        }
    }

    /// Waits until a process has ended and returns its exit code, which is 128 + n if signal n ended it. When `timeout`
    /// passes, the wait ends but the process keeps running.
    ///
    /// # Parameters
    /// * `process`: The process, as `spawn` returned it.
    /// * `options.timeout`: Seconds to wait; 0 = no limit. Default: no limit.
    ///
    /// # Returns
    /// The exit code.
    ///
    /// # Errors
    /// `Timeout` when it has not ended in time, `NotFound` when it has been released.
    ///
    /// # Examples
    /// `processes spawn`
    pub async fn wait_spawned(&self, process: ProcessInfo, options: WaitOptions) -> Result<i64> {
        let limit = deadline::limit(options.timeout, None);
        self.toolbox
            .client
            .run("process.wait_spawned", limit, async {
                let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE).growing(1.5);
                loop {
                    if let Some(code) = self.exit_code(&process).await? {
                        return Ok(code);
                    }
                    pauses.pause().await;
                }
            })
            .await
    }

    /// Sends a signal to a process and everything it started, and returns once it is sent. Nothing happens if the
    /// process has ended.
    ///
    /// # Parameters
    /// * `process`: The process, as `spawn` returned it.
    /// * `signal`: Name or number of the signal, for example `SIGTERM`, `TERM` or `15`.
    ///
    /// # Errors
    /// `InvalidArgument` when it is not a valid signal, `NotFound` when the process has been released.
    ///
    /// # Examples
    /// `processes signals`
    pub async fn signal_spawned(&self, process: ProcessInfo, signal: &str) -> Result<()> {
        let name = signal.strip_prefix("SIG").unwrap_or(signal);
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
            return Err(not_a_signal(signal));
        }
        let command = spawn_script::signal(&process.id, name);
        self.toolbox
            .client
            .run("process.signal_spawned", DEFAULT_LIMIT, async {
                let begun = tokio::time::Instant::now();
                let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
                loop {
                    let done = self.exec(&command, ExecOptions::default()).await?;
                    match done.exit_code {
                        0 => return Ok(()),
                        1 => {}
                        _ => return Err(not_a_signal(signal)),
                    }
                    // No such process: it has ended, or the shell that becomes it has not got there yet.
                    if self.exit_code(&process).await?.is_some() || begun.elapsed() > VISIBLE_LIMIT {
                        return Ok(());
                    }
                    pauses.pause().await;
                }
            })
            .await
    }

    /// Ends a process with everything it started and deletes its output. Releasing it again does nothing.
    ///
    /// # Parameters
    /// * `process`: The process, as `spawn` returned it.
    ///
    /// # Errors
    /// Only those of every request.
    pub async fn release_spawned(&self, process: ProcessInfo) -> Result<()> {
        self.toolbox
            .client
            .run("process.release_spawned", DEFAULT_LIMIT, async {
                match self.exit_code(&process).await {
                    // Ending the session is left to a server that may wait for a tree that ignores SIGTERM.
                    Ok(None) => self.signal_spawned(process.clone(), "KILL").await?,
                    Ok(Some(_)) => {}
                    Err(error) if error.kind().is(ErrorKind::NotFound) => return Ok(()),
                    Err(error) => return Err(error),
                }
                match self.delete_session(&process.session_id).await {
                    Err(error) if error.kind().is(ErrorKind::NotFound) => Ok(()),
                    deleted => deleted,
                }
            })
            .await
    }

    async fn exit_code(&self, process: &ProcessInfo) -> Result<Option<i64>> {
        Ok(self.get_session_command(&process.session_id, &process.command_id).await?.exit_code)
    }
}

/// A process on its way: given up, it leaves no session behind.
struct Started<'a> {
    process: &'a Process,
    info: &'a ProcessInfo,
    complete: bool,
}

impl Started<'_> {
    fn complete(mut self) {
        self.complete = true;
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        if self.complete {
            return;
        }
        let (process, session_id) = (self.process.clone(), self.info.session_id.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // The server may still be making the session that is given up, so one look is not enough. Nobody is left to tell
            // whether it worked; a program that ends waits for the first.
            let mut unsettled = Some(Unsettled::new());
            runtime.spawn(async move {
                for pause in AFTERMATH {
                    tokio::time::sleep(pause).await;
                    if process.delete_session(&session_id).await.is_ok() {
                        break;
                    }
                    drop(unsettled.take());
                }
            });
        }
    }
}

/// The process whose log the session holds, for readers that need its outputs exactly.
pub(super) fn process_of_session(session_id: &str) -> Option<&str> {
    session_id.strip_prefix(SESSION_PREFIX)
}

/// The one channel to keep.
pub(super) fn log_channel(channel: Option<&OutputChannel>) -> Result<Option<LogChannel>> {
    Ok(match channel {
        None => None,
        Some(OutputChannel::Stdout) => Some(LogChannel::Stdout),
        Some(OutputChannel::Stderr) => Some(LogChannel::Stderr),
        Some(OutputChannel::Other(name)) => {
            return Err(Error::invalid_argument(format!("{name:?} is not an output: use \"stdout\" or \"stderr\".")));
        }
    })
}

fn check_stdin(process: &ProcessInfo) -> Result<()> {
    if process.stdin {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "The process {:?} was started without standard input: start it with the option `stdin` set to true.",
        process.id
    )))
}

fn not_a_signal(signal: &str) -> Error {
    Error::invalid_argument(format!("{signal:?} is not a signal of the sandbox: use for example \"SIGTERM\"."))
}
