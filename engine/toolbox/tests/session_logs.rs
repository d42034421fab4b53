//! Session logs: formats by SDK version, and following over WebSockets (wire section 4.1).

mod harness;

use harness::Toolbox;
use reqwest::Method;
use serde_json::json;

const OUT: &[u8] = &[1, 1, 1];
const ERR: &[u8] = &[2, 2, 2];

/// The log that a client of this version reads of a command that wrote "out" and then "err".
async fn log_of(toolbox: &Toolbox, command: &str, headers: &[(&str, &str)]) -> (String, Vec<u8>) {
    let mut request = toolbox.request(Method::GET, &format!("/process/session/s/command/{command}/logs"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn each_sdk_version_gets_the_format_it_reads() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.run_command("s", "echo out; sleep 0.05; echo err >&2").await["cmdId"].clone();
    let command = command.as_str().unwrap();
    let marked = [OUT, b"out\n", ERR, b"err\n"].concat();
    for version in ["0.226.1", "0.167.0", "0.0.0-dev"] {
        let (kind, body) = log_of(&toolbox, command, &[("x-daytona-sdk-version", version)]).await;
        assert!(kind.starts_with("application/json"), "{version}: {kind}");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let output = String::from_utf8(marked.clone()).unwrap();
        assert_eq!(body, json!({"output": output, "stdout": "out\n", "stderr": "err\n"}));
    }
    for version in ["0.166.0", "0.27.0", "unknown"] {
        let (kind, body) = log_of(&toolbox, command, &[("x-daytona-sdk-version", version)]).await;
        assert!(kind.starts_with("text/plain"), "{version}: {kind}");
        assert_eq!(body, marked, "{version}");
    }
    assert_eq!(log_of(&toolbox, command, &[("x-daytona-sdk-version", "0.26.9")]).await.1, b"out\nerr\n");
    assert_eq!(log_of(&toolbox, command, &[]).await.1, b"out\nerr\n");
    assert_eq!(log_of(&toolbox, command, &[("x-daytona-split-output", "true")]).await.1, marked);
}

#[tokio::test]
async fn old_sdks_get_one_output_of_a_synchronous_command() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let exec = |version: &'static str| {
        let request = toolbox.request(Method::POST, "/process/session/s/exec").json(&json!({"command": "echo out"}));
        async move {
            let response = request.header("x-daytona-sdk-version", version).send().await.unwrap();
            response.json::<serde_json::Value>().await.unwrap()
        }
    };
    let marked = exec("0.100.0").await;
    assert_eq!((&marked["output"], &marked["stdout"]), (&json!("\u{1}\u{1}\u{1}out\n"), &json!(null)));
    assert_eq!(exec("0.20.0").await["output"], "out\n");
}

#[tokio::test]
async fn sessions_of_old_sdks_start_at_home() {
    let toolbox = Toolbox::start();
    for version in ["0.102.0", "0.103.0"] {
        let request = toolbox.request(Method::POST, "/process/session").json(&json!({"sessionId": version}));
        assert_eq!(request.header("x-daytona-sdk-version", version).send().await.unwrap().status(), 201);
        let home = toolbox.home.path().display().to_string();
        assert_eq!(toolbox.run_command(version, "pwd").await["stdout"], format!("{home}\n"));
    }
}

#[tokio::test]
async fn followers_get_what_was_and_then_what_comes() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", "echo first; read line; echo \"then $line\" >&2; read line").await;
    let path = format!("/process/session/s/command/{command}/logs?follow=true");
    let version = [("x-daytona-sdk-version", "0.226.1")];
    let mut early = toolbox.connect(&path, &version).await;
    early.read_until("first\n").await;
    let input = format!("/process/session/s/command/{command}/input");
    toolbox.post(&input, json!({"data": "this"})).await;
    early.read_until("then this\n").await;
    let mut late = toolbox.connect(&path, &version).await;
    let mut combined = toolbox.connect(&path, &[]).await;
    late.read_until("then this\n").await;
    toolbox.post(&input, json!({"data": "end"})).await;
    for follower in [&mut early, &mut late, &mut combined] {
        assert_eq!(follower.finish().await, Some((1000, String::new())));
    }
    let expected = [OUT, b"first\n", OUT, b"this\n", ERR, b"then this\n", OUT, b"end\n"].concat();
    assert_eq!(early.output, expected);
    assert_eq!(late.output, expected);
    assert_eq!(combined.text(), "first\nthis\nthen this\nend\n");
    let mut after = toolbox.connect(&path, &version).await;
    assert_eq!(after.finish().await, Some((1000, String::new())));
    assert_eq!(after.output, expected);
}

#[tokio::test]
async fn without_follow_a_socket_gets_what_there_is() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", "echo now; read _").await;
    while toolbox.logs("s", &command).await["stdout"] != "now\n" {}
    let mut socket = toolbox.connect(&format!("/process/session/s/command/{command}/logs"), &[]).await;
    assert_eq!(socket.finish().await, Some((1000, String::new())));
    assert_eq!(socket.text(), "now\n");
    toolbox.delete("/process/session/s").await;
}

#[tokio::test]
async fn half_lines_are_seen_before_they_end() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", "printf 'name? '; read name; echo \"hello $name\"").await;
    let mut follower = toolbox.connect(&format!("/process/session/s/command/{command}/logs?follow=true"), &[]).await;
    follower.read_until("name? ").await;
    toolbox.post(&format!("/process/session/s/command/{command}/input"), json!({"data": "you"})).await;
    assert_eq!(follower.finish().await, Some((1000, String::new())));
    assert_eq!(follower.text(), "name? you\nhello you\n");
}

#[tokio::test]
async fn a_command_or_session_that_is_not_there_is_not_found_before_the_upgrade() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    for path in ["/process/session/s/command/none/logs", "/process/session/none/command/none/logs"] {
        let refused = toolbox.try_connect(&format!("{path}?follow=true"), &[]).await;
        let Err(tokio_tungstenite::tungstenite::Error::Http(response)) = refused.map(drop) else {
            panic!("{path} was not refused over HTTP")
        };
        assert_eq!(response.status(), 404);
    }
}

#[tokio::test]
async fn bytes_that_are_not_text_arrive_as_they_are() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", r"printf 'a\0b\377\376\n\001\001c\n'").await;
    assert_eq!(toolbox.exit_code("s", &command).await, 0);
    let (_, raw) = log_of(&toolbox, &command, &[("x-daytona-sdk-version", "0.100.0")]).await;
    assert_eq!(raw, [OUT, b"a\0b\xff\xfe\n", OUT, b"\x01\x01c\n"].concat());
    assert_eq!(toolbox.logs("s", &command).await["stdout"], "a\0b\u{fffd}\u{fffd}\n\u{1}\u{1}c\n");
    let path = format!("/process/session/s/command/{command}/logs?follow=true");
    let mut follower = toolbox.connect(&path, &[]).await;
    follower.finish().await;
    assert_eq!(follower.output, b"a\0b\xff\xfe\n\x01\x01c\n");
}

#[tokio::test]
async fn pings_are_answered_while_a_log_is_sent() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;

    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", "yes").await;
    let path = format!("/process/session/s/command/{command}/logs?follow=true");
    let mut follower = toolbox.connect(&path, &[]).await;
    follower.read_until("y\ny\n").await;
    follower.stream.send(Message::Ping("are you there".into())).await.unwrap();
    loop {
        match follower.stream.next().await.unwrap().unwrap() {
            Message::Pong(payload) => break assert_eq!(&payload[..], b"are you there"),
            _ => continue,
        }
    }
    toolbox.delete("/process/session/s").await;
}
