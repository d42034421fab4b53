//! A program of the desktop: started, watched, started again when it ends by itself, ended.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::process_tree;

/// Time that a program has to end by itself.
const GRACE: Duration = Duration::from_millis(500);

/// Pause before a program that has ended is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// A program that runs, or is to be started again.
pub(super) struct Supervised {
    pid: Arc<AtomicI32>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Where the output of a program goes.
pub(super) fn log_files(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    (directory.join(format!("{name}.out")), directory.join(format!("{name}.err")))
}

impl Supervised {
    /// Starts what `command` makes, and again whenever it ends if `again`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(
        command: impl Fn() -> Command + Send + 'static,
        name: &'static str,
        logs: &Path,
        again: bool,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(logs)?;
        let (out, err) = log_files(logs, name);
        // Emptied, not replaced: nothing grows over the starts.
        for file in [&out, &err] {
            File::create(file)?;
        }
        let spawn = move || -> io::Result<Child> {
            let open = |path: &PathBuf| File::options().append(true).create(true).open(path);
            let mut command = command();
            command.stdin(Stdio::null()).stdout(open(&out)?).stderr(open(&err)?).process_group(0);
            tokio::process::Command::from(command).spawn()
        };
        let first = spawn()?;
        let pid = Arc::new(AtomicI32::new(number(&first)));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(watch_over(first, spawn, Arc::clone(&pid), stopped, again));
        Ok(Self { pid, stop, task })
    }

    /// Its process id, when it runs.
    pub(super) fn pid(&self) -> Option<i32> {
        Some(self.pid.load(Ordering::Acquire)).filter(|pid| *pid > 0)
    }

    /// Ends it and everything it has started.
    pub(super) async fn end(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

fn number(child: &Child) -> i32 {
    child.id().and_then(|id| id.try_into().ok()).unwrap_or_default()
}

async fn watch_over(
    mut child: Child,
    spawn: impl Fn() -> io::Result<Child> + Send + 'static,
    pid: Arc<AtomicI32>,
    mut stopped: watch::Receiver<bool>,
    again: bool,
) {
    loop {
        let is_over = tokio::select! {
            _ = child.wait() => false,
            // An error means that nobody holds the other half any more.
            _ = stopped.wait_for(|stop| *stop) => true,
        };
        let root = pid.swap(0, Ordering::AcqRel);
        if is_over {
            let _ = tokio::task::spawn_blocking(move || process_tree::terminate(root, GRACE)).await;
            let _ = child.wait().await;
            return;
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(RESTART_PAUSE) => {}
                _ = stopped.wait_for(|stop| *stop) => return,
            }
            if !again {
                continue;
            }
            if let Ok(next) = spawn() {
                child = next;
                pid.store(number(&child), Ordering::Release);
                break;
            }
        }
    }
}
