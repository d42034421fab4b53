//! Log records on their way to the caller's own log.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Callback;
use crate::callback::Receiver;

/// Queues log records of all clients from now on: "error", "warn", "info" or "debug", each with the more important
/// ones; "off" = none, as at the start. Returns false for another word.
///
/// # Safety
/// `level` must be NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_set_log_level(level: *const c_char) -> bool {
    if level.is_null() {
        return false;
    }
    // SAFETY: NUL-terminated, as the caller promises.
    let level = unsafe { CStr::from_ptr(level) }.to_string_lossy();
    catch_unwind(AssertUnwindSafe(|| daytona_bridge::set_log_level(&level).is_ok())).unwrap_or(false)
}

/// Takes the queued log records, oldest first. Returns false when there are none, which costs next to nothing: fit to be
/// called after every call. Otherwise calls `callback` before it returns, with `DAYTONA_STATUS_OK` and the JSON [{"time":
/// seconds since 1970, "level", "message", "fields": {"operation"?, "method"?, "url"?, "status"?, "durationMs"?,
/// "attempt"?, "requestId"?, "sandboxId"?, "error"?}}, …].
///
/// # Safety
/// `callback` must be NULL or a function that may be called with `user`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_take_log(callback: Callback, user: *mut c_void) -> bool {
    match catch_unwind(AssertUnwindSafe(daytona_bridge::take_log)) {
        Ok(Some(records)) => {
            Receiver::new(callback, user).hand_over(&records);
            true
        }
        Ok(None) | Err(_) => false,
    }
}
