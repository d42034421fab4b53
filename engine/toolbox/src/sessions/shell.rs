//! One session: a shell process and the queue of its commands.
//!
//! A task per session owns the shell. It hands over one command at a time and notices the shell's end, whether by `exit`, by a
//! signal or by deletion; whatever is unfinished then ends too.

use std::fs;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc;

use super::command::{Command, Progress, Stdin};
use super::{labeller, session_ended};
use crate::compat::Compat;
use crate::errors::{ApiError, reason};
use crate::memory_limit::MemoryLimit;
use crate::process_tree;
use crate::remove_tree::{Locked, remove_tree};
use crate::shell::start_failure;

/// How long the processes of a deleted session may take to end after SIGTERM.
const TERMINATION_GRACE: Duration = Duration::from_secs(5);

/// A session, shared by requests about it.
pub(super) struct Session {
    pub(super) id: String,
    directory: PathBuf,
    /// Process id of the shell, which also leads a kernel session and a process group of this id.
    shell: i32,
    commands: Mutex<Commands>,
    compat: Compat,
    memory_limit: Option<MemoryLimit>,
}

struct Commands {
    all: Vec<Arc<Command>>,
    /// To the task; `None` once the shell is gone.
    queue: Option<mpsc::UnboundedSender<Arc<Command>>>,
}

impl Session {
    /// Starts `shell` as the session's shell. `directory` is emptied first: it may hold logs of an earlier toolbox.
    pub(super) fn start(
        id: String,
        directory: PathBuf,
        mut shell: std::process::Command,
        compat: Compat,
        memory_limit: Option<MemoryLimit>,
    ) -> io::Result<Arc<Self>> {
        match remove_tree(&directory, Locked::Unlock) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&directory)?,
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: setsid is async-signal-safe and touches nothing of this process's memory.
        unsafe {
            shell.pre_exec(|| nix::unistd::setsid().map(drop).map_err(io::Error::from));
        }
        let mut shell = tokio::process::Command::from(shell);
        let mut child = shell.spawn().map_err(|error| start_failure(shell.as_std(), &error))?;
        let (Some(pid), Some(stdin)) = (child.id(), child.stdin.take()) else {
            return Err(io::Error::other("the shell ended at once"));
        };
        let (queue, arriving) = mpsc::unbounded_channel();
        let commands = Mutex::new(Commands { all: Vec::new(), queue: Some(queue) });
        let session = Arc::new(Self { id, directory, shell: pid.cast_signed(), commands, compat, memory_limit });
        tokio::spawn(drive(Arc::clone(&session), child, stdin, arriving));
        Ok(session)
    }

    fn lock(&self) -> MutexGuard<'_, Commands> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every command so far, oldest first.
    pub(super) fn commands(&self) -> Vec<Arc<Command>> {
        self.lock().all.clone()
    }

    pub(super) fn command(&self, id: &str) -> Option<Arc<Command>> {
        self.lock().all.iter().find(|command| command.id == id).cloned()
    }

    /// Queues a command. It runs when those before it are done.
    ///
    /// # Errors
    /// 410 `SESSION_ENDED` when the shell is gone, 500 when the command's files cannot be made.
    pub(super) fn submit(&self, id: String, text: String, stdin: Stdin) -> Result<Arc<Command>, ApiError> {
        let mut commands = self.lock();
        let queue = commands.queue.clone().ok_or_else(session_ended)?;
        let command = Command::create(&self.directory, id, text, stdin, self.compat)
            .map_err(|error| ApiError::internal(format!("failed to execute command: {}", reason(&error))))?;
        let command = Arc::new(command);
        queue.send(Arc::clone(&command)).map_err(|_| session_ended())?;
        commands.all.push(Arc::clone(&command));
        Ok(command)
    }

    /// Ends every process of the session and removes its files. Unfinished commands are cancelled.
    pub(super) async fn delete(&self) {
        let commands = {
            let mut commands = self.lock();
            commands.queue = None;
            commands.all.clone()
        };
        for command in &commands {
            command.finish(Progress::Cancelled);
        }
        let shell = self.shell;
        let ended = tokio::task::spawn_blocking(move || process_tree::terminate(shell, TERMINATION_GRACE)).await;
        if let Err(error) = ended {
            tracing::error!(session = %self.id, %error, "ending the processes failed");
        }
        for command in &commands {
            // Lets the labeller go although an escaped process may hold its pipes.
            command.report_shell_exit(-1);
        }
        let directory = self.directory.clone();
        // Only files: a failure leaves some bytes behind and nothing else.
        let _ = tokio::task::spawn_blocking(move || remove_tree(&directory, Locked::Unlock)).await;
    }

    /// The shell is gone: no further commands, and every unfinished one ends with the shell's code.
    fn shell_ended(&self, status: io::Result<ExitStatus>) {
        let code = match status {
            Ok(status) => status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1),
            Err(_) => -1,
        };
        self.lock().queue = None;
        if self.compat.forgets_commands_of_ended_shells() {
            return;
        }
        for command in self.commands() {
            command.report_shell_exit(code);
        }
    }
}

/// The session's task: lives as long as the shell.
async fn drive(
    session: Arc<Session>,
    mut child: Child,
    mut stdin: ChildStdin,
    mut arriving: mpsc::UnboundedReceiver<Arc<Command>>,
) {
    let status = loop {
        let next = tokio::select! {
            status = child.wait() => break status,
            next = arriving.recv() => next,
        };
        let Some(command) = next else {
            // Deleted: whoever deletes ends the shell.
            break child.wait().await;
        };
        if let Err(error) = labeller::start(&command, session.memory_limit.clone()) {
            tracing::warn!(session = %session.id, %error, "starting a command failed");
            command.finish(Progress::Exited(-1));
            continue;
        }
        // A shell that is gone is noticed below.
        let _ = stdin.write_all(&command.shell_line()).await;
        tokio::select! {
            status = child.wait() => break status,
            _ = command.finished() => {}
        }
    };
    session.shell_ended(status);
    arriving.close();
    while let Some(never_started) = arriving.recv().await {
        never_started.finish(Progress::Cancelled);
    }
}
