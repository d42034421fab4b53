//! Whether the requests of a step are those of the contract (../README.md, "Requests").

use std::collections::BTreeMap;

use bytes::Bytes;
use daytona_faults::Recorded;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::matching::{self, Outcome};

/// A request a step must make.
#[derive(Deserialize, Serialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRequest {
    pub method: String,
    /// Path as it is written, without query.
    pub path: Value,
    /// Every query parameter; a repeated one has a list.
    #[serde(default)]
    pub query: BTreeMap<String, Value>,
    /// Headers to compare; others may be there.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// JSON to the last key, a list of parts, or bytes. Nothing: the request has no body.
    #[serde(default)]
    pub body: Value,
    /// The first messages a WebSocket's client sends: JSON, or bytes.
    #[serde(default)]
    pub sent: Vec<Value>,
}

/// Who is calling, and what every request says of it (wire.md 1.2).
#[derive(Debug, Clone)]
pub struct Caller {
    pub source: String,
    pub bearer: String,
    /// The organization, which only those who come with a token name.
    pub organization: Option<String>,
}

/// Compares; the error says what differs.
pub fn check(expected: &[ExpectedRequest], recorded: &[Recorded], caller: &Caller) -> Result<(), String> {
    let mut left = expected.iter();
    let mut next = left.next();
    let mut compared: Option<&Recorded> = None;
    let is_version = |name: &String| name.eq_ignore_ascii_case("x-daytona-sdk-version");
    let names_version = expected.iter().any(|expected| expected.headers.keys().any(is_version));
    for request in recorded {
        let place = format!("{} {}", request.method, request.target);
        if is_gateway(request) {
            check_gateway(request, caller).map_err(|e| format!("{place}: {e}"))?;
            continue;
        }
        check_headers(request, caller, names_version).map_err(|e| format!("{place}: {e}"))?;
        match next.map(|expected| compare(expected, request)) {
            Some(Ok(())) => {
                next = left.next();
                compared = Some(request);
            }
            _ if is_look(request) || compared.is_some_and(|compared| is_poll(request, compared)) => {}
            Some(Err(difference)) => return Err(format!("{place}: {difference}")),
            None => return Err(format!("{place} should not have been sent")),
        }
    }
    match next {
        None => Ok(()),
        Some(missing) => Err(format!("{} {} was not sent", missing.method, missing.path)),
    }
}

/// Reads of a sandbox or a spawned process, which languages make whose methods are on such objects, and waits repeat. An
/// output whose end marks have come is measured, unless the server ends it first.
fn is_look(request: &Recorded) -> bool {
    let sandbox = request.target.strip_prefix("/api/sandbox/").filter(|id| *id != "paginated");
    let process = request.target.split_once("/process/session/process-").map(|(_, rest)| rest);
    let of_sandbox = sandbox.is_some_and(|id| !id.contains(['/', '?']));
    let of_process =
        process.filter(|rest| !rest.contains('?')).is_some_and(|rest| match rest.split('/').collect::<Vec<_>>()[..] {
            [_] | [_, "command", _] => true,
            [_, "command", _, "logs"] => is_raw_log(request),
            _ => false,
        });
    request.method == "GET" && (of_sandbox || of_process)
}

/// The log of a spawned process as bytes: only versions of old get it so.
fn is_raw_log(request: &Recorded) -> bool {
    request.target.contains("/process/session/process-") && request.header("X-Daytona-SDK-Version") == Some("0.166.0")
}

/// A read that is repeated until the answer is the one waited for.
fn is_poll(request: &Recorded, before: &Recorded) -> bool {
    request.method == "GET" && request.target == before.target && !request.is_upgrade()
}

fn is_gateway(request: &Recorded) -> bool {
    request.target.starts_with("/api/socket.io/?")
}

/// The event gateway is told who calls in the query, and the credentials later (wire-additions 3.1).
fn check_gateway(request: &Recorded, caller: &Caller) -> Result<(), String> {
    if let Some(name) = ["authorization", "x-daytona-source"].iter().find(|name| request.header(name).is_some()) {
        return Err(format!("the event gateway gets the header {name}"));
    }
    let query = query(&request.target);
    for (name, wanted) in [("source", &*caller.source), ("EIO", "4"), ("transport", "websocket")] {
        if query.get(name) != Some(&json!(wanted)) {
            return Err(format!("the query's {name} is {:?}, expected {wanted}", query.get(name)));
        }
    }
    Ok(())
}

