//! What the platform refuses is refused in its words, whichever server's answers the engine gives.

mod harness;

use harness::{Engine, read};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Engines that answer as the newest platform and as the oldest one do.
async fn engines() -> [Engine; 2] {
    let older = Engine::start_in(tempfile::tempdir().unwrap(), &["0", "auto", "0.190"]).await;
    [Engine::start().await, older]
}

fn text(error: &Value) -> &str {
    error["message"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn network_settings_are_judged_before_they_are_kept() {
    for engine in engines().await {
        let path = format!("/api/sandbox/{}/network-settings", engine.sandbox().await);
        let eleven = ["10.0.0.0/8"; 11].join(",");
        for (body, message) in [
            (json!({}), "At least one of networkBlockAll, networkAllowList or domainAllowList must be provided"),
            (
                json!({ "networkAllowList": "nope" }),
                "Invalid IP address: \"nope\" in network \"nope\". Must be a valid IPv4 address",
            ),
            (
                json!({ "networkAllowList": "10.0.0.1" }),
                "Invalid network format: \"10.0.0.1\". Missing CIDR prefix length (e.g., /24)",
            ),
            (json!({ "networkAllowList": eleven }), "Network allow list cannot contain more than 10 networks"),
            (
                json!({ "domainAllowList": "https://a.example" }),
                "Invalid domain: \"https://a.example\". Must be a valid domain name",
            ),
        ] {
            let (status, error) = engine.post(&path, body.clone()).await;
            assert_eq!((status, text(&error)), (StatusCode::BAD_REQUEST, message), "{body}");
        }
        let (status, error) = engine.post("/api/sandbox", json!({ "networkAllowList": eleven })).await;
        let message = "Network allow list cannot contain more than 10 networks";
        assert_eq!((status, text(&error)), (StatusCode::BAD_REQUEST, message));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn network_settings_are_changed_by_one_request_at_a_time() {
    for engine in engines().await {
        let path = format!("/api/sandbox/{}/network-settings", engine.sandbox().await);
        let mut refused = false;
        // However busy the machine is, two of them meet at last.
        while !refused {
            let changes = (0..8).map(|_| engine.post(&path, json!({ "networkBlockAll": true })));
            for (status, answer) in futures_util::future::join_all(changes).await {
                if status == StatusCode::CONFLICT {
                    assert_eq!(text(&answer), "An operation is already in progress for this resource");
                    refused = true;
                } else {
                    assert_eq!((status, &answer["networkBlockAll"]), (StatusCode::OK, &json!(true)));
                }
            }
        }
        // It was for that moment only.
        assert_eq!(engine.post(&path, json!({ "networkBlockAll": false })).await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn filters_and_pages_are_judged() {
    for engine in engines().await {
        for (query, message) in [
            ("sandbox?sandboxClasses=bogus", "each value must be one of the following values: "),
            ("sandbox?states=bogus", "each value must be one of the following values: "),
            ("sandbox?gpuType=bogus", "each value must be one of the following values: "),
            ("sandbox?labels=red", "Invalid labels JSON format"),
            ("sandbox?limit=", "limit must"),
            ("sandbox?limit=1&limit=2", "limit must"),
            ("sandbox?sort=colour", "sort must be one of the following values: "),
            ("snapshots?limit=0", "limit must"),
            ("snapshots?limit=201", "limit must"),
            ("snapshots?sort=colour", "sort must be one of the following values: "),
            ("snapshots?order=up", "order must be one of the following values: "),
        ] {
            let (status, error) = engine.get(&format!("/api/{query}")).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{query}: {error}");
            assert!(text(&error).contains(message), "{query}: {error}");
        }
        let (status, error) = engine.get("/api/snapshots/nobody").await;
        assert_eq!((status, text(&error)), (StatusCode::NOT_FOUND, "Snapshot with name nobody not found"));
    }
}

#[tokio::test]
async fn names_are_judged() {
    for engine in engines().await {
        for name in ["<i>x", "https://a.example", "www.a.example", "a\u{7}b"] {
            let (status, error) = engine.post("/api/sandbox", json!({ "name": name })).await;
            let message = "name must not contain HTML tags, URLs, or control characters";
            assert_eq!((status, text(&error)), (StatusCode::BAD_REQUEST, message), "{name:?}");
        }
    }
}

#[tokio::test]
async fn what_a_sandbox_cannot_do_now_is_refused() {
    for engine in engines().await {
        let path = format!("/api/sandbox/{}", engine.sandbox().await);
        let (status, error) = engine.post(&format!("{path}/recover"), json!({})).await;
        assert_eq!((status, text(&error)), (StatusCode::BAD_REQUEST, "Sandbox is not in a recoverable state"));
        for seconds in ["0", "86401", "x"] {
            let signed = format!("{path}/ports/3000/signed-preview-url?expiresInSeconds={seconds}");
            let (status, error) = engine.get(&signed).await;
            let message = "expiresInSeconds must be between 1 second and 24 hours";
            assert_eq!((status, text(&error)), (StatusCode::BAD_REQUEST, message), "{seconds}");
        }
    }
}

#[tokio::test]
async fn values_that_never_came_are_null_and_those_of_a_moment_are_absent() {
    for engine in engines().await {
        let path = format!("/api/sandbox/{}", engine.sandbox().await);
        let (_, sandbox) = engine.get(&path).await;
        for field in ["networkAllowList", "domainAllowList", "errorReason"] {
            assert_eq!(sandbox.get(field), Some(&Value::Null), "{field}");
        }
        for (method, path) in [(Method::POST, format!("{path}/stop")), (Method::DELETE, path)] {
            let (status, answer) = loop {
                match read(engine.request(method.clone(), &path).send().await).await {
                    (StatusCode::CONFLICT, _) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                    other => break other,
                }
            };
            assert_eq!((status, answer.get("lastActivityAt")), (StatusCode::OK, None), "{answer}");
        }
    }
}
