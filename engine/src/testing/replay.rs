//! Answers from a recording ([`super::recording`]) instead of from sandboxes: `daytona local serve --replay FILE`.
//!
//! A request is answered by the first recorded one with the same method, path and, if both are JSON, the same body that has not been
//! answered yet; one that only reads is answered by the last one again. A sandbox is read as it was at that place of the recording, so a
//! program that waits for a state sees it. A connection that went on with messages is played again ([`super::playing`]). Ids that clients
//! make for their own processes may be others than recorded. What was not recorded is 404, and says so.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

use super::hiding::{fits, text_fits};
use super::messages::KIND;
use super::playing::{self, Line};
use super::recording::FORMAT;
use crate::control;
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::secret;

/// The largest recording that is read, in bytes.
const MOST: u64 = 128 << 20;

/// The largest body of a request that is compared.
const LONGEST: usize = 64 << 20;

/// The variable in which clients name a call, so that they can end what it started.
const CALL_ID: &str = "DAYTONA_CALL_ID";

/// Bytes of an id as clients write it.
const ID: usize = 36;

/// The page that shows a recording; the recording is put between its two halves.
const PAGE: &str = include_str!("recording.html");

/// A recording that is answered from.
pub struct Replay {
    text: String,
    origin: String,
    entries: Vec<Value>,
    progress: Mutex<Progress>,
    /// Changes with every answer.
    answers: watch::Sender<u64>,
}

#[derive(Default)]
struct Progress {
    /// Entries that have been answered.
    used: HashSet<usize>,
    /// Behind the last of them.
    position: usize,
    /// Ids that clients made, as recorded, and as they are now.
    ids: Vec<(String, String)>,
}

