//! Room kept free for a start on a full disk. Deleting needs none.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use nix::fcntl::{FallocateFlags, fallocate};

use crate::store::StoreError;

/// Enough for the database's log, `engine.json` and directories, many times over. In bytes.
const SIZE: u64 = 4 << 20;

/// Less is of no use.
const LEAST: u64 = 64 << 10;

/// A file that only takes up room, given up while an engine starts: no sandbox is there yet to take it.
#[derive(Debug)]
pub struct Reserve {
    state_dir: std::path::PathBuf,
}

impl Reserve {
    /// Gives up what an earlier engine kept free.
    pub fn release(state_dir: &Path) -> Self {
        // Without one, there is nothing to give up.
        let _ = fs::remove_file(state_dir.join("reserve"));
        Self { state_dir: state_dir.to_owned() }
    }

    /// Keeps room free again, as much as there is.
    pub fn keep(self) {
        let mut size = SIZE;
        while size >= LEAST {
            if self.allocate(size).is_ok() {
                return;
            }
            size /= 2;
        }
        tracing::warn!(directory = %self.state_dir.display(), "the disk is full");
        let _ = fs::remove_file(self.state_dir.join("reserve"));
    }

    fn allocate(&self, size: u64) -> std::io::Result<()> {
        let file = fs::File::create(self.state_dir.join("reserve"))?;
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        Ok(fallocate(file.as_fd(), FallocateFlags::empty(), 0, size)?)
    }
}

/// Why something could not be written below a directory.
pub fn explain(directory: &Path, error: &dyn std::fmt::Display) -> StoreError {
    match is_full(directory) {
        true => StoreError::Full(directory.to_owned()),
        false => StoreError::Other(error.to_string()),
    }
}

/// Whether the disk that holds a directory has no room to speak of.
pub fn is_full(directory: &Path) -> bool {
    let free = |disk: nix::sys::statvfs::Statvfs| disk.blocks_available() * disk.fragment_size();
    nix::sys::statvfs::statvfs(directory).is_ok_and(|disk| free(disk) < LEAST)
}
