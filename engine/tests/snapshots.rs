//! Snapshots: what they are made from, their states, and sandboxes made from them (wire 2.7).

mod harness;

use harness::{Engine, id_of, read};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The snapshot, once nothing happens to it any more.
async fn settled(engine: &Engine, name: &str) -> Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let (status, snapshot) = engine.get(&format!("/api/snapshots/{name}")).await;
        assert_eq!(status, StatusCode::OK, "{snapshot}");
        if !["pending", "building", "pulling"].contains(&snapshot["state"].as_str().unwrap()) {
            return snapshot;
        }
        assert!(std::time::Instant::now() < deadline, "{snapshot}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn made(engine: &Engine, body: Value) -> Value {
    let (status, snapshot) = engine.post("/api/snapshots", body).await;
    assert_eq!((status, &snapshot["state"]), (StatusCode::OK, &json!("pending")), "{snapshot}");
    let snapshot = settled(engine, snapshot["name"].as_str().unwrap()).await;
    assert_eq!(snapshot["state"], "active", "{snapshot}");
    snapshot
}

#[tokio::test]
async fn a_snapshot_is_made_found_switched_off_and_on_and_removed() {
    let engine = Engine::start().await;
    let build = json!({"dockerfileContent": "FROM default\n", "contextHashes": ["b", "a"]});
    let (status, pending) = engine
        .post("/api/snapshots", json!({"name": "team/base:1", "cpu": 2, "memory": 2, "disk": 4, "buildInfo": build}))
        .await;
    assert_eq!((status, &pending["state"], &pending["general"]), (StatusCode::OK, &json!("pending"), &json!(false)));
    let id = id_of(&pending);
    let active = settled(&engine, &id).await;
    assert_eq!((&active["state"], &active["errorReason"]), (&json!("active"), &Value::Null));
    assert_eq!((&active["cpu"], &active["mem"], &active["disk"]), (&json!(2), &json!(2), &json!(4)));
    assert_eq!(active["buildInfo"]["contextHashes"], json!(["b", "a"]));
    // SHA-256 of the Dockerfile and the sorted hashes.
    let reference = "daytona-86bc59e6e53422f8e8f933c60ed6392e5c3a09bcff02eb240e89512497f52a32:daytona";
    assert_eq!(active["ref"], reference);
    assert_eq!(engine.get("/api/snapshots/team%2Fbase:1").await.1["id"], active["id"]);

    let sandbox = engine.create(json!({"snapshot": "team/base:1"})).await;
    assert_eq!(
        (&sandbox["snapshot"], &sandbox["cpu"], &sandbox["disk"]),
        (&json!("team/base:1"), &json!(2), &json!(4))
    );
    assert!(settled(&engine, &id).await["lastUsedAt"].is_string());

    let path = format!("/api/snapshots/{id}");
    let (status, error) = engine.post(&format!("{path}/activate"), json!({})).await;
    assert_eq!(
        (status, &error["message"]),
        (StatusCode::BAD_REQUEST, &json!(format!("Snapshot {id} is already active")))
    );
    for _ in 0..2 {
        assert_eq!(engine.post(&format!("{path}/deactivate"), json!({})).await.0, StatusCode::NO_CONTENT);
    }
    let (status, error) = engine.post("/api/sandbox", json!({"snapshot": id})).await;
    assert_eq!((status, &error["message"]), (StatusCode::BAD_REQUEST, &json!(format!("Snapshot {id} is inactive"))));
    let engine = engine.restart_after(Signal::SIGKILL).await;
    let (status, snapshot) = engine.post(&format!("{path}/activate"), json!({})).await;
    assert_eq!((status, &snapshot["state"]), (StatusCode::OK, &json!("active")));

    let deleted = engine.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!((deleted.status(), deleted.bytes().await.unwrap().len()), (StatusCode::OK, 0));
    while engine.get(&path).await.0 != StatusCode::NOT_FOUND {}
    assert_eq!(engine.get("/api/snapshots").await.1["total"], 1);
    // Those made from it stay.
    engine.post(&format!("/api/sandbox/{}/start", id_of(&sandbox)), json!({})).await;
    assert_eq!(engine.output(&id_of(&sandbox), "echo here").await, "here");
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let engine = Engine::start().await;
    for name in ["b-one", "a-two", "B-three"] {
        made(&engine, json!({"name": name, "imageName": "default"})).await;
    }
    let names = async |query: &str| -> Vec<String> {
        let (status, page) = engine.get(&format!("/api/snapshots?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("sort=name&order=asc").await, ["B-three", "a-two", "b-one", "default"]);
    assert_eq!(names("").await, ["B-three", "a-two", "b-one", "default"], "never used: newest first");
    engine.create(json!({"snapshot": "b-one"})).await;
    assert_eq!(names("").await, ["b-one", "B-three", "a-two", "default"]);
    assert_eq!(names("name=b-&sort=createdAt&order=asc").await, ["b-one", "B-three"]);
    assert_eq!(names("sort=createdAt&limit=2&page=2").await, ["b-one", "default"]);
    let (_, page) = engine.get("/api/snapshots?limit=3&page=9").await;
    assert_eq!(page, json!({"items": [], "total": 4, "page": 9, "totalPages": 2}));
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let engine = Engine::start().await;
    made(&engine, json!({"name": "there", "imageName": "default"})).await;
    let build = json!({"dockerfileContent": "FROM default"});
    let cases = [
        (json!({"imageName": "default"}), 400, "name should not be empty"),
        (json!({"name": "a b", "imageName": "default"}), 400, "Invalid snapshot name format."),
        (json!({"name": "x"}), 400, "Must specify an image name when not using a build info entry"),
        (
            json!({"name": "x", "imageName": "default", "buildInfo": build}),
            400,
            "Cannot specify an image name when using a build info entry",
        ),
        (
            json!({"name": "x", "entrypoint": ["a"], "buildInfo": build}),
            400,
            "Cannot specify an entrypoint when using a build info entry",
        ),
        (json!({"name": "x", "buildInfo": {}}), 400, "buildInfo.dockerfileContent must be a string"),
        (json!({"name": "x", "imageName": "default", "cpu": 99}), 400, "CPU request 99 exceeds"),
        (json!({"name": "x", "imageName": "default", "regionId": "mars"}), 404, "Region not found"),
        (json!({"name": "there", "imageName": "default"}), 409, "Snapshot with name \"there\" already exists"),
        (json!({"name": "default", "imageName": "default"}), 409, "Snapshot with name \"default\" already exists"),
    ];
    for (body, status, message) in cases {
        let (found, error) = engine.post("/api/snapshots", body.clone()).await;
        assert_eq!(found.as_u16(), status, "{body}: {error}");
        assert!(error["message"].as_str().unwrap().starts_with(message), "{body}: {error}");
    }
    for (method, path, status) in [
        (Method::DELETE, "default", StatusCode::FORBIDDEN),
        (Method::DELETE, "nobody", StatusCode::NOT_FOUND),
        (Method::POST, "default/deactivate", StatusCode::FORBIDDEN),
        (Method::POST, "nobody/activate", StatusCode::NOT_FOUND),
        (Method::GET, "nobody/build-logs-url", StatusCode::NOT_FOUND),
        (Method::GET, "default/build-logs", StatusCode::NOT_FOUND),
    ] {
        let (found, error) = read(engine.request(method, &format!("/api/snapshots/{path}")).send().await).await;
        assert_eq!(found, status, "{path}: {error}");
    }
    let older = Engine::start_in(tempfile::tempdir().unwrap(), &["0", "auto", "0.190"]).await;
    let (status, error) = older.delete("/api/snapshots/there").await;
    assert_eq!((status, &error["message"]), (StatusCode::BAD_REQUEST, &json!("Validation failed (uuid is expected)")));
}

#[tokio::test]
async fn build_logs_are_where_their_url_says_and_resume() {
    let engine = Engine::start().await;
    let snapshot = made(&engine, json!({"name": "logged", "buildInfo": {"dockerfileContent": "FROM default"}})).await;
    let (status, answer) = engine.get("/api/snapshots/logged/build-logs-url").await;
    assert_eq!(status, StatusCode::OK);
    let path = answer["url"].as_str().unwrap().strip_prefix(&engine.origin).unwrap().to_owned();
    assert_eq!(path, format!("/snapshots/{}/build-logs", id_of(&snapshot)));
    let text = async |path: String| {
        let response = engine.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        response.text().await.unwrap()
    };
    let whole = text(format!("{path}?follow=true")).await;
    assert!(whole.ends_with('\n'), "{whole:?}");
    assert_eq!(text(format!("{path}?offset=3")).await, whole[3..]);
    assert_eq!(text(format!("{path}?offset=100000&follow=true")).await, "");
    assert_eq!(text("/api/snapshots/logged/build-logs".to_owned()).await, whole);
    let denied = engine.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(denied.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_snapshot_is_of_one_moment_whatever_the_sandbox_writes() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "mkdir many; for n in $(seq 200); do echo $n > many/$n; done; echo first > note").await;
    let snapshot = async |name: &str| {
        let (status, answer) = engine.post(&format!("/api/sandbox/{id}/snapshot"), json!({"name": name})).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let made = settled(&engine, name).await;
        assert_eq!(made["state"], "active", "{made}");
        let state = async || engine.get(&format!("/api/sandbox/{id}")).await.1["state"] == "started";
        harness::wait_for_response(async || state().await.then_some(())).await;
        id_of(&made)
    };
    // Nothing is written meanwhile, then all the time, then only between two of them.
    let mut names = vec![("quiet", snapshot("quiet").await)];
    let writing = "(while [ ! -e stop ]; do echo x >> a; echo x >> b; rm -rf c; cp -r many c; done; touch stopped)";
    engine.output(&id, &format!("{writing} > /dev/null 2>&1 & while [ ! -s b ]; do sleep 0.1; done")).await;
    for name in ["first", "second"] {
        names.push((name, snapshot(name).await));
    }
    engine.output(&id, "touch stop; while [ ! -e stopped ]; do sleep 0.1; done; echo second > note").await;
    names.push(("after", snapshot("after").await));
    engine.output(&id, "echo third > note").await;

    for (name, snapshot) in names {
        let copy = id_of(&engine.create(json!({"snapshot": name})).await);
        let note = if name == "after" { "second" } else { "first" };
        assert_eq!(engine.output(&copy, "cat note; ls many | wc -l; cat many/200").await, format!("{note}\n200\n200"));
        if name != "quiet" {
            // They are written in turn.
            let sizes = engine.output(&copy, "stat -c %s a b").await;
            let sizes: Vec<u64> = sizes.lines().map(|size| size.parse().unwrap()).collect();
            assert!([0, 2].contains(&(sizes[0] - sizes[1])), "{name}: {sizes:?}");
        }
        let image = engine.directory.path().join("snapshot-files").join(snapshot).join("disk.img");
        if image.exists() {
            let program =
                ["/usr/sbin/e2fsck", "/sbin/e2fsck"].into_iter().find(|path| std::path::Path::new(path).exists());
            let checked = std::process::Command::new(program.expect("e2fsprogs are installed"))
                .args(["-f", "-p"])
                .arg(&image)
                .output()
                .unwrap();
            // 1: the journal was replayed, as the next mount would have done.
            assert!(checked.status.code().is_some_and(|code| code <= 1), "{name}: {checked:?}");
        }
        engine.delete(&format!("/api/sandbox/{copy}")).await;
    }
}
