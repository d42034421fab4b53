//! Sandboxes start, stop, survive and go as the wire says (section 2.2).

mod harness;

use harness::{Engine, announcement, control_groups, id_of, read, spawn, wait_for};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_created_sandbox_is_started_and_runs_commands() {
    let engine = Engine::start().await;
    let sandbox = engine.create(json!({"labels": {"team": "a"}, "env": {"GREETING": "hello"}, "name": "first"})).await;
    assert_eq!(sandbox["name"], "first");
    assert_eq!(sandbox["kvm"], false);
    assert_eq!(sandbox["labels"]["team"], "a");
    let id = id_of(&sandbox);
    assert_eq!(engine.output(&id, "echo $GREETING; pwd; whoami").await, "hello\n/home/daytona\ndaytona");
    assert_eq!(engine.output("first", "echo $DAYTONA_SANDBOX_ID").await, id, "names work wherever ids do");
}

#[tokio::test]
async fn files_survive_stop_and_start() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "echo kept > note; echo kept > /tmp/note").await;
    let before = engine.get(&format!("/api/sandbox/{id}/ports/1/preview-url")).await.1["token"].clone();

    let (status, stopped) = engine.post(&format!("/api/sandbox/{id}/stop?force=false"), json!({})).await;
    assert_eq!((status, stopped["state"].as_str()), (StatusCode::OK, Some("stopped")));
    assert!(engine.sandbox_processes().is_empty(), "stopping ends every process");
    let (status, refused) = engine.post(&format!("/toolbox/{id}/process/execute"), json!({"command": "true"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    let (status, error) = engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert_eq!((status, &error["message"]), (StatusCode::BAD_REQUEST, &json!("Sandbox is not in a stoppable state")));

    let (status, started) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!((status, started["state"].as_str()), (StatusCode::OK, Some("started")));
    assert_eq!(engine.output(&id, "cat note /tmp/note").await, "kept\nkept");
    let after = engine.get(&format!("/api/sandbox/{id}/ports/1/preview-url")).await.1["token"].clone();
    assert_ne!(before, after, "every start makes a new preview token");
    let (status, again) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!((status, again["state"].as_str()), (StatusCode::OK, Some("started")), "starting twice is no error");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_right_after_a_stop_is_whole() {
    let engine = Engine::start().await;
    let ids = [engine.sandbox().await, engine.sandbox().await, engine.sandbox().await, engine.sandbox().await];
    let rounds = ids.iter().map(async |id| {
        for round in 0..15 {
            engine.post(&format!("/api/sandbox/{id}/stop?force=true"), json!({})).await;
            let (status, started) = engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
            assert_eq!(status, StatusCode::OK, "round {round}: {started}");
            assert_eq!(engine.output(id, "echo here").await, "here", "round {round}");
        }
    });
    futures_util::future::join_all(rounds).await;
}

#[tokio::test]
async fn changes_to_system_directories_survive_and_stay_inside() {
    let engine = Engine::start().await;
    let id = id_of(&engine.create(json!({"user": "root"})).await);
    engine.output(&id, "echo '#!/bin/sh\necho installed' > /usr/bin/daytona-test-tool; chmod +x /usr/bin/daytona-test-tool; echo a > /etc/daytona-test").await;
    assert!(!std::path::Path::new("/usr/bin/daytona-test-tool").exists());
    engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!(engine.output(&id, "daytona-test-tool; cat /etc/daytona-test").await, "installed\na");
}

#[tokio::test]
async fn deleting_leaves_no_process_group_or_file() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "nohup sleep 1000 >/dev/null 2>&1 & echo started").await;
    assert!(!control_groups(&id).is_empty());
    let (status, deleted) = engine.delete(&format!("/api/sandbox/{id}")).await;
    assert_eq!((status, deleted["state"].as_str()), (StatusCode::OK, Some("destroyed")));
    assert!(deleted["name"].as_str().unwrap().starts_with(&format!("DESTROYED_{id}_")));

    assert!(engine.sandbox_processes().is_empty());
    assert_eq!(control_groups(&id), Vec::<String>::new());
    assert!(!engine.directory.path().join("sandboxes").join(&id).exists());
    assert!(!engine.directory.path().join("run").join(&id).exists());
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
    assert!(!mounts.contains(engine.directory.path().to_str().unwrap()), "{mounts}");
    let (status, error) = engine.get(&format!("/api/sandbox/{id}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(error["message"], format!("Sandbox with ID or name {id} not found"));
}

#[tokio::test]
async fn replies_show_the_state_in_between_and_a_second_change_is_refused() {
    let engine = Engine::start().await;
    let (status, created) = read(engine.request(Method::POST, "/api/sandbox").body("{}").send().await).await;
    assert_eq!((status, &created["state"]), (StatusCode::OK, &json!("creating")));
    for field in ["errorReason", "networkAllowList", "domainAllowList"] {
        assert!(created.get(field).is_none(), "{field} has no value yet");
    }
    let id = id_of(&created);
    let path = format!("/api/sandbox/{id}");
    let (_, sandbox) = engine.get(&path).await;
    assert_eq!(sandbox["state"], "started", "a create answers when the sandbox runs");
    for field in ["errorReason", "networkAllowList", "domainAllowList"] {
        assert_eq!(sandbox.get(field), Some(&json!(null)), "{field}");
    }

    // So that it takes its time to stop.
    engine.output(&id, "nohup sh -c 'trap \"\" TERM; while :; do sleep 1; done' >/dev/null 2>&1 & echo").await;
    let change = |method: Method, path: String| {
        let request = engine.request(method, &path);
        async move { read(request.send().await).await }
    };
    let (status, stopping) = change(Method::POST, format!("{path}/stop")).await;
    assert_eq!((status, &stopping["state"]), (StatusCode::OK, &json!("stopping")));
    assert!(stopping.get("lastActivityAt").is_none());
    for (method, path) in [
        (Method::POST, format!("{path}/stop")),
        (Method::POST, format!("{path}/start")),
        (Method::DELETE, path.clone()),
    ] {
        let (status, error) = change(method, path).await;
        assert_eq!((status, &error["message"]), (StatusCode::CONFLICT, &json!("Sandbox state change in progress")));
    }
    loop {
        match engine.get(&path).await.1["state"].as_str() {
            Some("stopping") => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            state => break assert_eq!(state, Some("stopped")),
        }
    }
    let (status, destroying) = change(Method::DELETE, path.clone()).await;
    assert_eq!((status, &destroying["state"]), (StatusCode::OK, &json!("destroying")));
    assert!(destroying.get("lastActivityAt").is_none());
    wait_until_gone(&engine, &path).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_what_is_being_created_leaves_no_half_of_it() {
    let engine = std::sync::Arc::new(Engine::start().await);
    let rounds = (0..6).map(|round| {
        let engine = std::sync::Arc::clone(&engine);
        tokio::spawn(async move {
            let name = format!("contested-{round}");
            let body = json!({"name": name}).to_string();
            let creating = tokio::spawn(engine.request(Method::POST, "/api/sandbox").body(body).send());
            let path = format!("/api/sandbox/{name}");
            let mut refused = 0;
            loop {
                // Not the harness' own, which waits.
                let (status, error) = read(engine.request(Method::DELETE, &path).send().await).await;
                match status {
                    StatusCode::NOT_FOUND => {}
                    StatusCode::CONFLICT => {
                        refused += usize::from(error["message"] == "Sandbox state change in progress")
                    }
                    status => break assert_eq!(status, StatusCode::OK, "{error}"),
                }
            }
            let (status, created) = read(creating.await.unwrap()).await;
            assert_eq!(status, StatusCode::OK, "{created}");
            wait_until_gone(&engine, &format!("/api/sandbox/{}", id_of(&created))).await;
            refused
        })
    });
    let refused = futures_util::future::join_all(rounds).await.into_iter().map(Result::unwrap).sum::<usize>();
    assert!(refused > 0, "a create takes longer than a request");
    assert!(engine.sandbox_processes().is_empty());
    let left = std::fs::read_dir(engine.directory.path().join("sandboxes")).unwrap().count();
    assert_eq!(left, 0, "files of deleted sandboxes");
}

async fn wait_until_gone(engine: &Engine, path: &str) {
    while engine.get(path).await.0 != StatusCode::NOT_FOUND {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_ephemeral_sandbox_goes_when_it_stops() {
    let engine = Engine::start().await;
    let id = id_of(&engine.create(json!({"autoDeleteInterval": 0})).await);
    let (status, gone) = engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert_eq!((status, gone["state"].as_str()), (StatusCode::OK, Some("destroyed")));
    assert_eq!(engine.get(&format!("/api/sandbox/{id}")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_engine_that_ends_takes_its_sandboxes_along_and_the_next_finds_them_stopped() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let engine = Engine::start().await;
        let id = engine.sandbox().await;
        engine.output(&id, "echo kept > note").await;
        let processes = engine.sandbox_processes();
        assert!(processes.len() >= 2);
        let key = engine.api_key.clone();
        let directory = engine.end(signal).await;
        assert_eq!(announcement(directory.path()).is_none(), signal == Signal::SIGTERM);
        wait_for(|| processes.iter().all(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists()).then_some(()))
            .await;

        let engine = Engine::start_in(directory, &[]).await;
        assert_ne!(engine.api_key, key, "each start has a key of its own");
        let with_old_key = engine.anonymous(Method::GET, "/api/sandbox").bearer_auth(key).send().await.unwrap();
        assert_eq!(with_old_key.status(), StatusCode::UNAUTHORIZED);
        let (_, sandbox) = engine.get(&format!("/api/sandbox/{id}")).await;
        assert_eq!(sandbox["state"], "stopped");
        engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
        assert_eq!(engine.output(&id, "cat note").await, "kept");
    }
}

#[tokio::test]
async fn a_sandbox_whose_processes_end_is_in_error_and_recovers() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let first = engine.sandbox_processes()[0];
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), Signal::SIGKILL).unwrap();
    let path = format!("/api/sandbox/{id}");
    let sandbox = loop {
        let (_, sandbox) = engine.get(&path).await;
        if sandbox["state"] != "started" {
            break sandbox;
        }
    };
    assert_eq!((&sandbox["state"], &sandbox["recoverable"]), (&json!("error"), &json!(true)));
    let (status, error) = engine.post(&format!("{path}/stop"), json!({})).await;
    assert_eq!((status, &error["message"]), (StatusCode::BAD_REQUEST, &json!("Sandbox is in an errored state")));
    let (status, recovered) = engine.post(&format!("{path}/recover"), json!({})).await;
    assert_eq!((status, recovered["state"].as_str()), (StatusCode::OK, Some("started")));
    assert_eq!(engine.output(&id, "echo back").await, "back");
}

#[tokio::test]
async fn archived_sandboxes_start_again() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let path = format!("/api/sandbox/{id}");
    assert_eq!(engine.post(&format!("{path}/archive"), json!({})).await.0, StatusCode::BAD_REQUEST);
    engine.post(&format!("{path}/stop?force=true"), json!({})).await;
    let (status, archived) = engine.post(&format!("{path}/archive"), json!({})).await;
    assert_eq!((status, archived["state"].as_str()), (StatusCode::OK, Some("archived")));
    let (status, started) = engine.post(&format!("{path}/start"), json!({})).await;
    assert_eq!((status, started["state"].as_str()), (StatusCode::OK, Some("started")));
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_sandbox_half_way() {
    let engine = Engine::start().await;
    let body = json!({"name": "abandoned"}).to_string();
    let request = format!(
        "POST /api/sandbox HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        engine.api_key,
        body.len()
    );
    let address = engine.origin.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let path = "/api/sandbox/abandoned";
    while engine.get(path).await.0 == StatusCode::NOT_FOUND {}
    drop(stream);
    while engine.get(path).await.1["state"] != "started" {}
    assert_eq!(engine.output("abandoned", "echo there").await, "there");
}

#[tokio::test]
async fn one_engine_runs_per_state_directory() {
    let engine = Engine::start().await;
    let mut second = spawn(engine.directory.path(), &[]);
    let status = wait_for(|| second.try_wait().unwrap()).await;
    assert!(!status.success());
    let mut loser = spawn(engine.directory.path(), &["0", "auto", "newest", "or-existing"]);
    let status = wait_for(|| loser.try_wait().unwrap()).await;
    assert!(status.success(), "a start that only wants some engine succeeds");
    assert_eq!(engine.request(Method::GET, "/api/health").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_idle_engine_ends_but_not_while_a_sandbox_runs() {
    let directory = tempfile::tempdir().unwrap();
    // Longer than a busy machine takes to send the first request.
    let mut engine = Engine::start_in(directory, &["10"]).await;
    let id = engine.sandbox().await;
    engine.delete(&format!("/api/sandbox/{id}")).await;
    // A connection that is kept counts as a client.
    engine.client = reqwest::Client::new();
    let status = wait_for(|| engine.process.try_wait().unwrap()).await;
    assert!(status.success());
    assert!(announcement(engine.directory.path()).is_none());
}

#[tokio::test]
async fn many_sandboxes_start_at_once() {
    let engine = std::sync::Arc::new(Engine::start().await);
    let tasks: Vec<_> = (0..12)
        .map(|number| {
            let engine = std::sync::Arc::clone(&engine);
            tokio::spawn(async move {
                let id = engine.sandbox().await;
                assert_eq!(engine.output(&id, &format!("echo {number}")).await, number.to_string());
                engine.delete(&format!("/api/sandbox/{id}")).await.0
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), StatusCode::OK);
    }
    assert!(engine.sandbox_processes().is_empty());
}

#[tokio::test]
async fn another_engine_of_the_same_path_keeps_its_control_groups() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let groups = harness::control_groups(&id);
    let own = std::path::Path::new(&groups[0]).parent().unwrap().to_owned();
    let directory = engine.end(Signal::SIGTERM).await;
    // As in a container that shares the machine's control groups but not its files.
    let group = own.join("sandbox-elsewhere");
    std::fs::create_dir_all(&group).unwrap();
    let mut sleeping = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    std::fs::write(group.join("cgroup.procs"), sleeping.id().to_string()).unwrap();
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("state.db") {
            std::fs::remove_file(path).unwrap();
        }
    }

    let engine = Engine::start_in(directory, &[]).await;
    let untouched = sleeping.try_wait().unwrap().is_none();
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
    assert!(untouched, "the other engine's process was killed");
    std::fs::remove_dir(&group).unwrap();
    std::fs::remove_dir(&own).unwrap();
    drop(engine);
}

#[tokio::test]
async fn control_groups_of_a_killed_engine_are_removed_by_the_next() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    let groups = harness::control_groups(&id);
    assert!(!groups.is_empty());
    let directory = engine.end(Signal::SIGKILL).await;
    // Where an engine started from elsewhere would have had its own.
    let own = groups.iter().map(std::path::Path::new).min_by_key(|group| group.components().count()).unwrap();
    let own = own.parent().unwrap();
    let elsewhere = own.with_file_name(format!("elsewhere-{}", std::process::id()));
    let leftover = elsewhere.join(own.file_name().unwrap()).join("some-sandbox");
    std::fs::create_dir_all(&leftover).unwrap();
    let mut sleeping = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
    std::fs::write(leftover.join("cgroup.procs"), sleeping.id().to_string()).unwrap();

    let engine = Engine::start_in(directory, &[]).await;
    assert_eq!(harness::control_groups(&id), Vec::<String>::new());
    assert_eq!(
        std::fs::read_dir(&elsewhere).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count(),
        0
    );
    std::fs::remove_dir(&elsewhere).unwrap();
    assert!(!sleeping.wait().unwrap().success());
    engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!(engine.output(&id, "echo again").await, "again");
}
