//! How sessions end, by themselves or deleted, and many of them at once (wire sections 4.1 and 9).

mod harness;

use harness::{Toolbox, content_of, is_alive, wait_for};
use reqwest::{Method, StatusCode};
use serde_json::json;

fn command_path(session: &str, command: &str) -> String {
    format!("/process/session/{session}/command/{command}")
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
