//! The errors of the desktop.

use std::fmt::Display;
use std::time::Duration;

use http::StatusCode;

use crate::errors::ApiError;

/// There is no desktop in this sandbox. The words are the contract's; they end with the way out.
pub(super) fn unavailable() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "NOT_IMPLEMENTED",
        "Computer-use functionality is not available: this sandbox has no desktop. Create it from the snapshot \
         daytona-desktop, which `daytona local setup --desktop` prepares.",
    )
}

/// There is one, and it does not run.
pub(super) fn not_started() -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "CONFLICT",
        "The desktop does not run: start it first (POST /computeruse/start).",
    )
}

/// What was asked for before is not done.
pub(super) fn busy(waited: Duration) -> ApiError {
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "SERVICE_UNAVAILABLE",
        format!(
            "The desktop has not finished what was asked for before in {} seconds: it types a long text, or a program keeps the \
             screen from answering. End that program, or stop the desktop and start it again.",
            waited.as_secs()
        ),
    )
}

/// The X server refused something, or the connection to it broke.
pub(super) fn display_failed(error: impl Display) -> ApiError {
    ApiError::internal(format!("the display: {error}"))
}
