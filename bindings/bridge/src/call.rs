//! A cancellable operation in flight.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use daytona::cleanup::{self, Cleanups};
use daytona::{Error, ErrorKind, Result};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::stats::Counted;
use crate::{Completion, Sink, exit, runtime};

/// How long a cancelled call waits for its clean-ups before it completes. They go on without it.
const CLEANUP_LIMIT: Duration = Duration::from_secs(10);

/// A call in flight. Dropping it cancels it unless it has completed.
pub struct Call {
    shared: Arc<Shared>,
    pid: u32,
}

#[derive(Default)]
struct Shared {
    cancel: Notify,
    finished: AtomicBool,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("finished", &self.is_finished()).finish()
    }
}

impl Call {
    /// Runs `work` on the runtime and hands its outcome to `sink`.
    pub(crate) fn spawn(work: impl Future<Output = Result<Completion>> + Send + 'static, sink: Box<dyn Sink>) -> Self {
        let runtime = match runtime::handle() {
            Ok(runtime) => runtime,
            Err(error) => return Self::failed(&error, sink),
        };
        let shared = Arc::new(Shared::default());
        let counted = Counted::call();
        let task = shared.clone();
        runtime.spawn(async move {
            let (work, mut cleanups) = cleanup::scope(work);
            let completion = complete(work, &mut cleanups, &task.cancel).await;
            // Counted down first, so that a program that has seen its last call end sees zero.
            drop(counted);
            task.finished.store(true, Ordering::Release);
            sink.complete(completion);
            // Until here, so that the exit of the process waits for a result that nobody took.
            drop(cleanups);
        });
        Self { shared, pid: std::process::id() }
    }

    /// A call that has failed before it began.
    pub(crate) fn failed(error: &Error, sink: Box<dyn Sink>) -> Self {
        sink.complete(Completion::Error(error_json(error)));
        let shared = Shared { finished: AtomicBool::new(true), ..Shared::default() };
        Self { shared: Arc::new(shared), pid: std::process::id() }
    }

    /// Ends the call soon unless it has completed. The completion comes all the same: the result of a call that had it
    /// already, else `Cancelled`, when what the call had made has been cleaned up. May be called any number of times.
    pub fn cancel(&self) {
        // In a forked child the task does not exist and its locks may be held for ever.
        if self.pid == std::process::id() {
            self.shared.cancel.notify_one();
        }
    }

    /// Whether the completion has been delivered, or is about to be.
    pub fn is_finished(&self) -> bool {
        self.pid != std::process::id() || self.shared.finished.load(Ordering::Acquire)
    }

    /// Lets the call go on without its handle.
    pub fn detach(mut self) {
        self.pid = 0;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Runs `work` to its end, or until it is cancelled. A result that is there counts, also when both come at once.
async fn complete(
    work: impl Future<Output = Result<Completion>> + Send,
    cleanups: &mut Cleanups,
    cancel: &Notify,
) -> Completion {
    let outcome = {
        let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
        tokio::select! {
            biased;
            outcome = &mut work => Some(outcome),
            () = cancel.notified() => None,
            () = exit::requested() => None,
        }
    };
    match outcome {
        Some(Ok(Ok(Completion::Ok(mut payload)))) => {
            payload.made = cleanups.made();
            Completion::Ok(payload)
        }
        Some(Ok(Ok(completion))) => completion,
        Some(Ok(Err(error))) => Completion::Error(error_json(&error)),
        Some(Err(panic)) => Completion::Error(error_json(&panicked(panic.as_ref()))),
        None => {
            // The limit has passed: whoever cancels has waited long enough.
            let _ = tokio::time::timeout(CLEANUP_LIMIT, cleanups.finished()).await;
            Completion::Cancelled
        }
    }
}

/// The error envelope: `ErrorInfo` as JSON.
pub(crate) fn error_json(error: &Error) -> Bytes {
    serde_json::to_vec(error.info()).map_or_else(
        |_| {
            Bytes::from_static(
                br#"{"kind":"Internal","message":"The error could not be described.","retryable":false}"#,
            )
        },
        Bytes::from,
    )
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    // What the runtime says where it needs one more thread and cannot have it.
    if text.contains("spawn") && text.contains("thread") {
        return runtime::unavailable(&std::io::ErrorKind::WouldBlock.into());
    }
    Error::new(ErrorKind::Internal, format!("The daytona library has a defect: {text}"))
}
