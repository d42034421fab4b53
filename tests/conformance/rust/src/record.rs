//! Runs a runner behind a proxy that records its requests, and compares them with what its cases expect.
//!
//! The runner finds the proxy in `DAYTONA_API_URL`, as it would find the cloud, and in `DAYTONA_CONFORMANCE_RECORDER` a URL to
//! which it posts, before and after the attempt of a step, `{"runner", "known", "requests"}` (../README.md, "Requests").

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use daytona::model::ListSandboxesQuery;
use daytona::{Client, Config};
use daytona_faults::Proxy;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::references::{self, Known};
use crate::requests::{self, Caller, ExpectedRequest};

/// The name a runner finds the recorder by.
pub const RECORDER: &str = "DAYTONA_CONFORMANCE_RECORDER";
/// The organization of the recorded requests.
const ORGANIZATION: &str = "00000000-0000-4000-8000-000000000001";
/// What is sent beside an operation, messages of a WebSocket for instance, may be so late.
const LATE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How runners show who they are.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq)]
pub enum Credentials {
    /// An API key.
    Key,
    /// A token, and the organization it is used for.
    Token,
}

struct Recorder {
    proxy: Proxy,
    bearer: String,
    credentials: Credentials,
}

/// What a runner posts.
#[derive(Deserialize)]
struct Step {
    runner: String,
    /// The values of the case, by name.
    #[serde(default)]
    known: Known,
    /// What the step must have sent; nothing before the step.
    requests: Option<Value>,
}

/// Runs the program and returns whether it ended well.
pub async fn record(credentials: Credentials, program: &[String]) -> Result<bool, String> {
    let (api_url, key) = engine().await?;
    let proxy = Proxy::start_recording(&api_url).await.map_err(|e| format!("the proxy: {e}"))?;
    let recorded_url = api_url.find("/api").map(|at| format!("{}{}", proxy.url(), &api_url[at..]));
    let recorded_url = recorded_url.ok_or_else(|| format!("{api_url} has no /api"))?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| e.to_string())?;
    let address = listener.local_addr().map_err(|e| e.to_string())?;
    let recorder = Recorder { proxy, bearer: key.clone(), credentials };
    let router = Router::new().route("/", post(check)).with_state(Arc::new(recorder));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let (name, arguments) = program.split_first().ok_or("no program is given")?;
    let mut command = Command::new(name);
    command.args(arguments);
    command.env("DAYTONA_API_URL", recorded_url).env("DAYTONA_ORGANIZATION_ID", ORGANIZATION);
    command.env(RECORDER, format!("http://{address}"));
    // Every request then has its place in a trace; what is traced goes nowhere.
    command
        .env("DAYTONA_OTEL_ENABLED", "true")
        .env("OTEL_TRACES_EXPORTER", "none")
        .env("OTEL_METRICS_EXPORTER", "none");
    command.env_remove("DAYTONA_API_KEY").env_remove("DAYTONA_JWT_TOKEN");
    match credentials {
        Credentials::Key => command.env("DAYTONA_API_KEY", key),
        Credentials::Token => command.env("DAYTONA_JWT_TOKEN", key),
    };
    let status = tokio::task::spawn_blocking(move || command.status()).await.map_err(|e| e.to_string())?;
    serving.abort();
    Ok(status.map_err(|e| format!("{name}: {e}"))?.success())
}

/// URL and key of the local engine, started if need be.
async fn engine() -> Result<(String, String), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Engine {
        api_url: String,
        api_key: String,
    }
    let client = Client::new(Config::local()).map_err(|e| e.to_string())?;
    let any = ListSandboxesQuery { limit: Some(1), ..Default::default() };
    client.sandboxes().list(any).await.map_err(|e| e.to_string())?;
    let directory = std::env::var_os("DAYTONA_LOCAL_STATE_DIR").ok_or("DAYTONA_LOCAL_STATE_DIR is not set")?;
    let file = PathBuf::from(directory).join("engine.json");
    let text = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let Engine { api_url, api_key } = serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok((api_url, api_key))
}

/// Compares what came since the last call; the body of a refusal says what differs.
async fn check(State(recorder): State<Arc<Recorder>>, Json(step): Json<Step>) -> Result<(), (StatusCode, String)> {
    let outcome = match &step.requests {
        None => Ok(()),
        Some(expected) => recorder.compare(&step, expected).await,
    };
    recorder.proxy.forget();
    outcome.map_err(|difference| (StatusCode::CONFLICT, difference))
}

impl Recorder {
    async fn compare(&self, step: &Step, expected: &Value) -> Result<(), String> {
        let expected = references::replace(expected, &step.known)?;
        let expected: Vec<ExpectedRequest> = serde_json::from_value(expected).map_err(|e| format!("requests: {e}"))?;
        let caller = Caller {
            source: source(&step.runner)?.to_owned(),
            bearer: self.bearer.clone(),
            organization: (self.credentials == Credentials::Token).then(|| ORGANIZATION.to_owned()),
        };
        let give_up = Instant::now() + LATE;
        loop {
            match requests::check(&expected, &self.proxy.recorded(), &caller) {
                Err(_) if Instant::now() < give_up => tokio::time::sleep(LOOK_AGAIN).await,
                outcome => return outcome,
            }
        }
    }
}

/// What a runner's package calls itself (wire.md 1.2, wire-additions 1.2).
fn source(runner: &str) -> Result<&'static str, String> {
    Ok(match runner {
        "rust" => "sdk-rust",
        "python-sync" => "sdk-python",
        "python-async" => "sdk-python-async",
        "typescript" => "sdk-typescript",
        "ruby" => "sdk-ruby",
        "go" => "sdk-go",
        "uniffi" => "sdk-uniffi",
        _ => return Err(format!("there is no runner {runner}")),
    })
}

/// Tells the recorder of a step; what it answers is what differs.
pub async fn tell(url: &str, runner: &str, known: &Known, requests: Option<&Value>) -> Result<(), String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let broken = |e: std::io::Error| format!("the recorder: {e}");
    let place = url.trim_start_matches("http://");
    let body = json!({ "runner": runner, "known": known, "requests": requests }).to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {place}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(place).await.map_err(broken)?;
    stream.write_all((head + &body).as_bytes()).await.map_err(broken)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(broken)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, _)) if head.starts_with("HTTP/1.1 200") => Ok(()),
        Some((_, difference)) => Err(difference.to_owned()),
        None => Err("the recorder has not answered".to_owned()),
    }
}
