//! Terminals: both ways to make one, shared clients, sizes, and how they end.

mod harness;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use harness::socket::Socket;
use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, error::Error};

const PROTOCOL: &str = "sec-websocket-protocol";
const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";

fn is_control(status: &'static str) -> impl Fn(&Value) -> bool {
    move |message| message["type"] == "control" && message["status"] == status
}

/// Creates a terminal with its first client.
async fn open(toolbox: &Toolbox, id: &str) -> Socket {
    let path = format!("/process/pty/create-connect?id={id}&cols=90&rows=30");
    let mut socket = toolbox.connect(&path, &[(PROTOCOL, EXIT_CONTROL)]).await;
    socket.read_message(is_control("connected")).await;
    socket
}

#[tokio::test]
async fn a_terminal_is_created_and_connected_in_one_round_trip() {
    let toolbox = Toolbox::start();
    std::fs::create_dir(toolbox.path("sub dir")).unwrap();
    let token = format!("X-Daytona-Pty-Envs~{}", URL_SAFE_NO_PAD.encode(r#"{"GREETING": "höla"}"#));
    let path = "/process/pty/create-connect?id=t&cols=91&rows=31&cwd=sub%20dir";
    let mut socket = toolbox.connect(path, &[(PROTOCOL, &format!("{token}, {EXIT_CONTROL}"))]).await;
    // Never the token, which may hold secrets.
    assert_eq!(socket.protocol.as_deref(), Some(EXIT_CONTROL));
    socket.read_message(is_control("connected")).await;
    socket.send("echo \"$GREETING:$TERM:$(stty size):${PWD##*/}\"; exit 3\n").await;
    let ended = socket.finish().await;
    assert!(socket.text().contains("höla:xterm-256color:31 91:sub dir"), "{}", socket.text());
    let exited = socket.texts.last().unwrap();
    assert_eq!(exited, &json!({ "type": "control", "status": "exited", "exitCode": 3, "exitReason": "non-zero exit" }));
    let (code, reason) = ended.unwrap();
    assert_eq!(code, 1011);
    assert_eq!(
        serde_json::from_str::<Value>(&reason).unwrap(),
        json!({ "exitCode": 3, "exitReason": "non-zero exit" })
    );
    assert_eq!(toolbox.get("/process/pty/t").await.0, 404);
}

#[tokio::test]
async fn creating_and_connecting_refuses_over_http() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "t").await;
    let refused = async |path: &str| match toolbox.try_connect(path, &[]).await.map(drop) {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(refused("/process/pty/create-connect?id=t&cols=80&rows=24").await, 409);
    assert_eq!(refused("/process/pty/create-connect?cols=80&rows=24").await, 400);
    assert_eq!(refused("/process/pty/create-connect?id=u&cols=1001&rows=24").await, 400);
    assert_eq!(toolbox.failure(toolbox.request(Method::GET, "/process/pty/create-connect?id=u")).await.0, 400);
    socket.send("exit\n").await;
    assert_eq!(socket.finish().await, Some((1000, "{\"exitCode\":0}".into())));
}

#[tokio::test]
async fn a_lazy_terminal_starts_with_its_first_client_and_is_shared_by_all() {
    let toolbox = Toolbox::start();
    let body = json!({ "id": "t", "lazyStart": true, "cols": 100, "rows": 40, "envs": { "A": "1" } });
    let (status, answer) = toolbox.post("/process/pty", body).await;
    assert_eq!((status.as_u16(), answer), (201, json!({ "sessionId": "t" })));
    let (_, info) = toolbox.get("/process/pty/t").await;
    assert_eq!((&info["active"], &info["lazyStart"], &info["cols"]), (&json!(false), &json!(true), &json!(100)));
    assert_eq!(info["cwd"], toolbox.home.path().to_str().unwrap());
    assert_eq!(info["envs"], json!({ "A": "1", "TERM": "xterm-256color" }));
    let early = toolbox.posting("/process/pty/t/resize", &json!({ "cols": 10, "rows": 10 }));
    assert_eq!(toolbox.failure(early).await.0, 500);

    let mut first = toolbox.connect("/process/pty/t/connect", &[]).await;
    first.read_message(is_control("connected")).await;
    let mut second = toolbox.connect("/process/pty/t/connect", &[]).await;
    second.read_message(is_control("connected")).await;
    first.send("echo sum=$((A+41))\n").await;
    first.read_until("sum=42").await;
    second.read_until("sum=42").await;
    // Clients may leave; the terminal stays.
    drop(first);
    second.send_text("exit\n").await;
    assert_eq!(second.finish().await, Some((1000, "{\"exitCode\":0}".into())));
    assert!(!second.texts.iter().any(is_control("exited")));
}

#[tokio::test]
async fn resizing_reaches_the_program() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "t").await;
    let (status, info) = toolbox.post("/process/pty/t/resize", json!({ "cols": 123, "rows": 45 })).await;
    assert_eq!((status.as_u16(), &info["cols"], &info["rows"]), (200, &json!(123), &json!(45)));
    socket.send("echo size=$(stty size)\n").await;
    socket.read_until("size=45 123").await;
    let huge = toolbox.posting("/process/pty/t/resize", &json!({ "cols": 1001, "rows": 45 }));
    assert_eq!(toolbox.failure(huge).await.0, 400);
    let missing = toolbox.posting("/process/pty/none/resize", &json!({ "cols": 1, "rows": 4 }));
    assert_eq!(toolbox.failure(missing).await.0, 410);
    toolbox.delete("/process/pty/t").await;
}