impl Progress {
    /// What a client sent, with the ids as recorded.
    fn as_recorded(&self, sent: &str) -> String {
        self.ids.iter().fold(sent.to_owned(), |text, (recorded, now)| text.replace(now, recorded))
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Replay {
    /// Reads a recording from a file.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
        if length > MOST {
            bail!("{} is larger than {MOST} bytes", path.display());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Self::parse(text).with_context(|| format!("{} is not a recording", path.display()))
    }

    fn parse(text: String) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let head: Value = serde_json::from_str(lines.next().context("it is empty")?)?;
        if head["recording"] != FORMAT {
            bail!("its first line does not say that it is of format {FORMAT}");
        }
        let entries = lines
            .enumerate()
            .map(|(index, line)| serde_json::from_str(line).with_context(|| format!("line {}", index + 2)))
            .collect::<Result<_>>()?;
        let origin = head["origin"].as_str().unwrap_or_default().to_owned();
        Ok(Self { text, origin, entries, progress: Mutex::default(), answers: watch::Sender::default() })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The entry that answers a request, which goes on as another protocol or does not.
    fn find(&self, method: &str, path: &str, body: &[u8], upgrade: bool) -> Option<(usize, &Value)> {
        let mut progress = self.progress();
        let path = progress.as_recorded(path);
        let body = std::str::from_utf8(body).map(|body| progress.as_recorded(body)).unwrap_or_default();
        let sent: Option<Value> = serde_json::from_str(&body).ok();
        let sent = sent.as_ref().map(without_marks);
        // The id that the client made, as recorded and as sent.
        let answers = |entry: &Value| {
            let is_same = entry["kind"] == "request"
                && entry["method"] == method
                // Some that would have gone on were refused.
                && (entry["upgrade"] == true) == (upgrade && entry["status"].as_u64().is_none_or(|status| status < 400))
                && entry["path"].as_str().is_some_and(|recorded| text_fits(recorded, &path));
            let recorded = entry["request"]["text"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            let Some((recorded, sent)) = recorded.as_ref().map(without_marks).zip(sent.as_ref()) else {
                return is_same.then_some(None);
            };
            let id = own_id(&recorded).zip(own_id(sent)).filter(|(recorded, sent)| recorded != sent);
            let Some((old, new)) = id else { return (is_same && fits(&recorded, sent)).then_some(None) };
            let mut renamed = sent.clone();
            renamed["sessionId"] = Value::from(sent["sessionId"].as_str().unwrap_or_default().replace(&new, &old));
            (is_same && fits(&recorded, &renamed)).then_some(Some((old, new)))
        };
        let mut last = None;
        for (index, entry) in self.entries.iter().enumerate() {
            let Some(id) = answers(entry) else { continue };
            if progress.used.insert(index) {
                progress.position = progress.position.max(index + 1);
                progress.ids.extend(id);
                drop(progress);
                self.answers.send_modify(|answers| *answers += 1);
                return Some((index, entry));
            }
            last = Some((index, entry));
        }
        last.filter(|_| matches!(method, "GET" | "HEAD") && !upgrade)
    }

    /// Changes with every answer.
    pub fn answered(&self) -> watch::Receiver<u64> {
        self.answers.subscribe()
    }

    /// Whether a request has been answered.
    pub fn is_answered(&self, index: usize) -> bool {
        self.progress().used.contains(&index)
    }

    /// What is said in the connection that a request began.
    fn lines(&self, request: usize) -> Vec<Line> {
        let begun = &self.entries[request];
        let process = begun["path"].as_str().and_then(process_of);
        let mut after = Vec::new();
        let mut lines = Vec::new();
        for (index, entry) in self.entries.iter().enumerate().skip(request + 1) {
            if entry["kind"] == KIND && entry["connection"] == begun["connection"] {
                lines.push(Line { entry: entry.clone(), after: std::mem::take(&mut after) });
            } else if process.is_some()
                && entry["kind"] == "request"
                && entry["method"] != "GET"
                && entry["path"].as_str().and_then(process_of) == process
            {
                after.push(index);
            }
        }
        lines
    }

    /// A sandbox as it was at this place: after what was answered, and before the next request that does something.
    fn sandbox(&self, id_or_name: &str) -> Option<Value> {
        let position = self.progress().position;
        let reads = |entry: &Value| entry["kind"] != "request" || entry["method"] == "GET";
        let ahead = self.entries[position..].iter().take_while(|entry| reads(entry)).count();
        let known = self.entries[..position + ahead].iter().rev().filter(|entry| entry["kind"] == "event");
        let mut documents = known.filter_map(|entry| {
            let payload = &entry["payload"];
            match entry["name"].as_str()? {
                "sandbox.created" => Some(payload.clone()),
                "sandbox.state.updated" => {
                    let mut sandbox = payload["sandbox"].clone();
                    sandbox["state"] = payload["newState"].clone();
                    Some(sandbox)
                }
                _ => None,
            }
        });
        let document = documents.find(|sandbox| sandbox["id"] == id_or_name || sandbox["name"] == id_or_name)?;
        (document["state"] != "destroyed").then_some(document)
    }

    /// The bytes of a message of the recording, with the clients' ids, which are as long as those that were recorded.
    pub fn said_here(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        for (recorded, now) in &self.progress().ids {
            let places: Vec<_> = memmem::find_iter(&bytes, recorded).collect();
            for place in places {
                bytes[place..place + ID].copy_from_slice(now.as_bytes());
            }
        }
        bytes
    }

    fn reset(&self) {
        *self.progress() = Progress::default();
    }

    /// A text of the recording, with this engine's address and the clients' ids.
    fn here(&self, text: &str, origin: &str) -> String {
        let text = if self.origin.is_empty() { text.to_owned() } else { text.replace(&self.origin, origin) };
        self.progress().ids.iter().fold(text, |text, (recorded, now)| text.replace(recorded, now))
    }
}

/// A body without what clients add to tell their calls apart.
pub fn without_marks(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(variables) = body.get_mut("envs").and_then(Value::as_object_mut) {
        variables.remove(CALL_ID);
    }
    body
}

/// The id that a client made for a session of its own, at the end of the session's.
fn own_id(body: &Value) -> Option<String> {
    let session = body["sessionId"].as_str()?;
    let id = session.get(session.len().checked_sub(ID)?..)?;
    Uuid::try_parse(id).is_ok().then(|| id.to_owned())
}

/// The terminal or session that a path is about: `/toolbox/{sandbox}/process/pty/{terminal}`, for example.
fn process_of(path: &str) -> Option<Vec<String>> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let mut parts: Vec<_> = path.split('/').skip(1).take(5).map(decoded).collect();
    let [first, _, process, kind, id] = parts.as_mut_slice() else { return None };
    let is_one = *first == "toolbox" && *process == "process" && matches!(kind.as_str(), "pty" | "session");
    if id == "create-connect" {
        *id = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "id")?.1.into_owned();
    }
    is_one.then_some(parts)
}

/// The page of a recording, which needs nothing else.
pub fn page(recording: &str) -> String {
    // The recording is data in a script: nothing in it may end that.
    let lines: Vec<Value> = recording.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let data = Value::Array(lines).to_string().replace('<', "\\u003c");
    PAGE.replacen("/* recording */[]", &data, 1)
}

/// Answers any request.
pub async fn answer(State(engine): State<Arc<Engine>>, request: Request) -> Response {
    let Some(replay) = engine.testing.replay.clone() else { return ApiError::not_found("Not found").into_response() };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if path == "/recording" {
        return shown(&replay, &engine.api_key, request.headers());
    }
    if path.starts_with("/api/socket.io") {
        return ApiError::not_found("A replay has no events: clients look again instead").into_response();
    }
    let key = credentials(request.headers()).and_then(|given| given.strip_prefix("Bearer ")).unwrap_or_default();
    if !secret::equal(key, &engine.api_key) {
        return ApiError::invalid_credentials().into_response();
    }
    if let Some(rest) = path.strip_prefix("/api/testing/") {
        return for_tests(&replay, &method, rest);
    }
    let path_and_query = request.uri().path_and_query().map_or(path.as_str(), |path| path.as_str()).to_owned();
    if method == Method::GET
        && let Some(sandbox) = one_sandbox(&path).and_then(|id| replay.sandbox(id))
    {
        return ([(header::CONTENT_TYPE, "application/json")], replay.here(&sandbox.to_string(), &engine.origin))
            .into_response();
    }
    let (mut parts, body) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.ok();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return ApiError::bad_request("The body could not be read").into_response();
    };
    let is_upgrade = parts.headers.contains_key(header::UPGRADE);
    match (replay.find(method.as_str(), &path_and_query, &body, is_upgrade), upgrade) {
        (Some((index, entry)), Some(upgrade)) if !entry["connection"].is_null() => {
            let protocol = entry["headers"][header::SEC_WEBSOCKET_PROTOCOL.as_str()].as_str();
            playing::begin(upgrade, protocol, replay.lines(index), Arc::clone(&replay))
        }
        (Some((_, entry)), _) => recorded(&replay, entry, &engine.origin),
        (None, _) if path == "/api/config" => control::config(State(engine)).await.into_response(),
        (None, _) => {
            let text = format!("The recording has no {method} {path_and_query} like this one that is not answered yet");
            ApiError::not_found(text).into_response()
        }
    }
}

