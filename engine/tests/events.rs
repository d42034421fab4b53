//! The Socket.IO gateway as clients use it (additions section 3).

mod harness;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use harness::{Engine, control_groups, id_of};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn open(engine: &Engine) -> Socket {
    let url = engine.origin.replacen("http", "ws", 1);
    let url = format!("{url}/api/socket.io/?source=sdk-python&sdkVersion=0.226.1&transport=websocket&EIO=4&t=x");
    connect_async(url).await.expect("the gateway accepts").0
}

async fn text(socket: &mut Socket) -> String {
    loop {
        match socket.next().await.expect("a frame").expect("a good frame") {
            Message::Text(ping) if ping == "2" => say(socket, "3".to_owned()).await,
            Message::Text(text) => return text.to_string(),
            Message::Close(_) => panic!("the gateway closed"),
            _ => {}
        }
    }
}

async fn say(socket: &mut Socket, text: String) {
    socket.send(Message::Text(text.into())).await.expect("the gateway reads");
}

async fn connect(engine: &Engine) -> Socket {
    connect_with(engine, &engine.api_key).await
}

async fn connect_with(engine: &Engine, key: &str) -> Socket {
    let mut socket = open(engine).await;
    let hello = text(&mut socket).await;
    let hello: Value = serde_json::from_str(hello.strip_prefix('0').expect("OPEN comes first")).unwrap();
    assert_eq!((&hello["pingInterval"], &hello["pingTimeout"]), (&json!(25000), &json!(20000)));
    say(&mut socket, format!("40{}", json!({"token": key}))).await;
    assert!(text(&mut socket).await.starts_with("40{\"sid\":"));
    socket
}

async fn event(socket: &mut Socket) -> (String, Value) {
    let frame = text(socket).await;
    let event: Value = serde_json::from_str(frame.strip_prefix("42").expect("an event")).unwrap();
    (event[0].as_str().unwrap().to_owned(), event[1].clone())
}

#[tokio::test]
async fn wrong_tokens_are_refused() {
    let engine = Engine::start().await;
    for credentials in ["{\"token\":\"wrong\"}", "{}", ""] {
        let mut socket = open(&engine).await;
        text(&mut socket).await;
        say(&mut socket, format!("40{credentials}")).await;
        assert_eq!(text(&mut socket).await, "44{\"message\":\"Invalid credentials\"}");
    }
}

#[tokio::test]
async fn every_change_is_told_in_order_with_full_documents() {
    let engine = Engine::start().await;
    let mut socket = connect(&engine).await;
    let id = engine.sandbox().await;
    let (name, created) = event(&mut socket).await;
    assert_eq!((name.as_str(), id_of(&created)), ("sandbox.created", id.clone()));
    assert_eq!(created["kvm"], false);
    assert_eq!((&created["cause"], &created["actor"]["id"]), (&json!("request"), &json!("local")));
    let (name, started) = event(&mut socket).await;
    assert_eq!(name, "sandbox.state.updated");
    assert_eq!((&started["oldState"], &started["newState"]), (&json!("creating"), &json!("started")));
    assert_eq!(started["sandbox"]["state"], "started");
    assert_eq!(started["sandbox"]["env"], json!({}));
    // The rest of a create goes on in a task of its own.
    assert_eq!((&started["cause"], &started["actor"]["id"]), (&json!("request"), &json!("local")));

    engine.delete(&format!("/api/sandbox/{id}")).await;
    let (name, desired) = event(&mut socket).await;
    assert_eq!(name, "sandbox.desired-state.updated");
    assert_eq!(desired["newDesiredState"], "destroyed");
    assert_eq!(event(&mut socket).await.1["newState"], "destroying");
    assert_eq!(event(&mut socket).await.1["sandbox"]["state"], "destroyed");
}

