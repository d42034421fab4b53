//! Engines of tests: what the testing kits of all languages have in common.
//!
//! | operation | `args.argument` | result |
//! |---|---|---|
//! | `testing.start`, of a client of the local engine | further arguments of its program | `{"apiUrl", "apiKey"}` of an engine that is ready |
//! | `testing.stop`, of a client of such an engine | | nothing, once the engine is gone; nothing either if another process started it |
//! | `testing.now` and so on, of such a client too | that of the method of `daytona::testing::Engine` | that of the method |
//!
//! An engine that is not stopped ends with this process, however that ends.

use std::collections::HashMap;
use std::sync::Mutex;

use daytona::testing::{self, Engine};
use daytona::{Client, Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::dispatch::value;
use crate::per_process::PerProcess;
use crate::sink::lock;
use crate::{Completion, Payload};

/// How the names of these operations begin.
pub(crate) const PREFIX: &str = "testing.";

/// The engines that this process started, by their URLs. Those of its parent are none of its business.
static ENGINES: PerProcess<Mutex<HashMap<String, Engine>>> = PerProcess::new();

#[derive(Deserialize)]
struct Params {
    args: Args,
}

#[derive(Deserialize)]
struct Args {
    #[serde(default)]
    argument: Value,
}

/// Runs one of the operations.
pub(crate) async fn run(client: Client, op: String, params: Payload) -> Result<Completion> {
    let unusable =
        |e: serde_json::Error| Error::invalid_argument(format!("The arguments of {op} are not usable: {e}."));
    let Params { args: Args { argument } } = serde_json::from_slice(&params.json).map_err(unusable)?;
    match op.trim_start_matches(PREFIX) {
        "start" => {
            let arguments: Option<Vec<String>> = serde_json::from_value(argument).map_err(unusable)?;
            let engine = Engine::start_as(&client, arguments.unwrap_or_default()).await?;
            let config = engine.config();
            lock(ENGINES.get_or_init(Mutex::default)).insert(config.api_url.clone().unwrap_or_default(), engine);
            value(&json!({ "apiUrl": config.api_url, "apiKey": config.api_key }))
        }
        "stop" => {
            let engine = ENGINES.get().and_then(|engines| lock(engines).remove(client.api_url()));
            if let Some(engine) = engine {
                engine.close().await;
            }
            value(&())
        }
        what => value(&testing::ask(&client, what, argument).await?),
    }
}
