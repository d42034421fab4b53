//! A session: one long-lived shell that runs its commands one after the other (wire sections 4.1 and 9).
//!
//! Each command is a file the shell sources inside `{ …; }`, so directory, variables and functions last. Its outputs and
//! its exit status come back through FIFOs. The toolbox keeps each output FIFO open for writing until the shell has said the
//! status (or has died), so that end of file means: nobody writes any more. The exit code is published only after
//! both outputs are drained.

use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::stat::Mode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::process::ChildStdin;
use tokio::sync::{Mutex as AsyncMutex, watch};
use uuid::Uuid;

use super::log::{Channel, Log};
use crate::Toolbox;
use crate::environment::Variables;
use crate::process_tree;

/// How long a deleted session's processes may take to end by themselves.
const TERMINATION_GRACE: Duration = Duration::from_secs(5);
const READ_SIZE: usize = 64 * 1024;

pub(crate) struct Session {
    pub(crate) id: String,
    directory: PathBuf,
    shell: i32,
    stdin: AsyncMutex<ChildStdin>,
    commands: Mutex<Vec<Arc<Command>>>,
    /// The shell's exit code once it has ended.
    ended: watch::Receiver<Option<i32>>,
    deleted: watch::Sender<bool>,
}

pub(crate) struct Command {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) log: Log,
    exit_code: watch::Sender<Option<i32>>,
    input: AsyncMutex<Option<pipe::Sender>>,
    echo_input: bool,
}

/// Why input could not be sent.
pub(crate) enum InputError {
    Completed(i32),
    SessionEnded,
    NoInput,
    Io(io::Error),
}

/// What a shell needs to run one command.
struct Pipes {
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    status: pipe::Receiver,
    /// Hold the write ends open until the status is known.
    keepers: [pipe::Sender; 2],
}

impl Session {
    /// Starts the session's shell in `cwd`.
    pub(crate) fn start(toolbox: &Toolbox, id: &str, directory: PathBuf, cwd: &Path) -> io::Result<Arc<Self>> {
        fs::create_dir_all(&directory)?;
        let mut command = toolbox.command(&toolbox.shell(), cwd.to_str(), &Variables::new());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: setsid is async-signal-safe.
        unsafe {
            command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
        }
        let mut child = tokio::process::Command::from(command).spawn()?;
        let shell = child.id().map_or(0, u32::cast_signed);
        let stdin = child.stdin.take().ok_or_else(|| io::Error::other("the shell has no standard input"))?;
        let (ended_sender, ended) = watch::channel(None);
        tokio::spawn(async move {
            let code = child.wait().await.map_or(-1, exit_code);
            ended_sender.send_replace(Some(code));
        });
        Ok(Arc::new(Self {
            id: id.to_owned(),
            directory,
            shell,
            stdin: AsyncMutex::new(stdin),
            commands: Mutex::default(),
            ended,
            deleted: watch::Sender::new(false),
        }))
    }

