//! The native layer of the TypeScript package: handles and bytes, no behaviour.
//!
//! * **Calls and completions**: `Client.start` and the methods of `Stream` take a `Pump` and an id and return at once. The
//!   outcome appears in the pump under that id; the pump wakes the package, which drains it and turns outcomes into promises.
//!   The pump holds the calls in flight: a collected pump cancels them.
//! * **Threads**: a pump belongs to the JavaScript thread that made it. The bridge's threads push plain Rust data into its
//!   queue and wake the thread through one thread-safe function a pump, which works in Node.js, Bun and Deno. The pump forgets
//!   it before its environment goes, so a worker may be terminated and a process may exit at any time. This is why
//!   there are no promises here: they are settled in an environment that may be gone.
//! * **Ownership**: bytes coming in are copied, because JavaScript may change them meanwhile; bytes going out are handed
//!   over and freed when their `Buffer` is collected.

mod client;
mod pump;
mod stream;

use napi::bindgen_prelude::{Error, Result};
use napi_derive::napi;

/// Numbers of live things; all zero when a program has let go of everything.
#[napi(object)]
pub struct DebugStats {
    /// Operations whose work has not ended.
    pub calls: i64,
    /// Open streams.
    pub streams: i64,
    /// Clients that have not been closed.
    pub clients: i64,
}

/// What is alive in this process.
#[napi]
pub fn debug_stats() -> DebugStats {
    let stats = daytona_bridge::debug_stats();
    DebugStats { calls: stats.calls, streams: stats.streams, clients: stats.clients }
}

/// Queues log records of this level and above from now on: `error`, `warn`, `info`, `debug`, or `off`. Applies to all
/// threads of the process. The message of what it throws is the error as JSON.
#[napi]
pub fn set_log_level(level: String) -> Result<()> {
    daytona_bridge::set_log_level(&level)
        .map_err(|error| Error::from_reason(String::from_utf8_lossy(&error).into_owned()))
}

/// Takes one step of an image, which is given and returned as JSON. The message of what it throws is the error as JSON.
#[napi]
pub fn image_step(request: String) -> Result<String> {
    let text = |json: &[u8]| String::from_utf8_lossy(json).into_owned();
    let taken = daytona_bridge::image_step(request.as_bytes());
    taken.map(|image| text(&image)).map_err(|error| Error::from_reason(text(&error)))
}

/// Takes the queued log records as a JSON array; `null` when there are none. Never blocks.
#[napi]
pub fn take_log() -> Option<String> {
    daytona_bridge::take_log().map(|json| String::from_utf8_lossy(&json).into_owned())
}

/// Identifies the schema this library was built from.
#[napi]
pub fn schema_hash() -> &'static str {
    daytona_bridge::SCHEMA_HASH
}
