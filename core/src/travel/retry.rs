//! Which failures may be tried again, and when.
//!
//! A request is repeated only when that cannot do something twice: the connection failed before a byte was sent, the
//! server said that it did not process it (429), or the method is idempotent. `Retry-After` is honoured; a wait
//! that would exceed the call's deadline, or [`LONGEST_WAIT`] when there is none, is not begun.

use std::time::Duration;

use http::Method;

use super::backoff::Backoff;
use super::deadline;
use crate::error::{Error, ErrorKind};

/// Attempts of one request, the first included.
pub(crate) const MAX_ATTEMPTS: u32 = 4;

/// The code of errors that tell what a server does not have.
const NOT_IMPLEMENTED: &str = "NOT_IMPLEMENTED";

/// The longest wait of a call without deadline: who is told to come back in an hour should hear of it.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The pauses where the server does not say how long.
pub(crate) const fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(100), LONGEST_WAIT)
}

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
    backoff: &mut Backoff,
) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS || !repeatable {
        return None;
    }
    // A proxy that cannot be used, for example: it stays so.
    if matches!(error.kind(), ErrorKind::InvalidArgument) {
        return None;
    }
    let idempotent = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE);
    let again = match failure {
        Failure::NotSent => true,
        Failure::Broken => idempotent,
        Failure::Answered => match error.kind() {
            ErrorKind::RateLimit => true,
            // What a server does not have it will not have in a moment.
            _ if error.info().code.as_deref() == Some(NOT_IMPLEMENTED) => false,
            ErrorKind::BadGateway | ErrorKind::ServiceUnavailable => idempotent,
            _ => error.status() == Some(504) && idempotent,
        },
    };
    if !again {
        return None;
    }
    let wait = match error.info().retry_after {
        Some(wait) => wait,
        None => backoff.take_jittered(),
    };
    let left = deadline::remaining().unwrap_or(LONGEST_WAIT);
    (wait < left).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_wrong_is_not_tried_again() {
        let again = |error: &Error| delay(&Method::GET, Failure::NotSent, error, 1, true, &mut backoff()).is_some();
        assert!(again(&Error::new(ErrorKind::Connection, "Nothing listens there.")));
        assert!(!again(&Error::invalid_argument("The proxy socks5://proxy cannot be used.")));
    }
}
