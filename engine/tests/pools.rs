//! Warm pools serve what they can, and are nobody's sandboxes. Needs root.

mod harness;

use std::time::{Duration, Instant};

use harness::{Engine, id_of, read};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn pool_of(engine: &Engine, size: u64) -> String {
    let (status, pool) = engine.post("/api/warm-pools", json!({"snapshot": "default", "pool": size})).await;
    assert_eq!(status, StatusCode::CREATED, "{pool}");
    assert_eq!((&pool["pool"], &pool["osUser"], &pool["errorReason"]), (&json!(size), &json!("daytona"), &Value::Null));
    filled(engine, size).await;
    id_of(&pool)
}

async fn filled(engine: &Engine, size: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let pools = engine.get("/api/warm-pools").await.1;
        if pools[0]["currentSize"] == size {
            return;
        }
        assert!(Instant::now() < deadline, "{pools}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn waiting(directory: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory.join("pool")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[tokio::test]
async fn a_pools_sandbox_becomes_the_one_that_is_created() {
    let engine = Engine::start().await;
    let pool = pool_of(&engine, 2).await;
    assert_eq!(engine.get("/api/sandbox").await.1["items"], json!([]), "they are nobody's");
    let ready = waiting(engine.directory.path());
    assert_eq!(engine.get(&format!("/api/sandbox/{}", ready[0])).await.0, StatusCode::NOT_FOUND);

    let wanted =
        json!({"name": "mine", "labels": {"a": "b"}, "autoStopInterval": 7, "networkBlockAll": true, "public": true});
    let request = engine.request(Method::POST, "/api/sandbox").json(&wanted);
    let (status, sandbox) = read(request.send().await).await;
    assert_eq!(status, StatusCode::OK, "{sandbox}");
    let id = id_of(&sandbox);
    assert!(ready.contains(&id), "{id} was not waiting");
    assert_eq!((&sandbox["state"], &sandbox["warmPoolId"]), (&json!("started"), &json!(pool)));
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(sandbox[name], *value);
    }
    assert_eq!(
        engine.output(&id, "echo $DAYTONA_SANDBOX_ID; cat /etc/hostname; pwd").await,
        [id.as_str(), &id[..12], "/home/daytona"].join("\n")
    );
    let (code, _) = engine.run(&id, "timeout 5 bash -c 'echo > /dev/tcp/192.0.2.1/80'").await;
    assert_ne!(code, 0);
    engine.output(&id, "echo kept > file").await;
    for change in ["stop", "start"] {
        let (status, answer) = engine.post(&format!("/api/sandbox/{id}/{change}"), json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert_eq!(engine.output(&id, "cat file").await, "kept");
    filled(&engine, 2).await;

    // The name is taken, and the pool's sandbox is not lost for it.
    let (status, answer) = engine.post("/api/sandbox", wanted).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    filled(&engine, 2).await;
    assert_eq!(engine.delete(&format!("/api/sandbox/{id}")).await.0, StatusCode::OK);
}

/// Makes a snapshot of an image whose programs are root's.
async fn made(engine: &Engine, name: &str, of: &str) {
    let build = json!({"dockerfileContent": format!("FROM default\nENV OF={of}\nWORKDIR /srv\nUSER root\n")});
    let body = json!({"name": name, "buildInfo": build, "cpu": 2});
    let (status, made) = engine.post("/api/snapshots", body).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let path = format!("/api/snapshots/{name}");
    harness::wait_for_response(async || (engine.get(&path).await.1["state"] == "active").then_some(())).await;
}

#[tokio::test]
async fn a_pool_of_an_images_snapshot_serves_what_is_created_from_it() {
    let engine = Engine::start().await;
    made(&engine, "box", "image").await;
    let (status, pool) = engine.post("/api/warm-pools", json!({"snapshot": "box", "pool": 1})).await;
    assert_eq!(status, StatusCode::CREATED, "{pool}");
    assert_eq!((&pool["osUser"], &pool["cpu"], &pool["mem"]), (&json!("root"), &json!(2), &json!(1)), "{pool}");
    filled(&engine, 1).await;
    let other_user = engine.create(json!({"snapshot": "box", "user": "daytona"})).await;
    let of_default = engine.create(json!({})).await;
    assert_eq!((&other_user["warmPoolId"], &of_default["warmPoolId"]), (&Value::Null, &Value::Null));
    let ready = waiting(engine.directory.path());
    let (_, sandbox) =
        read(engine.request(Method::POST, "/api/sandbox").json(&json!({"snapshot": "box"})).send().await).await;
    let id = id_of(&sandbox);
    assert!(ready.contains(&id), "{sandbox} was not waiting");
    assert_eq!((&sandbox["state"], &sandbox["warmPoolId"]), (&json!("started"), &pool["id"]), "{sandbox}");
    assert_eq!((&sandbox["user"], &sandbox["cpu"], &sandbox["snapshot"]), (&json!("root"), &json!(2), &json!("box")));
    let said = format!("image\n0\n/srv\n{}", &id[..12]);
    assert_eq!(engine.output(&id, "echo $OF; id -u; pwd; cat /etc/hostname").await, said);
    engine.output(&id, "echo kept > /file").await;
    for change in ["stop", "start"] {
        let (status, answer) = engine.post(&format!("/api/sandbox/{id}/{change}"), json!({})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert_eq!(engine.output(&id, "cat /file; echo $OF").await, "kept\nimage");

    // Snapshots of sandboxes have pools, too.
    let (status, answer) = engine.post(&format!("/api/sandbox/{id}/snapshot"), json!({"name": "copied"})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    harness::wait_for_response(async || {
        (engine.get("/api/snapshots/copied").await.1["state"] == "active").then_some(())
    })
    .await;
    let (status, answer) = engine.post("/api/warm-pools", json!({"snapshot": "copied", "pool": 1})).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let both = async || {
        let (_, pools) = engine.get("/api/warm-pools").await;
        pools.as_array().unwrap().iter().all(|pool| pool["currentSize"] == 1).then_some(())
    };
    harness::wait_for_response(both).await;
    let copy = engine.create(json!({"snapshot": "copied"})).await;
    assert_eq!(copy["warmPoolId"], answer["id"], "{copy}");
    assert_eq!(
        engine.output(&id_of(&copy), "cat /file; cat /etc/hostname").await,
        format!("kept\n{}", &id_of(&copy)[..12])
    );
}

#[tokio::test]
async fn a_pool_holds_nothing_of_a_snapshot_that_is_switched_off_or_replaced() {
    let engine = Engine::start().await;
    made(&engine, "box", "first").await;
    let (status, _) = engine.post("/api/snapshots/box/deactivate", json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, refused) = engine.post("/api/warm-pools", json!({"snapshot": "box", "pool": 1})).await;
    assert_eq!((status, &refused["message"]), (StatusCode::BAD_REQUEST, &json!("Snapshot box is inactive")));
    engine.post("/api/snapshots/box/activate", json!({})).await;
    engine.post("/api/warm-pools", json!({"snapshot": "box", "pool": 1})).await;
    filled(&engine, 1).await;
    engine.post("/api/snapshots/box/deactivate", json!({})).await;
    filled(&engine, 0).await;
    assert_eq!(engine.get("/api/warm-pools").await.1[0]["errorReason"], "Snapshot box is inactive");
    engine.post("/api/snapshots/box/activate", json!({})).await;
    filled(&engine, 1).await;
    assert_eq!(engine.get("/api/warm-pools").await.1[0]["errorReason"], Value::Null);
    let first = waiting(engine.directory.path());
    engine.delete("/api/snapshots/box").await;
    harness::wait_for_response(async || {
        let (_, pools) = engine.get("/api/warm-pools").await;
        (pools[0]["errorReason"] == "Snapshot box not found" && pools[0]["currentSize"] == 0).then_some(())
    })
    .await;
    made(&engine, "box", "second").await;
    filled(&engine, 1).await;
    let sandbox = engine.create(json!({"snapshot": "box"})).await;
    assert!(sandbox["warmPoolId"].is_string() && !first.contains(&id_of(&sandbox)), "{sandbox}");
    assert_eq!(engine.output(&id_of(&sandbox), "echo $OF").await, "second");
}

#[tokio::test]
async fn what_only_a_start_can_give_is_started() {
    let engine = Engine::start().await;
    pool_of(&engine, 1).await;
    for wanted in [
        json!({"env": {"A": "b"}}),
        json!({"user": "root"}),
        json!({"target": "eu"}),
        json!({"buildInfo": {"dockerfileContent": "FROM default"}, "cpu": 2}),
        json!({"outboundProxyUrl": "http://127.0.0.1:1"}),
    ] {
        let sandbox = engine.create(wanted.clone()).await;
        assert_eq!(sandbox.get("warmPoolId"), None, "{wanted}");
    }
    filled(&engine, 1).await;
    // More at once than there are: all of them get one.
    let many = (0..4).map(|_| engine.create(json!({})));
    let ids: std::collections::BTreeSet<String> =
        futures_util::future::join_all(many).await.iter().map(id_of).collect();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn pools_survive_a_killed_engine_and_their_sandboxes_do_not() {
    let engine = Engine::start().await;
    let pool = pool_of(&engine, 2).await;
    let id = engine.sandbox().await;
    engine.output(&id, "echo kept > file").await;
    filled(&engine, 2).await;
    let left = waiting(engine.directory.path());
    let processes = engine.sandbox_processes();
    let engine = engine.restart_after(Signal::SIGKILL).await;
    let ended = || processes.iter().all(|process| kill(Pid::from_raw(*process), None).is_err());
    harness::wait_for(|| ended().then_some(())).await;
    filled(&engine, 2).await;
    assert_eq!(engine.get("/api/warm-pools").await.1[0]["id"], json!(pool));
    let now = waiting(engine.directory.path());
    assert!(now.len() == 2 && left.iter().all(|old| !now.contains(old)), "{left:?} {now:?}");
    let health = engine.get("/api/health").await.1;
    assert!(!health["limits"]["notEnforced"].to_string().contains("belongs to no known"), "{health}");
    let (_, list) = engine.get("/api/sandbox").await;
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(engine.post(&format!("/api/sandbox/{id}/start"), json!({})).await.0, StatusCode::OK);
    assert_eq!(engine.output(&id, "cat file").await, "kept");
    for old in left {
        assert_eq!(harness::control_groups(&old), Vec::<String>::new());
    }
    let directory = engine.end(Signal::SIGTERM).await;
    assert_eq!(waiting(directory.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_pool_follows_its_size_and_replaces_what_has_ended() {
    let engine = Engine::start().await;
    let pool = pool_of(&engine, 2).await;
    let path = format!("/api/warm-pools/{pool}");
    let before = waiting(engine.directory.path());
    for process in engine.sandbox_processes() {
        // The first process of a sandbox takes the others along.
        assert!(matches!(kill(Pid::from_raw(process), Signal::SIGKILL), Ok(()) | Err(Errno::ESRCH)));
    }
    // Those that have ended are not handed out, and go.
    let directory = engine.directory.path();
    harness::wait_for(|| before.iter().all(|id| !waiting(directory).contains(id)).then_some(())).await;
    let sandbox = engine.create(json!({})).await;
    assert!(!before.contains(&id_of(&sandbox)), "{sandbox}");
    assert_eq!(engine.output(&id_of(&sandbox), "echo alive").await, "alive");
    filled(&engine, 2).await;
    for size in [1, 3, 0] {
        let (status, answer) =
            read(engine.request(Method::PATCH, &path).json(&json!({"pool": size})).send().await).await;
        assert_eq!((status, &answer["pool"]), (StatusCode::OK, &json!(size)), "{answer}");
        filled(&engine, size).await;
    }
    let (status, _) = read(engine.request(Method::DELETE, &path).send().await).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(engine.get("/api/warm-pools").await.1, json!([]));
    let directory = engine.directory.path();
    harness::wait_for(|| waiting(directory).is_empty().then_some(())).await;
    assert_eq!(engine.output(&id_of(&sandbox), "echo alive").await, "alive");
}

#[tokio::test]
async fn wrong_pools_are_refused() {
    let engine = Engine::start().await;
    for (body, status, text) in [
        (json!({"pool": 1}), StatusCode::BAD_REQUEST, "snapshot should not be empty"),
        (json!({"snapshot": "default"}), StatusCode::BAD_REQUEST, "pool must be an integer number"),
        (json!({"snapshot": "default", "pool": 0}), StatusCode::BAD_REQUEST, "pool must not be less than 1"),
        (json!({"snapshot": "default", "pool": 101}), StatusCode::BAD_REQUEST, "pool must not be greater than 100"),
        (json!({"snapshot": 5, "pool": "x"}), StatusCode::BAD_REQUEST, "snapshot must be a string"),
        (json!({"snapshot": "nope", "pool": 1}), StatusCode::NOT_FOUND, "Snapshot nope not found"),
        (json!({"snapshot": "default", "pool": 1, "target": "mars"}), StatusCode::NOT_FOUND, "Region not found"),
    ] {
        let (found, answer) = engine.post("/api/warm-pools", body.clone()).await;
        assert_eq!(found, status, "{body}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains(text), "{body}: {answer}");
    }
    assert_eq!(engine.get("/api/warm-pools").await.1, json!([]));
    pool_of(&engine, 1).await;
    let (status, answer) = engine.post("/api/warm-pools", json!({"snapshot": "default", "pool": 2})).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    for method in [Method::PATCH, Method::DELETE] {
        let request = engine.request(method, "/api/warm-pools/none").json(&json!({"pool": 1}));
        assert_eq!(read(request.send().await).await.0, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn an_operators_pool_is_there_from_the_start_and_does_not_keep_the_engine() {
    let directory = tempfile::tempdir().unwrap();
    let variables = [("DAYTONA_LOCAL_WARM_POOL", "1")];
    let mut engine = Engine::start_with(directory, &["10"], &variables).await;
    filled(&engine, 1).await;
    let sandbox = engine.create(json!({})).await;
    assert!(sandbox["warmPoolId"].is_string(), "{sandbox}");
    engine.delete(&format!("/api/sandbox/{}", id_of(&sandbox))).await;
    engine.client = reqwest::Client::builder().no_proxy().build().unwrap();
    // Without clients, requests and sandboxes of somebody it ends, and its pool with it.
    let process = &mut engine.process;
    harness::wait_for(|| process.try_wait().expect("the engine is our child")).await;
    assert_eq!(waiting(engine.directory.path()), Vec::<String>::new());
}
