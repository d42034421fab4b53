//! What the first process of a sandbox does for the others: reaping the orphans among them, and ending all.
//!
//! On one machine it is the process that has built the sandbox around itself, in a pod the one that the container started. Its
//! main child is the toolbox.

use anyhow::{Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How the first process finds the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// It is the first of a process-id namespace: everybody whom it may signal. The kernel kills them when it ends.
    Namespace,
    /// It has descendants, whose orphans come back to it (`PR_SET_CHILD_SUBREAPER`).
    Descendants,
}

impl Family {
    /// Signals every process but this one; says how many were found where it can.
    pub fn signal(self, signal: Signal) -> usize {
        if self == Self::Namespace {
            let _ = kill(Pid::from_raw(-1), signal);
            return 0;
        }
        let family = descendants(Pid::this());
        for pid in &family {
            let _ = kill(*pid, signal);
        }
        family.len()
    }

    /// Ends all that this process's own end would leave.
    pub fn end(self) {
        if self == Self::Descendants {
            // A process may fork while we look, so until none is left.
            while self.signal(Signal::SIGKILL) > 0 {
                while matches!(waitpid(None, None), Ok(_) | Err(Errno::EINTR)) {}
            }
        }
    }
}

/// Reaps everything that has ended; the exit status of `main` when it was among them, which is 128 and the signal's number where
/// one ended it.
///
/// # Errors
/// Those of the system.
pub fn reap(main: Pid) -> Result<Option<i32>> {
    let mut main_status = None;
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(main_status),
            Ok(WaitStatus::Exited(pid, status)) if pid == main => main_status = Some(status),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == main => main_status = Some(128 + signal as i32),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => bail!(error),
        }
    }
}

/// The processes that descend from this one.
pub fn descendants(of: Pid) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut queue = vec![of];
    while let Some(pid) = queue.pop() {
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for task in tasks.flatten() {
            let Ok(children) = std::fs::read_to_string(task.path().join("children")) else { continue };
            for child in children.split_ascii_whitespace().filter_map(|word| word.parse().ok()) {
                found.push(Pid::from_raw(child));
                queue.push(Pid::from_raw(child));
            }
        }
    }
    found
}
