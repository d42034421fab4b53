//! Webhooks reach those who asked, signed, until they are taken; and nobody who may not be reached. Needs root.

mod harness;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harness::{Engine, id_of};
use hmac::{Hmac, KeyInit, Mac};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sha2::Sha256;
use tempfile::TempDir;

/// What a receiver was sent.
#[derive(Default)]
struct Received {
    messages: Vec<(HeaderMap, String)>,
    /// How many messages are refused before one is taken.
    refusals: usize,
}

type Shared = Arc<Mutex<Received>>;

/// A server that takes webhooks, and its address.
async fn receiver(refusals: usize) -> (Shared, String) {
    let received: Shared = Arc::new(Mutex::new(Received { refusals, ..Received::default() }));
    let take = async |State(received): State<Shared>, headers: HeaderMap, body: String| {
        let mut received = received.lock().unwrap();
        received.messages.push((headers, body));
        if received.messages.len() <= received.refusals { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
    };
    let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (received, format!("http://{address}/hook"))
}

async fn engine_that_reaches_loopback() -> Engine {
    let allowed = [("DAYTONA_LOCAL_WEBHOOK_ALLOW_NETWORK", "127.0.0.0/8")];
    Engine::start_with(TempDir::new().unwrap(), &[], &allowed).await
}

fn hooks(engine: &Engine, rest: &str) -> String {
    let announced = harness::announcement(engine.directory.path()).expect("engine.json");
    format!("/api/webhooks/organizations/{}{rest}", announced["organizationId"].as_str().unwrap())
}

async fn endpoint(engine: &Engine, url: &str, events: &[&str]) -> Value {
    let body = json!({"url": url, "events": events});
    let (status, endpoint) = engine.post(&hooks(engine, "/endpoints"), body).await;
    assert_eq!(status, StatusCode::CREATED, "{endpoint}");
    endpoint
}

async fn messages(received: &Shared, at_least: usize) -> Vec<(HeaderMap, String)> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let messages = received.lock().unwrap().messages.clone();
        if messages.len() >= at_least {
            return messages;
        }
        assert!(Instant::now() < deadline, "{} of {at_least} messages came", messages.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn signature(secret: &str, headers: &HeaderMap, body: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{}.{}.{body}", text("webhook-id"), text("webhook-timestamp")).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn events_that_were_chosen_arrive_signed_in_the_documented_form() {
    let engine = engine_that_reaches_loopback().await;
    let (received, url) = receiver(0).await;
    let made = endpoint(&engine, &url, &["sandbox.created"]).await;
    let id = engine.sandbox().await;
    let (headers, body) = messages(&received, 1).await.remove(0);
    let secret = made["secret"].as_str().unwrap();
    assert_eq!(headers["webhook-signature"], signature(secret, &headers, &body).as_str());
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&told["event"], &told["id"], &told["class"]),
        (&json!("sandbox.created"), &json!(id), &json!("container"))
    );
    assert_eq!((&told["cause"], &told["actor"]["id"]), (&json!("request"), &json!("local")));
    assert_eq!(told["organizationId"], harness::announcement(engine.directory.path()).unwrap()["organizationId"]);

    let (_, shown) = engine.get(&hooks(&engine, "/endpoints")).await;
    assert!(!shown.to_string().contains(secret), "the secret is asked for by itself");
    let (status, sent) = engine
        .post(&hooks(&engine, &format!("/endpoints/{}/test", id_of(&made))), json!({"eventType": "volume.created"}))
        .await;
    assert_eq!(status, StatusCode::CREATED, "{sent}");
    let (headers, body) = messages(&received, 2).await.remove(1);
    assert_eq!(headers["webhook-id"], sent["messageId"].as_str().unwrap());
    assert!(body.contains("volume.created"), "{body}");
    // Changes of the state were not asked for.
    assert_eq!(received.lock().unwrap().messages.len(), 2);
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again_even_by_the_next_engine() {
    let engine = engine_that_reaches_loopback().await;
    let (received, url) = receiver(1).await;
    endpoint(&engine, &url, &[]).await;
    let body = json!({"eventType": "custom", "payload": {"a": 1}, "eventId": "evt_1"});
    assert_eq!(engine.post(&hooks(&engine, "/send"), body.clone()).await.0, StatusCode::CREATED);
    assert_eq!(engine.post(&hooks(&engine, "/send"), body).await.0, StatusCode::CONFLICT, "the same event once");
    messages(&received, 1).await;
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (_, log) = engine.get(&hooks(&engine, "/deliveries")).await;
        let delivery = &log["items"][0];
        if delivery["attempts"][0]["statusCode"] == 500 {
            assert_eq!(delivery["state"], "pending");
            break;
        }
        assert!(Instant::now() < deadline, "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let directory = engine.end(Signal::SIGKILL).await;
    let allowed = [("DAYTONA_LOCAL_WEBHOOK_ALLOW_NETWORK", "127.0.0.0/8")];
    let engine = Engine::start_with(directory, &[], &allowed).await;
    let all = messages(&received, 2).await;
    assert_eq!(all[0].0["webhook-id"], all[1].0["webhook-id"]);
    assert_eq!((all[0].0["webhook-id"].as_bytes(), &all[0].1), (b"evt_1".as_slice(), &all[1].1));
    let deadline = Instant::now() + Duration::from_secs(120);
    while engine.get(&hooks(&engine, "/deliveries?state=delivered")).await.1["total"] != 1 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nothing_is_sent_to_this_machine_unless_it_is_allowed() {
    let engine = Engine::start().await;
    let (received, url) = receiver(0).await;
    let made = endpoint(&engine, &url, &[]).await;
    for wrong in ["ftp://x/", "http://user:pass@x/", "", "not a url"] {
        let (status, _) = engine.post(&hooks(&engine, "/endpoints"), json!({"url": wrong})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong:?}");
    }
    engine.post(&hooks(&engine, &format!("/endpoints/{}/test", id_of(&made))), json!({})).await;
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let (_, log) = engine.get(&hooks(&engine, "/deliveries")).await;
        if let Some(error) = log["items"][0]["attempts"][0]["error"].as_str() {
            assert!(error.contains("not a public address"), "{error}");
            break;
        }
        assert!(Instant::now() < deadline, "{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(received.lock().unwrap().messages.is_empty());
}
