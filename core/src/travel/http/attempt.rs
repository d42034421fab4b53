//! One attempt of a request, as the log tells it.

use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use crate::error::{Error, request_id};
use crate::log::{self, Fields, Level, milliseconds, readable};

/// An attempt under way. Dropped before it has ended, it was given up: the log says so.
pub(crate) struct Attempt<'a> {
    method: &'a Method,
    url: &'a str,
    number: u32,
    started: Instant,
    ended: bool,
}

impl<'a> Attempt<'a> {
    /// An attempt that begins now; `url` must not have a query or anything secret.
    pub(crate) fn begin(method: &'a Method, url: &'a str, number: u32) -> Self {
        let attempt = Self { method, url, number, started: Instant::now(), ended: false };
        log::record(Level::Debug, || (format!("{method} {url}"), attempt.fields()));
        attempt
    }

    /// The server has answered; the body may be still on its way.
    pub(crate) fn answered(mut self, status: StatusCode, headers: &HeaderMap) {
        self.ended = true;
        log::record(Level::Debug, || {
            let request_id = request_id(headers);
            let took = readable(self.started.elapsed());
            let mut message = format!("{} {}: {} in {took}", self.method, self.url, status.as_u16());
            if self.number > 1 {
                message.push_str(&format!(", attempt {}", self.number));
            }
            if let Some(id) = &request_id {
                message.push_str(&format!(", request id {id}"));
            }
            let duration_ms = Some(milliseconds(self.started.elapsed()));
            (message, Fields { status: Some(status.as_u16()), duration_ms, request_id, ..self.fields() })
        });
    }

    /// There was no answer, or none that helps.
    pub(crate) fn failed(mut self, error: &Error) {
        self.ended = true;
        log::record(Level::Debug, || {
            let took = readable(self.started.elapsed());
            let (message, status) = match error.status() {
                Some(status) => (format!("{} {}: {status} in {took}: {error}", self.method, self.url), Some(status)),
                None => (format!("{} {}: no answer after {took}: {error}", self.method, self.url), None),
            };
            let duration_ms = Some(milliseconds(self.started.elapsed()));
            let request_id = error.info().request_id.clone();
            (
                message,
                Fields { status, duration_ms, request_id, error: Some(format!("{:?}", error.kind())), ..self.fields() },
            )
        });
    }

    fn fields(&self) -> Fields {
        Fields {
            method: Some(self.method.to_string()),
            url: Some(self.url.to_owned()),
            attempt: Some(self.number),
            ..Fields::default()
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        log::record(Level::Debug, || {
            let took = self.started.elapsed();
            let message = format!("{} {}: given up after {}", self.method, self.url, readable(took));
            (message, Fields { duration_ms: Some(milliseconds(took)), ..self.fields() })
        });
    }
}
