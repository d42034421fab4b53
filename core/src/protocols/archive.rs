//! Compressed archives of directories: packed from a local one, unpacked into a local one. Blocking; runs on threads of
//! its own.

mod pack;
mod unpack;
mod whole;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::SkippedEntry;

pub(crate) use pack::Listing;
pub(crate) use whole::unpack_whole;

/// Progress of packing or unpacking; read by others while it goes on.
#[derive(Default)]
pub(crate) struct Counters {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    pub(crate) fn files(&self) -> i64 {
        self.files.load(Ordering::Relaxed).cast_signed()
    }

    pub(crate) fn bytes(&self) -> i64 {
        self.bytes.load(Ordering::Relaxed).cast_signed()
    }
}

fn skipped(path: &Path, reason: impl Into<String>) -> SkippedEntry {
    SkippedEntry { path: path.to_string_lossy().into_owned(), reason: reason.into() }
}
