//! Requests to a sandbox that carry the place of their caller in a trace (wire.md 8), kept as spans that the API shows again.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::clock;
use crate::engine::Engine;
use crate::otlp;
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::now_millis;

/// How many spans of a sandbox are kept; with more, the oldest go.
const KEPT: usize = 1000;

/// From this status on the server has failed, and not its client.
const FAILED: u16 = 500;

/// The spans of one sandbox, in the order in which they ended.
#[derive(Default)]
pub struct Spans(Mutex<VecDeque<Span>>);

struct Span {
    begun: Following,
    id: String,
    took: Duration,
    status: u16,
}

/// A request under way.
pub struct Following {
    trace: String,
    parent: String,
    method: Method,
    /// Its path, without what may be secret.
    path: String,
    at: i64,
    started: Instant,
}

impl Following {
    /// Begins the span of a request; `None` when its caller records none.
    pub fn begin(headers: &HeaderMap, method: &Method, path: &str) -> Option<Self> {
        let mut values = headers.get_all("traceparent").iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
        let (trace, parent) = recorded(value)?;
        let (trace, parent) = (trace.to_owned(), parent.to_owned());
        let (at, started) = (now_millis(), Instant::now());
        Some(Self { trace, parent, method: method.clone(), path: path.to_owned(), at, started })
    }

    /// Keeps the span with the sandbox, and passes it on where its organization wants that.
    pub fn end(self, engine: &Engine, entry: &Entry, status: u16) {
        let took = self.started.elapsed();
        let mut id = [0; 8];
        if getrandom::fill(&mut id).is_err() {
            return;
        }
        let id = id.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let span = Span { begun: self, id, took, status };
        if let Some(target) = engine.otlp.target(engine, entry) {
            engine.otlp.send(target, otlp::Record::Span(span.document()));
        }
        let mut spans = entry.spans.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() == KEPT {
            spans.pop_front();
        }
        spans.push_back(span);
    }
}

/// The trace of a request whose caller records one.
pub fn trace_of(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all("traceparent").iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
    recorded(value).map(|(trace, _)| trace)
}

/// Trace and parent of `00-<trace>-<parent>-<flags>`, if they are recorded.
fn recorded(traceparent: &str) -> Option<(&str, &str)> {
    let parts: Vec<_> = traceparent.split('-').collect();
    let [version, trace, parent, flags] = parts[..] else { return None };
    let id = |text: &str, length| {
        text.len() == length
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            && text.bytes().any(|b| b != b'0')
    };
    let sampled = flags.len() == 2 && u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    (version == "00" && id(trace, 32) && id(parent, 16) && sampled).then_some((trace, parent))
}

impl Span {
    fn end(&self) -> i64 {
        self.begun.at.saturating_add(i64::try_from(self.took.as_millis()).unwrap_or(i64::MAX))
    }

    fn name(&self) -> String {
        format!("{} {}", self.begun.method, self.begun.path)
    }

    /// As the API shows it.
    fn document(&self) -> Value {
        json!({
            "traceId": self.begun.trace,
            "spanId": self.id,
            "parentSpanId": self.begun.parent,
            "spanName": self.name(),
            "timestamp": clock::iso(clock::from_millis(self.begun.at)),
            "durationNs": u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX),
            "spanAttributes": {
                "http.request.method": self.begun.method.as_str(),
                "http.response.status_code": self.status.to_string(),
                "url.path": self.begun.path,
            },
            "statusCode": self.status_code(),
        })
    }

    fn status_code(&self) -> &'static str {
        if self.status >= FAILED { "Error" } else { "Unset" }
    }
}

impl Spans {
    /// The traces that begin from one moment to another, newest first, as the summaries of the API.
    pub fn traces(&self, from: i64, to: i64) -> Vec<Value> {
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut traces: Vec<Vec<&Span>> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for span in spans.iter() {
            let place = *places.entry(span.begun.trace.as_str()).or_insert(traces.len());
            match traces.get_mut(place) {
                Some(trace) => trace.push(span),
                None => traces.push(vec![span]),
            }
        }
        let mut summaries: Vec<(i64, Value)> = traces
            .iter()
            .filter_map(|trace| {
                let first = trace.iter().min_by_key(|span| span.begun.at)?;
                let (start, end) = (first.begun.at, trace.iter().map(|span| span.end()).max()?);
                let failed = trace.iter().find(|span| span.status >= FAILED);
                let summary = json!({
                    "traceId": first.begun.trace,
                    "rootSpanName": first.name(),
                    "startTime": clock::iso(clock::from_millis(start)),
                    "endTime": clock::iso(clock::from_millis(end)),
                    "durationMs": end - start,
                    "spanCount": trace.len(),
                    "statusCode": failed.unwrap_or(first).status_code(),
                });
                (from <= start && start <= to).then_some((start, summary))
            })
            .collect();
        summaries.sort_by_key(|(start, _)| std::cmp::Reverse(*start));
        summaries.into_iter().map(|(_, summary)| summary).collect()
    }

    /// The spans of a trace, oldest first.
    pub fn of_trace(&self, trace: &str) -> Vec<Value> {
        let spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<_> = spans.iter().filter(|span| span.begun.trace == trace).collect();
        found.sort_by_key(|span| span.begun.at);
        found.into_iter().map(Span::document).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_its_caller_records_is_followed() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let of = |text: &str| recorded(text).map(|(trace, _)| trace.to_owned());
        assert_eq!(of(&format!("00-{trace}-b7ad6b7169203331-01")).as_deref(), Some(trace));
        for wrong in [
            format!("00-{trace}-b7ad6b7169203331-00"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{trace}-b7ad6b7169203331-01-more"),
            format!("00-{}-b7ad6b7169203331-01", trace.to_uppercase()),
            String::new(),
        ] {
            assert_eq!(of(&wrong), None, "{wrong}");
        }
    }
}
