//! An engine that is killed between any two steps of a change loses no sandbox and leaves nothing over.

mod harness;
#[path = "harness/internet.rs"]
mod internet;

use std::path::Path;

use daytona_engine::fault::STEPS;
use harness::{Engine, control_groups, id_of, read, wait_for};
use internet::Internet;
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

const NAME: &str = "kept";

#[tokio::test]
async fn whenever_it_is_killed_every_sandbox_is_whole_afterwards() {
    // Where nobody else has links and rules.
    let _internet = Internet::enter();
    let mut directory = tempfile::tempdir().unwrap();
    // One by one when something is to be looked into.
    let only = std::env::var("STEP").ok();
    for step in STEPS.into_iter().filter(|step| only.as_deref().is_none_or(|only| step.starts_with(only))) {
        eprintln!("== {step}");
        directory = prepared(directory).await;
        directory = killed_at(directory, step, State::Stopped).await;
        directory = checked(directory, step).await;
    }
    // What also a running one does, and does otherwise.
    for step in STEPS.into_iter().filter(|step| step.starts_with("resize") || step.starts_with("delete")) {
        if only.as_deref().is_none_or(|only| step.starts_with(only)) {
            eprintln!("== {step} of a running one");
            directory = prepared(directory).await;
            directory = killed_at(directory, step, State::Started).await;
            directory = checked(directory, step).await;
        }
    }
}

/// What the sandbox is before a change that both may make.
#[derive(PartialEq)]
enum State {
    Stopped,
    Started,
}

/// A stopped sandbox with a file.
async fn prepared(directory: TempDir) -> TempDir {
    let engine = Engine::start_in(directory, &[]).await;
    let path = format!("/api/sandbox/{NAME}");
    if engine.get(&path).await.0 == StatusCode::NOT_FOUND {
        let id = id_of(&engine.create(json!({"name": NAME})).await);
        engine.output(&id, "echo kept >note; ln note again; sync").await;
        engine.post(&format!("{path}/stop"), json!({})).await;
    }
    engine.end(Signal::SIGTERM).await
}

/// Does what has this step, and waits for the engine to be killed there.
async fn killed_at(directory: TempDir, step: &str, before: State) -> TempDir {
    let mut variables = vec![("DAYTONA_ENGINE_FAULT", step)];
    variables.extend(step.starts_with("pool").then_some(("DAYTONA_LOCAL_WARM_POOL", "1")));
    let mut engine = Engine::start_with(directory, &[], &variables).await;
    let path = format!("/api/sandbox/{NAME}");
    if before == State::Started {
        engine.post(&format!("{path}/start"), json!({})).await;
    }
    match step.split('.').next().unwrap_or_default() {
        "create" => act(&engine, Method::POST, "/api/sandbox").await,
        "pool" => {
            let pools = async || engine.get("/api/warm-pools").await.1;
            harness::wait_for_response(async || (pools().await[0]["currentSize"] == 1).then_some(())).await;
            act(&engine, Method::POST, "/api/sandbox").await;
        }
        "start" => act(&engine, Method::POST, &format!("{path}/start")).await,
        "resize" => {
            let size = if before == State::Stopped { json!({"cpu": 2, "disk": 4}) } else { json!({"cpu": 2}) };
            let _ = engine.request(Method::POST, &format!("{path}/resize")).json(&size).send().await;
        }
        "archive" => act(&engine, Method::POST, &format!("{path}/archive")).await,
        "delete" => act(&engine, Method::DELETE, &path).await,
        "volume" if step == "volume.doomed" => {
            let (_, volume) = engine.post("/api/volumes", json!({"name": "killed"})).await;
            act(&engine, Method::DELETE, &format!("/api/volumes/{}", id_of(&volume))).await;
        }
        "volume" => act(&engine, Method::POST, "/api/volumes").await,
        "setting" => act(&engine, Method::POST, &format!("{path}/autostop/7")).await,
        "build" => {
            let body = json!({"buildInfo": {"dockerfileContent": "FROM default\nENV A=b\n"}});
            let _ = engine.request(Method::POST, "/api/sandbox").json(&body).send().await;
        }
        "snapshot" if ["snapshot.building", "snapshot.built"].contains(&step) => {
            let body = json!({"name": "made", "buildInfo": {"dockerfileContent": "FROM default\nENV A=b\n"}});
            let _ = engine.request(Method::POST, "/api/snapshots").json(&body).send().await;
        }
        "restore" => {
            engine.post(&format!("{path}/archive"), json!({})).await;
            act(&engine, Method::POST, &format!("{path}/start")).await;
        }
        other => {
            engine.post(&format!("{path}/start"), json!({})).await;
            match other {
                "snapshot" => act(&engine, Method::POST, &format!("{path}/snapshot")).await,
                "fork" => act(&engine, Method::POST, &format!("{path}/fork")).await,
                "limits" => act(&engine, Method::POST, &format!("{path}/network-settings")).await,
                "stop" => act(&engine, Method::POST, &format!("{path}/stop")).await,
                "pause" => act(&engine, Method::POST, &format!("{path}/pause")).await,
                "resume" => {
                    engine.post(&format!("{path}/pause"), json!({})).await;
                    act(&engine, Method::POST, &format!("{path}/start")).await;
                }
                "recover" => {
                    let first = engine.sandbox_processes()[0];
                    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first), Signal::SIGKILL).unwrap();
                    while engine.get(&path).await.1["state"] != "error" {}
                    act(&engine, Method::POST, &format!("{path}/recover")).await;
                }
                _ => panic!("nothing is known that has the step {step}"),
            }
        }
    }
    let status = wait_for(|| engine.process.try_wait().unwrap()).await;
    assert!(!status.success(), "{step}: the engine was killed");
    let empty = TempDir::new().unwrap();
    std::mem::replace(&mut engine.directory, empty)
}

