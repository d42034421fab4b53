//! One sandbox: create, read, change, end (wire 2.2).

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use daytona_toolbox::Compat;
use serde_json::Value;

use crate::accounts::caller;
use crate::control::create;
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{Sandbox, now_millis};
use crate::{secret, testing};

type Shared = State<Arc<Engine>>;

/// Fields of a create that came after release 0.190 (additions 2.1).
const LATER: [&str; 7] =
    ["secrets", "autoPauseInterval", "ttlMinutes", "outboundProxyUrl", "otelEndpointOverride", "spot", "kvm"];

/// `POST /sandbox`: 200 once the sandbox has started, with the sandbox as it was before.
pub async fn create(State(engine): Shared, body: Bytes) -> ApiResult<Json<Value>> {
    let mut body = validation::object(&body)?;
    if engine.compat == Compat::V0_190 {
        // What that release does not know has no effect.
        LATER.iter().for_each(|name| drop(body.remove(*name)));
    }
    let mut sandbox = create::read(&body, &|name| engine.snapshots.find(name))?;
    let organization_id = caller::current()?.organization_id.clone();
    // Records of the first organization are as they were before there were others.
    sandbox.organization_id = Some(organization_id).filter(|id| *id != engine.identity.organization_id);
    engine.volumes.resolve(&mut sandbox.volumes)?;
    let names = std::mem::take(&mut sandbox.secrets);
    sandbox.secrets = engine.resolve_secrets(&sandbox, names)?;
    engine.create(sandbox).await.map(Json)
}

/// `GET /sandbox/{id}`.
pub async fn get(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    Ok(Json(engine.document(&entry)))
}

/// `DELETE /sandbox/{id}`: 200 with the sandbox being destroyed.
pub async fn delete(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    testing::look_at(&engine, &entry).await;
    engine.give_up(&entry).await;
    engine.destroy(entry)?.acknowledged().await.map(Json)
}

/// `POST /sandbox/{id}/start`.
pub async fn start(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    engine.start(entry).await.map(Json)
}

