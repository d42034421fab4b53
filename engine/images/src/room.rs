//! Keeping the machine's disk from running full of what is fetched, unpacked and copied.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;
use crate::error::Attempt;

/// Bytes that are written between two looks.
const STEP: u64 = 16 << 20;

/// What a file or directory takes besides its bytes.
const ENTRY: u64 = 4096;

/// The disk of a store, of which a part is left to others.
#[derive(Debug)]
pub(crate) struct Room {
    directory: PathBuf,
    /// Bytes that nothing here takes.
    reserve: u64,
    /// Bytes written since the last look.
    written: AtomicU64,
}

impl Room {
    pub(crate) fn new(directory: &Path, reserve: u64) -> Self {
        Self { directory: directory.to_owned(), reserve, written: AtomicU64::new(0) }
    }

    /// Fails unless so many bytes fit.
    pub(crate) fn need(&self, bytes: u64) -> Result<(), Error> {
        self.written.store(0, Ordering::Relaxed);
        if self.reserve == 0 {
            return Ok(());
        }
        let disk = nix::sys::statvfs::statvfs(&self.directory).at_path("asking for room at", &self.directory)?;
        let free = disk.blocks_available().saturating_mul(disk.fragment_size());
        if free < self.reserve.saturating_add(bytes) {
            return Err(Error::NoRoom { free, reserve: self.reserve });
        }
        Ok(())
    }

    /// Counts what is about to be written, and looks from time to time whether it fits.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), Error> {
        let written = self.written.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if written < STEP { Ok(()) } else { self.need(bytes) }
    }

    /// The same for a file or directory that is about to be made.
    pub(crate) fn take_entry(&self) -> Result<(), Error> {
        self.take(ENTRY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_left_to_others() {
        let here = Path::new(".");
        assert!(Room::new(here, 1).need(0).is_ok());
        let none = Room::new(here, u64::MAX);
        assert!(matches!(none.need(0), Err(Error::NoRoom { .. })));
        assert!(none.take(1).is_ok(), "nobody looks at each byte");
        assert!(none.take(STEP).is_err());
        assert!(Room::new(here, 0).need(u64::MAX).is_ok());
    }
}
