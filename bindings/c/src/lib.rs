//! The C interface of the Daytona SDK.
//!
//! CALLS. `daytona_start` and the `daytona_stream_*` calls return at once. Each call completes exactly once by calling
//! its callback with a status:
//!   * `DAYTONA_STATUS_OK`: `json` and `blobs` are the result.
//!   * `DAYTONA_STATUS_STREAM`: `stream` is the open stream, `json` is what is known about it.
//!   * `DAYTONA_STATUS_ERROR`: `json` is the error: {"kind", "message", "retryable", "status"?, "headers"?, "code"?,
//!     "source"?, "requestId"?, "method"?, "url"?, "operation"?, "retryAfter"?}.
//!   * `DAYTONA_STATUS_CANCELLED`: the call was cancelled.
//!
//! OPERATIONS. `op` is an id of schema/daytona.json, for example "process.exec". Its request is the JSON
//! {"target"?: {"id", "url"}, "requestTimeout"?: seconds, "args": {positional parameters, "options"?: {…}}}; `target` (a
//! sandbox's `id` and `toolboxProxyUrl`) belongs to the services process, fs and code_interpreter. Bytes never travel
//! inside JSON: a value of type bytes is the index of one of the blobs.
//!
//! BUFFERS. Who passes a buffer owns it, and it need only stay valid until the call it was passed to returns: the
//! library copies what it keeps of its arguments, a callback copies what it keeps of its own. There is nothing to free.
//!
//! HANDLES. Clients, calls and streams are freed with `daytona_client_free`, `daytona_call_free` and
//! `daytona_stream_free`, once, when no other thread uses the handle any more. Freeing an unfinished call cancels it,
//! freeing an open stream closes it, freeing a client lets the calls in flight go on. Freeing NULL does nothing; every
//! other function takes a NULL client or stream as a closed one, and a NULL call as a finished one.
//!
//! THREADS. Every function may be called from any thread, and none waits for the network. Callbacks run on threads of
//! the library, or on the thread that starts the call; they must not block and must not unwind. They may call any function
//! here. A callback may run before `daytona_start` has returned.
//!
//! EXIT. At a normal exit of the process, calls of "sandbox.create" in flight are cancelled, and the exit waits up to 10
//! seconds until what they made has been deleted.
//!
//! LOG. Log records wait in a queue of the process until `daytona_take_log` fetches them; see there.
//!
//! FORK. Connections and threads belong to the process that made them. In a forked child a client makes new ones by
//! itself; calls and streams of the parent are closed, and freeing them does nothing.
//!
//! ERRORS. A panic never crosses: it becomes an error of kind "Internal". The library installs no signal handlers.

mod call;
mod callback;
mod client;
mod image;
mod log;
mod slice;
mod stream;

pub use call::{Call, daytona_call_cancel, daytona_call_free};
pub use callback::{Callback, Status};
pub use client::{
    Client, daytona_client_close, daytona_client_free, daytona_client_new, daytona_client_place, daytona_start,
};
pub use image::daytona_image_step;
pub use log::{daytona_set_log_level, daytona_take_log};
pub use slice::Slice;
pub use stream::{
    Stream, daytona_stream_close, daytona_stream_finish, daytona_stream_free, daytona_stream_read, daytona_stream_write,
};

use std::ffi::c_char;
use std::sync::OnceLock;

/// Numbers of live things; all return to zero when a program has let go of everything.
#[repr(C)]
pub struct Stats {
    /// Operations in flight.
    pub calls: i64,
    /// Open streams.
    pub streams: i64,
    /// Clients.
    pub clients: i64,
}

/// Returns how much is alive in this process.
#[unsafe(no_mangle)]
pub extern "C" fn daytona_debug_stats() -> Stats {
    let stats = daytona_bridge::debug_stats();
    Stats { calls: stats.calls, streams: stats.streams, clients: stats.clients }
}

/// Returns the hash of the schema the library was built from, as a string that lives for ever. A package whose
/// generated part has another one does not fit to this library.
#[unsafe(no_mangle)]
pub extern "C" fn daytona_schema_hash() -> *const c_char {
    static HASH: OnceLock<std::ffi::CString> = OnceLock::new();
    HASH.get_or_init(|| std::ffi::CString::new(daytona_bridge::SCHEMA_HASH).unwrap_or_default()).as_ptr()
}