#[tokio::test]
async fn a_directory_that_a_terminal_cannot_start_in_is_named() {
    let toolbox = Toolbox::start();
    std::fs::write(toolbox.path("file"), "").unwrap();
    for (cwd, said) in [("none", "not found"), ("file", "is not a directory")] {
        let said = format!("working directory {said}: {}", toolbox.path(cwd).display());
        let request = toolbox.posting("/process/pty", &json!({ "id": "t", "cwd": cwd }));
        let error = harness::read(request.send().await.unwrap()).await.1;
        assert_eq!(error["message"], format!("internal server error: failed to start PTY session: {said}"));
        let (_, context) = toolbox.post("/process/interpreter/context", json!({ "cwd": cwd })).await;
        assert!(context["message"].as_str().unwrap().ends_with(&toolbox.path(cwd).display().to_string()), "{context}");
    }
    assert_eq!(toolbox.get("/process/pty").await.1, json!({ "sessions": [] }));
}

#[tokio::test]
async fn killing_a_terminal_ends_what_runs_in_it() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "t").await;
    socket.send("(trap '' HUP; sleep 1000 & echo $! > pid; wait)\n").await;
    let pid = content_of(&toolbox.path("pid")).await;
    let (status, answer) = toolbox.delete("/process/pty/t").await;
    assert_eq!((status.as_u16(), answer), (200, json!({ "message": "PTY session deleted" })));
    let (code, reason) = socket.finish().await.unwrap();
    assert_eq!((code, reason.as_str()), (1011, r#"{"exitCode":137,"exitReason":"SIGKILL"}"#));
    wait_for("the end of the program", || (!is_alive(&pid)).then_some(())).await;
    assert_eq!(toolbox.failure(toolbox.request(Method::DELETE, "/process/pty/t")).await.0, 404);
    assert_eq!(toolbox.get("/process/pty").await.1, json!({ "sessions": [] }));
}

#[tokio::test]
async fn a_terminal_that_is_not_there_is_said_over_the_socket() {
    let toolbox = Toolbox::start();
    let mut socket = toolbox.connect("/process/pty/none/connect", &[]).await;
    let error = socket.read_message(is_control("error")).await;
    assert_eq!(error["error"], "Failed to connect to PTY session: PTY session none not found");
    assert_eq!(socket.finish().await, None);
}

#[tokio::test]
async fn what_was_typed_counts_even_if_the_client_leaves_at_once() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "t").await;
    socket.send("echo done > typed\n").await;
    drop(socket);
    assert_eq!(content_of(&toolbox.path("typed")).await, "done");
    assert_eq!(toolbox.get("/process/pty/t").await.1["active"], true);
    toolbox.delete("/process/pty/t").await;
}

#[tokio::test]
async fn a_message_that_is_too_big_ends_the_connection_not_the_terminal() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "t").await;
    socket.send(vec![b'x'; 64 * 1024 + 1]).await;
    assert_eq!(socket.finish().await.map(|(code, _)| code), Some(1009));
    assert_eq!(toolbox.get("/process/pty/t").await.1["active"], true);
    toolbox.delete("/process/pty/t").await;
}

#[tokio::test]
async fn a_slow_client_loses_nothing_and_pings_are_answered() {
    let toolbox = Toolbox::start();
    let mut socket = open(&toolbox, "t").await;
    // More than all queues hold, read only afterwards.
    socket.send("stty -onlcr; seq 1 3000000 | tail -c 20000000; echo END=$((1+1)); touch done\n").await;
    socket.stream.send(Message::Ping("alive".into())).await.unwrap();
    let mut pong = false;
    while let Some(Ok(message)) = socket.stream.next().await {
        match message {
            Message::Binary(data) => socket.output.extend_from_slice(&data),
            Message::Pong(payload) => pong |= &payload[..] == b"alive",
            _ => {}
        }
        let tail = &socket.output[socket.output.len().saturating_sub(40_000)..];
        if memchr::memmem::find(tail, b"END=2").is_some() {
            break;
        }
    }
    assert!(pong);
    assert!(socket.output.len() > 20_000_000);
    assert!(socket.text().contains("2999999\n3000000\nEND=2"));
    toolbox.delete("/process/pty/t").await;
}
