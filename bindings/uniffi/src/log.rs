//! Log records on their way to the language's own logging.

use crate::DaytonaError;

/// Queues log records of all clients from now on: `error`, `warn`, `info` or `debug`, each with the more important ones;
/// `off` = none, as at the start.
///
/// Throws `InvalidArgument` for another word.
#[uniffi::export]
pub fn set_log_level(level: String) -> Result<(), DaytonaError> {
    daytona_bridge::set_log_level(&level).map_err(|e| DaytonaError::from_envelope(&e))
}

/// Takes the queued log records, oldest first, as a JSON array of `{"time": seconds since 1970, "level", "message",
/// "fields": {"operation"?, "method"?, "url"?, "status"?, "durationMs"?, "attempt"?, "requestId"?, "sandboxId"?,
/// "error"?}}`; nothing when there are none. Never blocks.
#[uniffi::export]
pub fn take_log() -> Option<String> {
    daytona_bridge::take_log().map(|json| String::from_utf8_lossy(&json).into_owned())
}
