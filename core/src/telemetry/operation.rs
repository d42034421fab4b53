//! The span of one operation.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::context::TraceContext;
use super::export::Exporter;
use super::names::Names;
use super::{found_parent, otlp};
use crate::error::{Error, ErrorKind, Result};

/// Characters of the text of an error.
const MAX_TEXT: usize = 2048;

/// An operation under way. Dropped before it has ended, it was cancelled.
pub(crate) struct Operation {
    exporter: Exporter,
    names: Names,
    context: Arc<TraceContext>,
    /// The id of the span that this is a child of; empty for the first of a trace.
    parent: Vec<u8>,
    began: SystemTime,
    started: Instant,
    ended: bool,
}

impl Operation {
    /// Begins the span of an operation. Its parent is `given`, or what the program's own tracing says.
    pub(crate) fn begin(exporter: &Exporter, names: Names, given: Option<&TraceContext>) -> Self {
        let found = if given.is_none() { found_parent() } else { None };
        let parent = given.or(found.as_ref());
        Self {
            exporter: exporter.clone(),
            names,
            context: Arc::new(exporter.sampler().decide(parent)),
            parent: parent.map(|parent| parent.span_id.to_vec()).unwrap_or_default(),
            began: SystemTime::now(),
            started: Instant::now(),
            ended: false,
        }
    }

    /// The context that the operation's requests carry.
    pub(crate) fn context(&self) -> Arc<TraceContext> {
        self.context.clone()
    }

    pub(crate) fn end<T>(mut self, result: &Result<T>) {
        self.ended = true;
        self.report(result.as_ref().err());
    }

    fn report(&mut self, error: Option<&Error>) {
        let took = self.started.elapsed();
        let span = self.context.is_sampled().then(|| {
            let start = nanoseconds(self.began);
            // From one clock that never goes back, so that the span is as long as the operation was.
            let end = start.saturating_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
            let mut attributes = vec![
                otlp::attribute("component", &self.names.component),
                otlp::attribute("method", &self.names.method),
            ];
            attributes
                .extend(error.and_then(Error::status).map(|s| otlp::number("http.response.status_code", s.into())));
            attributes.extend(error.map(|error| otlp::attribute("error.type", &kind(error))));
            otlp::Span {
                trace_id: self.context.trace_id.to_vec(),
                span_id: self.context.span_id.to_vec(),
                trace_state: self.context.state.as_ref().and_then(|s| s.to_str().ok()).unwrap_or_default().to_owned(),
                parent_span_id: std::mem::take(&mut self.parent),
                name: self.names.span(),
                kind: otlp::INTERNAL,
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                attributes,
                events: error.map(|error| exception(error, end)).into_iter().collect(),
                status: Some(match error {
                    None => otlp::Status { message: String::new(), code: otlp::OK },
                    Some(error) => otlp::Status { message: text(error), code: otlp::ERROR },
                }),
                flags: self.context.flags.into(),
            }
        });
        self.exporter.record(&self.names, span, error.is_none(), took);
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.ended {
            self.report(Some(&Error::new(ErrorKind::Cancelled, "The operation was cancelled.")));
        }
    }
}

fn exception(error: &Error, time: u64) -> otlp::Event {
    otlp::Event {
        time_unix_nano: time,
        name: "exception".to_owned(),
        attributes: vec![
            otlp::attribute("exception.type", &kind(error)),
            otlp::attribute("exception.message", &text(error)),
        ],
    }
}

/// The text of an error. A server's may be long, and spans wait in memory.
fn text(error: &Error) -> String {
    error.to_string().chars().take(MAX_TEXT).collect()
}

fn kind(error: &Error) -> String {
    format!("{:?}", error.kind())
}

/// Nanoseconds since 1970.
pub(super) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