/// Checks what every request has; the version unless the case names it.
fn check_headers(request: &Recorded, caller: &Caller, names_version: bool) -> Result<(), String> {
    let expect = |name: &str, wanted: Option<&str>| match request.header(name) {
        actual if actual == wanted => Ok(()),
        actual => Err(format!("the header {name} is {actual:?}, expected {wanted:?}")),
    };
    if request.header("authorization") != Some(&format!("Bearer {}", caller.bearer)) {
        return Err("the header Authorization is not the bearer's".to_owned());
    }
    expect("X-Daytona-Source", Some(&caller.source))?;
    expect("X-Daytona-Organization-ID", caller.organization.as_deref())?;
    if !request.header("traceparent").is_some_and(is_trace) {
        return Err(format!("the header traceparent is {:?}, expected a span", request.header("traceparent")));
    }
    let agent = request.header("User-Agent").unwrap_or_default();
    if agent.strip_prefix(&*caller.source).and_then(|rest| rest.strip_prefix('/')).and_then(version).is_none() {
        return Err(format!("the header User-Agent is {agent:?}, expected {}/<version>", caller.source));
    }
    // Below 0.167 servers send logs in formats of old (wire.md 4.1).
    let said = request.header("X-Daytona-SDK-Version").unwrap_or_default();
    match version(said.trim_start_matches('v')) {
        Some(version) if names_version || version >= [0, 167, 0] => Ok(()),
        _ if request.method == "GET" && is_raw_log(request) => Ok(()),
        _ => Err(format!("the header X-Daytona-SDK-Version is {said:?}, expected 0.167.0 or more")),
    }
}

/// `00-<trace>-<span>-<flags>` (W3C Trace Context).
fn is_trace(text: &str) -> bool {
    let hexadecimal = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    match text.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, span, "00" | "01"] => hexadecimal(trace, 32) && hexadecimal(span, 16),
        _ => false,
    }
}

