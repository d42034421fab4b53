//! A reader that can be limited for a while: the library that reads archives has no limits of its own.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Stands for no limit.
const NONE: u64 = u64::MAX;

/// The reader.
pub(super) struct Gate<R> {
    inner: R,
    limit: Limit,
}

/// The number of bytes that a [`Gate`] lets through.
#[derive(Clone)]
pub(super) struct Limit(Arc<AtomicU64>);

impl<R> Gate<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, limit: Limit(Arc::new(AtomicU64::new(NONE))) }
    }

    pub(super) fn limit(&self) -> Limit {
        self.limit.clone()
    }
}

impl Limit {
    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn lift(&self) {
        self.set(NONE);
    }

    /// Whether as much has been read as was allowed.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl<R: Read> Read for Gate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.limit.0.load(Ordering::Relaxed);
        if left == NONE {
            return self.inner.read(buffer);
        }
        if left == 0 {
            return Err(io::Error::other("more was read than is allowed"));
        }
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..length])?;
        self.limit.set(left - read as u64);
        Ok(read)
    }
}
