//! Notices of changes on this machine, where the system gives them (inotify). They may get lost, and directories that are made
//! are watched only after the next pass: whoever needs to know compares from time to time.

use std::path::Path;

use crate::failure::Done;

#[cfg(target_os = "linux")]
pub use linux::Notices;
#[cfg(not(target_os = "linux"))]
pub use other::Notices;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
    use tokio::sync::mpsc;

    use super::{Done, Path};

    /// Directories that are watched.
    pub struct Notices {
        watching: Arc<OwnedFd>,
        noticed: mpsc::Receiver<()>,
    }

    impl Notices {
        /// Watches nothing yet.
        ///
        /// # Errors
        /// When the system gives no notices.
        pub fn new() -> Done<Self> {
            let watching = Arc::new(inotify::init(CreateFlags::CLOEXEC).map_err(std::io::Error::from)?);
            let (sender, noticed) = mpsc::channel(1);
            let read = watching.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                // What happened is found by comparing; one notice that waits stands for all.
                while rustix::io::retry_on_intr(|| rustix::io::read(&read, &mut buffer)).is_ok() {
                    if let Err(mpsc::error::TrySendError::Closed(())) = sender.try_send(()) {
                        return;
                    }
                }
            });
            Ok(Self { watching, noticed })
        }

        /// Watches a directory. One that is watched already stays so.
        pub fn watch(&self, directory: &Path) {
            let changes = WatchFlags::CREATE
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::MODIFY
                | WatchFlags::ATTRIB
                | WatchFlags::DELETE
                | WatchFlags::MOVE
                | WatchFlags::ONLYDIR
                | WatchFlags::DONT_FOLLOW;
            // Beyond the system's limit, or gone: comparing finds what changes there.
            let _ = inotify::add_watch(&self.watching, directory, changes);
        }

        /// Waits until something has changed.
        pub async fn next(&mut self) {
            if self.noticed.recv().await.is_none() {
                std::future::pending().await
            }
        }

        /// Forgets what has been noticed.
        pub fn forget(&mut self) {
            while self.noticed.try_recv().is_ok() {}
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Done, Path};

    /// Nothing is noticed here.
    pub struct Notices;

    impl Notices {
        /// Never fails.
        pub fn new() -> Done<Self> {
            Ok(Self)
        }

        /// Does nothing.
        pub fn watch(&self, _: &Path) {}

        /// Never returns.
        pub async fn next(&mut self) {
            std::future::pending().await
        }

        /// There is nothing to forget.
        pub fn forget(&mut self) {}
    }
}