/// `POST /sandbox/{id}/stop?force`.
pub async fn stop(
    State(engine): Shared,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> ApiResult<Json<Value>> {
    let force = query.get("force").map(|text| read_boolean("force", text)).transpose()?;
    let entry = engine.registry.get(&id)?;
    engine.stop(entry, force.unwrap_or(false))?.acknowledged().await.map(Json)
}

/// `POST /sandbox/{id}/archive`.
pub async fn archive(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    engine.archive(entry)?.acknowledged().await.map(Json)
}

/// `POST /sandbox/{id}/recover?skipStart`.
pub async fn recover(
    State(engine): Shared,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> ApiResult<Json<Value>> {
    let skip_start = query.get("skipStart").map(|text| read_boolean("skipStart", text)).transpose()?;
    let entry = engine.registry.get(&id)?;
    engine.recover(entry, skip_start.unwrap_or(false)).await.map(Json)
}

/// `PUT /sandbox/{id}/labels`: answers with the whole sandbox (wire 2.1).
pub async fn replace_labels(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let labels = fields.string_map("labels");
    fields.finish()?;
    let labels = labels.ok_or_else(|| ApiError::bad_request("labels must be an object"))?;
    changed(&engine, &entry, |record| record.labels = labels).await
}

/// `POST /sandbox/{id}/public/{value}`: 201 (wire 2.1).
pub async fn set_public(
    State(engine): Shared,
    Path((id, value)): Path<(String, String)>,
) -> ApiResult<impl IntoResponse> {
    let entry = engine.registry.get(&id)?;
    let public = read_boolean("isPublic", &value)?;
    Ok((StatusCode::CREATED, changed(&engine, &entry, |record| record.public = public).await?))
}

/// `POST /sandbox/{id}/autostop/{minutes}`: 201; 0 = never.
pub async fn set_auto_stop(
    State(engine): Shared,
    Path((id, minutes)): Path<(String, String)>,
) -> ApiResult<impl IntoResponse> {
    let entry = engine.registry.get(&id)?;
    let minutes = read_minutes("Auto-stop interval", &minutes)?;
    let change = |record: &mut Sandbox| {
        record.auto_stop_interval = minutes;
        if minutes > 0 {
            record.auto_pause_interval = 0;
        }
    };
    Ok((StatusCode::CREATED, changed(&engine, &entry, change).await?))
}

/// `POST /sandbox/{id}/autoarchive/{minutes}`: 201.
pub async fn set_auto_archive(
    State(engine): Shared,
    Path((id, minutes)): Path<(String, String)>,
) -> ApiResult<impl IntoResponse> {
    let entry = engine.registry.get(&id)?;
    let minutes = create::archive_minutes(read_minutes("Auto-archive interval", &minutes)?);
    Ok((StatusCode::CREATED, changed(&engine, &entry, |record| record.auto_archive_interval = minutes).await?))
}

/// `POST /sandbox/{id}/autodelete/{minutes}`: 201; negative = never, 0 = as soon as it stops.
pub async fn set_auto_delete(
    State(engine): Shared,
    Path((id, minutes)): Path<(String, String)>,
) -> ApiResult<impl IntoResponse> {
    let entry = engine.registry.get(&id)?;
    let minutes = read_number("Auto-delete interval", &minutes)?;
    Ok((StatusCode::CREATED, changed(&engine, &entry, |record| record.auto_delete_interval = minutes).await?))
}

/// `POST /sandbox/{id}/autopause/{minutes}`: 0 = never. A sandbox that pauses does not stop by itself.
pub async fn set_auto_pause(
    State(engine): Shared,
    Path((id, minutes)): Path<(String, String)>,
) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let minutes = read_minutes("Auto-pause interval", &minutes)?;
    if minutes > 0 && entry.with_record(Sandbox::is_ephemeral) {
        return Err(ApiError::bad_request("Ephemeral sandboxes cannot be paused"));
    }
    let change = |record: &mut Sandbox| {
        record.auto_pause_interval = minutes;
        if minutes > 0 {
            record.auto_stop_interval = 0;
        }
    };
    changed(&engine, &entry, change).await
}

/// `POST /sandbox/{id}/ttl/{minutes}`: from now on; 0 = for ever.
pub async fn set_ttl(State(engine): Shared, Path((id, minutes)): Path<(String, String)>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let minutes = read_minutes("TTL", &minutes)?;
    changed(&engine, &entry, |record| record.auto_destroy_at = create::destroy_at(minutes, now_millis())).await
}

/// `POST /sandbox/{id}/last-activity`: 201, empty.
pub async fn touch(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    engine.registry.get(&id)?.touch();
    Ok(StatusCode::CREATED)
}

/// `GET /sandbox/{id}/signing-key`: the key as plain text, which is how the platform's framework sends a string.
pub async fn signing_key(State(engine): Shared, Path(id): Path<String>) -> ApiResult<String> {
    Ok(engine.registry.get(&id)?.with_record(|record| record.signing_key.clone()))
}

/// `POST /sandbox/{id}/signing-key/rotate`: the new key; URLs signed with the old one end.
pub async fn rotate_signing_key(State(engine): Shared, Path(id): Path<String>) -> ApiResult<String> {
    let entry = engine.registry.get(&id)?;
    let key = secret::token(32);
    engine.change_stored(&entry, |record| record.signing_key.clone_from(&key)).await?;
    Ok(key)
}

async fn changed(engine: &Arc<Engine>, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> ApiResult<Json<Value>> {
    engine.change_stored(entry, change).await?;
    Ok(Json(engine.document(entry)))
}

/// Reads `true` or `false`.
pub fn read_boolean(name: &str, text: &str) -> ApiResult<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ApiError::bad_request(format!("{name} must be a boolean value"))),
    }
}

fn read_number(name: &str, text: &str) -> ApiResult<i64> {
    text.parse().map_err(|_| ApiError::bad_request(format!("{name} must be an integer number")))
}

fn read_minutes(name: &str, text: &str) -> ApiResult<i64> {
    match read_number(name, text)? {
        minutes if minutes < 0 => Err(ApiError::bad_request(format!("{name} must be non-negative"))),
        minutes => Ok(minutes),
    }
}
