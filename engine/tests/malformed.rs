//! Requests that make no sense, to every route: always an answer, never a failure of the engine or of a toolbox.

mod harness;

use std::time::Duration;

use harness::{Engine, children};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Routes of the control plane; `{id}` is a sandbox.
const CONTROL: &[(&str, &str)] = &[
    ("GET", "/api/health"),
    ("GET", "/api/config"),
    ("GET", "/api/sandbox"),
    ("GET", "/api/sandbox/paginated"),
    ("POST", "/api/sandbox"),
    ("GET", "/api/sandbox/{id}"),
    ("POST", "/api/sandbox/{id}/archive"),
    ("POST", "/api/sandbox/{id}/recover"),
    ("PUT", "/api/sandbox/{id}/labels"),
    ("POST", "/api/sandbox/{id}/public/true"),
    ("POST", "/api/sandbox/{id}/autostop/x"),
    ("POST", "/api/sandbox/{id}/autostop/-5"),
    ("POST", "/api/sandbox/{id}/autodelete/99999999999999999999"),
    ("POST", "/api/sandbox/{id}/autoarchive/1e3"),
    ("POST", "/api/sandbox/{id}/ttl/%00"),
    ("POST", "/api/sandbox/{id}/last-activity"),
    ("POST", "/api/sandbox/{id}/network-settings"),
    ("POST", "/api/sandbox/{id}/pause"),
    ("POST", "/api/sandbox/{id}/fork"),
    ("POST", "/api/sandbox/{id}/resize"),
    ("POST", "/api/sandbox/{id}/autopause/x"),
    ("GET", "/api/sandbox/{id}/forks"),
    ("GET", "/api/sandbox/{id}/parent"),
    ("GET", "/api/sandbox/{id}/ancestors"),
    ("GET", "/api/sandbox/{id}/telemetry/metrics?from=x&to=%FF"),
    ("GET", "/api/sandbox/{id}/telemetry/metrics?metricNames=%00"),
    ("POST", "/api/sandbox/{id}/snapshot"),
    ("POST", "/api/sandbox/{id}/ssh-access?expiresInMinutes=%00"),
    ("DELETE", "/api/sandbox/{id}/ssh-access?token=%00"),
    ("GET", "/api/sandbox/ssh-access/validate?token=%FF%FE"),
    ("GET", "/api/sandbox/{id}/signing-key"),
    ("GET", "/api/sandbox/{id}/ports/99999/preview-url"),
    ("GET", "/api/sandbox/{id}/ports/x/signed-preview-url"),
    ("POST", "/api/sandbox/{id}/ports/3000/signed-preview-url/x/expire"),
    ("GET", "/api/preview/{id}/validate/%FF%FE"),
    ("GET", "/api/preview/{id}/0/sandbox-id"),
    ("GET", "/api/snapshots"),
    ("POST", "/api/snapshots"),
    ("DELETE", "/api/snapshots/x"),
    ("POST", "/api/volumes"),
    ("GET", "/api/organizations/x"),
    ("POST", "/api/sandbox/none/start"),
    ("DELETE", "/api/sandbox/none"),
    ("GET", "/api/sandbox/%2e%2e%2f%2e%2e"),
    ("GET", "/api/no/such/route"),
    ("BREW", "/api/sandbox"),
    ("GET", "/api/socket.io/?EIO=4&transport=polling"),
    ("POST", "/api/socket.io/?EIO=99&transport=websocket"),
    ("GET", "/api/socket.io/"),
];

