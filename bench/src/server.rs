//! A server that answers what the benchmarks ask at next to no cost, so that what is measured is the client.
//!
//! It speaks HTTP/1.1 and HTTP/2, in clear text (prior knowledge) and over TLS, on one thread. All sandboxes are the
//! same one:
//!
//! * `POST /sandbox`: a started sandbox; `GET /sandbox`: a list of it. With the name `late-{milliseconds}` it takes that long to start,
//!   and `GET /sandbox/{id}` tells when it has.
//! * `POST …/process/execute`: the command `sleep 0.1` is answered after 100 ms, every other at once.
//! * `GET …/process/session/{id}/command/{bytes}/logs` (WebSocket): that many bytes of log in frames of 1 KiB.
//! * `POST …/files/bulk-download` of the path `/zeros/{bytes}`, and `GET /zeros/{bytes}`: that many zero bytes.
//! * `POST …/files/bulk-upload` and `POST /sink`: read the body and forget it.

mod listen;
mod logs;

use std::convert::Infallible;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use axum::body::Body;
use axum::extract::{Path as Segments, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde_json::{Value, json};

/// Streams a connection may have open at once over HTTP/2: what proxies on the way to a cloud allow.
const MAX_CONCURRENT_STREAMS: u32 = 100;

/// How the names of sandboxes begin that take as many milliseconds to start.
pub const LATE: &str = "late-";

static ZEROS: [u8; 256 * 1024] = [0; 256 * 1024];

/// Serves until standard input ends.
pub fn serve(dir: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(listen::listen(dir, router))
}

fn router(address: &str) -> Router {
    Router::new()
        .route("/sandbox", post(create).get(list))
        .route("/sandbox/{id}", get(look))
        .route("/zeros/{bytes}", get(zeros))
        .route("/sink", post(sink))
        .route("/toolbox/{id}/process/execute", post(execute))
        .route("/toolbox/{id}/process/session/{session}/command/{bytes}/logs", get(logs::logs))
        .route("/toolbox/{id}/files/bulk-download", post(bulk_download))
        .route("/toolbox/{id}/files/bulk-upload", post(sink))
        .with_state(address.to_owned())
}

#[derive(Deserialize)]
struct Create {
    #[serde(default)]
    name: String,
}

// The body is read to its end: otherwise the connection could not be used again.
async fn create(State(address): State<String>, body: Bytes) -> Json<Value> {
    let name = serde_json::from_slice::<Create>(&body).map(|body| body.name).unwrap_or_default();
    match name.strip_prefix(LATE).and_then(|milliseconds| milliseconds.parse().ok()) {
        Some(milliseconds) => {
            // The id has all there is to know.
            let start = SystemTime::now() + Duration::from_millis(milliseconds);
            let id = format!("{LATE}{}", start.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros());
            sandbox(&address, &id)
        }
        None => sandbox(&address, "11111111-2222-4333-8444-555555555555"),
    }
}

async fn look(State(address): State<String>, Segments(id): Segments<String>) -> Json<Value> {
    sandbox(&address, &id)
}

fn sandbox(address: &str, id: &str) -> Json<Value> {
    let start = id.strip_prefix(LATE).and_then(|micros| micros.parse().ok()).map(Duration::from_micros);
    let started = start.is_none_or(|start| SystemTime::now() >= UNIX_EPOCH + start);
    Json(json!({
        "id": id,
        "organizationId": "bench",
        "name": "bench",
        "user": "daytona",
        "env": {},
        "labels": { "code-toolbox-language": "python" },
        "public": false,
        "networkBlockAll": false,
        "target": "bench",
        "cpu": 1,
        "gpu": 0,
        "memory": 1,
        "disk": 3,
        "state": if started { "started" } else { "creating" },
        "desiredState": "started",
        "createdAt": "2025-01-01T00:00:00.000Z",
        "updatedAt": "2025-01-01T00:00:00.000Z",
        "toolboxProxyUrl": format!("{address}/toolbox"),
    }))
}

async fn list(address: State<String>) -> Json<Value> {
    let Json(sandbox) = create(address, Bytes::new()).await;
    Json(json!({ "items": [sandbox], "nextCursor": null }))
}

#[derive(Deserialize)]
struct Execute {
    command: String,
}

async fn execute(body: Json<Execute>) -> Json<Value> {
    if body.command == "sleep 0.1" {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Json(json!({ "exitCode": 0, "result": "hello\n" }))
}

async fn zeros(Segments(bytes): Segments<u64>) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/octet-stream")], stream(Bytes::new(), bytes, Bytes::new()))
        .into_response()
}

#[derive(Deserialize)]
struct BulkDownload {
    paths: Vec<String>,
}

async fn bulk_download(Json(body): Json<BulkDownload>) -> Response {
    let [path] = &body.paths[..] else { return StatusCode::BAD_REQUEST.into_response() };
    let Some(bytes) = path.strip_prefix("/zeros/").and_then(|n| n.parse().ok()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let head = format!(
        "--BENCH\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{path}\"\r\nContent-Length: {bytes}\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let body = stream(head.into(), bytes, Bytes::from_static(b"\r\n--BENCH--\r\n"));
    ([(header::CONTENT_TYPE, "multipart/form-data; boundary=BENCH")], body).into_response()
}

/// A body of zeros between a head and a tail.
fn stream(head: Bytes, bytes: u64, tail: Bytes) -> Body {
    let zeros = (0..bytes).step_by(ZEROS.len()).map(move |at| {
        let length = (bytes - at).min(ZEROS.len() as u64) as usize;
        Bytes::from_static(&ZEROS[..length])
    });
    let pieces = [head].into_iter().chain(zeros).chain([tail]).filter(|piece| !piece.is_empty());
    Body::from_stream(futures_util::stream::iter(pieces.map(Ok::<_, Infallible>)))
}

async fn sink(_: HeaderMap, mut body: Body) -> Response {
    while let Some(frame) = body.frame().await {
        if frame.is_err() {
            return StatusCode::BAD_REQUEST.into_response();
        }
    }
    Json(json!({ "files": [] })).into_response()
}