fn version(text: &str) -> Option<[u32; 3]> {
    let numbers: Option<Vec<u32>> = text.split('.').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

fn compare(expected: &ExpectedRequest, request: &Recorded) -> Result<(), String> {
    let mut blobs = Vec::new();
    let (path, _) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let headers: Map<_, _> =
        request.headers.iter().map(|(name, value)| (name.to_lowercase(), Value::from(&**value))).collect();
    let body = body(request, &mut blobs)?;
    let sent: Vec<_> =
        request.messages().into_iter().take(expected.sent.len()).map(|m| json_or_bytes(m, &mut blobs)).collect();
    let actual = json!({
        "method": request.method, "path": path, "query": query(&request.target), "body": body, "sent": sent,
    });
    let wanted = json!({
        "method": expected.method, "path": expected.path, "query": expected.query, "body": expected.body,
        "sent": expected.sent,
    });
    matching::check_exactly(&wanted, &Outcome { value: actual, blobs }, "request")?;
    let wanted: Map<_, _> = expected.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    matching::check(&Value::from(wanted), &Outcome { value: Value::from(headers), blobs: Vec::new() })
        .map_err(|e| format!("headers: {e}"))
}

/// The parameters by name.
fn query(target: &str) -> Map<String, Value> {
    let mut parameters = Map::<_, Value>::new();
    let (_, text) = target.split_once('?').unwrap_or_default();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let value = Value::from(value);
        match parameters.get_mut(&*name) {
            None => drop(parameters.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::from(vec![first.take(), value]),
        }
    }
    parameters
}

fn body(request: &Recorded, blobs: &mut Vec<Bytes>) -> Result<Value, String> {
    let content = request.body();
    let content_type = request.header("content-type").unwrap_or_default();
    if content.is_empty() {
        return Ok(Value::Null);
    }
    if content_type == "application/json" {
        return serde_json::from_slice(&content).map_err(|e| format!("the body is not the JSON it is said to be: {e}"));
    }
    if let Some(boundary) = content_type.strip_prefix("multipart/form-data; boundary=") {
        let parts = parts(&content, boundary.trim_matches('"')).ok_or("the body is not complete multipart")?;
        return Ok(parts.into_iter().map(|part| part.into_value(blobs)).collect());
    }
    Ok(bytes(content, blobs))
}

/// A part of a multipart body.
struct Part {
    name: String,
    filename: Option<String>,
    content: Vec<u8>,
}

impl Part {
    fn into_value(self, blobs: &mut Vec<Bytes>) -> Value {
        match self.filename {
            Some(filename) => {
                json!({ "name": self.name, "filename": filename, "content": bytes(self.content, blobs) })
            }
            None => json!({ "name": self.name, "content": String::from_utf8_lossy(&self.content) }),
        }
    }
}

/// The parts of a multipart body, or nothing when it is none or not whole.
fn parts(body: &[u8], boundary: &str) -> Option<Vec<Part>> {
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(&delimiter.as_bytes()[2..])?;
    let mut parts = Vec::new();
    loop {
        rest = match rest.strip_prefix(b"\r\n") {
            Some(rest) => rest,
            None => return rest.starts_with(b"--").then_some(parts),
        };
        let head = position(rest, b"\r\n\r\n")?;
        let content = &rest[head + 4..];
        let end = position(content, delimiter.as_bytes())?;
        let head = String::from_utf8_lossy(&rest[..head]);
        let disposition =
            head.lines().find(|line| line.to_lowercase().starts_with("content-disposition: form-data"))?;
        let name = parameter(disposition, "name")?;
        parts.push(Part { name, filename: parameter(disposition, "filename"), content: content[..end].to_owned() });
        rest = &content[end + delimiter.len()..];
    }
}

fn parameter(disposition: &str, name: &str) -> Option<String> {
    let (_, rest) = disposition.split_once(&format!("; {name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn json_or_bytes(message: Vec<u8>, blobs: &mut Vec<Bytes>) -> Value {
    serde_json::from_slice(&message).ok().filter(Value::is_object).unwrap_or_else(|| bytes(message, blobs))
}

fn bytes(content: Vec<u8>, blobs: &mut Vec<Bytes>) -> Value {
    blobs.push(content.into());
    Value::from(blobs.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipart_is_read_into_parts_and_refused_when_it_is_cut() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"p\"\r\n\r\n/x\r\n\
            --b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a b\"\r\nContent-Type: x/y\r\n\r\n\r\n-\r\n\r\n--b--\r\n";
        let read = parts(body, "b").unwrap();
        assert_eq!((read[0].name.as_str(), read[0].filename.as_deref(), &*read[0].content), ("p", None, &b"/x"[..]));
        assert_eq!((read[1].filename.as_deref(), &*read[1].content), (Some("a b"), &b"\r\n-\r\n"[..]));
        assert!(parts(&body[..body.len() - 8], "b").is_none());
    }

    fn caller() -> Caller {
        Caller { source: "sdk-go".to_owned(), bearer: "key".to_owned(), organization: None }
    }

    fn request(method: &str, target: &str) -> Recorded {
        let headers = [
            ("Authorization", "Bearer key"),
            ("X-Daytona-Source", "sdk-go"),
            ("X-Daytona-SDK-Version", "v0.205.1"),
            ("User-Agent", "sdk-go/0.1.0"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ];
        Recorded {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ..Recorded::default()
        }
    }

    fn outcome(expected: Value, recorded: &[Recorded]) -> Result<(), String> {
        let expected: Vec<ExpectedRequest> = serde_json::from_value(expected).unwrap();
        check(&expected, recorded, &caller())
    }

    #[test]
    fn every_request_is_expected_and_every_expected_one_is_sent() {
        let stop = json!([{ "method": "POST", "path": "/api/sandbox/x/stop", "query": { "force": "false" } }]);
        let sent = request("POST", "/api/sandbox/x/stop?force=false");
        assert_eq!(outcome(stop.clone(), std::slice::from_ref(&sent)), Ok(()));
        assert!(outcome(stop.clone(), &[]).unwrap_err().contains("was not sent"));
        assert!(outcome(stop.clone(), &[sent.clone(), sent.clone()]).unwrap_err().contains("should not"));
        let other = request("POST", "/api/sandbox/x/stop?force=false&skip=1");
        assert!(outcome(stop, &[other]).unwrap_err().contains("has skip"));
    }

    #[test]
    fn reads_of_the_sandbox_itself_and_polls_need_not_be_named() {
        let look = request("GET", "/api/sandbox/x");
        let port = request("GET", "/toolbox/x/port/80/in-use");
        let wait = json!([{ "method": "GET", "path": "/toolbox/x/port/80/in-use" }]);
        assert_eq!(outcome(wait, &[look.clone(), port.clone(), port.clone(), look.clone()]), Ok(()));
        assert_eq!(outcome(json!([]), std::slice::from_ref(&look)), Ok(()));
        assert!(outcome(json!([]), &[port]).is_err());
        assert!(outcome(json!([]), &[request("GET", "/api/sandbox/paginated")]).is_err());
        let named = json!([{ "method": "GET", "path": "/api/sandbox/x" }]);
        assert!(outcome(named.clone(), &[]).is_err());
        assert_eq!(outcome(named, &[look]), Ok(()));
    }

    #[test]
    fn a_request_that_does_not_say_who_calls_is_refused() {
        for (name, value) in [
            ("Authorization", "Bearer other"),
            ("X-Daytona-Source", "sdk-ruby"),
            ("X-Daytona-SDK-Version", "0.27.0"),
            ("User-Agent", "curl/8.0.0"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c"),
            ("X-Daytona-Organization-ID", "me"),
        ] {
            let mut request = request("GET", "/api/sandbox/x");
            request.headers.retain(|(n, _)| n != name);
            request.headers.push((name.to_owned(), value.to_owned()));
            let refusal = outcome(json!([]), &[request]).unwrap_err();
            assert!(refusal.contains(name) && !refusal.contains("key"), "{refusal}");
        }
    }

    #[test]
    fn an_older_version_is_sent_only_where_the_case_names_it() {
        let mut request = request("GET", "/toolbox/x/logs");
        request.headers.retain(|(name, _)| name != "X-Daytona-SDK-Version");
        request.headers.push(("X-Daytona-SDK-Version".to_owned(), "0.166.0".to_owned()));
        let named =
            json!([{ "method": "GET", "path": "/toolbox/x/logs", "headers": { "x-daytona-sdk-version": "0.166.0" } }]);
        assert_eq!(outcome(named, std::slice::from_ref(&request)), Ok(()));
        assert!(outcome(json!([{ "method": "GET", "path": "/toolbox/x/logs" }]), &[request]).is_err());
    }

    #[test]
    fn a_repeated_parameter_is_a_list() {
        let expected = json!({ "states": ["a", "b"], "name": "x y" });
        assert_eq!(Value::from(query("/p?states=a&name=x+y&states=b")), expected);
    }
}