/// Routes of the toolbox, below `/toolbox/{id}`.
const TOOLBOX: &[(&str, &str)] = &[
    ("GET", "/version"),
    ("POST", "/init"),
    ("POST", "/env"),
    ("GET", "/system/metrics"),
    ("POST", "/process/execute"),
    ("POST", "/process/code-run"),
    ("GET", "/process/session"),
    ("POST", "/process/session"),
    ("GET", "/process/session/%00"),
    ("DELETE", "/process/session/x"),
    ("POST", "/process/session/x/exec"),
    ("POST", "/process/session/known/exec"),
    ("GET", "/process/session/known/command/x/logs?follow=true"),
    ("POST", "/process/session/known/command/x/input"),
    ("GET", "/process/session/entrypoint/logs"),
    ("GET", "/process/pty"),
    ("POST", "/process/pty"),
    ("GET", "/process/pty/create-connect"),
    ("GET", "/process/pty/create-connect?id=x&cols=-1&rows=99999999999"),
    ("GET", "/process/pty/x/connect"),
    ("POST", "/process/pty/x/resize"),
    ("DELETE", "/process/pty/x"),
    ("POST", "/process/interpreter/context"),
    ("DELETE", "/process/interpreter/context/x"),
    ("GET", "/process/interpreter/execute"),
    ("GET", "/files"),
    ("GET", "/files?path=%00"),
    ("GET", "/files?path=x%00y&depth=-1"),
    ("GET", "/files?depth=99999999999999999999"),
    ("GET", "/files/info?path=%00"),
    ("GET", "/files/info?path=%FF%FE"),
    ("GET", "/files/info"),
    ("POST", "/files/folder?path=%00&mode=9"),
    ("POST", "/files/folder?path=x&mode=77777777777"),
    ("DELETE", "/files?path=%00"),
    ("DELETE", "/files?path=/&recursive=false"),
    ("POST", "/files/move?source=%00&destination=%00"),
    ("POST", "/files/permissions?path=.&owner=no-such-user&mode=x"),
    ("GET", "/files/search?path=.&pattern=%5B%5B%5B%5C"),
    ("GET", "/files/find?path=%00&pattern=%00"),
    ("POST", "/files/replace"),
    ("GET", "/files/download?path=%00"),
    ("GET", "/files/download?path=/dev/zero"),
    ("GET", "/files/download"),
    ("POST", "/files/upload"),
    ("POST", "/files/upload?path=%00"),
    ("POST", "/files/upload-v2?path=%00"),
    ("POST", "/files/bulk-upload"),
    ("POST", "/files/bulk-download"),
    ("GET", "/port"),
    ("GET", "/port/x/in-use"),
    ("GET", "/raw/connect?host=%00&port=1"),
    ("GET", "/raw/listen?port=-1"),
    ("GET", "/raw/accepted/x"),
    ("GET", "/raw/program"),
    ("GET", "/proxy/x/"),
    ("GET", "/proxy/99999/"),
    ("POST", "/git/clone"),
    ("GET", "/git/status"),
    ("GET", "/git/history?path=%00"),
    ("POST", "/git/commit"),
    ("POST", "/git/add"),
    ("GET", "/git/branches?path=%00"),
    ("POST", "/git/branches"),
    ("POST", "/git/checkout"),
    ("POST", "/git/push"),
    ("POST", "/git/pull"),
    ("POST", "/git/init"),
    ("POST", "/git/reset"),
    ("POST", "/git/restore"),
    ("GET", "/git/remotes?path=%FF"),
    ("POST", "/git/remotes"),
    ("GET", "/git/config?key=%00"),
    ("GET", "/git/config?key=a.b&scope=local&path=%00"),
    ("POST", "/git/config"),
    ("POST", "/git/config/user"),
    ("POST", "/git/credentials"),
    ("POST", "/lsp/start"),
    ("POST", "/lsp/completions"),
    ("GET", "/lsp/document-symbols?uri=%00"),
    ("GET", "/computeruse/status"),
    ("POST", "/computeruse/mouse/click"),
    ("GET", "/no/such/route"),
    ("BREW", "/files"),
];

