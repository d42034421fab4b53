//! Telemetry of the client: a span and a duration for every operation, sent by OTLP (wire.md 8).
//!
//! The contract:
//!
//! * **Off by default.** Without `otel_enabled` nothing of this exists: no task, no memory, no header, one comparison a call.
//! * **One span per operation that a program calls.** Operations that it is made of have none. The span's parent is the
//!   context that the caller hands over, or that [`set_parent`] finds; its own context travels with every request of the
//!   operation as `traceparent` and `tracestate`.
//! * **Never in the way.** Spans queue up to a limit and are sent in the background, on the runtime that runs the operations;
//!   what cannot be sent is dropped, and the log says so. An operation never waits for a collector.
//! * **At the end** [`Exporter::flush`] sends what is there. It takes no longer than the exporter's timeout.
//! * **Fork**: an exporter belongs to the process that made it, as its client does.
//! * **No secrets**: a span has names, times, the kind and text of an error, and a status; headers
//!   and bodies never, and arguments only where the text of an error names one.

mod context;
mod export;
mod histogram;
mod names;
mod operation;
mod otlp;
mod sampler;
mod settings;

use std::sync::OnceLock;

pub use context::TraceContext;
pub use export::Exporter;
pub(crate) use export::Telemetry;
pub(crate) use operation::Operation;

static PARENT: OnceLock<fn() -> Option<TraceContext>> = OnceLock::new();

/// Finds the parent of the spans from now on: `find` returns the context of the span that the program is in, where
/// it has one. For programs with a tracing library of their own; the first function stays.
pub fn set_parent(find: fn() -> Option<TraceContext>) {
    PARENT.get_or_init(|| find);
}

fn found_parent() -> Option<TraceContext> {
    PARENT.get().and_then(|find| find())
}
