//! What every language binding shares.
//!
//! A binding crate is thin: it turns its language's values into a [`Payload`], calls [`Client::start`], and turns the
//! [`Completion`] back. The words mean the same everywhere:
//!
//! * **Operation**: a name of the op table (`process.exec`) and a payload: JSON `{"target"?, "requestTimeout"?, "trace"?,
//!   "args"}` plus attachments. `trace` is the span that the caller is in: `{"parent": traceparent, "state"?: tracestate}`. Bytes travel as attachments, never inside the JSON.
//! * **Call**: an operation in flight. It completes exactly once through its [`Sink`]: `Ok`, `Stream`, `Error` or
//!   `Cancelled`. [`Call::cancel`] is idempotent; dropping an unfinished call cancels it, and cancelling drops
//!   the operation's future, which closes its connection and so stops the remote work. A call that is cancelled as it
//!   completes still hands over its result. A result that nobody takes is dropped, and a sandbox in it is deleted.
//! * **Stream**: an open log, run, terminal, upload or download. Reads, writes and control are calls too, and none of
//!   them waits for another. What is not read is not taken from the socket.
//! * **Threads**: operations run on the bridge's own runtime (2 to 4 threads, made at first use). Sinks are called
//!   there, or on the thread that starts the call; they must not block and must not touch a language runtime.
//! * **Fork**: the runtime and connections belong to the process that made them. In a forked child a client makes
//!   new ones by itself; calls and streams of the parent answer `Closed`. Nothing inherited is ever dropped.
//! * **Log**: records queue up and are fetched with [`take_log`] by a thread of the language.
//! * **Panics** never cross: they become an `Internal` error.

mod call;
mod client;
mod dispatch;
mod exit;
mod form;
pub mod frames;
mod image;
mod log;
mod names;
mod order;
mod per_process;
mod reader;
mod runtime;
mod sink;
mod stats;
mod stream;
mod telemetry;
mod testing;

#[rustfmt::skip]
mod generated;

use bytes::Bytes;
pub use daytona::cleanup::Made;
use daytona::model::Blob;

pub use call::Call;
pub use client::Client;
pub use exit::{EXIT_LIMIT, settle};
pub use generated::SCHEMA_HASH;
pub use image::image_step;
pub use log::{set_log_level, take_log};
pub use sink::{Completion, Pump, Sink, Waiter, future};
pub use stats::{Stats, debug_stats};
pub use stream::Stream;

/// A value on the boundary: JSON, and the bytes it refers to by index.
#[derive(Debug, Default)]
pub struct Payload {
    json: Bytes,
    blobs: Vec<Bytes>,
    /// The one attachment in the pieces it came in, instead of `blobs`.
    pieces: Option<Vec<Bytes>>,
    /// What the call has made: deleted when the payload is dropped before somebody claimed it.
    made: Option<Made>,
}

impl Payload {
    /// UTF-8 JSON (empty = nothing) and the attachments it refers to.
    pub fn new(json: impl Into<Bytes>, blobs: Vec<Bytes>) -> Self {
        Self { json: json.into(), blobs, pieces: None, made: None }
    }

    /// A value that is bytes, in pieces.
    pub(crate) fn bytes(pieces: Vec<Bytes>) -> Self {
        Self { pieces: Some(pieces), ..Self::json(&b"0"[..]) }
    }

    /// JSON without attachments.
    pub fn json(json: impl Into<Bytes>) -> Self {
        Self::new(json, Vec::new())
    }

    /// Takes the JSON, the attachments, and what the call has made, for callers that do not know yet whether anybody takes
    /// the result.
    pub fn into_parts(self) -> (Bytes, Vec<Bytes>, Option<Made>) {
        (self.json, self.pieces.map_or(self.blobs, |pieces| vec![Blob::joined(pieces).0]), self.made)
    }

    /// The same with each attachment in the pieces it came in, for callers that copy them anyway.
    pub fn into_pieces(self) -> (Bytes, Vec<Vec<Bytes>>, Option<Made>) {
        let whole = |blobs: Vec<Bytes>| blobs.into_iter().map(|blob| vec![blob]).collect();
        (self.json, self.pieces.map_or_else(|| whole(self.blobs), |pieces| vec![pieces]), self.made)
    }

    /// Takes the JSON and the attachments. From here on what the call has made is the caller's.
    pub fn claim(self) -> (Bytes, Vec<Bytes>) {
        let (json, blobs, made) = self.into_parts();
        if let Some(made) = made {
            made.claim();
        }
        (json, blobs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_in_pieces_is_one_for_who_does_not_ask_for_them() {
        for (pieces, whole) in [(vec![], ""), (vec!["a"], "a"), (vec!["a", "bc", "d"], "abcd")] {
            let pieces: Vec<Bytes> = pieces.into_iter().map(Bytes::from).collect();
            let (json, blobs) = Payload::bytes(pieces.clone()).claim();
            assert_eq!((&json[..], blobs), (&b"0"[..], vec![Bytes::from(whole)]));
            assert_eq!(Payload::bytes(pieces.clone()).into_pieces().1, [pieces]);
        }
    }
}
