//! Waiting for the end of a process that is not ours.

use std::io;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use tokio::io::unix::AsyncFd;

use super::launch::open_pidfd;

/// A process whose end is noticed, however it ends. Another one that gets its number later is not mistaken for it.
#[derive(Debug)]
pub struct Watched {
    /// Nothing when it had ended before it was looked at.
    process: Option<AsyncFd<OwnedFd>>,
}

impl Watched {
    /// Begins to watch a process of this machine.
    ///
    /// # Errors
    /// When the kernel cannot watch it. One that has ended already is no error.
    pub fn new(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        match open_pidfd(pid) {
            // SAFETY: the descriptor is owned by the AsyncFd and never replaced.
            Ok(pidfd) => Ok(Self { process: Some(unsafe { AsyncFd::register(pidfd) }.map_err(io::Error::other)?) }),
            Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => Ok(Self { process: None }),
            Err(error) => Err(error),
        }
    }

    /// Waits until it has ended.
    pub async fn wait(&self) {
        if let Some(process) = &self.process {
            // A process descriptor becomes readable when the process ends.
            let _ = process.readable().await;
        }
    }
}