/// The cause of the next change to a state.
async fn cause_of(socket: &mut Socket, state: &str) -> Value {
    loop {
        let (name, payload) = event(socket).await;
        if name == "sandbox.state.updated" && payload["newState"] == state {
            assert_eq!(payload.get("actor").is_some(), payload["cause"] == "request", "{payload}");
            return payload["cause"].clone();
        }
    }
}

#[tokio::test]
async fn what_the_engine_does_by_itself_says_why() {
    let engine = Engine::start_with(tempfile::tempdir().unwrap(), &[], &[("DAYTONA_LOCAL_TESTING", "true")]).await;
    let mut socket = connect(&engine).await;
    let id = engine.sandbox().await;
    assert_eq!(cause_of(&mut socket, "started").await, "request");
    engine.post("/api/testing/clock", json!({"advance": "16m"})).await;
    assert_eq!(cause_of(&mut socket, "stopped").await, "autoStop");
    engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!(cause_of(&mut socket, "started").await, "request");
    engine.post(&format!("/api/sandbox/{id}/ttl/5"), json!({})).await;
    engine.post("/api/testing/clock", json!({"advance": "6m"})).await;
    assert_eq!(cause_of(&mut socket, "destroyed").await, "timeToLive");
}

/// Needs root.
#[tokio::test]
async fn a_sandbox_that_ends_by_itself_says_why() {
    let engine = Engine::start().await;
    let mut socket = connect(&engine).await;
    let id = id_of(&engine.sized(json!({"memory": 1})).await);
    let processes = || {
        let [first, toolbox, ..] = engine.sandbox_processes()[..] else { panic!("a first process and the toolbox") };
        (Pid::from_raw(first), Pid::from_raw(toolbox))
    };
    kill(processes().0, Signal::SIGKILL).unwrap();
    assert_eq!(cause_of(&mut socket, "error").await, "exited");

    // What the sandbox has survived is not why it ends, whichever of its processes somebody kills from outside.
    let hungry = json!({"command": "python3 -c 'x = bytearray(1500 << 20)'"});
    for kills_toolbox in [false, true] {
        engine.post(&format!("/api/sandbox/{id}/recover"), json!({})).await;
        assert_eq!(cause_of(&mut socket, "started").await, "request");
        let (_, result) = engine.post(&format!("/toolbox/{id}/process/execute"), hungry.clone()).await;
        assert!(result["result"].as_str().unwrap().contains("out of memory"), "{result}");
        let (first, toolbox) = processes();
        if kills_toolbox {
            // The engine looks from time to time; this has it look.
            engine.get(&format!("/api/sandbox/{id}/telemetry/metrics")).await;
        }
        kill(if kills_toolbox { toolbox } else { first }, Signal::SIGKILL).unwrap();
        assert_eq!(cause_of(&mut socket, "error").await, "exited");
    }

    engine.post(&format!("/api/sandbox/{id}/recover"), json!({})).await;
    assert_eq!(cause_of(&mut socket, "started").await, "request");
    let (first, toolbox) = processes();
    let score =
        |pid: Pid| -> i32 { fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap().trim().parse().unwrap() };
    // Where the engine may say so, the kernel never takes the first process (-1000); it holds less than the toolbox anyway.
    assert!(score(first) <= score(toolbox));
    take_all_memory(&id, toolbox);
    assert_eq!(cause_of(&mut socket, "error").await, "outOfMemory");
    let (_, sandbox) = engine.get(&format!("/api/sandbox/{id}")).await;
    assert!(sandbox["errorReason"].as_str().unwrap().contains("limit of memory"), "{sandbox}");
    let organization = sandbox["organizationId"].as_str().unwrap();
    let (_, log) = engine.get(&format!("/api/audit/organizations/{organization}?action=stop&targetId={id}")).await;
    let causes: Vec<_> = log["items"].as_array().unwrap().iter().map(|entry| &entry["metadata"]["cause"]).collect();
    assert_eq!(causes, ["outOfMemory", "exited", "exited", "exited"]);
}

