//! More data than anybody should hold in memory: the engine and the toolbox pass it on.

mod harness;
#[path = "harness/socket.rs"]
mod socket;

use futures_util::StreamExt;
use harness::Engine;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// How much more memory than before a process may have had at its peak, in bytes.
const GROWTH: usize = 48 << 20;

/// The most memory a process ever had, in bytes.
fn peak(process: i32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

/// The engine and the processes of its only sandbox that stay: the first one and the toolbox.
fn lasting_processes(engine: &Engine) -> Vec<i32> {
    let inside = engine.sandbox_processes();
    [engine.pid().as_raw()].into_iter().chain(inside.into_iter().take(2)).collect()
}

fn assert_flat(processes: &[i32], before: &[usize]) {
    for (process, before) in processes.iter().zip(before) {
        let grown = peak(*process).saturating_sub(*before);
        assert!(grown < GROWTH, "process {process} of {processes:?} grew by {grown} bytes");
    }
}

#[tokio::test]
async fn five_gibibytes_are_downloaded_in_flat_memory() {
    const SIZE: u64 = 5 << 30;
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine
        .output(
            &id,
            &format!("truncate -s {SIZE} sparse; printf end | dd of=sparse bs=1 seek={} conv=notrunc", SIZE - 3),
        )
        .await;
    let path = format!("/toolbox/{id}/files/download?path=sparse");
    let request = engine.request(Method::GET, &path).header("range", format!("bytes={}-", SIZE - 5));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(response.bytes().await.unwrap(), &b"\0\0end"[..]);

    let processes = lasting_processes(&engine);
    let before: Vec<_> = processes.iter().map(|process| peak(*process)).collect();
    // Without a client that would have to keep up.
    let mut stream = TcpStream::connect(engine.origin.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        engine.api_key
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut headers = Vec::new();
    while memchr::memmem::find(&headers, b"\r\n\r\n").is_none() {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "no headers");
        headers.extend_from_slice(&buffer[..read]);
    }
    let end = memchr::memmem::find(&headers, b"\r\n\r\n").unwrap() + 4;
    let text = String::from_utf8_lossy(&headers[..end]).to_ascii_lowercase();
    assert!(text.starts_with("http/1.1 200") && text.contains(&format!("content-length: {SIZE}\r\n")), "{text}");
    let mut received = (headers.len() - end) as u64;
    let mut last = Vec::new();
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        if read == 0 {
            break;
        }
        received += read as u64;
        last.extend_from_slice(&buffer[read.saturating_sub(3)..read]);
        last.drain(..last.len() - 3);
    }
    assert_eq!((received, last.as_slice()), (SIZE, &b"end"[..]));
    assert_flat(&processes, &before);
}

#[tokio::test]
async fn a_log_of_hundreds_of_megabytes_is_followed_in_flat_memory() {
    const SIZE: usize = 200_000_000;
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let session = format!("/toolbox/{id}/process/session");
    engine.post(&session, json!({"sessionId": "s"})).await;
    let processes = lasting_processes(&engine);
    let before: Vec<_> = processes.iter().map(|process| peak(*process)).collect();
    let body = json!({"command": format!("head -c {SIZE} /dev/zero | tr '\\0' x | fold -w 99"), "runAsync": true});
    let (_, begun) = engine.post(&format!("{session}/s/exec"), body).await;
    let command = begun["cmdId"].as_str().unwrap();
    let mut socket = engine.socket(&format!("{session}/s/command/{command}/logs?follow=true")).await;
    let (mut bytes, mut letters, mut lines) = (0, 0, 0);
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Binary(data) => {
                assert!(data.len() <= 32 << 10, "a frame of {} bytes", data.len());
                bytes += data.len();
                lines += memchr::memchr_iter(b'\n', &data).count();
                letters += memchr::memchr_iter(b'x', &data).count();
            }
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), 1000);
                break;
            }
            _ => {}
        }
    }
    let expected = SIZE.div_ceil(99);
    // A marker of three bytes and a line feed each.
    assert_eq!((letters, lines, bytes), (SIZE, expected, SIZE + expected * 4));
    assert_flat(&processes, &before);
}

/// Counts what it is sent, and answers with as many bytes as it is asked for.
const SINK: &str = r#"
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *ignored): pass
    def do_PUT(self):
        size = left = int(self.headers['Content-Length'])
        while left: left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(200)
        self.send_header('Content-Length', str(len(str(size))))
        self.end_headers()
        self.wfile.write(str(size).encode())
    def do_GET(self):
        left = int(self.path[1:])
        self.send_response(200)
        self.send_header('Content-Length', str(left))
        self.end_headers()
        piece = bytes(1 << 20)
        while left: left -= self.wfile.write(piece[:left])
http.server.ThreadingHTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
"#;

#[tokio::test]
async fn a_gibibyte_goes_through_a_preview_each_way_in_flat_memory() {
    const SIZE: usize = 1 << 30;
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, &format!("cat > sink.py <<'END'\n{SINK}\nEND\nnohup python3 sink.py >/dev/null 2>&1 &")).await;
    engine.output(&id, "until python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 8080))'; do sleep 0.1; done 2>/dev/null").await;
    let (_, link) = engine.get(&format!("/api/sandbox/{id}/ports/8080/signed-preview-url?expiresInSeconds=600")).await;
    let url = link["url"].as_str().unwrap();
    let processes = lasting_processes(&engine);
    let before: Vec<_> = processes.iter().map(|process| peak(*process)).collect();

    let piece = bytes::Bytes::from(vec![0; 1 << 20]);
    let pieces = futures_util::stream::iter((0..SIZE >> 20).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
    let request = engine.client.put(format!("{url}/up")).header("content-length", SIZE);
    let response = request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), SIZE.to_string());

    let mut body = engine.client.get(format!("{url}/{SIZE}")).send().await.unwrap().bytes_stream();
    let mut received = 0;
    while let Some(piece) = body.next().await {
        received += piece.unwrap().len();
    }
    assert_eq!(received, SIZE);
    assert_flat(&processes, &before);
}
