//! How completions reach C.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daytona_bridge::{Completion, Sink};

use crate::call::Call;
use crate::{Slice, Stream};

/// How a call ended.
#[repr(C)]
pub enum Status {
    /// With a result.
    Ok = 0,
    /// With an open stream.
    Stream = 1,
    /// With an error.
    Error = 2,
    /// It was cancelled.
    Cancelled = 3,
}

/// Takes the completion of a call. `user` is what the call was started with; `json` and `blobs` are valid until the
/// callback returns; `stream` is the callback's to free, and NULL unless the status is `DAYTONA_STATUS_STREAM`.
pub type Callback = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        status: Status,
        json: Slice,
        blobs: *const Slice,
        blob_count: usize,
        stream: *mut Stream,
    ),
>;

/// The receiver of one call's completion.
#[derive(Clone, Copy)]
pub(crate) struct Receiver {
    callback: Callback,
    user: *mut c_void,
}

// SAFETY: the contract allows callbacks on any thread, so `user` must be usable there.
unsafe impl Send for Receiver {}
// SAFETY: as above; the receiver itself is never changed.
unsafe impl Sync for Receiver {}

impl Receiver {
    pub(crate) fn new(callback: Callback, user: *mut c_void) -> Self {
        Self { callback, user }
    }

    /// Starts a call. When starting it panics, the call completes with an error all the same.
    pub(crate) fn start(self, start: impl FnOnce(Box<dyn Sink>) -> Option<daytona_bridge::Call>) -> *mut Call {
        let delivered = Arc::new(AtomicBool::new(false));
        let sink = {
            let delivered = delivered.clone();
            Box::new(move |completion| {
                if !delivered.swap(true, Ordering::AcqRel) {
                    self.deliver(completion);
                }
            })
        };
        match catch_unwind(AssertUnwindSafe(|| start(sink))) {
            Ok(Some(call)) => Call::into_raw(call),
            Ok(None) => {
                self.deliver_once(&delivered, CLOSED);
                ptr::null_mut()
            }
            Err(_) => {
                self.deliver_once(&delivered, PANICKED);
                ptr::null_mut()
            }
        }
    }

    /// Hands over an error that needs no call.
    pub(crate) fn fail(self, json: &[u8]) {
        self.call(Status::Error, json, &[], ptr::null_mut());
    }

    /// Hands over JSON that needs no call.
    pub(crate) fn hand_over(self, json: &[u8]) {
        self.call(Status::Ok, json, &[], ptr::null_mut());
    }

    fn deliver_once(self, delivered: &AtomicBool, json: &str) {
        if !delivered.swap(true, Ordering::AcqRel) {
            self.fail(json.as_bytes());
        }
    }

    fn deliver(self, completion: Completion) {
        match completion {
            // Without a callback nobody takes what the call has made.
            Completion::Ok(_) if self.callback.is_none() => {}
            Completion::Ok(payload) => {
                let (json, blobs) = payload.claim();
                self.call(Status::Ok, &json, &blobs, ptr::null_mut());
            }
            Completion::Stream(stream, info) => {
                let (json, blobs) = info.claim();
                self.call(Status::Stream, &json, &blobs, Stream::into_raw(stream));
            }
            Completion::Error(json) => self.fail(&json),
            Completion::Cancelled => self.call(Status::Cancelled, &[], &[], ptr::null_mut()),
        }
    }

    fn call(self, status: Status, json: &[u8], blobs: &[bytes::Bytes], stream: *mut Stream) {
        let Some(callback) = self.callback else {
            // SAFETY: the stream, if any, was made for this callback and nobody else knows it.
            unsafe { crate::daytona_stream_free(stream) };
            return;
        };
        let slices: Vec<Slice> = blobs.iter().map(|blob| Slice::of(blob)).collect();
        let (first, count) = if slices.is_empty() { (ptr::null(), 0) } else { (slices.as_ptr(), slices.len()) };
        let json = if json.is_empty() { Slice::EMPTY } else { Slice::of(json) };
        // SAFETY: the callback came from the caller; the buffers outlive the call.
        unsafe { callback(self.user, status, json, first, count, stream) };
    }
}

const CLOSED: &str = r#"{"kind":"Closed","message":"The client or stream has been closed.","retryable":false}"#;
pub(crate) const PANICKED: &str = r#"{"kind":"Internal","message":"The daytona library has a defect: a call could not be started.","retryable":false}"#;
