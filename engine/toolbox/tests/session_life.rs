//! Sessions: one shell whose state lasts, and the commands it runs (wire sections 4.1 and 9).

mod harness;

use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn directory_variables_and_functions_last_from_command_to_command() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    toolbox.run_command("s", "mkdir -p 'a b' && cd 'a b' && export X=1 && y=2 && hello() { echo \"hello $1\"; }").await;
    let answer = toolbox.run_command("s", "basename \"$PWD\"; echo $X$y; hello you").await;
    assert_eq!(answer["stdout"], "a b\n12\nhello you\n");
    assert_eq!(answer["exitCode"], 0);
}

#[tokio::test]
async fn output_streams_are_told_apart_and_the_exit_code_is_the_last_commands() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let answer = toolbox.run_command("s", "echo out; echo err >&2; (exit 7)").await;
    assert_eq!((&answer["stdout"], &answer["stderr"]), (&json!("out\n"), &json!("err\n")));
    assert_eq!(answer["exitCode"], 7);
    let output = answer["output"].as_str().unwrap();
    assert!(output.contains("\u{1}\u{1}\u{1}out\n") && output.contains("\u{2}\u{2}\u{2}err\n"), "{output:?}");
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
    // What is typed and what answers it may stand in either order.
    assert!(lines.len() == 2 && lines.contains(&"a line") && lines.contains(&"got a line"), "{log}");
    assert_eq!(toolbox.logs("s", &second).await["stdout"], "second\n");
    let (_, session) = toolbox.get("/process/session/s").await;
    assert_eq!(session["sessionId"], "s");
    assert_eq!(session["commands"].as_array().unwrap().len(), 2);
    assert_eq!(toolbox.get("/process/session").await.1[0]["sessionId"], "s");
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
async fn suppressed_input_is_not_in_the_log() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let body = json!({"command": "read secret; echo ${#secret}", "runAsync": true, "suppressInputEcho": true});
    let (_, answer) = toolbox.post("/process/session/s/exec", body).await;
    let command = answer["cmdId"].as_str().unwrap();
    toolbox.post(&format!("/process/session/s/command/{command}/input"), json!({"data": "secret"})).await;
    assert_eq!(toolbox.exit_code("s", command).await, 0);
    assert_eq!(toolbox.logs("s", command).await["stdout"], "6\n");
}

#[tokio::test]
async fn input_to_a_command_that_has_ended_is_gone() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let command = toolbox.start_command("s", "fail() { return 3; }; fail").await;
    assert_eq!(toolbox.exit_code("s", &command).await, 3);
    let (status, error) =
        toolbox.post(&format!("/process/session/s/command/{command}/input"), json!({"data": "x"})).await;
    assert_eq!((status, &error["code"]), (StatusCode::GONE, &json!("COMMAND_ALREADY_COMPLETED")));
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
async fn a_bare_exit_ends_the_session_and_answers_its_code() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let answer = toolbox.run_command("s", "echo before; exit 5").await;
    assert_eq!((&answer["exitCode"], &answer["stdout"]), (&json!(5), &json!("before\n")));
    let (status, error) = toolbox.post("/process/session/s/exec", json!({"command": "echo"})).await;
    assert_eq!((status, &error["code"]), (StatusCode::GONE, &json!("SESSION_ENDED")));
    assert_eq!(toolbox.delete("/process/session/s").await.0, StatusCode::NO_CONTENT);
    toolbox.create_session("s").await;
    assert_eq!(toolbox.run_command("s", "echo again").await["stdout"], "again\n");
}

#[tokio::test]
async fn background_processes_outlive_their_command_but_not_their_session() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let answer = toolbox.run_command("s", "sleep 1000 >/dev/null 2>&1 & echo $!").await;
    let pid = answer["stdout"].as_str().unwrap().trim().to_owned();
    assert_eq!(toolbox.run_command("s", &format!("kill -0 {pid} && echo alive")).await["stdout"], "alive\n");
    toolbox.delete("/process/session/s").await;
    assert!(!is_alive(&pid));
}

