//! What entrypoints print is shown again, and goes to the server that their organization names. Needs root.

mod harness;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use harness::{Engine, id_of, read};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// What a collector was sent: the last part of the path, the headers, and the message.
type Received = Arc<Mutex<Vec<(String, HeaderMap, Value)>>>;

async fn collector() -> (Received, String) {
    let received = Received::default();
    let take = async |State(received): State<Received>, Path(path): Path<String>, headers: HeaderMap, body: String| {
        received.lock().unwrap().push((path, headers, serde_json::from_str(&body).unwrap()));
    };
    let router = Router::new().route("/base/v1/{path}", post(take)).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (received, format!("http://{address}/base"))
}

/// Asks again until there is an answer.
async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A sandbox whose entrypoint prints one line to each output, and then waits.
async fn talkative(engine: &Engine, more: Value) -> String {
    let entrypoint = r#"ENTRYPOINT ["sh", "-c", "echo hello; echo trouble >&2; echo; sleep infinity"]"#;
    let mut body = json!({"buildInfo": {"dockerfileContent": format!("FROM default\n{entrypoint}\n")}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, made) = engine.post("/api/sandbox", body).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let path = format!("/api/sandbox/{}", id_of(&made));
    until("the sandbox", async || (engine.get(&path).await.1["state"] == "started").then_some(())).await;
    id_of(&made)
}

fn organization(engine: &Engine) -> String {
    let announced = harness::announcement(engine.directory.path()).expect("engine.json");
    announced["organizationId"].as_str().unwrap().to_owned()
}

/// A request of a person, who names the organization; keys do not.
async fn ask(engine: &Engine, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let request = engine.request(method.clone(), path).header("X-Daytona-Organization-ID", organization(engine));
    read(if method == Method::PUT { request.json(&body) } else { request }.send().await).await
}

async fn set(engine: &Engine, config: Value) -> (StatusCode, Value) {
    let path = format!("/api/organizations/{}/otel-config", organization(engine));
    ask(engine, Method::PUT, &path, config).await
}

#[tokio::test]
async fn the_log_of_a_sandbox_is_what_its_entrypoint_printed() {
    let engine = Engine::start().await;
    let id = talkative(&engine, json!({})).await;
    let logs = format!("/api/sandbox/{id}/telemetry/logs");
    let found = until("the lines", async || {
        let (status, found) = engine.get(&logs).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        (found["total"] == 3).then_some(found)
    })
    .await;
    let told: Vec<_> = found["items"].as_array().unwrap().iter().map(|line| &line["body"]).collect();
    assert!(told.contains(&&json!("hello")) && told.contains(&&json!("trouble")) && told.contains(&&json!("")));
    assert_eq!((&found["page"], &found["totalPages"]), (&json!(1), &json!(1)));

    let (_, errors) = engine.get(&format!("{logs}?severities=ERROR")).await;
    let [line] = &errors["items"].as_array().unwrap()[..] else { panic!("{errors}") };
    assert_eq!(line["body"], "trouble");
    assert_eq!((&line["severityText"], &line["severityNumber"]), (&json!("ERROR"), &json!(17)));
    assert_eq!(line["serviceName"], format!("sandbox-{id}"));
    assert_eq!(line["logAttributes"], json!({"log.iostream": "stderr"}));
    assert_eq!(line["resourceAttributes"]["daytona_organization_id"], organization(&engine));
    let (_, searched) = engine.get(&format!("{logs}?search=HELL&severities=INFO&severities=ERROR")).await;
    assert_eq!(searched["total"], 1);
    let (_, second) = engine.get(&format!("{logs}?limit=2&page=2")).await;
    assert_eq!((second["items"].as_array().unwrap().len(), &second["totalPages"]), (1, &json!(2)));
    let (_, earlier) = engine.get(&format!("{logs}?to=2001-01-01T00:00:00Z")).await;
    assert_eq!(earlier["total"], 0);

    engine.post(&format!("/api/sandbox/{id}/stop"), json!({})).await;
    let (_, stopped) = engine.get(&logs).await;
    assert_eq!(stopped["total"], 3, "the log outlives the processes");
    let silent = engine.sandbox().await;
    assert_eq!(engine.get(&format!("/api/sandbox/{silent}/telemetry/logs")).await.1["total"], 0);
}

#[tokio::test]
async fn an_organizations_server_gets_logs_metrics_and_traces() {
    let allowed = [("DAYTONA_LOCAL_WEBHOOK_ALLOW_NETWORK", "127.0.0.0/8")];
    let engine = Engine::start_with(TempDir::new().unwrap(), &[], &allowed).await;
    let (received, url) = collector().await;
    let (status, answer) = set(&engine, json!({"endpoint": url, "headers": {"x-api-key": "sesame"}})).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    let id = talkative(&engine, json!({"env": {"OTEL_SERVICE_NAME": "mine"}})).await;
    let traced = engine
        .request(Method::POST, &format!("/toolbox/{id}/process/execute"))
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .json(&json!({"command": "env"}))
        .send()
        .await
        .unwrap();
    let output = traced.json::<Value>().await.unwrap()["result"].as_str().unwrap().to_owned();
    assert!(output.contains(&format!("OTEL_EXPORTER_OTLP_ENDPOINT={url}\n")), "{output}");
    assert!(output.contains("OTEL_SERVICE_NAME=mine\n"), "what the creator says counts: {output}");
    assert!(output.contains("OTEL_RESOURCE_ATTRIBUTES=daytona_organization_id="), "{output}");
    assert!(!output.contains("sesame"), "keys stay outside");

    let has = |path: &str, text: &str| {
        let received = received.lock().unwrap();
        let found = received.iter().find(|(of, _, message)| of == path && message.to_string().contains(text));
        found.cloned()
    };
    let (_, headers, logs) = until("the log", async || has("logs", "trouble")).await;
    assert_eq!(headers["x-api-key"], "sesame");
    assert_eq!(headers["content-type"], "application/json");
    let resource = &logs["resourceLogs"][0]["resource"]["attributes"];
    assert!(resource.to_string().contains(&format!("sandbox-{id}")), "{resource}");
    let records = logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert!(records.iter().all(|record| record["timeUnixNano"].as_str().unwrap().len() == 19), "{logs}");
    let (_, _, traces) = until("the span", async || has("traces", TRACE)).await;
    let span = &traces["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!((&span["parentSpanId"], &span["name"]), (&json!(PARENT), &json!("POST /process/execute")));
    until("a metric", async || has("metrics", "daytona.sandbox.memory.usage")).await;

    let path = format!("/api/audit/organizations/{}?action=toolbox_execute_command", organization(&engine));
    let (_, entries) = engine.get(&path).await;
    assert_eq!(entries["items"][0]["metadata"]["traceId"], TRACE, "{entries}");
}

#[tokio::test]
async fn a_sandboxs_own_server_gets_no_key_of_the_organization() {
    let allowed = [("DAYTONA_LOCAL_WEBHOOK_ALLOW_NETWORK", "127.0.0.0/8")];
    let engine = Engine::start_with(TempDir::new().unwrap(), &[], &allowed).await;
    let ((general, url), (own, own_url)) = (collector().await, collector().await);
    set(&engine, json!({"endpoint": url, "headers": {"x-api-key": "sesame"}})).await;
    let wrong = json!({"otelEndpointOverride": "collector"});
    assert_eq!(engine.post("/api/sandbox", wrong).await.0, StatusCode::BAD_REQUEST);
    talkative(&engine, json!({"otelEndpointOverride": own_url})).await;
    until("the log", async || own.lock().unwrap().iter().any(|(path, ..)| path == "logs").then_some(())).await;
    assert!(own.lock().unwrap().iter().all(|(_, headers, _)| !headers.contains_key("x-api-key")));
    assert!(general.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_configuration_is_read_and_changed_by_owners() {
    let engine = Engine::start().await;
    let path = format!("/api/organizations/{}/otel-config", organization(&engine));
    assert_eq!(ask(&engine, Method::GET, &path, json!({})).await.0, StatusCode::NOT_FOUND);
    for wrong in [
        json!({}),
        json!({"endpoint": "collector:4318"}),
        json!({"endpoint": "https://user:key@otlp.example"}),
        json!({"endpoint": "https://otlp.example", "headers": {"a b": "c"}}),
        json!({"endpoint": "https://otlp.example", "headers": {"Host": "c"}}),
        json!({"endpoint": "https://otlp.example", "headers": {"x": "a\nb"}}),
    ] {
        let (status, answer) = set(&engine, wrong.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(!answer.to_string().contains("a\\nb"), "values are not repeated");
    }
    let config = json!({"endpoint": "https://otlp.example", "headers": {"x-api-key": "sesame"}});
    assert_eq!(set(&engine, config.clone()).await.0, StatusCode::NO_CONTENT);
    let (_, read) = ask(&engine, Method::GET, &path, json!({})).await;
    assert_eq!((&read["endpoint"], &read["headers"]), (&config["endpoint"], &config["headers"]));
    let (_, document) =
        ask(&engine, Method::GET, &format!("/api/organizations/{}", organization(&engine)), json!({})).await;
    assert_eq!(document["otelConfig"], json!({"endpoint": "https://otlp.example", "headers": null}));

    let sandbox = engine.sandbox().await;
    let (_, preview) = engine.get(&format!("/api/sandbox/{sandbox}/ports/3000/preview-url")).await;
    let by_token =
        format!("/api/organizations/otel-config/by-sandbox-auth-token/{}", preview["token"].as_str().unwrap());
    assert_eq!(ask(&engine, Method::GET, &by_token, json!({})).await.1["headers"], config["headers"]);
    assert_eq!(
        ask(&engine, Method::GET, "/api/organizations/otel-config/by-sandbox-auth-token/x", json!({})).await.0,
        StatusCode::NOT_FOUND
    );
    let (status, key) = engine.post("/api/api-keys", json!({"name": "k", "permissions": ["write:sandboxes"]})).await;
    assert_eq!(status, StatusCode::CREATED, "{key}");
    for path in [&path, &by_token] {
        let asked = engine.anonymous(Method::GET, path).bearer_auth(key["value"].as_str().unwrap()).send().await;
        assert!(asked.unwrap().status().is_client_error(), "a key reads no keys: {path}");
    }
    let engine = engine.restart_after(nix::sys::signal::Signal::SIGKILL).await;
    assert_eq!(ask(&engine, Method::GET, &path, json!({})).await.1["endpoint"], config["endpoint"], "it is kept");
    assert_eq!(ask(&engine, Method::DELETE, &path, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&engine, Method::GET, &path, json!({})).await.0, StatusCode::NOT_FOUND);
}