    /// Hands a command to the shell; it runs when those before it have ended.
    pub(crate) async fn run(
        self: &Arc<Self>,
        id: Option<&str>,
        text: &str,
        interactive: bool,
        echo_input: bool,
    ) -> io::Result<Arc<Command>> {
        if self.ended.borrow().is_some() {
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, "session process has exited"));
        }
        let id = id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        let directory = self.directory.join(&id);
        fs::create_dir(&directory)?;
        fs::write(directory.join("cmd.sh"), format!("{text}\n"))?;
        let pipes = Pipes::create(&directory)?;
        let input = if interactive { Some(input_pipe(&directory)?) } else { None };
        let command = Arc::new(Command {
            id,
            text: text.to_owned(),
            log: Log::create(&directory.join("output.log"))?,
            exit_code: watch::Sender::new(None),
            input: AsyncMutex::new(input),
            echo_input,
        });
        let quoted = quote(&directory);
        let stdin = if interactive { format!("{quoted}/input.pipe") } else { "/dev/null".to_owned() };
        // One line, so that the shell has read all of it before the command runs.
        let line = format!(
            "{{ . {quoted}/cmd.sh; }} <{stdin} >{quoted}/stdout.pipe 2>{quoted}/stderr.pipe; \
             echo \"$?\" >{quoted}/status.pipe\n"
        );
        self.commands().push(command.clone());
        tokio::spawn(self.clone().attend(command.clone(), pipes, directory));
        self.stdin.lock().await.write_all(line.as_bytes()).await?;
        Ok(command)
    }

    /// Carries the command's output to its log until it has ended.
    async fn attend(self: Arc<Self>, command: Arc<Command>, pipes: Pipes, directory: PathBuf) {
        let Pipes { stdout, stderr, mut status, keepers } = pipes;
        let mut ended = self.ended.clone();
        let status = async {
            let code = tokio::select! {
                code = read_status(&mut status) => code,
                // A bare `exit` ends the shell before it can say the status: its own is the answer.
                code = wait_for(&mut ended) => code,
            };
            drop(keepers);
            code
        };
        let (code, (), ()) = tokio::join!(
            status,
            drain(stdout, &command.log, Channel::Stdout),
            drain(stderr, &command.log, Channel::Stderr),
        );
        *command.input.lock().await = None;
        // The file is what the contract documents; nothing reads it back.
        let _ = fs::write(directory.join("exit_code"), code.to_string());
        for fifo in ["stdout.pipe", "stderr.pipe", "status.pipe", "input.pipe"] {
            let _ = fs::remove_file(directory.join(fifo));
        }
        command.log.end();
        command.exit_code.send_replace(Some(code));
    }

    pub(crate) fn commands(&self) -> MutexGuard<'_, Vec<Arc<Command>>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn command(&self, id: &str) -> Option<Arc<Command>> {
        self.commands().iter().find(|command| command.id == id).cloned()
    }

    /// Waits until the command has ended; `None` when the session is deleted meanwhile.
    pub(crate) async fn wait(&self, command: &Command) -> Option<i32> {
        let mut exit_code = command.exit_code.subscribe();
        let mut deleted = self.deleted.subscribe();
        tokio::select! {
            code = wait_for(&mut exit_code) => Some(code),
            _ = deleted.wait_for(|deleted| *deleted) => None,
        }
    }

    /// Resolves when the session is deleted.
    pub(crate) async fn deleted(&self) {
        let mut deleted = self.deleted.subscribe();
        // The sender lives as long as `self`.
        let _ = deleted.wait_for(|deleted| *deleted).await;
    }

    /// Writes to a command's standard input, with a line break at the end.
    pub(crate) async fn send_input(&self, command: &Command, data: &str) -> Result<(), InputError> {
        if let Some(code) = *command.exit_code.borrow() {
            return Err(InputError::Completed(code));
        }
        if self.ended.borrow().is_some() {
            return Err(InputError::SessionEnded);
        }
        let mut line = data.to_owned();
        if !line.ends_with('\n') {
            line.push('\n');
        }
        let mut input = command.input.lock().await;
        let pipe = input.as_mut().ok_or(InputError::NoInput)?;
        if command.echo_input {
            command.log.write(Channel::Stdout, line.as_bytes());
        }
        pipe.write_all(line.as_bytes()).await.map_err(InputError::Io)
    }

    /// Ends every process of the session and removes its files.
    pub(crate) async fn delete(&self) {
        self.deleted.send_replace(true);
        if self.ended.borrow().is_none() || !process_tree::members(self.shell).is_empty() {
            process_tree::terminate(self.shell, TERMINATION_GRACE).await;
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl Command {
    pub(crate) fn exit_code(&self) -> Option<i32> {
        *self.exit_code.borrow()
    }
}

impl Pipes {
    fn create(directory: &Path) -> io::Result<Self> {
        let open = |name: &str| -> io::Result<(pipe::Receiver, pipe::Sender)> {
            let path = directory.join(name);
            nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
            let receiver = pipe::OpenOptions::new().open_receiver(&path)?;
            let sender = pipe::OpenOptions::new().open_sender(&path)?;
            Ok((receiver, sender))
        };
        let (stdout, stdout_keeper) = open("stdout.pipe")?;
        let (stderr, stderr_keeper) = open("stderr.pipe")?;
        let path = directory.join("status.pipe");
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
        // Opened for writing too: no end of file while the command has not begun.
        let status = pipe::OpenOptions::new().read_write(true).open_receiver(&path)?;
        Ok(Self { stdout, stderr, status, keepers: [stdout_keeper, stderr_keeper] })
    }
}

/// The writing end of a command's standard input. Opened for reading too, so that the shell's open does not wait and early
/// input is kept.
fn input_pipe(directory: &Path) -> io::Result<pipe::Sender> {
    let path = directory.join("input.pipe");
    nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    pipe::OpenOptions::new().read_write(true).open_sender(&path)
}

async fn drain(mut output: pipe::Receiver, log: &Log, channel: Channel) {
    let mut buffer = vec![0; READ_SIZE];
    while let Ok(read @ 1..) = output.read(&mut buffer).await {
        log.write(channel, &buffer[..read]);
        // Followers run on the same thread as a fast writer: let them.
        tokio::task::yield_now().await;
    }
}

async fn read_status(status: &mut pipe::Receiver) -> i32 {
    let mut text = Vec::new();
    while !text.ends_with(b"\n") {
        if !matches!(status.read_buf(&mut text).await, Ok(1..)) {
            return -1;
        }
    }
    String::from_utf8_lossy(&text).trim().parse().unwrap_or(-1)
}

async fn wait_for(value: &mut watch::Receiver<Option<i32>>) -> i32 {
    match value.wait_for(Option::is_some).await {
        Ok(code) => code.unwrap_or(-1),
        // The sender is gone without a value: whoever should have said it has failed.
        Err(_) => -1,
    }
}

/// 128 + n for a shell ended by signal n, as shells themselves count.
fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn quote(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}
