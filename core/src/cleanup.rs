//! Undoing what calls have made that were given up.
//!
//! A call that creates something and is cancelled deletes it again, in the background, because whoever cancels does not
//! wait. The contract for those who run calls on a runtime of their own:
//!
//! * [`scope`] ties a call to its clean-ups: [`Cleanups::finished`] tells when the last one has ended.
//! * [`Cleanups::made`] is what a call that succeeded has made. Dropped before somebody has taken it, it is deleted too.
//! * [`unsettled`] says whether anything is left to do. A program that ends before has left a sandbox behind.
//!
//! All of it belongs to the process it began in; a forked child does nothing about it.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::log::{self, Fields, Level};
use crate::travel::backoff::Backoff;
use crate::travel::deadline;
use crate::travel::http::segment;

/// Limit for the attempts to delete. A server may refuse it as long as the sandbox is being created.
const LIMIT: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Process id (upper half) and the number of what is not settled in this process.
static UNSETTLED: AtomicU64 = AtomicU64::new(0);

tokio::task_local! {
    static SCOPE: Scope;
}

#[derive(Clone)]
struct Scope {
    /// Held by every clean-up until it has ended.
    running: mpsc::Sender<()>,
    made: Arc<Mutex<MadeInCall>>,
}

/// The sandbox that a call has made, and that it is not settled until its result has reached somebody.
#[derive(Default)]
struct MadeInCall {
    made: Option<Made>,
    _unsettled: Option<Unsettled>,
}

/// The clean-ups of one call. Held until the call's result has been handed over or dropped.
pub struct Cleanups {
    running: mpsc::Receiver<()>,
    made: Arc<Mutex<MadeInCall>>,
}

impl fmt::Debug for Cleanups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cleanups")
    }
}

/// A call whose clean-ups can be waited for.
pub fn scope<F: Future>(work: F) -> (impl Future<Output = F::Output>, Cleanups) {
    let (sender, running) = mpsc::channel(1);
    let made = Arc::<Mutex<MadeInCall>>::default();
    let scope = Scope { running: sender, made: Arc::clone(&made) };
    (SCOPE.scope(scope, work), Cleanups { running, made })
}

impl Cleanups {
    /// Waits until everything the call left behind has been cleaned up. The call's future must have been dropped.
    pub async fn finished(&mut self) {
        // Nothing is ever sent: this ends when the last sender is gone.
        let _ = self.running.recv().await;
    }

    /// What the call has made, if it succeeded and made something.
    pub fn made(&self) -> Option<Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).made.take()
    }
}

/// A new sandbox that nobody knows of yet. Dropped, it is deleted.
pub struct Made(Option<Box<Unclaimed>>);

struct Unclaimed {
    client: Client,
    sandbox_id: String,
    runtime: Handle,
    pid: u32,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Made").field(&self.0.as_ref().map(|unclaimed| &unclaimed.sandbox_id)).finish()
    }
}

impl Made {
    /// Leaves the sandbox to the caller.
    pub fn claim(mut self) {
        self.0 = None;
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let Some(unclaimed) = self.0.take() else { return };
        if unclaimed.pid != std::process::id() {
            // Inherited by a fork: not even dropping it is safe.
            std::mem::forget(unclaimed);
            return;
        }
        let Unclaimed { client, sandbox_id, runtime, .. } = *unclaimed;
        let unsettled = Unsettled::new();
        runtime.spawn(async move {
            delete(&client, &sandbox_id, "nobody waited for it any more").await;
            drop(unsettled);
        });
    }
}

/// Notes what the current call has made, for who runs it.
pub(crate) fn note_made(client: &Client, sandbox_id: &str) {
    let _ = SCOPE.try_with(|scope| {
        let unclaimed = Unclaimed {
            client: client.clone(),
            sandbox_id: sandbox_id.to_owned(),
            runtime: Handle::current(),
            pid: std::process::id(),
        };
        let made = MadeInCall { made: Some(Made(Some(Box::new(unclaimed)))), _unsettled: Some(Unsettled::new()) };
        *scope.made.lock().unwrap_or_else(PoisonError::into_inner) = made;
    });
}

/// Runs a clean-up in the background, as part of the current call's, or anything else that must not be given up in the middle.
/// Without a runtime there is nobody to do it.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Option<tokio::task::JoinHandle<()>> {
    let running = SCOPE.try_with(|scope| scope.running.clone()).ok();
    let unsettled = Unsettled::new();
    let handle = Handle::try_current().ok()?;
    Some(handle.spawn(async move {
        work.await;
        drop((unsettled, running));
    }))
}

/// Deletes a sandbox, however long its server is not ready for that. The log says how it went, and `why`.
pub(crate) async fn delete(client: &Client, sandbox_id: &str, why: &str) -> bool {
    let path = format!("/sandbox/{}", segment(sandbox_id));
    let deleting = async {
        let mut pauses = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match client.api(Method::DELETE, path.as_str()).done().await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) if error.kind().is(ErrorKind::Conflict) || error.info().retryable => {
                    pauses.pause().await;
                }
                other => return other,
            }
        }
    };
    let deleted: Result<()> = deadline::within(client, "sandbox.delete", Some(LIMIT), Box::pin(deleting)).await;
    report(sandbox_id, why, &deleted);
    deleted.is_ok()
}

fn report(sandbox_id: &str, why: &str, deleted: &Result<()>) {
    let fields = |error: Option<&Error>| Fields {
        operation: Some("sandbox.create"),
        sandbox_id: Some(sandbox_id.to_owned()),
        error: error.map(|error| format!("{:?}", error.kind())),
        ..Fields::default()
    };
    match deleted {
        Ok(()) => log::record(Level::Info, || (format!("Sandbox {sandbox_id} was deleted: {why}"), fields(None))),
        Err(error) => log::record(Level::Error, || {
            (
                format!("Sandbox {sandbox_id} is left behind: {why}, and it could not be deleted: {error}"),
                fields(Some(error)),
            )
        }),
    }
}

/// Whether calls are under way in this process that have made something, or clean-ups.
pub fn unsettled() -> bool {
    let value = UNSETTLED.load(Ordering::Acquire);
    value >> 32 == u64::from(std::process::id()) && value as u32 != 0
}

/// Counts as not settled while it is held.
pub(crate) struct Unsettled {
    pid: u64,
}

impl Unsettled {
    pub(crate) fn new() -> Self {
        let pid = u64::from(std::process::id());
        // What a fork copied counts in the parent only.
        let count = |value: u64| if value >> 32 == pid { value + 1 } else { (pid << 32) + 1 };
        let _ = UNSETTLED.fetch_update(Ordering::AcqRel, Ordering::Acquire, |value| Some(count(value)));
        Self { pid }
    }
}

impl Drop for Unsettled {
    fn drop(&mut self) {
        let _ = UNSETTLED.fetch_update(Ordering::AcqRel, Ordering::Acquire, |value| {
            (value >> 32 == self.pid && value as u32 > 0).then(|| value - 1)
        });
    }
}
