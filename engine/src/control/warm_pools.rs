//! Warm pools (additions 2.7).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch};
use axum::{Json, Router};
use serde_json::Value;

use crate::accounts::caller;
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::pools::MOST;
use crate::sandboxes::sandbox::{LOCAL_REGION, REGIONS};
use crate::snapshots::record::SnapshotState;

type Shared = State<Arc<Engine>>;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new().route("/warm-pools", get(list).post(create)).route("/warm-pools/{id}", patch(update).delete(delete))
}

/// Whether pools are the caller's: their sandboxes are of the engine's first organization.
fn are_own(engine: &Engine) -> bool {
    caller::sees(&engine.identity.organization_id)
}

fn check(engine: &Engine) -> ApiResult<()> {
    if are_own(engine) { Ok(()) } else { Err(ApiError::forbidden()) }
}

async fn list(State(engine): Shared) -> Json<Value> {
    Json(if are_own(&engine) { engine.list_pools() } else { Value::Array(Vec::new()) })
}

async fn create(State(engine): Shared, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    check(&engine)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let name = fields.string("snapshot");
    let pool = fields.number("pool");
    let target = fields.string("target").filter(|target| !target.is_empty());
    fields.finish()?;
    let name =
        name.filter(|name| !name.is_empty()).ok_or_else(|| ApiError::bad_request("snapshot should not be empty"))?;
    let size = size(pool, 1)?;
    // Of the engine's first organization, as its sandboxes are.
    let snapshot = engine.snapshots.find_in(&name, &engine.identity.organization_id);
    let snapshot = snapshot.ok_or_else(|| ApiError::not_found(format!("Snapshot {name} not found")))?;
    if snapshot.state != SnapshotState::Active {
        return Err(ApiError::bad_request(format!("Snapshot {name} is {}", snapshot.state.name())));
    }
    let target = target.unwrap_or_else(|| LOCAL_REGION.to_owned());
    if !REGIONS.contains(&target.as_str()) {
        return Err(ApiError::not_found("Region not found"));
    }
    let pool = engine.add_pool(snapshot.name, target, size).await?;
    Ok((StatusCode::CREATED, Json(pool)))
}

async fn update(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    check(&engine)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let pool = fields.number("pool");
    fields.finish()?;
    engine.resize_pool(&id, size(pool, 0)?).await.map(Json)
}

async fn delete(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    check(&engine)?;
    engine.remove_pool(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn size(pool: Option<i64>, least: i64) -> ApiResult<i64> {
    match pool {
        Some(size) if size < least => Err(ApiError::bad_request(format!("pool must not be less than {least}"))),
        Some(size) if size > MOST => Err(ApiError::bad_request(format!("pool must not be greater than {MOST}"))),
        Some(size) => Ok(size),
        None => Err(ApiError::bad_request("pool must be an integer number")),
    }
}
