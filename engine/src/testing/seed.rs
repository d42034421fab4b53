//! Sandboxes to begin a test with, in any state they can rest in.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::control::{create, validation};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::registry::Entry;

/// `POST /testing/seed`: each sandbox is what `POST /sandbox` takes, and `state`: `started` (the default), `stopped`, `paused`,
/// `archived` or `error`. Answers with the sandboxes when all are in their states.
pub async fn seed(State(engine): State<Arc<Engine>>, body: Bytes) -> ApiResult<Json<Value>> {
    let body = validation::object(&body)?;
    let wanted = body.get("sandboxes").and_then(Value::as_array);
    let wanted = wanted.ok_or_else(|| ApiError::bad_request("sandboxes must be an array"))?;
    let mut made = Vec::new();
    for sandbox in wanted {
        let sandbox = sandbox.as_object().ok_or_else(|| ApiError::bad_request("each sandbox must be an object"))?;
        made.push(one(&engine, sandbox.clone()).await?);
    }
    Ok(Json(json!({"sandboxes": made})))
}

async fn one(engine: &Arc<Engine>, mut body: Map<String, Value>) -> ApiResult<Value> {
    let state = body.remove("state").unwrap_or_else(|| json!("started"));
    let sandbox = create::read(&body, &|name| engine.snapshots.find(name))?;
    let id = engine.create(sandbox).await?["id"].as_str().unwrap_or_default().to_owned();
    let entry = engine.registry.get(&id)?;
    match state.as_str() {
        Some("started") => {}
        Some("stopped") => stop(engine, &entry).await?,
        Some("paused") => drop(engine.pause(Arc::clone(&entry)).await?),
        Some("archived") => {
            stop(engine, &entry).await?;
            engine.archive(Arc::clone(&entry))?.completed().await?;
        }
        Some("error") => super::breaking::kill(engine, &id).await,
        _ => {
            engine.delete_for_certain(entry).await?;
            let text = format!("state must be started, stopped, paused, archived or error: {state}");
            return Err(ApiError::bad_request(text));
        }
    }
    Ok(engine.document(&entry))
}

async fn stop(engine: &Arc<Engine>, entry: &Arc<Entry>) -> ApiResult<()> {
    engine.stop(Arc::clone(entry), true)?.completed().await
}