/// Has the kernel end the toolbox at the sandbox's limit of memory: a process of the test enters the sandbox's group and takes all
/// that the group may have, in a file without a place, so that hardly any of it is the process's own. The kernel takes the toolbox
/// before that process: it has more, and where the test may say so, the other is never taken.
fn take_all_memory(id: &str, toolbox: Pid) {
    let limits = [("memory.events", "memory.max"), ("memory.oom_control", "memory.limit_in_bytes")];
    let groups = control_groups(id);
    let limited = |group: &String| {
        let (_, limit) = limits.iter().find(|(events, _)| fs::exists(format!("{group}/{events}")).unwrap())?;
        Some((group.clone(), format!("{group}/{limit}")))
    };
    let (group, limit) = groups.iter().find_map(limited).expect("a group that limits memory");
    fs::write(limit, (64 << 20).to_string()).unwrap();
    let memory = memfd_create("memory", MFdFlags::empty()).unwrap();
    let program = format!(
        "{{ echo -1000 > /proc/self/oom_score_adj; }} 2>/dev/null; echo $$ > {group}/cgroup.procs && exec head -c 1G /dev/zero"
    );
    let taking = || Command::new("sh").args(["-c", &program]).stdout(memory.try_clone().unwrap()).spawn().unwrap();
    let mut process = taking();
    let deadline = Instant::now() + Duration::from_secs(60);
    while kill(toolbox, None).is_ok() && Instant::now() < deadline {
        if process.try_wait().unwrap().is_some() {
            process = taking();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(kill(toolbox, None).is_err(), "the toolbox goes on with all memory taken");
}

#[tokio::test]
async fn snapshots_tell_what_becomes_of_them() {
    let engine = Engine::start().await;
    let mut socket = connect(&engine).await;
    let (_, snapshot) = engine.post("/api/snapshots", json!({"name": "told", "imageName": "default"})).await;
    assert_eq!(event(&mut socket).await, ("snapshot.created".to_owned(), snapshot.clone()));
    for (old, new) in [("pending", "pulling"), ("pulling", "active")] {
        let (name, payload) = event(&mut socket).await;
        assert_eq!(name, "snapshot.state.updated");
        let states = (&payload["oldState"], &payload["newState"], &payload["snapshot"]["state"]);
        assert_eq!(states, (&json!(old), &json!(new), &json!(new)));
        assert_eq!(payload["snapshot"]["id"], snapshot["id"]);
    }
    engine.delete("/api/snapshots/told").await;
    assert_eq!(event(&mut socket).await.1["newState"], "removing");
    let (name, payload) = event(&mut socket).await;
    assert_eq!((name.as_str(), &payload["id"]), ("snapshot.removed", &snapshot["id"]));
}

#[tokio::test]
async fn nothing_is_told_any_more_once_a_key_has_ended() {
    let engine = Engine::start().await;
    let (_, key) = engine.post("/api/api-keys", json!({"name": "short", "permissions": []})).await;
    let mut socket = connect_with(&engine, key["value"].as_str().expect("a value")).await;
    let (_, first) = engine.post("/api/volumes", json!({"name": "first"})).await;
    assert_eq!(event(&mut socket).await.1["id"], first["id"]);
    assert_eq!(event(&mut socket).await.0, "volume.state.updated");
    let (status, _) = engine.delete("/api/api-keys/short").await;
    assert_eq!(status, reqwest::StatusCode::NO_CONTENT);
    engine.post("/api/volumes", json!({"name": "second"})).await;
    let told = tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(ping))) if ping == "2" => say(&mut socket, "3".to_owned()).await,
                // Socket.IO's own end of the subscription.
                Some(Ok(Message::Text(text))) if text == "41" => return None,
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                _ => {}
            }
        }
    });
    assert_eq!(told.await.expect("the connection ends"), None);
}
