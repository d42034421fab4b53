//! Connections without requests take little from a server, which keeps room for those with requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use daytona_toolbox::connections::{self, Connection, Room, Times};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

const REQUEST: &[u8] = b"GET /now HTTP/1.1\r\nHost: x\r\n\r\n";

/// Serves `/now` at once and `/later` when told to.
async fn serve(room: usize, times: Times) -> (SocketAddr, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let told = Arc::new(Notify::new());
    let waits = Arc::clone(&told);
    let later = get(async move || {
        waits.notified().await;
        "later"
    });
    let router = Router::new().route("/now", get(async || "now")).route("/later", later);
    tokio::spawn(connections::serve(listener, router, Room::new(room), times));
    (address, told)
}

/// Sends, and reads until the answer is there or the connection ends.
async fn ask(stream: &mut TcpStream, request: &[u8], end: &str) -> String {
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).ends_with(end) && stream.read_buf(&mut answer).await.unwrap() > 0 {}
    String::from_utf8(answer).unwrap()
}

async fn until_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

fn short(first_request: u64, idle: u64) -> Times {
    Times { first_request: Duration::from_millis(first_request), idle: Duration::from_millis(idle) }
}

#[tokio::test]
async fn connections_without_a_whole_request_are_closed() {
    let (address, _) = serve(10, short(50, 600_000)).await;
    let silent = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /now HTTP/1.1\r\nHost:").await.unwrap();
    let mut preface = TcpStream::connect(address).await.unwrap();
    preface.write_all(b"PRI * HT").await.unwrap();
    until_closed(silent).await;
    until_closed(slow).await;
    until_closed(preface).await;
}

#[tokio::test]
async fn connections_unused_after_a_request_are_closed_and_requests_under_way_are_not() {
    let (address, told) = serve(10, short(600_000, 50)).await;
    let mut under_way = TcpStream::connect(address).await.unwrap();
    under_way.write_all(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut used = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut used, REQUEST, "now").await.ends_with("\r\n\r\nnow"));
    until_closed(used).await;
    told.notify_one();
    assert!(ask(&mut under_way, b"", "later").await.ends_with("\r\n\r\nlater"));
}

#[tokio::test]
async fn unused_connections_make_room_for_new_ones_and_used_ones_do_not() {
    let (address, told) = serve(2, short(600_000, 600_000)).await;
    let mut under_way = TcpStream::connect(address).await.unwrap();
    under_way.write_all(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let silent = TcpStream::connect(address).await.unwrap();
    let mut third = TcpStream::connect(address).await.unwrap();
    assert!(ask(&mut third, REQUEST, "now").await.ends_with("\r\n\r\nnow"));
    until_closed(silent).await;
    told.notify_one();
    assert!(ask(&mut under_way, b"", "later").await.ends_with("\r\n\r\nlater"));
}

#[tokio::test]
async fn what_is_kept_with_a_connection_ends_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (kept, mut dropped) = mpsc::channel::<()>(1);
    let handler = async move |Extension(connection): Extension<Arc<Connection>>| {
        connection.keep(|| kept.clone());
        "now"
    };
    // The route's own sender goes with the server, below.
    let router = Router::new().route("/now", get(handler));
    let server = tokio::spawn(connections::serve(listener, router, Room::new(1), Times::default()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask(&mut stream, REQUEST, "now").await;
    server.abort();
    until_closed(stream).await;
    assert_eq!(dropped.recv().await, None);
}
