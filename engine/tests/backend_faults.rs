//! A backend that fails: the API answers as documented, and nothing is left over.

mod harness;

use std::time::{Duration, Instant};

use harness::{Engine, children, id_of, wait_for_response};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

/// An engine, and what its backend does wrong.
struct Faulty {
    engine: Engine,
    faults: TempDir,
}

impl Faulty {
    async fn start() -> Self {
        let faults = TempDir::new().expect("a temporary directory");
        let file = faults.path().join("faults");
        let variables = [("DAYTONA_ENGINE_BACKEND_FAULTS", file.to_str().expect("a plain path"))];
        let engine = Engine::start_with(TempDir::new().expect("a temporary directory"), &[], &variables).await;
        Self { engine, faults }
    }

    fn fail(&self, faults: &str) {
        // Read while it is written, it must be the one or the other.
        let (new, file) = (self.faults.path().join("new"), self.faults.path().join("faults"));
        std::fs::write(&new, faults).and_then(|()| std::fs::rename(new, file)).expect("faults are written");
    }

    async fn find(&self, id: &str) -> Value {
        let (status, sandbox) = self.engine.get(&format!("/api/sandbox/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{sandbox}");
        sandbox
    }

    /// The only sandbox, once it is in this state.
    async fn only(&self, state: &str) -> Value {
        wait_for_response(async || {
            let (_, page) = self.engine.get("/api/sandbox").await;
            let list = page.as_array().or(page["items"].as_array()).expect("a list");
            assert!(list.len() <= 1, "{list:?}");
            list.first().filter(|sandbox| sandbox["state"] == state).cloned()
        })
        .await
    }

    async fn remove(&self, id: &str) {
        let (status, answer) = self.engine.delete(&format!("/api/sandbox/{id}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        self.is_clean().await;
    }

    /// Nothing is left of any sandbox.
    async fn is_clean(&self) {
        let directory = self.engine.directory.path();
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let left = ["sandboxes", "trash", "run"].iter().flat_map(|name| {
                std::fs::read_dir(directory.join(name)).into_iter().flatten().flatten().map(|entry| entry.path())
            });
            let (left, processes): (Vec<_>, _) = (left.collect(), children(self.engine.pid().as_raw()));
            if left.is_empty() && processes.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left: {left:?}, processes {processes:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_sandbox_that_does_not_start_says_why_and_is_recovered() {
    let faulty = Faulty::start().await;
    for (fault, name) in [("start-fails", "StartFails"), ("create-fails", "CreateFails")] {
        faulty.fail(fault);
        let (status, answer) = faulty.engine.post("/api/sandbox", json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        let reason = format!("{name}, as a test asked for");
        assert_eq!(answer["message"], format!("Sandbox failed to start: {reason}"));
        let sandbox = faulty.only("error").await;
        assert_eq!((&sandbox["errorReason"], &sandbox["recoverable"]), (&json!(reason), &json!(true)));
        assert_eq!(faulty.engine.sandbox_processes(), [0; 0]);

        let id = id_of(&sandbox);
        faulty.fail("");
        if fault == "start-fails" {
            let (status, answer) = faulty.engine.post(&format!("/api/sandbox/{id}/recover"), json!({})).await;
            assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!("started")), "{answer}");
            assert_eq!(faulty.engine.output(&id, "echo here").await, "here");
        }
        faulty.remove(&id).await;
    }
}

#[tokio::test]
async fn a_toolbox_that_takes_no_connections_is_a_bad_gateway() {
    let faulty = Faulty::start().await;
    let id = faulty.engine.sandbox().await;
    faulty.fail("connect-refused");
    let path = format!("/toolbox/{id}/process/execute");
    let (status, _) = faulty.engine.post(&path, json!({"command": "echo"})).await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(faulty.find(&id).await["state"], "started");
    faulty.fail("");
    assert_eq!(faulty.engine.output(&id, "echo back").await, "back");
    faulty.remove(&id).await;
}

#[tokio::test]
async fn a_sandbox_that_dies_at_once_is_in_error_and_starts_again() {
    let faulty = Faulty::start().await;
    faulty.fail("dies-at-once");
    let (status, answer) = read(&faulty, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let sandbox = faulty.only("error").await;
    assert_eq!(sandbox["errorReason"], "The sandbox's processes ended unexpectedly");
    faulty.fail("");
    let id = id_of(&sandbox);
    let (status, answer) = faulty.engine.post(&format!("/api/sandbox/{id}/recover"), json!({})).await;
    assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!("started")), "{answer}");
    faulty.remove(&id).await;
}

/// Creates a sandbox and does not wait for any state.
async fn read(faulty: &Faulty, body: Value) -> (StatusCode, Value) {
    harness::read(faulty.engine.request(reqwest::Method::POST, "/api/sandbox").json(&body).send().await).await
}

#[tokio::test]
async fn a_sandbox_that_does_not_stop_is_killed_from_outside() {
    let faulty = Faulty::start().await;
    let id = faulty.engine.sandbox().await;
    faulty.fail("stop-hangs");
    let (status, answer) = faulty.engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!("stopped")), "{answer}");
    assert_eq!(faulty.engine.sandbox_processes(), [0; 0]);
    faulty.fail("");
    let (status, answer) = faulty.engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await;
    assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!("started")), "{answer}");
    faulty.remove(&id).await;
}

#[tokio::test]
async fn a_sandbox_whose_files_cannot_be_removed_is_in_error_until_they_can() {
    let faulty = Faulty::start().await;
    let id = faulty.engine.sandbox().await;
    faulty.fail("discard-fails");
    let (status, answer) = faulty.engine.delete(&format!("/api/sandbox/{id}")).await;
    assert_eq!((status, &answer["state"]), (StatusCode::OK, &json!("error")), "{answer}");
    assert_eq!(faulty.engine.sandbox_processes(), [0; 0]);
    faulty.fail("");
    faulty.remove(&id).await;
}

#[tokio::test]
async fn a_pool_whose_sandboxes_do_not_start_leaves_no_files_of_theirs() {
    let faulty = Faulty::start().await;
    faulty.fail("start-fails");
    let (status, pool) = faulty.engine.post("/api/warm-pools", json!({"snapshot": "default", "pool": 1})).await;
    assert_eq!(status, StatusCode::CREATED, "{pool}");
    wait_for_response(async || {
        let (_, pools) = faulty.engine.get("/api/warm-pools").await;
        (pools[0]["errorReason"] == "StartFails, as a test asked for").then_some(())
    })
    .await;
    // The next try comes seconds later.
    let left: Vec<_> = std::fs::read_dir(faulty.engine.directory.path().join("pool"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
