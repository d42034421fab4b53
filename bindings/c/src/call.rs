//! Calls in flight.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// A call in flight.
pub struct Call(daytona_bridge::Call);

impl Call {
    pub(crate) fn into_raw(call: daytona_bridge::Call) -> *mut Self {
        Box::into_raw(Box::new(Self(call)))
    }
}

/// Cancels a call unless it has completed: the connection is closed, and what it did in the sandbox stops. The callback is
/// called all the same, soon: with the result when the call had it already, else with `DAYTONA_STATUS_CANCELLED`. For
/// "sandbox.create" that is when the sandbox has been deleted, at most 10 seconds later.
///
/// # Safety
/// `call` must be NULL or a call that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_call_cancel(call: *const Call) {
    // SAFETY: NULL or live, as the caller promises.
    if let Some(call) = unsafe { call.as_ref() } {
        // Nothing can be told here: a panic while cancelling leaves the call to end by itself.
        let _ = catch_unwind(AssertUnwindSafe(|| call.0.cancel()));
    }
}

/// Frees a call; cancels it unless it has completed, and then its callback is still to come.
///
/// # Safety
/// `call` must be NULL or a call that has not been freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_call_free(call: *mut Call) {
    if !call.is_null() {
        // SAFETY: made by `into_raw`, and freed once, as the caller promises.
        let call = unsafe { Box::from_raw(call) };
        let _ = catch_unwind(AssertUnwindSafe(move || drop(call)));
    }
}
