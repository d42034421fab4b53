//! A recording of what happens to sandboxes, as JSON Lines: requests with their answers, changes, what entrypoints print, files that
//! change, attempts to reach the network, faults, what is said in terminals. [`super::replay`] answers from it, and a page shows it.
//!
//! The first line says what it is: `{"recording": 1, "version", "startedAt", "origin"}`. Every other line has `at`, in milliseconds since
//! then, and a `kind`:
//!
//! | kind | fields |
//! |---|---|
//! | `request` | `method`, `path` with its query, `request` and `response` (`{"type", "text"}` or `{"type", "base64"}`), `status`, `headers`; `upgrade` for a connection that went on as another protocol, with its number as `connection` if its messages are kept; `truncated` where a body is longer than a MiB |
//! | `message` | `connection`, `from` (`client` or `server`) and what was said: `type` (`text` or `binary`) and `text` or `base64`; `close` with `code` and `reason`; `truncated` for one that is longer than a MiB; or `ended`, when the connection is over |
//! | `event` | `name` and `payload`, as clients are told of changes |
//! | `output` | `sandboxId`, `output`, `text`: a line that an entrypoint printed |
//! | `file` | `sandboxId`, `path`, `bytes`, `changedAt`: a file below the home directory that changed |
//! | `egress` | `sandboxId`, `attempt`: something that the sandbox tried to reach |
//! | `fault` | `fault`, `method`, `path`: a request that failed as asked |
//!
//! What opens something is not in it ([`super::hiding`]). What else programs send and print is.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use serde_json::{Value, json};

use super::hiding::{self, Secrets};
use super::hiding_across;
use super::messages::{self, Recorded};
use crate::clock;
use crate::engine::Engine;
use crate::gateway::previewing;

/// The version of the format.
pub const FORMAT: u64 = 1;

/// Bytes of one body that are kept.
const LONGEST_BODY: usize = 1 << 20;

/// Bytes of a whole recording; what comes afterwards is left out.
const MOST: usize = 64 << 20;

/// Requests that are recorded, by the beginnings of their paths.
const RECORDED: [&str; 5] = ["/api/config", "/api/sandbox", "/api/snapshots", "/api/volumes", "/toolbox/"];

/// Headers of answers that clients read.
const HEADERS: [header::HeaderName; 5] =
    [header::CONTENT_DISPOSITION, header::LOCATION, header::RETRY_AFTER, header::ETAG, header::SEC_WEBSOCKET_PROTOCOL];

/// Records while it is asked to.
#[derive(Default)]
pub struct Recorder {
    open: Mutex<Option<Open>>,
    /// Connections whose messages were kept so far.
    connections: AtomicU64,
}

struct Open {
    started: Instant,
    /// The same, in seconds since 1970.
    started_unix: i64,
    lines: Vec<String>,
    bytes: usize,
    /// The first connection that is in it from its beginning.
    first_connection: u64,
    /// Files and attempts that are in it, by sandbox, with their versions.
    known: BTreeMap<(String, String), String>,
    /// What must not be in it.
    secrets: Secrets,
}

impl Recorder {
    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins anew.
    pub fn start(&self, engine: &Engine) {
        let now = clock::now();
        let head = json!({
            "recording": FORMAT,
            "version": engine.identity.version,
            "startedAt": clock::iso(now),
            "origin": engine.origin,
        });
        let open = Open {
            started: Instant::now(),
            started_unix: now.unix_timestamp(),
            lines: vec![head.to_string()],
            bytes: 0,
            first_connection: self.connections.load(Ordering::Acquire),
            known: BTreeMap::new(),
            secrets: Secrets::default(),
        };
        *self.open() = Some(open);
    }

    /// Ends and returns what was recorded, without secrets.
    pub fn stop(&self) -> Option<String> {
        let Open { lines, secrets, .. } = self.open().take()?;
        let lines = hiding_across::hide(hiding::hide_everywhere(lines, &secrets), &secrets.written());
        Some(lines.into_iter().map(|line| line + "\n").collect())
    }

