//! Ports and what listens on them (wire section 3.7).

mod harness;

use futures_util::{SinkExt, StreamExt};
use harness::Toolbox;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;

/// A port between 3000 and 9999 that is free.
async fn listen() -> (TcpListener, u16) {
    for port in 3000..=9999 {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return (listener, port);
        }
    }
    panic!("no port is free");
}

#[tokio::test]
async fn listening_ports_are_listed_and_in_use() {
    let toolbox = Toolbox::start();
    let (listener, port) = listen().await;
    assert!(toolbox.get("/port").await.1["ports"].as_array().unwrap().contains(&json!(port)));
    assert_eq!(toolbox.get(&format!("/port/{port}/in-use")).await.1, json!({"isInUse": true}));
    drop(listener);
    for port in ["2999", "10000", "0", "-1", "abc", "99999999999"] {
        assert_eq!(toolbox.get(&format!("/port/{port}/in-use")).await.0, StatusCode::BAD_REQUEST, "{port}");
    }
}

#[tokio::test]
async fn requests_reach_a_server_as_they_were_sent() {
    let toolbox = Toolbox::start();
    let (listener, port) = listen().await;
    let echo = axum::Router::new().fallback(|request: axum::extract::Request| async move {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (StatusCode::IM_A_TEAPOT, format!("{} {} {}", parts.method, parts.uri, body.len()))
    });
    tokio::spawn(async move { axum::serve(listener, echo).await });
    for path in ["", "/", "/a%2Fb/%20?x=%26&y", "/a//b/../c"] {
        let url = format!("/proxy/{port}{path}");
        let raw = raw_request(
            &toolbox,
            &format!("PUT {url} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc"),
        )
        .await;
        let expected = if path.starts_with('/') { path.to_owned() } else { "/".to_owned() };
        assert!(raw.starts_with("HTTP/1.1 418"), "{raw}");
        assert!(raw.contains(&format!("PUT {expected} 3")), "{path}: {raw}");
    }
    let large = toolbox.request(Method::POST, &format!("/proxy/{port}/large")).body(vec![b'x'; 20 << 20]);
    assert_eq!(large.send().await.unwrap().text().await.unwrap(), format!("POST /large {}", 20 << 20));
}

/// Sends bytes no client library would change.
async fn raw_request(toolbox: &Toolbox, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(toolbox.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn websockets_reach_a_server() {
    let toolbox = Toolbox::start();
    let (listener, port) = listen().await;
    tokio::spawn(async move {
        let mut socket = accept_async(listener.accept().await.unwrap().0).await.unwrap();
        let message = socket.next().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
    });
    let mut socket = toolbox.connect(&format!("/proxy/{port}/socket"), &[]).await;
    socket.send("there and back").await;
    socket.finish().await;
    assert_eq!(socket.text(), "there and back");
}

#[tokio::test]
async fn a_port_nobody_listens_on_is_a_bad_gateway() {
    let toolbox = Toolbox::start();
    // Bound, so that no other test gets the port meanwhile, and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    assert_eq!(toolbox.get(&format!("/proxy/{port}/")).await.0, StatusCode::BAD_GATEWAY);
    for port in ["0", "65536", "x", "-1"] {
        assert_eq!(toolbox.get(&format!("/proxy/{port}/")).await.0, StatusCode::BAD_REQUEST, "{port}");
    }
}
