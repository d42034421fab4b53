//! One deadline for a whole call, its retries included.
//!
//! [`within`] sets it; everything below asks [`remaining`] before it sleeps, so that a retry that could not finish in
//! time is not even started. What is logged below learns the operation's name from [`operation`].

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::telemetry::TraceContext;

tokio::task_local! {
    static CALL: Call;
    /// The span of the operation that started the task.
    static TRACE: Option<Arc<TraceContext>>;
}

/// The call that a task works for.
struct Call {
    operation: &'static str,
    deadline: Option<Instant>,
    /// The span of the operation that the program called.
    trace: Option<Arc<TraceContext>>,
}

/// Runs `work` and gives it up after `limit` (`None` = no limit) with a `Timeout` error that names the operation.
pub(crate) async fn within<T>(
    client: &Client,
    operation: &'static str,
    limit: Option<Duration>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    within_trace(client, operation, limit, trace(), work).await
}

/// The same within a span.
pub(crate) async fn within_trace<T>(
    client: &Client,
    operation: &'static str,
    limit: Option<Duration>,
    trace: Option<Arc<TraceContext>>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(limit) = limit else {
        return CALL
            .scope(Call { operation, deadline: None, trace }, work)
            .await
            .map_err(|e| e.in_operation(operation));
    };
    let deadline = Instant::now() + limit;
    let call = Call { operation, deadline: Some(deadline), trace };
    match CALL.scope(call, tokio::time::timeout_at(deadline, work)).await {
        Ok(result) => result.map_err(|e| e.in_operation(operation)),
        Err(_) => {
            let name = client.operation_name(operation);
            Err(Error::new(ErrorKind::Timeout, format!("{name} exceeded its timeout of {} s", seconds(limit)))
                .in_operation(operation))
        }
    }
}

/// Whether an error is that of a deadline set here, and not the server's.
pub(crate) fn has_passed(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout && error.status().is_none() && error.info().url.is_none()
}

/// Time left for the current call; `None` = no limit.
pub(crate) fn remaining() -> Option<Duration> {
    CALL.try_with(|call| call.deadline)
        .ok()
        .flatten()
        .map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// The operation that the current task works for.
pub(crate) fn operation() -> Option<&'static str> {
    CALL.try_with(|call| call.operation).ok()
}

/// The span of the operation that the current task works for, if it has one.
pub(crate) fn trace() -> Option<Arc<TraceContext>> {
    let own = CALL.try_with(|call| call.trace.clone()).ok().flatten();
    own.or_else(|| TRACE.try_with(Clone::clone).ok().flatten())
}

/// Work for another task, whose requests belong to the same span.
pub(crate) fn in_trace<F: Future>(work: F) -> impl Future<Output = F::Output> {
    TRACE.scope(trace(), work)
}

/// Work for another task that no operation of the program asked for: what it calls has no spans, and its requests belong to a trace
/// that nobody records.
pub(crate) fn beside_operations<F: Future>(work: F) -> impl Future<Output = F::Output> {
    TRACE.scope(Some(Arc::new(TraceContext::root())), work)
}

/// The longest limit that can be added to a time.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64 * 100);

/// The limit for a timeout as callers give it: nothing = `default`, 0 = none.
pub(crate) fn limit(timeout: Option<Duration>, default: Option<Duration>) -> Option<Duration> {
    match timeout {
        None => default,
        Some(Duration::ZERO) => None,
        Some(timeout) => Some(timeout.min(LONGEST)),
    }
}

/// Seconds as people write them: `60`, `0.25`.
fn seconds(duration: Duration) -> String {
    let text = format!("{:.3}", duration.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
