//! Changes of a sandbox as a whole: its size, pausing, copies (wire 2.2, additions 2.5).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use daytona_toolbox::Compat;
use serde_json::Value;

use crate::control::sandboxes;
use crate::control::telemetry;
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::registry::Entry;
use crate::sandboxes::resizing::NewSize;

type Shared = State<Arc<Engine>>;

/// The routes below `/sandbox/{id}`.
pub fn routes(compat: Compat) -> Router<Arc<Engine>> {
    let later = Router::new()
        .route("/autopause/{minutes}", post(sandboxes::set_auto_pause))
        .route("/ttl/{minutes}", post(sandboxes::set_ttl))
        .route("/signing-key", get(sandboxes::signing_key))
        .route("/signing-key/rotate", post(sandboxes::rotate_signing_key));
    let later = match compat {
        Compat::Newest => later,
        Compat::V0_190 => later.layer(middleware::from_fn(unknown)),
    };
    Router::new()
        .route("/resize", post(resize))
        .route("/pause", post(pause))
        .route("/fork", post(fork))
        .route("/forks", get(forks))
        .route("/parent", get(parent))
        .route("/ancestors", get(ancestors))
        .merge(telemetry::routes())
        .merge(later)
}

/// What a server answers that does not know the route yet.
async fn unknown(method: Method, uri: OriginalUri, _: Request, _: Next) -> Response {
    ApiError::not_found(format!("Cannot {method} {}", uri.path())).into_response()
}

/// `POST /sandbox/{id}/resize`.
async fn resize(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let wanted = NewSize { cpu: fields.number("cpu"), memory: fields.number("memory"), disk: fields.number("disk") };
    fields.finish()?;
    engine.resize(entry, wanted).await.map(Json)
}

/// `POST /sandbox/{id}/pause`. Release 0.190 does not pause containers.
async fn pause(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    match engine.compat {
        Compat::Newest => engine.pause(entry).await.map(Json),
        Compat::V0_190 => Err(ApiError::unprocessable("Pausing is not supported for this sandbox")),
    }
}

/// `POST /sandbox/{id}/fork`. Release 0.190 does not copy containers.
async fn fork(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    if engine.compat == Compat::V0_190 {
        return Err(ApiError::unprocessable("Forking is not supported for this sandbox"));
    }
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let name = fields.display_name("name").filter(|name| !name.is_empty());
    fields.finish()?;
    engine.fork(entry, name).await.map(Json)
}

/// `GET /sandbox/{id}/forks`.
async fn forks(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let id = engine.registry.get(&id)?.with_record(|record| record.id.clone());
    let mut copies: Vec<_> = engine
        .registry
        .all()
        .into_iter()
        .filter(|entry| entry.with_record(|r| r.parent.as_ref() == Some(&id)))
        .collect();
    copies.sort_by_key(|entry| entry.with_record(|record| (record.created_at, record.id.clone())));
    Ok(Json(copies.iter().map(|entry| engine.document(entry)).collect()))
}

fn parent_of(engine: &Engine, entry: &Entry) -> Option<Arc<Entry>> {
    engine.registry.by_id(&entry.with_record(|record| record.parent.clone())?)
}

/// `GET /sandbox/{id}/parent`.
async fn parent(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    match parent_of(&engine, &entry) {
        Some(parent) => Ok(Json(engine.document(&parent))),
        None => Err(ApiError::not_found(format!("Sandbox {id} has no parent, or it is gone"))),
    }
}

/// `GET /sandbox/{id}/ancestors`: the parent first.
async fn ancestors(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let ancestors = std::iter::successors(parent_of(&engine, &entry), |entry| parent_of(&engine, entry));
    Ok(Json(ancestors.map(|entry| engine.document(&entry)).collect()))
}