fn credentials(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()
}

/// The page, for a browser that asks its user for the key as a password, and for clients that send it as ever.
fn shown(replay: &Replay, api_key: &str, headers: &HeaderMap) -> Response {
    let given = credentials(headers);
    let basic = given.and_then(|given| given.strip_prefix("Basic ")).and_then(|given| STANDARD.decode(given).ok());
    let password = basic.and_then(|pair| Some(String::from_utf8(pair).ok()?.split_once(':')?.1.to_owned()));
    let key = password.as_deref().or_else(|| given?.strip_prefix("Bearer ")).unwrap_or_default();
    if !secret::equal(key, api_key) {
        let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"The password is the API key of the engine\"")];
        return (ask, ApiError::invalid_credentials()).into_response();
    }
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (headers, Html(page(&replay.text))).into_response()
}

/// The id or name in `/api/sandbox/{id}`.
fn one_sandbox(path: &str) -> Option<&str> {
    path.strip_prefix("/api/sandbox/").filter(|id| !id.is_empty() && !id.contains('/') && *id != "paginated")
}

/// The parts of `/api/testing` that make sense: kits begin anew after each test.
fn for_tests(replay: &Replay, method: &Method, path: &str) -> Response {
    match (method.as_str(), path) {
        ("POST", "reset") => {
            replay.reset();
            StatusCode::NO_CONTENT.into_response()
        }
        ("GET" | "DELETE", "faults") => axum::Json(json!([])).into_response(),
        _ => ApiError::bad_request("A replay answers from its recording: it has no clock, no faults and no sandboxes")
            .into_response(),
    }
}

