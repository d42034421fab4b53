//! Sessions: shared state, input, and ends of all kinds.

mod harness;

use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::Method;
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
async fn input_that_is_never_read_ends_with_the_command() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", "until [ -e go ]; do sleep 0.01; done").await;
    let input = format!("{}/input", command_path("s", &command));
    let stuck = tokio::spawn(toolbox.posting(&input, &json!({ "data": "x".repeat(1 << 20) })).send());
    std::fs::write(toolbox.path("go"), "").unwrap();
    assert_eq!(stuck.await.unwrap().unwrap().status(), 410);
}

#[tokio::test]
async fn a_bare_exit_ends_the_session_and_answers_its_code() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let answer = toolbox.run_command("s", "echo bye; exit 4").await;
    assert_eq!((&answer["exitCode"], &answer["stdout"]), (&json!(4), &json!("bye\n")));
    let again = toolbox.posting("/process/session/s/exec", &json!({ "command": "true" }));
    assert_eq!(toolbox.failure(again).await, (410, "SESSION_ENDED".into()));
    let (_, session) = toolbox.get("/process/session/s").await;
    assert_eq!(session["commands"][0]["exitCode"], 4);
    assert_eq!(toolbox.delete("/process/session/s").await.0, 204);
}

#[tokio::test]
async fn an_exit_does_not_wait_for_background_processes_but_deletion_ends_them() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let answer = toolbox.run_command("s", "sleep 1000 & echo $! > pid; kill -9 $$").await;
    assert_eq!(answer["exitCode"], 137);
    let pid = content_of(&toolbox.path("pid")).await;
    assert!(is_alive(&pid));
    assert_eq!(toolbox.delete("/process/session/s").await.0, 204);
    assert!(!is_alive(&pid));
}

#[tokio::test]
async fn deleting_a_session_ends_the_whole_tree_its_followers_and_its_queue() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let stubborn = "(trap '' TERM; sleep 1000 & echo $! > pid; wait; wait)";
    let running = toolbox.start_command("s", stubborn).await;
    let mut follower = toolbox.connect(&format!("{}/logs?follow=true", command_path("s", &running)), &[]).await;
    let queued = tokio::spawn(toolbox.posting("/process/session/s/exec", &json!({ "command": "echo never" })).send());
    let pid = content_of(&toolbox.path("pid")).await;
    let directory = toolbox.path(".daytona/sessions/s");
    wait_for("the queued command", || (std::fs::read_dir(&directory).unwrap().count() == 2).then_some(())).await;
    assert_eq!(toolbox.delete("/process/session/s").await.0, 204);
    assert!(!is_alive(&pid));
    assert_eq!(follower.finish().await, Some((1000, String::new())));
    assert_eq!(queued.await.unwrap().unwrap().status(), 500);
    assert!(!directory.exists());
    assert_eq!(toolbox.get("/process/session/s").await.0, 404);
    toolbox.create_session("s").await;
    assert_eq!(toolbox.run_command("s", "echo again").await["stdout"], "again\n");
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
