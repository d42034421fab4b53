//! Limits of requests: told with every answer, and enforced. Needs root.

mod harness;

use std::time::{Duration, Instant};

use harness::{Engine, read};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use tempfile::TempDir;

async fn limited(limits: &str) -> Engine {
    let directory = TempDir::new().expect("a temporary directory");
    Engine::start_with(directory, &[], &[("DAYTONA_LOCAL_RATE_LIMIT", limits)]).await
}

fn header(response: &Response, name: &str) -> Option<u64> {
    response.headers().get(name)?.to_str().ok()?.parse().ok()
}

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_until_the_window_ends() {
    let engine = limited("sandbox-lifecycle=1/3").await;
    let delete = || engine.request(Method::DELETE, "/api/sandbox/unknown").send();
    let mut refused = None;
    // A window may end between two requests.
    for _ in 0..20 {
        let first = delete().await.unwrap();
        let second = delete().await.unwrap();
        if second.status() == StatusCode::TOO_MANY_REQUESTS && first.status() == StatusCode::NOT_FOUND {
            refused = Some((first, second));
            break;
        }
    }
    let (first, second) = refused.expect("the second request of a window is refused");
    assert_eq!(header(&first, "x-ratelimit-limit-sandbox-lifecycle"), Some(1));
    assert_eq!(header(&first, "x-ratelimit-remaining-sandbox-lifecycle"), Some(0));
    assert_eq!(header(&first, "retry-after-sandbox-lifecycle"), None);
    let wait = header(&second, "retry-after-sandbox-lifecycle").expect("how long to wait");
    assert!((1..=3).contains(&wait), "{wait}");
    assert_eq!(header(&second, "retry-after"), Some(wait));
    let (_, body) = read(Ok(second)).await;
    assert_eq!(
        (&body["statusCode"], &body["message"], &body["error"]),
        (&json!(429), &json!("Rate limit exceeded"), &json!("Too Many Requests"))
    );
    // Others are not limited.
    assert_eq!(engine.get("/api/sandbox").await.0, StatusCode::OK);
    let deadline = Instant::now() + Duration::from_secs(120);
    while delete().await.unwrap().status() == StatusCode::TOO_MANY_REQUESTS {
        assert!(Instant::now() < deadline, "no window ends");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn whoever_guesses_keys_is_slowed_down_and_the_holder_of_the_key_is_not() {
    let engine = limited("anonymous=3/600").await;
    for expected in [401, 401, 401, 429] {
        let answer = engine.anonymous(Method::GET, "/api/sandbox").bearer_auth("guess").send().await.unwrap();
        assert_eq!(answer.status(), expected);
    }
    assert_eq!(engine.get("/api/sandbox").await.0, StatusCode::OK);
    let config = read(engine.anonymous(Method::GET, "/api/config").send().await).await.1;
    assert_eq!(config["rateLimit"], json!({"failedAuth": {"ttl": 600, "limit": 3}}));
}

/// Lives of sandboxes that one throttler counts together.
const LIFE: [(Method, &str); 11] = [
    (Method::POST, "/start"),
    (Method::POST, "/stop"),
    (Method::POST, "/archive"),
    (Method::POST, "/recover"),
    (Method::POST, "/resize"),
    (Method::POST, "/pause"),
    (Method::POST, "/resume"),
    (Method::POST, "/fork"),
    (Method::POST, "/snapshot"),
    (Method::POST, "/backup"),
    (Method::DELETE, ""),
];

#[tokio::test]
async fn each_documented_throttler_counts_its_own_requests() {
    // Windows that do not end meanwhile.
    let engine = limited("authenticated=2/3600,sandbox-create=2/3600,sandbox-lifecycle=11/3600,anonymous=2/3600").await;
    let anonymous = || engine.anonymous(Method::GET, "/api/sandbox").send();
    let authenticated = || engine.request(Method::GET, "/api/volumes").send();
    let create = || engine.request(Method::POST, "/api/sandbox").json(&json!({"cpu": -1})).send();
    let life = LIFE.map(|(method, verb)| (method, format!("/api/sandbox/unknown{verb}")));
    for left in [1, 0] {
        for (name, answer) in [
            ("anonymous", anonymous().await.unwrap()),
            ("authenticated", authenticated().await.unwrap()),
            ("sandbox-create", create().await.unwrap()),
        ] {
            assert_ne!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{name}");
            assert_told(&answer, name, 2, left);
        }
    }
    for ((method, path), left) in life.iter().zip((0..11).rev()) {
        let answer = engine.request(method.clone(), path).json(&json!({})).send().await.unwrap();
        assert_ne!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert_told(&answer, "sandbox-lifecycle", 11, left);
    }
    let (method, path) = &life[0];
    for (name, limit, answer) in [
        ("anonymous", 2, anonymous().await.unwrap()),
        ("authenticated", 2, authenticated().await.unwrap()),
        ("sandbox-create", 2, create().await.unwrap()),
        ("sandbox-lifecycle", 11, engine.request(method.clone(), path).send().await.unwrap()),
    ] {
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS, "{name}");
        assert_told(&answer, name, limit, 0);
        let wait = header(&answer, &format!("retry-after-{name}")).expect("how long to wait");
        assert!((1..=3600).contains(&wait), "{name}: {wait}");
        assert_eq!(header(&answer, "retry-after"), Some(wait), "{name}");
    }
}

fn assert_told(answer: &Response, name: &str, limit: u64, remaining: u64) {
    assert_eq!(header(answer, &format!("x-ratelimit-limit-{name}")), Some(limit), "{name}");
    assert_eq!(header(answer, &format!("x-ratelimit-remaining-{name}")), Some(remaining), "{name}");
    let reset = header(answer, &format!("x-ratelimit-reset-{name}")).expect("when it begins anew");
    assert!((1..=3600).contains(&reset), "{name}: {reset}");
}