/// Fields some route reads.
const FIELDS: &[&str] = &[
    "command",
    "code",
    "language",
    "id",
    "sessionId",
    "path",
    "paths",
    "files",
    "pattern",
    "newValue",
    "cols",
    "rows",
    "cwd",
    "envs",
    "timeout",
    "data",
    "set",
    "unset",
    "unsetValuePrefix",
    "labels",
    "name",
    "cpu",
    "memory",
    "disk",
    "env",
    "user",
    "runAsync",
    "suppressInputEcho",
    "lazyStart",
    "argv",
    "contextId",
    "url",
    "message",
    "author",
    "email",
    "branch",
    "token",
    "autoStopInterval",
    "networkBlockAll",
    "public",
    "snapshot",
    "target",
    "volumes",
    "class",
    "commit_id",
    "depth",
    "username",
    "password",
    "insecure_skip_tls",
    "allow_empty",
    "remote",
    "set_upstream",
    "initial_branch",
    "bare",
    "mode",
    "staged",
    "worktree",
    "source",
    "fetch",
    "overwrite",
    "key",
    "value",
    "scope",
    "host",
    "protocol",
];

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    const JSON: &str = "application/json";
    let mut bodies: Vec<(&str, Vec<u8>)> = [
        "",
        "{",
        "null",
        "[]",
        "\"text\"",
        "{}",
        "0",
        "{\"a\":1e999}",
        "{\"command\":\"x\",\"command\":1}",
        "\u{feff}{}",
        "{\"id\":\"\\ud800\"}",
    ]
    .map(|text| (JSON, text.as_bytes().to_vec()))
    .to_vec();
    bodies.push((JSON, vec![0xff, 0xfe, 0x00]));
    bodies.push((JSON, "[".repeat(100_000).into_bytes()));
    bodies.push(("multipart/form-data", b"x".to_vec()));
    bodies.push(("multipart/form-data; boundary=", b"--\r\n\r\n".to_vec()));
    bodies.push(("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=\"file".to_vec()));
    let crafted = "--b\r\nContent-Disposition: form-data; name=\"a.path\"\r\n\r\nx\0y\r\n\
                   --b\r\nContent-Disposition: form-data; name=\"a.file\"; filename=\"../../x\"\r\n\r\n1\r\n--b\r\n\r\n--b--";
    bodies.push(("multipart/form-data; boundary=b", crafted.as_bytes().to_vec()));
    let odd_values = [
        json!(null),
        json!(-1),
        json!(1e308),
        json!(""),
        json!("\u{0}"),
        json!("../.."),
        json!([]),
        json!({}),
        json!(true),
        json!({"a=b": "\u{0}"}),
        json!([1, null, "\u{0}"]),
        json!("x".repeat(100_000)),
        json!(u64::MAX),
    ];
    for value in odd_values {
        let fields: serde_json::Map<String, Value> =
            FIELDS.iter().map(|field| ((*field).to_owned(), value.clone())).collect();
        bodies.push((JSON, Value::Object(fields).to_string().into_bytes()));
    }
    bodies
}

/// Sends exactly these bytes and returns the status and the beginning of the body; `None` when the connection was closed.
async fn send(engine: &Engine, request: &[u8]) -> Option<(u16, String)> {
    let address = engine.origin.strip_prefix("http://").expect("an HTTP origin");
    let mut stream = TcpStream::connect(address).await.expect("the engine accepts");
    let exchange = async {
        // The engine may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = (&mut stream).take(4_096).read_to_end(&mut answer).await;
        answer
    };
    let shown = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
    let answer = timeout(Duration::from_secs(120), exchange).await.unwrap_or_else(|_| panic!("no answer to {shown}"));
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()))
}

