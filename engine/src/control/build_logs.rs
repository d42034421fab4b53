//! The logs of builds (wire 4.2): where they are, and the logs themselves.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{Method, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};

use crate::control::query::Parameters;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, proxy_error};
use crate::gateway::access;
use crate::snapshots::build_log::Reader;

type Shared = State<Arc<Engine>>;

/// The logs beside the API, where their URLs lead to.
pub fn beside_the_api(engine: &Arc<Engine>) -> Router<Arc<Engine>> {
    Router::new()
        .route("/snapshots/{id}/build-logs", get(at_url))
        .route("/sandboxes/{id}/build-logs", get(at_url))
        .layer(middleware::from_fn_with_state(Arc::clone(engine), access::admit))
}

/// `GET /snapshots/{id}/build-logs-url`.
pub async fn url_of_snapshot(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let id = snapshot_id(&engine, &id)?;
    Ok(Json(json!({"url": format!("{}/snapshots/{id}/build-logs", engine.origin)})))
}

/// `GET /sandbox/{id}/build-logs-url`.
pub async fn url_of_sandbox(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let id = sandbox_id(&engine, &id)?;
    Ok(Json(json!({"url": format!("{}/sandboxes/{id}/build-logs", engine.origin)})))
}

/// `GET /snapshots/{id}/build-logs?follow&offset`.
pub async fn of_snapshot(
    State(engine): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let id = snapshot_id(&engine, &id)?;
    answer(&engine, &id, query.as_deref())
}

/// `GET /sandbox/{id}/build-logs?follow&offset`.
pub async fn of_sandbox(
    State(engine): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult<Response> {
    let id = sandbox_id(&engine, &id)?;
    answer(&engine, &id, query.as_deref())
}

async fn at_url(State(engine): Shared, Path(id): Path<String>, method: Method, uri: Uri) -> Response {
    let found = match uri.path().starts_with("/snapshots/") {
        true => snapshot_id(&engine, &id),
        false => sandbox_id(&engine, &id),
    };
    let answered = found.and_then(|id| answer(&engine, &id, uri.query()));
    answered.unwrap_or_else(|error| proxy_error(error.status, &error.message, &method, uri.path()))
}

fn snapshot_id(engine: &Engine, id: &str) -> ApiResult<String> {
    let snapshot = engine.snapshots.find(id).ok_or_else(|| ApiError::not_found(format!("Snapshot {id} not found")))?;
    Ok(snapshot.id)
}

fn sandbox_id(engine: &Engine, id: &str) -> ApiResult<String> {
    Ok(engine.registry.get(id)?.with_record(|record| record.id.clone()))
}

/// The log from an offset on, as far as it is there or, if it is followed, to its end.
fn answer(engine: &Engine, id: &str, query: Option<&str>) -> ApiResult<Response> {
    let parameters = Parameters::read(query)?;
    let follow = parameters.boolean("follow")?.unwrap_or(false);
    let offset = parameters.number("offset", 0, u64::MAX)?.unwrap_or(0);
    let Some(reader) = engine.build_logs.read(id, offset, follow) else {
        return Err(ApiError::not_found(format!("build logs not found for ref: {id}")));
    };
    let pieces = stream::try_unfold(reader, |mut reader: Reader| async {
        Ok::<_, io::Error>(reader.next().await?.map(|piece| (piece, reader)))
    });
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], Body::from_stream(pieces)).into_response())
}
