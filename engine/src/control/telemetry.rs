//! What a sandbox printed and used, and the requests to it that were traced (wire 8, additions 5.2).

use std::sync::Arc;

use axum::extract::{MatchedPath, Path, RawQuery, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::control::query::Parameters;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::otlp;
use crate::sandboxes::logs::Wanted;
use crate::sandboxes::sandbox::now_millis;
use crate::sandboxes::traces::Following;

type Shared = State<Arc<Engine>>;

/// How far back is looked when nothing is said, in milliseconds.
const SPAN: i64 = 3_600_000;

/// A request's way here takes no longer, in milliseconds.
const MOMENT: i64 = 5_000;

/// Items on a page, and the most of them.
const LIMIT: u64 = 100;
const MAX_LIMIT: u64 = 1000;

/// The routes below `/sandbox/{id}`.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/telemetry/logs", get(logs))
        .route("/telemetry/metrics", get(metrics))
        .route("/telemetry/traces", get(traces))
        .route("/telemetry/traces/{trace_id}", get(spans))
}

/// Keeps a request to a sandbox as a span of its caller's trace.
pub async fn follow(State(engine): Shared, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let following = route.and_then(|route| Following::begin(request.headers(), request.method(), route.as_str()));
    let Some(following) = following else { return next.run(request).await };
    let id = request.uri().path().strip_prefix("/sandbox/").and_then(|rest| rest.split('/').next());
    let entry = id.and_then(|id| engine.registry.get(id).ok());
    let response = next.run(request).await;
    if let Some(entry) = entry {
        following.end(&engine, &entry, response.status().as_u16());
    }
    response
}

/// The time that is asked for.
fn period(parameters: &Parameters) -> ApiResult<(i64, i64)> {
    let now = now_millis();
    // A client's now is a moment ago.
    let to = parameters.time("to")?.filter(|to| now - to > MOMENT).unwrap_or(now);
    let from = parameters.time("from")?.unwrap_or(to - SPAN);
    if from > to {
        return Err(ApiError::bad_request("from must not be later than to"));
    }
    Ok((from, to))
}

/// `GET /sandbox/{id}/telemetry/metrics?from&to&metricNames`.
async fn metrics(State(engine): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    // Before the end of the time that is asked for.
    engine.measure_now(&entry).await;
    let parameters = Parameters::read(query.as_deref())?;
    let (from, to) = period(&parameters)?;
    Ok(Json(entry.samples.document(from, to, &parameters.all("metricNames"))))
}

/// `GET /sandbox/{id}/telemetry/traces?from&to&page&limit`.
async fn traces(State(engine): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let parameters = Parameters::read(query.as_deref())?;
    let (from, to) = period(&parameters)?;
    page(entry.spans.traces(from, to), &parameters)
}

/// `GET /sandbox/{id}/telemetry/logs?from&to&page&limit&severities&search`: newest first.
async fn logs(State(engine): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let entry = engine.registry.get(&id)?;
    let parameters = Parameters::read(query.as_deref())?;
    let (from, to) = period(&parameters)?;
    let wanted = Wanted { from, to, severities: parameters.all("severities"), search: parameters.text("search") };
    let resource = entry.with_record(|record| otlp::resource(&engine, record));
    page(entry.logs.documents(&resource, &wanted), &parameters)
}

/// The page of a list that is asked for.
fn page(found: Vec<Value>, parameters: &Parameters) -> ApiResult<Json<Value>> {
    let page = parameters.number("page", 1, u64::MAX)?.unwrap_or(1);
    let limit = parameters.number("limit", 1, MAX_LIMIT)?.unwrap_or(LIMIT);
    let total = found.len() as u64;
    let skipped = usize::try_from((page - 1).saturating_mul(limit)).unwrap_or(usize::MAX);
    let items: Vec<_> = found.into_iter().skip(skipped).take(limit as usize).collect();
    Ok(Json(json!({ "items": items, "total": total, "page": page, "totalPages": total.div_ceil(limit) })))
}

/// `GET /sandbox/{id}/telemetry/traces/{traceId}`.
async fn spans(State(engine): Shared, Path((id, trace)): Path<(String, String)>) -> ApiResult<Json<Value>> {
    Ok(Json(engine.registry.get(&id)?.spans.of_trace(&trace).into()))
}
