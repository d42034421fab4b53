//! A value that belongs to one process.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Holds a value tagged with the process that made it. A forked child makes its own, and leaks the inherited one:
/// its threads and locks do not exist there, so not even dropping it would be safe. No lock is taken, because
/// a lock may have been held by a thread that the fork did not copy.
pub(crate) struct PerProcess<T>(AtomicPtr<Tagged<T>>);

struct Tagged<T> {
    pid: u32,
    value: T,
}

impl<T: Send + Sync> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// This process' value, made by `make` when there is none yet.
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<_, std::convert::Infallible>(make())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// This process' value, if it has been made.
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: a pointer in the cell came from `Box::into_raw` and is freed only by `drop`, which has `&mut self`.
        let tagged = unsafe { self.0.load(Ordering::Acquire).as_ref() }?;
        (tagged.pid == std::process::id()).then_some(&tagged.value)
    }

    /// This process' value, made by `make` when there is none yet. When two threads make one at the same time, one of
    /// the two is dropped.
    pub(crate) fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let current = self.0.load(Ordering::Acquire);
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let made = Box::into_raw(Box::new(Tagged { pid: std::process::id(), value: make()? }));
        match self.0.compare_exchange(current, made, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: as above; the inherited value, if any, is leaked on purpose.
            Ok(_) => Ok(unsafe { &(*made).value }),
            Err(winner) => {
                // SAFETY: `made` was not published, so nobody else knows it; `winner` is a published pointer.
                unsafe {
                    drop(Box::from_raw(made));
                    Ok(&(*winner).value)
                }
            }
        }
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let current = *self.0.get_mut();
        // SAFETY: published pointers come from `Box::into_raw`, and nobody borrows the cell any more.
        if let Some(tagged) = unsafe { current.as_ref() }
            && tagged.pid == std::process::id()
        {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}
