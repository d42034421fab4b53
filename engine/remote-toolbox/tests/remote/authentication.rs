//! Who has the token is let in, and nobody else.

use std::io::ErrorKind;

use daytona_remote_toolbox::door::Limits;
use daytona_remote_toolbox::{Connector, Identity, Token};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::served::{Client, Served, port, sandbox};

/// Routes of each kind, and some that are none.
const ROUTES: [&str; 14] = [
    "GET /",
    "GET /version",
    "GET /files?path=/",
    "GET /files/download?path=/etc/hostname",
    "POST /files/upload?path=/tmp/x",
    "POST /process/execute",
    "POST /process/session",
    "GET /process/session",
    "GET /system/metrics",
    "POST /env",
    "GET /port",
    "GET /proxy/2280/version",
    "POST /adopt",
    "DELETE /nowhere",
];

#[tokio::test]
async fn without_the_token_every_request_is_answered_401_and_nothing_else() {
    let served = Served::start().await;
    let wrong = Token::random();
    let token = served.token.reveal();
    let headers = [
        String::new(),
        format!("Authorization: Bearer {}\r\n", wrong.reveal()),
        // The token, but not as it is asked for.
        format!("Authorization: Basic {token}\r\n"),
        format!("Authorization: {token}\r\n"),
        format!("Cookie: token={token}\r\n"),
        // The token without the upgrade.
        format!("Authorization: Bearer {token}\r\n"),
        "Connection: Upgrade\r\nUpgrade: daytona-toolbox\r\n".to_owned(),
        format!("Connection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer {token}\r\n"),
        "Connection: Upgrade\r\nUpgrade: daytona-toolbox\r\nAuthorization: Bearer \r\n".to_owned(),
    ];
    for route in ROUTES {
        for header in &headers {
            let answer = served.say(format!("{route} HTTP/1.1\r\nHost: x\r\n{header}\r\n").as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{route} {header}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{route} {header}: {answer}");
            assert!(!answer.contains("the-sandbox") && !answer.contains(token), "{answer}");
        }
    }
}

#[tokio::test]
async fn without_the_token_nothing_is_upgraded() {
    let served = Served::start().await;
    for path in ["/process/pty/x/connect", "/process/interpreter/execute", "/proxy/8000/", "/port/8000/connect"] {
        for protocol in ["websocket", "tcp", "tcp-frames", "h2c"] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            );
            let answer = served.say(request.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 401 "), "{path} {protocol}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_second_request_behind_a_refused_one_is_not_read() {
    let served = Served::start().await;
    let token = served.token.reveal();
    let requests = format!(
        "GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
         Upgrade: daytona-toolbox\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let answer = served.say(requests.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test]
async fn other_bytes_than_http_are_closed() {
    let served = Served::start().await;
    for bytes in [&b"\x00\x01\x02\xff"[..], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[b'a'; 64 * 1024]] {
        let mut stream = served.stranger().await;
        // It may be closed before all is written.
        let _ = stream.write_all(bytes).await;
        let answer = crate::served::until_closed(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_was_let_in_is_what_the_unix_socket_would_be() {
    let served = Served::start().await;
    let mut client = Client::new(served.connector().connect().await.unwrap()).await;
    // One connection, several requests.
    assert_eq!(client.run("echo $GREETING from $DAYTONA_SANDBOX_ID").await, "hello from the-sandbox\n");
    let (status, answer) = client.send("GET", "/user-home-dir", json!(null)).await;
    assert_eq!((status, answer["dir"].as_str()), (200, served.home.path().to_str()));
    let (status, answer) = client.send("GET", "/nowhere", json!(null)).await;
    assert_eq!((status, answer["source"].as_str()), (404, Some("DAYTONA_DAEMON")));
    let (status, answer) = client.send("GET", "/port", json!(null)).await;
    let ports: Vec<u64> = answer["ports"].as_array().unwrap().iter().filter_map(|port| port.as_u64()).collect();
    assert_eq!(status, 200);
    assert!(!ports.contains(&u64::from(served.address.port())), "the toolbox's own port is among {ports:?}");
}

#[tokio::test]
async fn terminals_go_through_a_connection_that_was_let_in() {
    let served = Served::start().await;
    let connector = served.connector();
    let mut client = Client::new(connector.connect().await.unwrap()).await;
    let (status, answer) = client.send("POST", "/process/pty", json!({"id": "t", "cols": 80, "rows": 24})).await;
    assert!(status < 300, "{answer}");
    let connection = connector.connect().await.unwrap();
    let (mut socket, _) = client_async("ws://localhost/process/pty/t/connect", connection).await.unwrap();
    socket.send(Message::Binary("echo $((40 + 2))\n".into())).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("42") {
        match socket.next().await {
            Some(Ok(message)) => seen.push_str(&String::from_utf8_lossy(&message.into_data())),
            other => panic!("{other:?} after {seen:?}"),
        }
    }
}

#[tokio::test]
async fn many_callers_at_once_are_served() {
    let served = Served::start().await;
    let connector = served.connector();
    let callers: Vec<_> = (0..40)
        .map(|number| {
            let connector = connector.clone();
            tokio::spawn(async move {
                let mut client = Client::new(connector.connect().await.unwrap()).await;
                assert_eq!(client.run(&format!("echo {number}")).await, format!("{number}\n"));
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_token_and_another_certificate_are_told_apart_and_not_repeated() {
    let served = Served::start().await;
    let wrong = Token::random();
    let error = served.connector().with_token(&wrong).connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!error.to_string().contains(wrong.reveal()));

    let other = Identity::make().unwrap();
    let connector = Connector::new(served.address, other.certificate(), &served.token).unwrap();
    let error = connector.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    assert!(error.to_string().contains("another certificate"), "{error}");
    assert!(!format!("{connector:?}").contains(served.token.reveal()));
}

#[tokio::test]
async fn the_token_and_certificate_of_one_sandbox_do_not_open_another() {
    let (one, other) = (Served::start().await, Served::start().await);
    let error = Connector::new(other.address, &one.certificate, &one.token).unwrap().connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    let error = Connector::new(other.address, &other.certificate, &one.token).unwrap().connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
}

#[tokio::test]
async fn the_next_start_at_the_same_address_asks_for_its_own_token() {
    let listener = port();
    let served = Served::start_on(listener.try_clone().unwrap(), Limits::default(), true);
    let before = served.connector();
    // Leaves a spare connection behind.
    drop(before.connect().await.unwrap());
    served.stop().await;
    let again = Served::start_on(listener, Limits::default(), true);
    let error = before.connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
    let mut client = Client::new(again.connector().connect().await.unwrap()).await;
    assert_eq!(client.run("echo again").await, "again\n");
}

#[tokio::test]
async fn a_waiting_toolbox_is_adopted_once_and_asks_for_the_new_token_then() {
    let served = Served::start_on(port(), Limits::default(), false);
    let waiting = served.connector();
    let mut client = Client::new(waiting.connect().await.unwrap()).await;
    let (status, answer) = client.send("GET", "/version", json!(null)).await;
    assert_eq!((status, answer["code"].as_str()), (503, Some("WAITING")));
    let (status, _) = client.send("POST", "/adopt", json!({"token": "x"})).await;
    assert_eq!(status, 400);

    let mut start = sandbox(&served.home);
    start.entrypoint = vec!["sh".to_owned(), "-c".to_owned(), "echo $GREETING > entered; exec sleep 600".to_owned()];
    let token = Token::random();
    waiting.adopt(&start, &token).await.unwrap();

    let adopted = waiting.with_token(&token);
    let mut client = Client::new(adopted.connect().await.unwrap()).await;
    assert_eq!(client.run("until [ -s entered ]; do sleep 0.02; done; cat entered").await, "hello\n");
    let error = served.connector().connect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    let (status, _) = client.send("POST", "/adopt", json!({"token": "x", "sandbox": start})).await;
    assert_eq!(status, 404);
}
