//! The audit log tells who did what, whatever happens to the engine. Needs root.

mod harness;

use harness::{Engine, id_of, read};
use nix::sys::signal::Signal;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn log(engine: &Engine, query: &str) -> Value {
    let organization = harness::announcement(engine.directory.path()).expect("engine.json")["organizationId"].clone();
    let path = format!("/api/audit/organizations/{}?{query}", organization.as_str().unwrap());
    let (status, page) = engine.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

fn actions(page: &Value) -> Vec<(&str, Option<u64>)> {
    let items = page["items"].as_array().expect("items");
    items.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["statusCode"].as_u64())).collect()
}

#[tokio::test]
async fn what_is_done_is_told_with_who_did_it_and_how_it_ended() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "true").await;
    let labels = engine.request(Method::PUT, &format!("/api/sandbox/{id}/labels")).header("User-Agent", "tester/1");
    read(labels.json(&json!({"labels": {"a": "b"}})).send().await).await;
    engine.post("/api/sandbox/unknown/start", json!({})).await;
    let page = log(&engine, "targetType=sandbox").await;
    assert_eq!(
        actions(&page),
        [
            ("start", Some(404)),
            ("replace_labels", Some(200)),
            ("toolbox_execute_command", Some(200)),
            ("create", Some(200))
        ]
    );
    let items = page["items"].as_array().unwrap();
    assert_eq!(items[3]["targetId"], json!(id), "what was created is named");
    assert!(items[0]["errorMessage"].as_str().unwrap().contains("unknown"));
    assert_eq!(
        (&items[1]["actorId"], &items[1]["userAgent"], &items[1]["ipAddress"]),
        (&json!("local"), &json!("tester/1"), &json!("127.0.0.1"))
    );
    assert!(!page.to_string().contains(&engine.api_key));

    assert_eq!(actions(&log(&engine, "action=create&statusCode=200&limit=1").await), [("create", Some(200))]);
    assert_eq!(log(&engine, "to=2020-01-01T00:00:00Z").await["total"], 0);
    assert_eq!(log(&engine, &format!("targetId={id}")).await["total"], 3);
}

#[tokio::test]
async fn pages_and_the_export_have_every_entry_once() {
    let engine = Engine::start().await;
    for _ in 0..7 {
        engine.post("/api/sandbox/unknown/stop", json!({})).await;
    }
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = log(&engine, &format!("action=stop&limit=3&nextToken={token}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(id_of));
        match page["nextToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
    let second = log(&engine, "action=stop&limit=3&page=2").await;
    assert_eq!(second["items"].as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), seen[3..6]);
    let organization = harness::announcement(engine.directory.path()).unwrap()["organizationId"].clone();
    let path = format!("/api/audit/organizations/{}/export?action=stop", organization.as_str().unwrap());
    let answer = engine.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let lines = answer.text().await.unwrap();
    let exported: Vec<_> = lines.lines().map(|line| id_of(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(exported, seen);
}

#[tokio::test]
async fn entries_survive_a_killed_engine() {
    let engine = Engine::start().await;
    let id = engine.sandbox().await;
    engine.output(&id, "true").await;
    let engine = engine.restart_after(Signal::SIGKILL).await;
    let page = log(&engine, &format!("targetId={id}")).await;
    assert_eq!(actions(&page), [("toolbox_execute_command", Some(200)), ("create", Some(200))]);
}
