//! What is alive: all numbers return to zero when a program has let go of everything.

use std::sync::atomic::{AtomicI64, Ordering};

static CALLS: AtomicI64 = AtomicI64::new(0);
static STREAMS: AtomicI64 = AtomicI64::new(0);
static CLIENTS: AtomicI64 = AtomicI64::new(0);

/// Numbers of live things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Operations whose future has not been dropped yet.
    pub calls: i64,
    /// Open streams.
    pub streams: i64,
    /// Clients.
    pub clients: i64,
}

/// The numbers now.
pub fn debug_stats() -> Stats {
    Stats {
        calls: CALLS.load(Ordering::Acquire),
        streams: STREAMS.load(Ordering::Acquire),
        clients: CLIENTS.load(Ordering::Acquire),
    }
}

/// Counts something for as long as it is held.
pub(crate) struct Counted(&'static AtomicI64);

impl Counted {
    pub(crate) fn call() -> Self {
        Self::new(&CALLS)
    }

    pub(crate) fn stream() -> Self {
        Self::new(&STREAMS)
    }

    pub(crate) fn client() -> Self {
        Self::new(&CLIENTS)
    }

    fn new(counter: &'static AtomicI64) -> Self {
        counter.fetch_add(1, Ordering::AcqRel);
        Self(counter)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
