//! Volumes: what sandboxes share, and that nothing leads out of them. Needs root.

mod harness;

use harness::{Engine, id_of};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn volume(engine: &Engine, name: &str) -> String {
    let (status, made) = engine.post("/api/volumes", json!({"name": name})).await;
    assert_eq!((status, &made["state"]), (StatusCode::OK, &json!("pending_create")), "{made}");
    let (_, found) = engine.get(&format!("/api/volumes/by-name/{name}")).await;
    assert_eq!(found["state"], "ready");
    id_of(&made)
}

async fn with(engine: &Engine, volumes: Value) -> String {
    id_of(&engine.create(json!({"volumes": volumes})).await)
}

async fn refused(engine: &Engine, volumes: Value) -> (StatusCode, String) {
    let (status, error) = engine.post("/api/sandbox", json!({"volumes": volumes})).await;
    (status, error["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn volumes_are_made_found_listed_and_deleted() {
    let engine = Engine::start().await;
    let id = volume(&engine, "data").await;
    let (status, error) = engine.post("/api/volumes", json!({"name": "data"})).await;
    assert_eq!((status, &error["message"]), (StatusCode::BAD_REQUEST, &json!("Volume with name data already exists")));
    for body in [json!({}), json!({"name": ""}), json!({"name": 7}), json!({"name": "<b>x</b>"})] {
        assert_eq!(engine.post("/api/volumes", body).await.0, StatusCode::BAD_REQUEST);
    }
    let (_, list) = engine.get("/api/volumes").await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["id"]), (1, &json!(id)));
    assert_eq!(list[0]["lastUsedAt"], Value::Null);
    assert_eq!(engine.get("/api/volumes/data").await.0, StatusCode::NOT_FOUND);
    assert_eq!(engine.get("/api/volumes/by-name/other").await.0, StatusCode::NOT_FOUND);

    let engine = engine.restart_after(Signal::SIGKILL).await;
    let path = format!("/api/volumes/{id}");
    assert_eq!(engine.get(&path).await.1["name"], "data");
    let answer = engine.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap()), (StatusCode::OK, String::new()));
    while engine.get(&path).await.0 != StatusCode::NOT_FOUND {}
    assert_eq!(engine.request(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    volume(&engine, "data").await;
}

#[tokio::test]
async fn a_volume_in_use_survives_an_engine_that_was_killed_before_it_could_refuse_to_delete_it() {
    let engine = Engine::start().await;
    let id = volume(&engine, "kept").await;
    with(&engine, json!([{"volumeId": id, "mountPath": "/mnt/volume"}])).await;
    let file = engine.directory.path().join("volumes").join(&id).join("data/file");
    std::fs::write(&file, "kept").unwrap();
    let directory = engine.end(Signal::SIGKILL).await;
    // What such an engine leaves behind.
    let database = rusqlite::Connection::open(directory.path().join("state.db")).unwrap();
    let change = r#"UPDATE volumes SET record = replace(record, '"ready"', '"pending_delete"')"#;
    assert_eq!(database.execute(change, []).unwrap(), 1);
    drop(database);
    let engine = Engine::start_with(directory, &[], &[]).await;
    assert_eq!(engine.get(&format!("/api/volumes/{id}")).await.1["state"], "ready");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
}

#[tokio::test]
async fn sandboxes_share_a_volume_that_outlives_them() {
    let engine = Engine::start().await;
    let id = volume(&engine, "shared").await;
    let one = with(&engine, json!([{"volumeId": "shared", "mountPath": "/home/daytona/data"}])).await;
    let other = with(&engine, json!([{"volumeId": id, "mountPath": "/mnt/volume"}])).await;
    let (_, shown) = engine.get(&format!("/api/sandbox/{one}")).await;
    assert_eq!(shown["volumes"], json!([{"volumeId": id, "mountPath": "/home/daytona/data"}]));
    // Each may change what the other has written, and sees it at once.
    engine.output(&one, "echo one > data/file && mkdir data/made && chmod +x data/file").await;
    assert_eq!(
        engine.output(&other, "cat /mnt/volume/file && stat -c %U:%a /mnt/volume/file").await,
        "one\ndaytona:755"
    );
    engine.output(&other, "echo other >> /mnt/volume/file && rmdir /mnt/volume/made").await;
    assert_eq!(engine.output(&one, "cat data/file; ls data; stat -c %U ~").await, "one\nother\nfile\ndaytona");
    let admin = id_of(
        &engine
            .create(json!({"user": "root", "volumes": [{"volumeId": id, "mountPath": "/data", "subpath": "deep/er"}]}))
            .await,
    );
    engine.output(&admin, "echo root > /data/root && touch /data/dev && ! mknod /data/device c 1 3").await;
    assert_eq!(engine.output(&one, "cat data/deep/er/root && touch data/deep/er/mine").await, "root");

    let delete = async || engine.request(Method::DELETE, &format!("/api/volumes/{id}")).send().await.unwrap().status();
    assert_eq!(delete().await, StatusCode::CONFLICT);
    engine.post(&format!("/api/sandbox/{one}/stop"), json!({})).await;
    engine.delete(&format!("/api/sandbox/{other}")).await;
    engine.delete(&format!("/api/sandbox/{admin}")).await;
    // Also while the only one that has it is stopped.
    assert_eq!(delete().await, StatusCode::CONFLICT);
    let engine = engine.restart_after(Signal::SIGKILL).await;
    engine.post(&format!("/api/sandbox/{one}/archive"), json!({})).await;
    engine.post(&format!("/api/sandbox/{one}/start"), json!({})).await;
    assert_eq!(engine.output(&one, "cat data/file").await, "one\nother");
    let (status, fork) = engine.post(&format!("/api/sandbox/{one}/fork"), json!({})).await;
    assert_eq!(status, StatusCode::OK, "{fork}");
    engine.output(&id_of(&fork), "echo fork > data/fork").await;
    assert_eq!(engine.output(&one, "cat data/fork").await, "fork");
    engine.post(&format!("/api/sandbox/{one}/pause"), json!({})).await;
    engine.post(&format!("/api/sandbox/{one}/start"), json!({})).await;
    assert_eq!(engine.output(&one, "cat data/fork").await, "fork");
    for sandbox in [one, id_of(&fork)] {
        engine.delete(&format!("/api/sandbox/{sandbox}")).await;
    }
    assert!(engine.get(&format!("/api/volumes/{id}")).await.1["lastUsedAt"].is_string());
    let gone = engine.request(Method::DELETE, &format!("/api/volumes/{id}")).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_mounted_is_refused_before_there_is_a_sandbox() {
    let engine = Engine::start().await;
    volume(&engine, "data").await;
    for path in ["data", "/", "/etc/x", "/proc", "/a/../etc", "/a//b"] {
        let (status, text) = refused(&engine, json!([{"volumeId": "data", "mountPath": path}])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert!(text.contains(path), "{text}");
    }
    for subpath in ["../other", "/etc", "a/../.."] {
        let (status, _) = refused(&engine, json!([{"volumeId": "data", "mountPath": "/a", "subpath": subpath}])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{subpath}");
    }
    let (status, text) = refused(&engine, json!([{"volumeId": "none", "mountPath": "/a"}])).await;
    assert_eq!((status, text.as_str()), (StatusCode::NOT_FOUND, "Volume with ID or name none not found"));
    let twice = json!([{"volumeId": "data", "mountPath": "/a"}, {"volumeId": "data", "mountPath": "/a/"}]);
    assert_eq!(refused(&engine, twice).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(engine.get("/api/sandbox").await.1["items"], json!([]));
}

#[tokio::test]
async fn links_of_a_sandbox_lead_another_nowhere() {
    let engine = Engine::start().await;
    let id = volume(&engine, "hostile").await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "the machine's").unwrap();
    let hostile = with(&engine, json!([{"volumeId": id, "mountPath": "/v"}])).await;
    let target = outside.path().display();
    engine.output(&hostile, &format!("ln -s {target} /v/link && ln -s / /v/root && ln -s ../.. /v/up")).await;
    for subpath in ["link", "root/etc", "up", "link/deeper"] {
        let (status, text) = refused(&engine, json!([{"volumeId": id, "mountPath": "/v", "subpath": subpath}])).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert!(text.contains("is a link or a file"), "{text}");
    }
    // Nor does one at the place of the mount.
    engine.post(&format!("/api/sandbox/{hostile}/stop"), json!({})).await;
    let victim = with(&engine, json!([{"volumeId": id, "mountPath": "/home/daytona/a/b"}])).await;
    engine.output(&victim, "cd; mv a real; ln -s /etc a").await;
    engine.post(&format!("/api/sandbox/{victim}/stop"), json!({})).await;
    let (status, error) = engine.post(&format!("/api/sandbox/{victim}/start"), json!({})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{error}");

    // While one swaps a directory and a link, others start or are refused, and nobody sees what is not the volume's.
    engine.post(&format!("/api/sandbox/{hostile}/start"), json!({})).await;
    let swapping = format!(
        "mkdir /v/swap; ln -s {target} /v/swap2; nohup python3 -c 'import os\nwhile True:\n os.rename(\"/v/swap\", \"/v/t\")\n \
         os.rename(\"/v/swap2\", \"/v/swap\")\n os.rename(\"/v/t\", \"/v/swap2\")' >/dev/null 2>&1 &"
    );
    engine.output(&hostile, &swapping).await;
    for _ in 0..12 {
        let body = json!({"volumes": [{"volumeId": id, "mountPath": "/v", "subpath": "swap/in"}]});
        let (status, made) = engine.post("/api/sandbox", body).await;
        if status == StatusCode::OK {
            assert_eq!(engine.output(&id_of(&made), "ls /v /v/.. | grep secret; true").await, "");
            engine.delete(&format!("/api/sandbox/{}", id_of(&made))).await;
        }
    }
    let names: Vec<_> = std::fs::read_dir(outside.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["secret"], "nothing was made on the machine");
}
