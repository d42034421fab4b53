//! The end of the process: calls in flight are cancelled, what they made is cleaned up, and telemetry is sent before it goes.
//!
//! A normal exit of the process does this by itself. Languages whose interpreters end by a signal after an interrupt call
//! [`settle`] from an exit hook of their own.

use std::convert::Infallible;
use std::sync::Once;
use std::time::{Duration, Instant};

use daytona::cleanup;
use tokio::sync::Notify;

use crate::per_process::PerProcess;
use crate::telemetry;

/// How long the exit of a process may take for that: a server under load takes its time to create, and nothing can be deleted before.
pub const EXIT_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(5);

static EXITING: PerProcess<Notify> = PerProcess::new();

/// Waits up to `limit` until nothing is left to clean up, and cancels the calls in flight if there is; then sends telemetry that
/// waits. Returns whether all is cleaned up; at once if it was and there is no telemetry. For the end of a process: it blocks.
pub fn settle(limit: Duration) -> bool {
    let end = Instant::now() + limit;
    while cleanup::unsettled() {
        // Again each time: a call may have begun to listen only now.
        exiting().notify_waiters();
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
    telemetry::settle(end.saturating_duration_since(Instant::now()));
    true
}

/// Ends when the process is about to.
pub(crate) async fn requested() {
    exiting().notified().await;
}

/// Has the exit of the process wait for clean-ups.
pub(crate) fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // SAFETY: the function neither unwinds nor uses anything that may be gone by then.
        unsafe {
            libc::atexit(at_exit);
        }
    });
}

extern "C" fn at_exit() {
    settle(EXIT_LIMIT);
}

fn exiting() -> &'static Notify {
    match EXITING.get_or_try_init(|| Ok::<_, Infallible>(Notify::new())) {
        Ok(notify) => notify,
        Err(never) => match never {},
    }
}
