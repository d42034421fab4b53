//! Clients and the operations they start.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use daytona_bridge::Payload;

use crate::callback::{PANICKED, Receiver};
use crate::{Call, Callback, Slice};

/// A client.
pub struct Client(daytona_bridge::Client);

/// Makes a client from a configuration: a JSON object with any of `apiKey`, `jwtToken`, `organizationId`, `apiUrl`
/// (a URL, or "local"), `target`, `caCert`, `localBinary`, `localStateDir`, `otelEnabled`, `source`, `useDeprecatedPolling`; what is
/// not given comes from the environment, `.env.local` and `.env`. No request is made.
///
/// Returns NULL when the configuration cannot be used; `failed`, which may be NULL, has then been called with the error.
///
/// # Safety
/// `config` must be readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_client_new(config: Slice, failed: Callback, user: *mut c_void) -> *mut Client {
    let receiver = Receiver::new(failed, user);
    // SAFETY: readable, as the caller promises.
    let config = unsafe { config.copy() };
    match catch_unwind(AssertUnwindSafe(|| daytona_bridge::Client::new(&config))) {
        Ok(Ok(client)) => Box::into_raw(Box::new(Client(client))),
        Ok(Err(error)) => {
            receiver.fail(&error);
            ptr::null_mut()
        }
        Err(_) => {
            receiver.fail(PANICKED.as_bytes());
            ptr::null_mut()
        }
    }
}

/// Starts an operation. Never fails itself: a wrong operation or argument completes the call with an error. May return
/// NULL, for a call that has completed already.
///
/// # Safety
/// `client` must be NULL or live, `op` a NUL-terminated string, `json` and the `blob_count` `blobs` readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_start(
    client: *const Client,
    op: *const c_char,
    json: Slice,
    blobs: *const Slice,
    blob_count: usize,
    callback: Callback,
    user: *mut c_void,
) -> *mut Call {
    Receiver::new(callback, user).start(|sink| {
        // SAFETY: all of it as the caller promises.
        let (client, op, payload) = unsafe {
            let blobs = match blob_count {
                0 => Vec::new(),
                n => std::slice::from_raw_parts(blobs, n).iter().map(|blob| blob.copy()).collect(),
            };
            (client.as_ref()?, CStr::from_ptr(op), Payload::new(json.copy(), blobs))
        };
        Some(client.0.start(&op.to_string_lossy(), payload, sink))
    })
}

/// Tells where a client connects to: calls `callback` before it returns, with `DAYTONA_STATUS_OK` and the JSON
/// {"apiUrl": base URL of the API or "local", "target"?: the region for new sandboxes}. Does nothing without a client.
///
/// # Safety
/// `client` must be NULL or live; `callback` NULL or a function that may be called with `user`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_client_place(client: *const Client, callback: Callback, user: *mut c_void) {
    // SAFETY: NULL or live, as the caller promises.
    if let Some(client) = unsafe { client.as_ref() }
        && let Ok((url, target)) = catch_unwind(AssertUnwindSafe(|| client.0.place()))
    {
        let place = serde_json::json!({ "apiUrl": url, "target": target }).to_string();
        Receiver::new(callback, user).hand_over(place.as_bytes());
    }
}

/// Whether the operations of a client are traced. Only then is `trace` of a request of use: the span that the caller is in,
/// {"parent": traceparent, "state"?: tracestate}. The operation `client.flush`, without arguments, sends the telemetry that
/// waits.
///
/// # Safety
/// `client` must be NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_client_traced(client: *const Client) -> bool {
    // SAFETY: NULL or live, as the caller promises.
    unsafe { client.as_ref() }.is_some_and(|client| client.0.is_traced())
}

/// Refuses further operations of a client. Those in flight go on.
///
/// # Safety
/// `client` must be NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_client_close(client: *const Client) {
    // SAFETY: NULL or live, as the caller promises.
    if let Some(client) = unsafe { client.as_ref() } {
        client.0.close();
    }
}

/// Frees a client.
///
/// # Safety
/// `client` must be NULL or live, and no other thread may use it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_client_free(client: *mut Client) {
    if !client.is_null() {
        // SAFETY: made by `daytona_client_new`, and freed once, as the caller promises.
        let client = unsafe { Box::from_raw(client) };
        let _ = catch_unwind(AssertUnwindSafe(move || drop(client)));
    }
}
