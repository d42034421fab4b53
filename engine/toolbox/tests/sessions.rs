//! Sessions: one shell whose state lasts, its commands and their input (wire sections 4.1 and 9).

mod harness;

use harness::{Toolbox, content_of};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn command_path(session: &str, command: &str) -> String {
    format!("/process/session/{session}/command/{command}")
}

#[tokio::test]
async fn commands_of_a_session_share_one_shell() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    toolbox.run_command("s", "mkdir -p sub && cd sub && export A=1 && f() { echo from f; }").await;
    let answer = toolbox.run_command("s", "pwd; echo $A; f; echo oops >&2; (exit 3)").await;
    assert_eq!(answer["exitCode"], 3);
    assert_eq!(answer["stdout"], format!("{}\n1\nfrom f\n", toolbox.path("sub").display()));
    assert_eq!(answer["stderr"], "oops\n");

    let (_, session) = toolbox.get("/process/session/s").await;
    assert_eq!(session["sessionId"], "s");
    assert_eq!(session["commands"].as_array().unwrap().len(), 2);
    assert_eq!(session["commands"][1]["exitCode"], 3);
    assert_eq!(toolbox.get("/process/session").await.1.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn asynchronous_commands_answer_at_once_and_run_in_order() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let first = toolbox.start_command("s", "read line; echo \"got $line\"").await;
    let second = toolbox.start_command("s", "echo second").await;
    let (_, running) = toolbox.get(&format!("/process/session/s/command/{first}")).await;
    assert!(running.get("exitCode").is_none(), "{running}");
    let input = format!("/process/session/s/command/{first}/input");
    assert_eq!(toolbox.post(&input, json!({"data": "a line"})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(toolbox.exit_code("s", &second).await, 0);
    let log = toolbox.logs("s", &first).await;
    let lines: Vec<_> = log["stdout"].as_str().unwrap().lines().collect();
    // Input and its answer may stand in either order.
    assert!(lines.len() == 2 && lines.contains(&"a line") && lines.contains(&"got a line"), "{log}");
    assert_eq!(toolbox.logs("s", &second).await["stdout"], "second\n");
    let (_, session) = toolbox.get("/process/session/s").await;
    assert_eq!(session["sessionId"], "s");
    assert_eq!(session["commands"].as_array().unwrap().len(), 2);
    assert_eq!(toolbox.get("/process/session").await.1[0]["sessionId"], "s");
}

#[tokio::test]
async fn commands_run_one_after_the_other() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let first = toolbox.start_command("s", "read line; x=$line").await;
    let body = json!({ "command": "echo x is $x", "async": true });
    let (_, second) = toolbox.post("/process/session/s/exec", body).await;
    let second = second["cmdId"].as_str().unwrap();
    let (_, command) = toolbox.get(&command_path("s", second)).await;
    assert_eq!(command.get("exitCode"), None);
    toolbox.post(&format!("{}/input", command_path("s", &first)), json!({ "data": "set" })).await;
    assert_eq!(toolbox.exit_code("s", second).await, 0);
    assert_eq!(toolbox.logs("s", second).await["stdout"], "x is set\n");
}

#[tokio::test]
async fn more_commands_than_a_pipe_holds_may_wait() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let gate = toolbox.start_command("s", "read _").await;
    let mut last = String::new();
    for number in 0..400 {
        last = toolbox.start_command("s", &format!("echo {number}")).await;
    }
    toolbox.post(&format!("/process/session/s/command/{gate}/input"), json!({"data": "go"})).await;
    assert_eq!(toolbox.exit_code("s", &last).await, 0);
    assert_eq!(toolbox.logs("s", &last).await["stdout"], "399\n");
}

#[tokio::test]
async fn lines_of_both_streams_are_never_torn() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = "seq 1 200000 & seq 1 200000 >&2 & wait";
    let answer = toolbox.run_command("s", command).await;
    let numbers = |text: &Value| text.as_str().unwrap().lines().map(|line| line.parse::<u64>().unwrap()).sum::<u64>();
    let sum = (1..=200_000u64).sum::<u64>();
    assert_eq!((numbers(&answer["stdout"]), numbers(&answer["stderr"])), (sum, sum));
    for line in answer["output"].as_str().unwrap().lines() {
        let number = line.strip_prefix("\u{1}\u{1}\u{1}").or_else(|| line.strip_prefix("\u{2}\u{2}\u{2}"));
        assert!(number.is_some_and(|number| number.parse::<u32>().is_ok()), "{line:?}");
    }
}

#[tokio::test]
async fn input_reaches_the_command_and_is_refused_afterwards() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let body = json!({ "command": "read a; read b; echo \"$b $a\"; (exit 5)", "runAsync": true,
        "suppressInputEcho": true });
    let (_, begun) = toolbox.post("/process/session/s/exec", body).await;
    let command = begun["cmdId"].as_str().unwrap();
    let input = format!("{}/input", command_path("s", command));
    assert_eq!(toolbox.post(&input, json!({ "data": "one" })).await.0, 204);
    assert_eq!(toolbox.post(&input, json!({ "data": "two\n" })).await.0, 204);
    assert_eq!(toolbox.exit_code("s", command).await, 5);
    assert_eq!(toolbox.logs("s", command).await["stdout"], "two one\n");
    let late = toolbox.failure(toolbox.posting(&input, &json!({ "data": "x" }))).await;
    assert_eq!(late, (410, "COMMAND_ALREADY_COMPLETED".into()));
    assert_eq!(toolbox.failure(toolbox.posting(&input, &json!({ "data": "" }))).await.0, 400);
}

