//! The core and the bridge, measured against the server of this crate and a bare `reqwest`.

mod calls;
pub mod engine;
mod images;
mod late;
mod life;
mod ports;
mod ssh;
mod streams;
mod transfers;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use daytona::{Client, Config, Sandbox};
use daytona_bridge::{Completion, Payload, Waiter};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::row::Row;

pub use calls::{Layer, profile};

/// Where the server is.
#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    http: String,
    https: String,
    ca: String,
}

impl Server {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(serde_json::from_slice(&text)?)
    }

    fn config(&self) -> Config {
        Config { api_url: Some(self.http.clone()), api_key: Some("bench".into()), ..Config::default() }
    }

    fn tls_config(&self) -> Config {
        Config { api_url: Some(self.https.clone()), ca_cert: Some(self.ca.clone()), ..self.config() }
    }

    async fn sandbox(&self) -> Result<Sandbox> {
        Ok(Client::new(self.config())?.create(Default::default()).await?)
    }
}

/// An HTTP client without the core, with the same trust.
fn bare(config: &Config) -> Result<reqwest::Client> {
    let tls = daytona::tls::Tls::new(config.ca_cert.as_deref().map(Path::new))?;
    Ok(reqwest::Client::builder().tls_backend_preconfigured(tls.for_http()).no_proxy().build()?)
}

/// A sandbox as a language binding reaches it: JSON in, JSON out, a waiting thread.
struct Bridged {
    client: daytona_bridge::Client,
    target: Value,
}

impl Bridged {
    fn new(server: &Server) -> Result<Self> {
        let config = json!({ "apiUrl": server.http, "apiKey": "bench" });
        let client = daytona_bridge::Client::new(config.to_string().as_bytes()).map_err(|e| anyhow!("{e:?}"))?;
        let mut bridged = Self { client, target: Value::Null };
        let Completion::Ok(sandbox) = bridged.call("sandbox.create", json!({ "params": {} }))? else {
            return Err(anyhow!("no sandbox was created"));
        };
        let sandbox: Value = serde_json::from_slice(&sandbox.claim().0)?;
        bridged.target = json!({ "id": sandbox["id"], "url": sandbox["toolboxProxyUrl"] });
        Ok(bridged)
    }

    fn start(&self, op: &str, args: Value) -> (daytona_bridge::Call, Arc<Waiter>) {
        let params = json!({ "target": self.target, "args": args }).to_string();
        let waiter = Waiter::new();
        (self.client.start(op, Payload::json(Bytes::from(params)), waiter.sink()), waiter)
    }

    fn call(&self, op: &str, args: Value) -> Result<Completion> {
        let (_call, waiter) = self.start(op, args);
        wait(&waiter)
    }
}

fn wait(waiter: &Waiter) -> Result<Completion> {
    match waiter.wait(Duration::from_secs(60)) {
        Some(Completion::Error(error)) => Err(anyhow!("{}", String::from_utf8_lossy(&error))),
        Some(completion) => Ok(completion),
        None => Err(anyhow!("a call did not end")),
    }
}

/// Measures everything, or the rows whose name contains `only`.
pub fn run(server: &Path, only: Option<&str>) -> Result<()> {
    let server = Server::read(server)?;
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    for measure in [calls::sequential, calls::burst, late::create, streams::logs, transfers::both] {
        for row in measure(&server, &wanted)? {
            row.emit()?;
        }
    }
    Ok(())
}

type Rows = Result<Vec<Row>>;

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?)
}

/// The best of several runs: on a busy machine the others measure its neighbours.
fn best<T: PartialOrd>(rounds: u32, mut run: impl FnMut() -> Result<T>) -> Result<T> {
    let mut best = run()?;
    for _ in 1..rounds {
        let again = run()?;
        if again < best {
            best = again;
        }
    }
    Ok(best)
}

fn seconds(run: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64())
}