fn request(engine: &Engine, method: &str, target: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: {content_type}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        engine.api_key,
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn assert_never_fails(engine: &Engine, id: &str, routes: &[(&str, &str)], prefix: &str) {
    let mut failures = Vec::new();
    for (method, path) in routes {
        let target = format!("{prefix}{path}").replace("{id}", id);
        let reads_body = !matches!(*method, "GET" | "DELETE");
        for (content_type, body) in bodies().iter().take(if reads_body { usize::MAX } else { 1 }) {
            let answer = send(engine, &request(engine, method, &target, content_type, body)).await;
            let fine = answer.as_ref().is_some_and(|(status, _)| *status < 500 || matches!(status, 501 | 503));
            if !fine {
                let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
                failures.push(format!("{method} {target} {shown:?}: {answer:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test]
async fn the_control_plane_answers_whatever_it_is_sent() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    assert_never_fails(&engine, &id, CONTROL, "").await;
    // Among what it was sent was to pause.
    engine.post(&format!("/api/sandbox/{id}/start"), serde_json::json!({})).await;
    assert_eq!(engine.output(&id, "echo alive").await, "alive");
}

#[tokio::test]
async fn a_toolbox_answers_whatever_it_is_sent_and_stays_the_same_process() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.post(&format!("/toolbox/{id}/process/session"), json!({"sessionId": "known"})).await;
    let before = children(engine.pid().as_raw());
    assert_never_fails(&engine, &id, TOOLBOX, &format!("/toolbox/{id}")).await;
    assert_eq!(engine.output(&id, "echo alive").await, "alive");
    let after = children(engine.pid().as_raw());
    assert!(before.iter().take(2).all(|process| after.contains(process)), "{before:?} became {after:?}");
}

#[tokio::test]
async fn what_is_not_http_does_not_hurt() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let key = &engine.api_key;
    let long = "x".repeat(1 << 20);
    for request in [
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01\x00\x01\u{fffd}".to_owned() + "\r\n\r\n",
        format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx: {long}\r\n\r\n"),
        format!("GET /api/sandbox HTTP/1.1\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"),
        format!("GET /api/sandbox HTTP/1.1\r\nhost: \u{ff}\u{0}\r\nauthorization: Bearer {key}\r\n\r\n"),
        "POST /api/sandbox HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(),
        "POST /api/sandbox HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n".to_owned(),
        format!("POST /toolbox/{id}/process/execute HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\nzz\r\n"),
        format!("GET /toolbox/{id}/process/pty/x/connect HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 99\r\nsec-websocket-key: x\r\n\r\n"),
        format!("GET /toolbox/../api/sandbox HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"),
        format!("GET /toolbox//{id}//files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"),
        format!("GET http://elsewhere/api/sandbox HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"),
        format!("CONNECT elsewhere:80 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"),
    ] {
        let address = engine.origin.strip_prefix("http://").expect("an HTTP origin");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(request.as_bytes()).await;
        // Some of these are the beginning of a request that never ends.
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let shown = &request[..request.len().min(200)];
        let read = timeout(Duration::from_secs(120), (&mut stream).take(4_096).read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "no answer and no end: {shown:?}");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status: Option<u16> = answer.get(9..12).and_then(|status| status.parse().ok());
        assert!(status.is_none_or(|status| status < 500 || status == 501), "{shown:?}: {answer}");
    }
    assert_eq!(engine.output(&id, "echo alive").await, "alive");
}

#[tokio::test]
async fn frames_that_make_no_sense_end_their_connection_alone() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    for path in ["process/interpreter/execute", "process/pty/create-connect?id=p", "process/pty/none/connect"] {
        for garbage in [
            &b"\x81\x05hello"[..],                               // not masked
            b"\x8f\x80\0\0\0\0",                                 // an opcode nobody knows
            b"\xf1\x80\0\0\0\0",                                 // reserved bits
            b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", // longer than anything
            b"\x89\xfe\xff\xff\0\0\0\0",                         // a ping that is too long
            b"\x81\x82\0\0\0\0\xff\xfe",                         // text that is no text
            b"\x80\x80\0\0\0\0",                                 // a continuation of nothing
            b"\x88\x81\0\0\0\0\x01",                             // half a close code
        ] {
            let head = format!(
                "GET /toolbox/{id}/{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: upgrade\r\n\
                 upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                engine.api_key
            );
            let bytes = [head.as_bytes(), garbage].concat();
            let address = engine.origin.strip_prefix("http://").expect("an HTTP origin");
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let read = timeout(Duration::from_secs(120), stream.read_to_end(&mut answer)).await;
            assert!(read.is_ok(), "{path} stays open after {garbage:?}");
            let (status, _) = engine.delete(&format!("/toolbox/{id}/process/pty/p")).await;
            assert!(status.is_success() || status.is_client_error());
        }
    }
    assert_eq!(engine.output(&id, "echo alive").await, "alive");
}
