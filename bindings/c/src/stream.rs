//! Open streams.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::callback::Receiver;
use crate::{Call, Callback, Slice};

/// An open stream: logs, a run of the code interpreter, a terminal, a download or an upload.
pub struct Stream(daytona_bridge::Stream);

impl Stream {
    pub(crate) fn into_raw(stream: daytona_bridge::Stream) -> *mut Self {
        Box::into_raw(Box::new(Self(stream)))
    }
}

/// Reads a batch of up to about `max` bytes, as soon as there is anything. The result has the batch as its only blob: bytes
/// of a terminal or download; frames of logs, runs and directories, each a tag (1 byte: 1 standard output, 2 standard
/// error, 3 a JSON error, 4 JSON progress), a length (4 bytes, little-endian) and the content. At the end there is no blob,
/// and the JSON is the result of the stream: {"exitCode"?, "error"?} of a terminal, {"files", "bytes", "skipped"} of a
/// directory, else empty. One read at a time.
///
/// `form` says how output is read, from read to read: "bytes" as it came (also NULL); "characters" as it came, but no frame
/// ends within a character; "text" as UTF-8, with U+FFFD for what is none; "lines", a frame each, without their ends.
///
/// # Safety
/// `stream` must be NULL or live, `form` NULL or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_read(
    stream: *const Stream,
    max: usize,
    form: *const c_char,
    callback: Callback,
    user: *mut c_void,
) -> *mut Call {
    // SAFETY: NULL or live, as the caller promises.
    let stream = unsafe { stream.as_ref() };
    // SAFETY: NULL or NUL-terminated, as the caller promises.
    let form = if form.is_null() { "bytes" } else { unsafe { CStr::from_ptr(form) }.to_str().unwrap_or_default() };
    Receiver::new(callback, user).start(|sink| Some(stream?.0.read(max, form, sink)))
}

/// Writes a piece to a terminal or an upload; completes when there is room for the next one.
///
/// # Safety
/// `stream` must be NULL or live, `data` readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_write(
    stream: *const Stream,
    data: Slice,
    callback: Callback,
    user: *mut c_void,
) -> *mut Call {
    // SAFETY: NULL or live, as the caller promises.
    let stream = unsafe { stream.as_ref() };
    // SAFETY: readable, as the caller promises.
    Receiver::new(callback, user).start(|sink| Some(stream?.0.write(unsafe { data.copy() }, sink)))
}

/// Ends the writing side in order: an upload is stored, a terminal is disconnected.
///
/// # Safety
/// `stream` must be NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_finish(
    stream: *const Stream,
    callback: Callback,
    user: *mut c_void,
) -> *mut Call {
    // SAFETY: NULL or live, as the caller promises.
    let stream = unsafe { stream.as_ref() };
    Receiver::new(callback, user).start(|sink| Some(stream?.0.finish(sink)))
}

/// Closes a stream at once; calls in flight on it end with an error of kind "Closed".
///
/// # Safety
/// `stream` must be NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_close(stream: *const Stream) {
    // SAFETY: NULL or live, as the caller promises.
    if let Some(stream) = unsafe { stream.as_ref() } {
        let _ = catch_unwind(AssertUnwindSafe(|| stream.0.close()));
    }
}

/// Frees a stream; closes it when it is open.
///
/// # Safety
/// `stream` must be NULL or live, and no other thread may use it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_free(stream: *mut Stream) {
    if !stream.is_null() {
        // SAFETY: made by `into_raw`, and freed once, as the caller promises.
        let stream = unsafe { Box::from_raw(stream) };
        let _ = catch_unwind(AssertUnwindSafe(move || drop(stream)));
    }
}
