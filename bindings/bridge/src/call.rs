//! A cancellable operation in flight.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use daytona::{Error, ErrorKind, Result};
use futures_util::FutureExt;
use tokio::task::AbortHandle;

use crate::sink::lock;
use crate::stats::Counted;
use crate::{Completion, Sink, runtime};

type Slot = Arc<Mutex<Option<Box<dyn Sink>>>>;

/// A call in flight. Dropping it cancels it unless it has completed.
pub struct Call {
    slot: Slot,
    task: AbortHandle,
    pid: u32,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("finished", &self.is_finished()).finish()
    }
}

impl Call {
    /// Runs `work` on the runtime and hands its outcome to `sink`.
    pub(crate) fn spawn(work: impl Future<Output = Result<Completion>> + Send + 'static, sink: Box<dyn Sink>) -> Self {
        let slot: Slot = Arc::new(Mutex::new(Some(sink)));
        let counted = Counted::call();
        let task = {
            let slot = slot.clone();
            runtime::handle().spawn(async move {
                let outcome = AssertUnwindSafe(work).catch_unwind().await;
                let completion = match outcome {
                    Ok(Ok(completion)) => completion,
                    Ok(Err(error)) => Completion::Error(error_json(&error)),
                    Err(panic) => Completion::Error(error_json(&panicked(panic.as_ref()))),
                };
                // Counted down first, so that a program that has seen its last call end sees zero.
                drop(counted);
                complete(&slot, completion);
            })
        };
        Self { slot, task: task.abort_handle(), pid: std::process::id() }
    }

    /// A call that has failed before it began.
    pub(crate) fn failed(error: &Error, sink: Box<dyn Sink>) -> Self {
        let slot: Slot = Arc::new(Mutex::new(None));
        sink.complete(Completion::Error(error_json(error)));
        let task = runtime::handle().spawn(async {}).abort_handle();
        Self { slot, task, pid: std::process::id() }
    }

    /// Ends the call with `Cancelled` unless it has completed. May be called any number of times.
    pub fn cancel(&self) {
        // In a forked child the task does not exist and its locks may be held for ever.
        if self.pid != std::process::id() {
            return;
        }
        self.task.abort();
        complete(&self.slot, Completion::Cancelled);
    }

    /// Whether the completion has been delivered.
    pub fn is_finished(&self) -> bool {
        self.pid != std::process::id() || lock(&self.slot).is_none()
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

fn complete(slot: &Slot, completion: Completion) {
    // Taken out first: the sink runs without the lock.
    let sink = lock(slot).take();
    if let Some(sink) = sink {
        sink.complete(completion);
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
    Error::new(ErrorKind::Internal, format!("The daytona library has a defect: {text}"))
}