    /// Keeps out of the recording what the engine knows to open something.
    pub fn keep_out(&self, engine: &Engine) {
        let mut open = self.open();
        let Some(open) = open.as_mut() else { return };
        open.secrets.add(&engine.api_key);
        for entry in engine.registry.all() {
            entry.with_record(|record| open.secrets.add(&record.auth_token));
        }
        for value in engine.secrets.values() {
            open.secrets.add(&value);
        }
    }

    /// When the recording under way began, in seconds since 1970.
    pub fn started_unix(&self) -> Option<i64> {
        self.open().as_ref().map(|open| open.started_unix)
    }

    /// Keeps something. `kept` is not asked while nothing is recorded.
    pub fn keep(&self, kind: &str, kept: impl FnOnce() -> Value) {
        let mut open = self.open();
        let Some(open) = open.as_mut().filter(|open| open.bytes < MOST) else { return };
        let mut entry =
            json!({"at": u64::try_from(open.started.elapsed().as_millis()).unwrap_or(u64::MAX), "kind": kind});
        if let (Some(entry), Value::Object(kept)) = (entry.as_object_mut(), kept()) {
            entry.extend(kept);
        }
        hiding::hide_named(&mut entry, &mut open.secrets);
        let line = entry.to_string();
        open.bytes += line.len();
        open.lines.push(line);
    }

    /// A connection whose messages are kept from now on.
    fn connect(self: &Arc<Self>) -> Recorded {
        Recorded { number: self.connections.fetch_add(1, Ordering::AcqRel), recorder: Arc::clone(self) }
    }

    /// Keeps what one side of a connection said, unless the recording has begun since.
    pub fn keep_message(&self, connection: u64, from: &str, what: Value) {
        if self.open().as_ref().is_none_or(|open| connection < open.first_connection) {
            return;
        }
        self.keep(messages::KIND, || {
            let mut entry = json!({"connection": connection, "from": from});
            if let (Some(entry), Value::Object(what)) = (entry.as_object_mut(), what) {
                entry.extend(what);
            }
            entry
        });
    }

    /// Keeps something of a sandbox unless it is known already in this version.
    pub fn keep_new(&self, kind: &str, sandbox_id: &str, what: &str, version: &str, kept: impl FnOnce() -> Value) {
        {
            let mut open = self.open();
            let Some(open) = open.as_mut() else { return };
            let key = (sandbox_id.to_owned(), format!("{kind} {what}"));
            if open.known.insert(key, version.to_owned()).as_deref() == Some(version) {
                return;
            }
        }
        self.keep(kind, kept);
    }
}

/// Middleware: keeps requests and their answers.
pub async fn observe(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_recorded = RECORDED.iter().any(|start| path.starts_with(start)) && !previewing::is_preview(&request);
    if !is_recorded || engine.testing.recorder.started_unix().is_none() {
        return next.run(request).await;
    }
    // Before the request deletes some of it.
    engine.testing.recorder.keep_out(&engine);
    let mut kept = Kept {
        method: request.method().to_string(),
        path: request.uri().path_and_query().map_or(path, |path| path.as_str()).to_owned(),
        request: Captured::of(request.headers()),
        connection: None,
    };
    let sent = Arc::new(Mutex::new(kept.request.clone()));
    let is_upgrade = request.headers().contains_key(header::UPGRADE);
    let request = match is_upgrade {
        true => {
            let mut request = request;
            if has_messages(&request) {
                let recorded = engine.testing.recorder.connect();
                kept.connection = Some(recorded.number);
                request.extensions_mut().insert(recorded);
            }
            request
        }
        false => request.map(|body| Body::new(Tee { body, captured: Arc::clone(&sent), end: None })),
    };
    let response = next.run(request).await;
    let status = response.status();
    // Whoever has no key says nothing of a sandbox.
    if status == StatusCode::UNAUTHORIZED {
        return response;
    }
    let got = Arc::new(Mutex::new(Captured::of(response.headers())));
    let headers = headers_of(response.headers());
    let end = End { engine, kept, sent, got: Arc::clone(&got), status, headers };
    if status == StatusCode::SWITCHING_PROTOCOLS || response.body().is_end_stream() {
        return response;
    }
    response.map(|body| Body::new(Tee { body, captured: got, end: Some(end) }))
}

