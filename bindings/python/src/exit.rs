//! Threads that wait while the interpreter goes down.
//!
//! Until Python 3.13, a thread that asks for the GIL after finalization has begun is ended by unwinding its stack, and the
//! stack holds Rust frames: the process would abort. Such a thread (a daemon thread, or one of a pool that was not joined)
//! is parked for ever instead; the end of the process ends it.
//!
//! The hook runs in `atexit`, before finalization. It raises a flag and waits until no thread is on its way back to the
//! interpreter; whoever finishes waiting later sees the flag. The thread that exits is exempt: other `atexit` hooks may
//! still use the package.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Raised when the interpreter is about to go down.
static EXITING: AtomicBool = AtomicBool::new(false);
/// Threads between the end of their wait and the GIL.
static RETURNING: AtomicUsize = AtomicUsize::new(0);
/// The thread that takes the interpreter down.
static EXITING_THREAD: std::sync::OnceLock<ThreadId> = std::sync::OnceLock::new();
/// How long the hook waits for threads that return. They only need the GIL, which the hook does not hold.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs `wait` without the GIL. Does not return when the interpreter has begun to go down meanwhile.
pub fn detached<T: Send>(py: Python<'_>, wait: impl Send + FnOnce() -> T) -> T {
    let result = py.detach(|| {
        let result = wait();
        RETURNING.fetch_add(1, Ordering::SeqCst);
        if EXITING.load(Ordering::SeqCst) && EXITING_THREAD.get() != Some(&thread::current().id()) {
            RETURNING.fetch_sub(1, Ordering::SeqCst);
            loop {
                thread::park();
            }
        }
        result
    });
    RETURNING.fetch_sub(1, Ordering::SeqCst);
    result
}

/// Registers the hook with `atexit`.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let hook = wrap_pyfunction!(before_finalization, module)?;
    module.py().import("atexit")?.call_method1("register", (hook,))?;
    Ok(())
}

#[pyfunction]
fn before_finalization(py: Python<'_>) {
    let _ = EXITING_THREAD.set(thread::current().id());
    EXITING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let end = Instant::now() + PATIENCE;
        while RETURNING.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::yield_now();
        }
    });
}
