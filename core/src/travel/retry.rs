//! Which failures may be tried again, and when.
//!
//! A request is repeated only when that cannot do something twice: the connection failed before a byte was sent, the
//! server said that it did not process it (429), or the method is idempotent. `Retry-After` is honoured; a wait
//! that would exceed the call's deadline, or [`LONGEST_WAIT`] when there is none, is not begun.

use std::time::Duration;

use http::Method;

use crate::error::{Error, ErrorKind};

/// Attempts of one request, the first included.
pub(crate) const MAX_ATTEMPTS: u32 = 4;

/// The longest wait of a call without deadline: who is told to come back in an hour should hear of it.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How an attempt failed.
pub(crate) enum Failure {
    /// No connection: nothing was sent.
    NotSent,
    /// The connection broke after the request was sent, fully or in part.
    Broken,
    /// The server answered with an error status.
    Answered,
}

/// The time to wait before another attempt, or `None` to give up.
pub(crate) fn delay(
    method: &Method,
    failure: Failure,
    error: &Error,
    attempt: u32,
    repeatable: bool,
) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS || !repeatable {
        return None;
    }
    let idempotent = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    let again = match failure {
        Failure::NotSent => true,
        Failure::Broken => idempotent,
        Failure::Answered => match error.kind() {
            ErrorKind::RateLimit => true,
            ErrorKind::BadGateway | ErrorKind::ServiceUnavailable => idempotent,
            _ => error.status() == Some(504) && idempotent,
        },
    };
    if !again {
        return None;
    }
    let wait = match error.info().retry_after {
        Some(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        None => Duration::from_millis(100 << (attempt - 1)).mul_f64(jitter()),
    };
    let left = crate::travel::deadline::remaining().unwrap_or(LONGEST_WAIT);
    (wait < left).then_some(wait)
}

/// A factor of 0.75 to 1.25, so that clients that failed together do not come back together.
fn jitter() -> f64 {
    let random = uuid::Uuid::new_v4().as_u128() as u16;
    0.75 + f64::from(random) / f64::from(u16::MAX) / 2.0
}