fn headers_of(headers: &HeaderMap) -> Value {
    let known = HEADERS.iter().filter_map(|name| Some((name.as_str(), headers.get(name)?.to_str().ok()?)));
    known.map(|(name, value)| (name.to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into()
}

/// Whether what is said after this request is kept: in terminals, followed logs and the interpreter, not what forwarded ports carry.
fn has_messages(request: &Request) -> bool {
    let is_websocket = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    let inside = request.uri().path().strip_prefix("/toolbox/").and_then(|rest| rest.split_once('/'));
    inside.is_some_and(|(_, path)| path.starts_with("process/"))
        && request.headers().get(header::UPGRADE).is_some_and(is_websocket)
}

struct Kept {
    method: String,
    path: String,
    request: Captured,
    connection: Option<u64>,
}

/// A body as far as it is kept.
#[derive(Clone, Default)]
struct Captured {
    kind: String,
    bytes: Vec<u8>,
    truncated: bool,
}

impl Captured {
    fn of(headers: &HeaderMap) -> Self {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        Self { kind: kind.to_owned(), ..Self::default() }
    }

    fn add(&mut self, data: &Bytes) {
        let room = LONGEST_BODY - self.bytes.len();
        self.truncated |= data.len() > room;
        self.bytes.extend_from_slice(&data[..data.len().min(room)]);
    }

    fn document(&self) -> Value {
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => json!({"type": self.kind, "text": text}),
            Err(_) => json!({"type": self.kind, "base64": STANDARD.encode(&self.bytes)}),
        }
    }
}

/// Keeps the request when the answer has been read, or given up.
struct End {
    engine: Arc<Engine>,
    kept: Kept,
    sent: Arc<Mutex<Captured>>,
    got: Arc<Mutex<Captured>>,
    status: StatusCode,
    headers: Value,
}

impl Drop for End {
    fn drop(&mut self) {
        let engine = &self.engine;
        // And what it made.
        engine.testing.recorder.keep_out(engine);
        engine.testing.recorder.keep("request", || {
            let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            let got = self.got.lock().unwrap_or_else(PoisonError::into_inner);
            let mut entry = json!({
                "method": self.kept.method,
                "path": self.kept.path,
                "request": sent.document(),
                "status": self.status.as_u16(),
                "headers": self.headers,
                "response": got.document(),
            });
            for (name, holds) in [
                ("upgrade", self.status == StatusCode::SWITCHING_PROTOCOLS),
                ("truncated", sent.truncated || got.truncated),
            ] {
                if holds {
                    entry[name] = json!(true);
                }
            }
            if let (Some(connection), StatusCode::SWITCHING_PROTOCOLS) = (self.kept.connection, self.status) {
                entry["connection"] = json!(connection);
            }
            entry
        });
    }
}

/// A body of which a copy is kept.
struct Tee {
    body: Body,
    captured: Arc<Mutex<Captured>>,
    end: Option<End>,
}

impl HttpBody for Tee {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    self.captured.lock().unwrap_or_else(PoisonError::into_inner).add(data);
                }
                // Before the client has all of it: what it does next is to come later.
                if self.body.is_end_stream() {
                    self.end = None;
                }
            }
            _ => self.end = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.end.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_kept_up_to_a_length() {
        let mut body = Captured::default();
        body.add(&Bytes::from(vec![0xff; LONGEST_BODY]));
        assert!(!body.truncated);
        body.add(&Bytes::from_static(b"x"));
        assert!(body.truncated && body.bytes.len() == LONGEST_BODY);
        assert!(body.document()["base64"].is_string());
    }

    #[test]
    fn nothing_is_kept_while_nothing_is_recorded() {
        let recorder = Recorder::default();
        recorder.keep("event", || unreachable!("nobody records"));
        recorder.keep_new("file", "s", "/f", "1", || unreachable!("nobody records"));
        assert_eq!(recorder.stop(), None);
    }
}
