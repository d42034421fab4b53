//! Ways to a sandbox's ports: preview URLs and their tokens (wire 2.2).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::gateway::access::PRIVATE_PORTS;
use crate::secret;

type Shared = State<Arc<Engine>>;

/// How long a signed URL is good for when the client says nothing, and at most.
const SIGNED_SECONDS: i64 = 60;
const MAX_SIGNED_SECONDS: i64 = 86_400;

fn read_port(text: &str) -> ApiResult<u16> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| ApiError::bad_request("Invalid port"))
}

/// `GET /sandbox/{id}/toolbox-proxy-url`.
pub async fn toolbox_proxy_url(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    engine.registry.get(&id)?;
    Ok(Json(json!({ "url": engine.identity.toolbox_url })))
}

/// `GET /sandbox/{id}/ports/{port}/preview-url`.
pub async fn preview_url(State(engine): Shared, Path((id, port)): Path<(String, String)>) -> ApiResult<Json<Value>> {
    let port = read_port(&port)?;
    let entry = engine.registry.get(&id)?;
    let (id, token) = entry.with_record(|record| (record.id.clone(), record.auth_token.clone()));
    Ok(Json(json!({ "sandboxId": id, "url": engine.preview_url(port, &id), "token": token })))
}

/// `GET /sandbox/{id}/ports/{port}/signed-preview-url?expiresInSeconds`.
pub async fn signed_preview_url(
    State(engine): Shared,
    Path((id, port)): Path<(String, String)>,
    Query(query): Query<HashMap<String, String>>,
) -> ApiResult<Json<Value>> {
    let port = read_port(&port)?;
    if PRIVATE_PORTS.contains(&port) {
        let message = format!("Port {port} controls the sandbox and cannot be opened by a signed URL");
        return Err(ApiError::bad_request(message));
    }
    let seconds = match query.get("expiresInSeconds") {
        None => SIGNED_SECONDS,
        Some(text) => {
            let seconds = text.parse().ok().filter(|seconds| (1..=MAX_SIGNED_SECONDS).contains(seconds));
            seconds.ok_or_else(|| ApiError::bad_request("expiresInSeconds must be between 1 second and 24 hours"))?
        }
    };
    let entry = engine.registry.get(&id)?;
    let id = entry.with_record(|record| record.id.clone());
    let token = engine.previews.sign(&id, port, seconds);
    let url = engine.signed_url(port, &token, Duration::from_secs(seconds.unsigned_abs()));
    Ok(Json(json!({ "sandboxId": id, "port": port, "token": token, "url": url })))
}

/// `POST /sandbox/{id}/ports/{port}/signed-preview-url/{token}/expire`: 201.
pub async fn expire_signed_preview_url(
    State(engine): Shared,
    Path((id, port, token)): Path<(String, String, String)>,
) -> ApiResult<StatusCode> {
    read_port(&port)?;
    let entry = engine.registry.get(&id)?;
    if engine.previews.expire(&entry.with_record(|record| record.id.clone()), &token) {
        engine.preview_addresses.close(&token);
    }
    Ok(StatusCode::CREATED)
}

/// `GET /preview/{id}/public`.
pub async fn is_public(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<bool>> {
    match engine.registry.get(&id)?.with_record(|record| record.public) {
        true => Ok(Json(true)),
        false => Err(ApiError::sandbox_not_found(&id)),
    }
}

/// `GET /preview/{id}/validate/{token}`.
pub async fn is_valid_token(State(engine): Shared, Path((id, token)): Path<(String, String)>) -> ApiResult<Json<bool>> {
    match engine.registry.get(&id)?.with_record(|record| secret::equal(&record.auth_token, &token)) {
        true => Ok(Json(true)),
        false => Err(ApiError::sandbox_not_found(&id)),
    }
}

/// `GET /preview/{id}/access`: whoever holds the API key has it.
pub async fn has_access(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<bool>> {
    engine.registry.get(&id).map(|_| Json(true))
}
