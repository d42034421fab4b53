//! The messages of OTLP in its JSON encoding, by the names of opentelemetry-proto 1.x.

use serde_json::{Map, Value, json};

use super::{Record, Waiting};
use crate::clock;

/// A span that a server served.
const SERVER: u8 = 2;

/// What records are sent as: the path behind `/v1/`, and the message.
pub fn of(records: &[Waiting]) -> Vec<(&'static str, Value)> {
    let (mut logs, mut spans, mut metrics) = (Vec::new(), Vec::new(), Vec::new());
    for Waiting { resource, record } in records {
        match record {
            Record::Line(line) => {
                let (severity, number) = line.output.severity();
                let record = json!({
                    "timeUnixNano": nanoseconds(line.at),
                    "observedTimeUnixNano": nanoseconds(line.at),
                    "severityNumber": number,
                    "severityText": severity,
                    "body": {"stringValue": line.text},
                    "attributes": [attribute("log.iostream", line.output.name())],
                });
                add(&mut logs, resource, record);
            }
            Record::Span(span) => add(&mut spans, resource, of_span(span)),
            Record::Value(name, at, value) => {
                let point = json!({"timeUnixNano": nanoseconds(*at), "asDouble": value});
                add(&mut metrics, resource, json!({"name": name, "gauge": {"dataPoints": [point]}}));
            }
        }
    }
    let scope = json!({"name": "daytona-local-engine", "version": env!("CARGO_PKG_VERSION")});
    let message = |all: Vec<(Map<String, Value>, Vec<Value>)>, outer: &str, inner: &str, items: &str| {
        let resources = all.into_iter().map(|(resource, records)| {
            let attributes: Vec<_> =
                resource.iter().map(|(name, value)| attribute(name, value.as_str().unwrap_or_default())).collect();
            json!({"resource": {"attributes": attributes}, inner: [{"scope": scope, items: records}]})
        });
        json!({outer: resources.collect::<Vec<_>>()})
    };
    let mut messages = Vec::new();
    if !logs.is_empty() {
        messages.push(("logs", message(logs, "resourceLogs", "scopeLogs", "logRecords")));
    }
    if !spans.is_empty() {
        messages.push(("traces", message(spans, "resourceSpans", "scopeSpans", "spans")));
    }
    if !metrics.is_empty() {
        messages.push(("metrics", message(metrics, "resourceMetrics", "scopeMetrics", "metrics")));
    }
    messages
}

fn add(all: &mut Vec<(Map<String, Value>, Vec<Value>)>, resource: &Map<String, Value>, record: Value) {
    match all.iter_mut().find(|(known, _)| known == resource) {
        Some((_, records)) => records.push(record),
        None => all.push((resource.clone(), vec![record])),
    }
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

/// Integers of 64 bits are texts in JSON.
fn nanoseconds(millis: i64) -> String {
    (i128::from(millis) * 1_000_000).to_string()
}

/// A span, from the document that the API shows.
fn of_span(span: &Value) -> Value {
    let begun = span["timestamp"].as_str().and_then(clock::parse).map(clock::millis).unwrap_or_default();
    let took = i128::from(span["durationNs"].as_u64().unwrap_or_default());
    let end = (i128::from(begun) * 1_000_000 + took).to_string();
    let attributes: Vec<_> = span["spanAttributes"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| attribute(name, value.as_str().unwrap_or_default()))
        .collect();
    let failed = span["statusCode"] == "Error";
    json!({
        "traceId": span["traceId"],
        "spanId": span["spanId"],
        "parentSpanId": span["parentSpanId"],
        "name": span["spanName"],
        "kind": SERVER,
        "startTimeUnixNano": nanoseconds(begun),
        "endTimeUnixNano": end,
        "attributes": attributes,
        "status": {"code": if failed { 2 } else { 0 }},
    })
}