#[tokio::test]
async fn deleting_ends_the_whole_tree_also_what_ignores_sigterm() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let pids = toolbox.path("pids");
    let script = format!(
        "bash -c 'trap \"\" TERM; (trap \"\" TERM; echo $BASHPID >> {0}.child; while :; do sleep 1; done) & \
         echo $$ > {0}; while :; do sleep 1; done'",
        pids.display()
    );
    let command = toolbox.start_command("s", &script).await;
    let stubborn = content_of(&pids).await;
    let child = content_of(&pids.with_extension("child")).await;
    let mut follower = toolbox.connect(&format!("/process/session/s/command/{command}/logs?follow=true"), &[]).await;
    assert_eq!(toolbox.delete("/process/session/s").await.0, StatusCode::NO_CONTENT);
    assert!(!is_alive(&stubborn) && !is_alive(&child));
    assert_eq!(follower.finish().await, Some((1000, String::new())));
    assert_eq!(toolbox.get("/process/session/s").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn deleting_runs_to_its_end_when_its_client_leaves() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let pid = toolbox.path("pid");
    toolbox.start_command("s", &format!("trap '' TERM; echo $$ > {}; while :; do sleep 1; done", pid.display())).await;
    let shell = content_of(&pid).await;
    let request = toolbox.request(Method::DELETE, "/process/session/s").send();
    let abandoned = tokio::time::timeout(std::time::Duration::from_millis(300), request).await;
    assert!(abandoned.is_err(), "the shell ignores SIGTERM");
    wait_for("the end of the shell", || (!is_alive(&shell)).then_some(())).await;
    while toolbox.get("/process/session/s").await.0 != StatusCode::NOT_FOUND {}
}

#[tokio::test]
async fn deleting_answers_a_waiting_command() {
    let toolbox = Toolbox::start();
    toolbox.create_session("s").await;
    let mark = toolbox.path("mark");
    let body = json!({"command": format!("echo x > {}; sleep 1000", mark.display())});
    let waiting = tokio::spawn(toolbox.request(Method::POST, "/process/session/s/exec").json(&body).send());
    content_of(&mark).await;
    toolbox.delete("/process/session/s").await;
    assert!(!waiting.await.unwrap().unwrap().status().is_success());
}

#[tokio::test]
async fn a_hundred_sessions_work_at_once() {
    let toolbox = Toolbox::start();
    let work = (0..100).map(|number| {
        let toolbox = &toolbox;
        async move {
            let id = format!("s{number}");
            toolbox.create_session(&id).await;
            let script = format!("cd /tmp; for i in $(seq 100); do echo {number}-$i; done");
            let command = toolbox.start_command(&id, &script).await;
            assert_eq!(toolbox.exit_code(&id, &command).await, 0);
            let expected: String = (1..=100).map(|i| format!("{number}-{i}\n")).collect();
            assert_eq!(toolbox.logs(&id, &command).await["stdout"], expected);
            assert_eq!(toolbox.run_command(&id, "pwd").await["stdout"], "/tmp\n");
            assert_eq!(toolbox.delete(&format!("/process/session/{id}")).await.0, StatusCode::NO_CONTENT);
        }
    });
    futures_util::future::join_all(work).await;
    assert_eq!(toolbox.get("/process/session").await.1, json!([]));
}

#[tokio::test]
async fn ids_are_taken_once_and_some_are_reserved() {
    let toolbox = Toolbox::start();
    toolbox.create_session("a/b %").await;
    assert_eq!(toolbox.post("/process/session", json!({"sessionId": "a/b %"})).await.0, StatusCode::CONFLICT);
    assert_eq!(toolbox.post("/process/session", json!({"sessionId": "entrypoint"})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(toolbox.post("/process/session", json!({"sessionId": ""})).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(toolbox.get("/process/session/a%2Fb%20%25").await.1["sessionId"], "a/b %");
    assert_eq!(toolbox.get("/process/session/entrypoint").await.0, StatusCode::NOT_FOUND);
    assert_eq!(toolbox.delete("/process/session/none").await.0, StatusCode::NOT_FOUND);
    let (status, _) = toolbox.post("/process/session/none/exec", json!({"command": "echo"})).await;
    assert!(!status.is_success());
}

#[tokio::test]
async fn the_entrypoint_is_a_session_of_its_own() {
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