fn recorded(replay: &Replay, entry: &Value, origin: &str) -> Response {
    for (name, why) in [
        ("upgrade", "The recording has a connection here that went on as another protocol, which is not replayed"),
        ("truncated", "The recording has only the beginning of this answer, which is not replayed"),
    ] {
        if entry[name] == true {
            return ApiError::not_implemented(why).into_response();
        }
    }
    let body = &entry["response"];
    let bytes = match (body["text"].as_str(), body["base64"].as_str()) {
        (Some(text), _) => Bytes::from(replay.here(text, origin)),
        (None, Some(text)) => STANDARD.decode(text).unwrap_or_default().into(),
        (None, None) => Bytes::new(),
    };
    let status = entry["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    let mut response = Response::builder().status(status.unwrap_or(200));
    if let Some(kind) = body["type"].as_str().filter(|kind| !kind.is_empty()) {
        response = response.header(header::CONTENT_TYPE, kind);
    }
    for (name, value) in entry["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().unwrap_or_default());
    }
    response.body(Body::from(bytes)).unwrap_or_else(|error| ApiError::internal(&error).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDING: &str = r#"{"recording": 1, "version": "0", "startedAt": "x", "origin": "http://old:1"}
{"at": 1, "kind": "event", "name": "sandbox.created", "payload": {"id": "s", "name": "n", "state": "creating"}}
{"at": 2, "kind": "event", "name": "sandbox.state.updated", "payload": {"sandbox": {"id": "s", "name": "n", "state": "creating"}, "oldState": "creating", "newState": "started"}}
{"at": 3, "kind": "request", "method": "POST", "path": "/x", "request": {"text": "{\"a\": 1}"}, "status": 200, "response": {"text": "one http://old:1/y"}}
{"at": 4, "kind": "request", "method": "POST", "path": "/x", "request": {"text": "{\"a\": 2}"}, "status": 200, "response": {"text": "two"}}
{"at": 5, "kind": "request", "method": "DELETE", "path": "/api/sandbox/s", "request": {"text": ""}, "status": 200, "response": {"text": ""}}
{"at": 6, "kind": "event", "name": "sandbox.state.updated", "payload": {"sandbox": {"id": "s", "name": "n", "state": "destroying"}, "oldState": "destroying", "newState": "destroyed"}}
"#;

    #[test]
    fn requests_are_answered_once_and_by_what_they_say() {
        let replay = Replay::parse(RECORDING.to_owned()).unwrap();
        let text = |method, path, body: &str| {
            let (_, entry) = replay.find(method, path, body.as_bytes(), false)?;
            Some(entry["response"]["text"].as_str().unwrap().to_owned())
        };
        assert_eq!(text("POST", "/x", "{\"a\":2}").as_deref(), Some("two"));
        assert_eq!(text("POST", "/x", "{\"a\":2}"), None, "it is used up");
        assert_eq!(text("POST", "/x", "{\"a\":3}"), None);
        let one = text("POST", "/x", "{\"a\":1}").unwrap();
        assert_eq!(replay.here(&one, "http://new:2"), "one http://new:2/y");
        replay.reset();
        assert_eq!(text("POST", "/x", "{\"a\":2}").as_deref(), Some("two"));
    }

    #[test]
    fn ids_that_clients_make_may_be_others() {
        let [old, new] = ["2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d", "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"];
        let request = |path: &str, request: String, response: String| {
            json!({"kind": "request", "method": "POST", "path": path, "status": 200, "request": {"text": request},
                "response": {"text": response}})
        };
        let path = |id: &str| format!("/toolbox/s/process/session/spawn-{id}/exec");
        let entries = [
            json!({"recording": 1, "origin": ""}),
            request(
                "/toolbox/s/process/session",
                json!({"sessionId": format!("spawn-{old}")}).to_string(),
                String::new(),
            ),
            request(&path(old), json!({"command": format!("run {old}")}).to_string(), format!("{old} runs")),
        ];
        let replay = Replay::parse(entries.map(|entry| entry.to_string()).join("\n")).unwrap();
        let find = |path: &str, body: Value| replay.find("POST", path, body.to_string().as_bytes(), false);
        assert!(find(&path(new), json!({"command": format!("run {new}")})).is_none(), "nobody made it");
        let other = json!({"sessionId": format!("other-{new}")});
        assert!(find("/toolbox/s/process/session", other).is_none(), "only the id may be another");
        assert!(find("/toolbox/s/process/session", json!({"sessionId": format!("spawn-{new}")})).is_some());
        let (_, entry) = find(&path(new), json!({"command": format!("run {new}")})).unwrap();
        assert_eq!(replay.here(entry["response"]["text"].as_str().unwrap(), ""), format!("{new} runs"));
        let said = [b"\xff", old.as_bytes(), old.as_bytes(), b"x"].concat();
        assert_eq!(replay.said_here(said), [b"\xff", new.as_bytes(), new.as_bytes(), b"x"].concat());
    }

    #[test]
    fn messages_wait_for_the_requests_that_decide_them() {
        let message = |from: &str, text: &str| json!({"kind": KIND, "connection": 7, "from": from, "type": "binary", "text": text});
        let request = |method: &str, path: &str| json!({"kind": "request", "method": method, "path": path});
        let mut begun = request("GET", "/toolbox/s/process/pty/create-connect?cols=80&id=a%20b");
        begun["connection"] = json!(7);
        let entries = [
            json!({"recording": 1}),
            begun,
            message("server", "$ "),
            request("GET", "/toolbox/s/process/pty/a%20b"),
            request("POST", "/toolbox/s/process/pty/a%20b/resize"),
            request("POST", "/toolbox/s/process/pty/other/resize"),
            message("server", "wide"),
            request("DELETE", "/toolbox/s/process/pty/a%20b"),
            message("server", "end"),
        ];
        let replay = Replay::parse(entries.map(|entry| entry.to_string()).join("\n")).unwrap();
        let after: Vec<_> = replay.lines(0).into_iter().map(|line| line.after).collect();
        assert_eq!(after, [vec![], vec![3], vec![6]]);
    }

    #[test]
    fn a_sandbox_is_read_as_it_was() {
        let replay = Replay::parse(RECORDING.to_owned()).unwrap();
        assert_eq!(replay.sandbox("n").unwrap()["state"], "started");
        replay.find("DELETE", "/api/sandbox/s", b"", false).unwrap();
        assert_eq!(replay.sandbox("s"), None);
        assert_eq!(replay.sandbox("other"), None);
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        for wrong in ["", "{}", "not json", "{\"recording\": 2}", "{\"recording\": 1}\nnot json"] {
            assert!(Replay::parse(wrong.to_owned()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_in_a_recording_ends_the_pages_script() {
        let page = page("{\"kind\": \"output\", \"text\": \"</script><script>alert(1)</script>\"}");
        assert!(!page.contains("</script><script>alert"), "{page}");
        assert!(page.contains("\\u003c/script>"));
    }
}