#[tokio::test]
async fn input_nobody_reads_does_not_keep_a_command_from_ending() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let (started, stop) = (toolbox.path("started"), toolbox.path("stop"));
    let script = format!(
        "head -c 1 >/dev/null; echo x > {}; while [ ! -e {} ]; do sleep 0.01; done",
        started.display(),
        stop.display()
    );
    let command = toolbox.start_command("s", &script).await;
    let path = format!("/process/session/s/command/{command}/input");
    let sent = tokio::spawn(toolbox.request(Method::POST, &path).json(&json!({"data": "x".repeat(1 << 20)})).send());
    // One byte was read, and no more will be.
    content_of(&started).await;
    std::fs::write(stop, "").unwrap();
    assert_eq!(toolbox.exit_code("s", &command).await, 0);
    assert_eq!(sent.await.unwrap().unwrap().status(), StatusCode::GONE);
}

#[tokio::test]
async fn any_id_names_a_session_but_each_only_one() {
    let toolbox = Toolbox::start();
    for id in ["..", "a/b", "ü \n", "it's", "%2e"] {
        toolbox.create_session(id).await;
    }
    let (_, sessions) = toolbox.get("/process/session").await;
    assert_eq!(sessions.as_array().unwrap().len(), 5);
    assert_eq!(toolbox.run_command("%C3%BC%20%0A", "echo ok").await["stdout"], "ok\n");
    assert_eq!(toolbox.run_command("it's", "echo ok").await["stdout"], "ok\n");
    let create = |id: &str| toolbox.posting("/process/session", &json!({ "sessionId": id }));
    assert_eq!(toolbox.failure(create("a/b")).await, (409, "CONFLICT".into()));
    assert_eq!(toolbox.failure(create("")).await.0, 400);
    assert_eq!(toolbox.failure(create("entrypoint")).await.0, 400);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let get = |path: &str| toolbox.request(Method::GET, path);
    assert_eq!(toolbox.failure(get("/process/session/none")).await.0, 404);
    assert_eq!(toolbox.failure(get("/process/session/s/command/none")).await.0, 404);
    assert_eq!(toolbox.failure(get("/process/session/entrypoint")).await.0, 404);
    assert_eq!(toolbox.failure(get("/process/session/entrypoint/logs")).await.0, 404);
    assert_eq!(toolbox.failure(toolbox.request(Method::DELETE, "/process/session/none")).await.0, 404);
    let exec = toolbox.posting("/process/session/none/exec", &json!({ "command": "true" }));
    assert_eq!(toolbox.failure(exec).await.0, 404);
    let blank = toolbox.posting("/process/session/s/exec", &json!({ "command": " " }));
    assert_eq!(toolbox.failure(blank).await.0, 400);
}

#[tokio::test]
async fn the_entrypoint_is_a_session_of_its_own() {
    let entrypoint = ["sh", "-c", "echo \"it's $0\"; cat", "up and running"].map(str::to_owned).to_vec();
    let toolbox = Toolbox::start_with(Some(entrypoint), |_| {});
    let mut follower = toolbox.connect("/process/session/entrypoint/logs?follow=true", &[]).await;
    follower.read_until("\u{1}\u{1}\u{1}it's up and running\n").await;
    let (_, session) = toolbox.get("/process/session/entrypoint").await;
    assert_eq!(session["commands"][0]["id"], "entrypoint_command");
    assert_eq!(toolbox.get("/process/session").await.1, json!([]));
    assert_eq!(toolbox.failure(toolbox.request(Method::DELETE, "/process/session/entrypoint")).await.0, 400);
    let input = format!("{}/input", command_path("entrypoint", "entrypoint_command"));
    assert_eq!(toolbox.post(&input, json!({ "data": "hello" })).await.0, 204);
    follower.read_until("hello\n").await;
}

#[tokio::test]
async fn an_entrypoint_that_ended_can_still_be_read() {
    let arguments = ["sh", "-c", "echo 'started by'; echo it\\'s >&2"].map(str::to_owned).to_vec();
    let toolbox = Toolbox::start_with(Some(arguments), |_| {});
    // Created by the toolbox itself, a moment after it starts to listen.
    while toolbox.get("/process/session/entrypoint/logs").await.0 == StatusCode::NOT_FOUND {}
    let mut follower = toolbox.connect("/process/session/entrypoint/logs?follow=true", &[]).await;
    assert_eq!(follower.finish().await, Some((1000, String::new())));
    assert!(follower.text().contains("\u{1}\u{1}\u{1}started by\n"), "{:?}", follower.text());
    let (_, session) = toolbox.get("/process/session/entrypoint").await;
    assert_eq!((&session["sessionId"], &session["commands"][0]["exitCode"]), (&json!("entrypoint"), &json!(0)));
    assert_eq!(toolbox.get("/process/session").await.1, json!([]));
    assert_eq!(toolbox.delete("/process/session/entrypoint").await.0, StatusCode::BAD_REQUEST);
}