/// Sends a request; the answer may be lost with the engine.
async fn act(engine: &Engine, method: Method, path: &str) {
    let body = match path.rsplit('/').next() {
        Some("network-settings") => json!({"networkAllowList": "198.51.100.0/24"}),
        Some("volumes") => json!({"name": "killed"}),
        Some("snapshot") => json!({"name": "taken"}),
        _ => json!({}),
    };
    let _ = engine.request(method, path).json(&body).send().await;
}

/// What there is after the kill is whole, and goes when it is deleted.
async fn checked(directory: TempDir, step: &str) -> TempDir {
    let engine = Engine::start_in(directory, &[]).await;
    let (_, list) = engine.get("/api/sandbox").await;
    let sandboxes: Vec<Value> = list["items"].as_array().unwrap().clone();
    let mut on_disk = names(&engine.directory.path().join("sandboxes"));
    let mut known: Vec<_> = sandboxes.iter().map(id_of).collect();
    on_disk.sort();
    known.sort();
    // One whose creation had just begun may have no files yet.
    assert!(on_disk.iter().all(|id| known.contains(id)), "{step}: files of nobody: {on_disk:?}, {known:?}");
    for sandbox in &sandboxes {
        let state = sandbox["state"].as_str().unwrap();
        assert!(["stopped", "archived", "error", "build_failed"].contains(&state), "{step}: {state}");
        assert_eq!(control_groups(&id_of(sandbox)), Vec::<String>::new(), "{step}");
    }
    assert_eq!(engine.get("/api/volumes").await.1, json!([]), "{step}: a volume that was not acknowledged");
    assert!(names(&engine.directory.path().join("volumes")).is_empty(), "{step}: files of no volume");
    let kept = sandboxes.iter().find(|sandbox| sandbox["name"] == NAME);
    assert!(kept.is_some() || step.starts_with("delete"), "{step}: the sandbox is lost");
    if let Some(kept) = kept {
        let path = format!("/api/sandbox/{NAME}");
        if kept["state"] == "error" {
            engine.post(&format!("{path}/recover"), json!({})).await;
        }
        let (status, started) = engine.post(&format!("{path}/start"), json!({})).await;
        assert_eq!((status, &started["state"]), (StatusCode::OK, &json!("started")), "{step}: {started}");
        assert_eq!(engine.output(NAME, "cat note; stat -c %h again").await, "kept\n2", "{step}");
        let directory = engine.directory.path().join("sandboxes").join(id_of(kept));
        assert!(names(&directory).iter().all(|name| !name.starts_with("archive") && name != "unpacked"), "{step}");
        engine.post(&format!("{path}/stop"), json!({})).await;
    }
    check_snapshots(&engine, step).await;
    for sandbox in sandboxes.iter().filter(|sandbox| sandbox["name"] != NAME) {
        let (status, gone) =
            read(engine.request(Method::DELETE, &format!("/api/sandbox/{}", id_of(sandbox))).send().await).await;
        assert_eq!(status, StatusCode::OK, "{step}: {gone}");
    }
    let expected = usize::from(kept.is_some());
    wait_for(|| (names(&engine.directory.path().join("sandboxes")).len() == expected).then_some(())).await;
    wait_for(|| names(&engine.directory.path().join("trash")).is_empty().then_some(())).await;
    let directory = engine.end(Signal::SIGTERM).await;
    // Those of the thread that has left for a network of its own.
    let mounts = std::fs::read_to_string("/proc/thread-self/mounts").unwrap();
    assert!(!mounts.contains(directory.path().to_str().unwrap()), "{step}: {mounts}");
    assert!(names(&directory.path().join("pool")).is_empty(), "{step}: files of a pool");
    assert_eq!(on_the_machine(), "", "{step}: links and rules of nobody");
    directory
}

/// Snapshots are gone on with or say why not, and go when they are deleted.
async fn check_snapshots(engine: &Engine, step: &str) {
    let snapshots = async || {
        let (_, page) = engine.get("/api/snapshots").await;
        let all = page["items"].as_array().unwrap().clone();
        all.into_iter().filter(|snapshot| snapshot["general"] == false).collect::<Vec<_>>()
    };
    let settled = harness::wait_for_response(async || {
        let found = snapshots().await;
        found.iter().all(|found| found["state"] == "active" || found["state"] == "error").then_some(found)
    })
    .await;
    for snapshot in &settled {
        let expected = if snapshot["name"] == "made" { "active" } else { "error" };
        assert_eq!(snapshot["state"], expected, "{step}: {snapshot}");
        engine.delete(&format!("/api/snapshots/{}", id_of(snapshot))).await;
    }
    harness::wait_for_response(async || snapshots().await.is_empty().then_some(())).await;
    assert_eq!(names(&engine.directory.path().join("snapshot-files")), Vec::<String>::new(), "{step}");
}

/// Links and tables of nftables that engines have left in the network of the test.
fn on_the_machine() -> String {
    let said = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output().expect("the program runs");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let links = said("ip", &["-o", "link"]);
    let links = links.lines().filter(|line| line.contains(": dyt")).collect::<String>();
    links + &said("/usr/sbin/nft", &["list", "tables"])
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
