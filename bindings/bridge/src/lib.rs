//! What every language binding shares.
//!
//! A binding crate is thin: it turns its language's values into a [`Payload`], calls [`Client::start`], and turns the
//! [`Completion`] back. The words mean the same everywhere:
//!
//! * **Operation**: a name of the op table (`process.exec`) and a payload: JSON `{"target"?, "requestTimeout"?, "args"}`
//!   plus attachments. Bytes travel as attachments, never inside the JSON.
//! * **Call**: an operation in flight. It completes exactly once through its [`Sink`]: `Ok`, `Stream`, `Error` or
//!   `Cancelled`. [`Call::cancel`] is idempotent; dropping an unfinished call cancels it, and cancelling drops
//!   the operation's future, which closes its connection and so stops the remote work.
//! * **Stream**: an open log, run, terminal, upload or download. Reads, writes and control are calls too, and none of
//!   them waits for another. What is not read is not taken from the socket.
//! * **Threads**: operations run on the bridge's own runtime (2 to 4 threads, made at first use). Sinks are called
//!   there, or on the thread that cancels; they must not block and must not touch a language runtime.
//! * **Fork**: the runtime and connections belong to the process that made them. In a forked child a client makes
//!   new ones by itself; calls and streams of the parent answer `Closed`. Nothing inherited is ever dropped.
//! * **Log**: records queue up and are fetched with [`take_log`] by a thread of the language.
//! * **Panics** never cross: they become an `Internal` error.

mod call;
mod client;
mod dispatch;
mod log;
mod per_process;
mod runtime;
mod sink;
mod stats;
mod stream;

#[rustfmt::skip]
mod generated;

use bytes::Bytes;

pub use call::Call;
pub use client::Client;
pub use generated::SCHEMA_HASH;
pub use log::{set_log_level, take_log};
pub use sink::{Completion, Pump, Sink, Waiter, future};
pub use stats::{Stats, debug_stats};
pub use stream::Stream;

/// A value on the boundary: JSON, and the bytes it refers to by index.
#[derive(Debug, Clone, Default)]
pub struct Payload {
    /// UTF-8 JSON; empty = nothing.
    pub json: Bytes,
    /// Attachments.
    pub blobs: Vec<Bytes>,
}

impl Payload {
    /// JSON without attachments.
    pub fn json(json: impl Into<Bytes>) -> Self {
        Self { json: json.into(), blobs: Vec::new() }
    }
}
