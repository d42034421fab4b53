//! The cache of builds: what steps it has, and clearing it. Routes of this engine alone, for whoever started it: the cache is of all
//! organizations.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::accounts::caller;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::lifecycle::off_the_runtime;
use crate::sandboxes::sandbox::iso;

type Shared = State<Arc<Engine>>;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new().route("/build-cache", get(list).delete(clear))
}

/// Fails unless this is whoever started the engine.
fn check() -> ApiResult<()> {
    if caller::current()?.operator { Ok(()) } else { Err(ApiError::forbidden()) }
}

/// `GET /build-cache`: the steps that later builds need not do again, newest first.
async fn list(State(engine): Shared) -> ApiResult<Json<Value>> {
    check()?;
    let images = Arc::clone(&engine.images);
    let steps = off_the_runtime(move || images.store.cached_steps()).await?;
    let steps = steps.map_err(|error| ApiError::internal(&error))?;
    let size: u64 = steps.iter().map(|step| step.size).sum();
    let items = steps.iter().map(|step| {
        json!({
            "id": step.id.to_string(),
            "instruction": step.instruction,
            "size": step.size,
            "createdAt": iso(step.created.saturating_mul(1000)),
        })
    });
    Ok(Json(json!({"items": items.collect::<Vec<_>>(), "size": size})))
}

/// `DELETE /build-cache`: forgets all steps, and removes what no snapshot and no sandbox is made from.
async fn clear(State(engine): Shared) -> ApiResult<Json<Value>> {
    check()?;
    let cleared = off_the_runtime(move || {
        // No build begins meanwhile: it could use a step that is about to go.
        let images = Arc::clone(&engine.images);
        let Some(_at_rest) = images.at_rest() else { return Ok(None) };
        let steps = engine.images.store.clear_cache()?;
        Ok::<_, daytona_images::Error>(Some((steps, engine.collect_images()?)))
    });
    let cleared = cleared.await?.map_err(|error| ApiError::internal(&error))?;
    let building = || ApiError::conflict("An image is being built: wait for it, or delete what it is for");
    let (steps, freed) = cleared.ok_or_else(building)?;
    Ok(Json(json!({"steps": steps, "layers": freed.layers, "bytes": freed.bytes})))
}
