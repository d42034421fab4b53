//! Writing and reading the audit log (wire, appendix A; additions).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::body::Frame;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, channel};

use crate::accounts::audit::{Deed, Filter};
use crate::accounts::caller::{self, Caller};
use crate::accounts::deeds;
use crate::control::organizations::of_member;
use crate::control::query::Parameters;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::traces;

type Shared = State<Arc<Engine>>;

/// The largest answer in which the id of what was created is looked for.
const MAX_ANSWER: usize = 1 << 20;

/// Entries read at once while the log is exported.
const PART: usize = 500;

/// Status of a request that nobody waited for any more.
const GIVEN_UP: u16 = 499;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/audit", get(list_all))
        .route("/audit/organizations/{id}", get(list))
        .route("/audit/organizations/{id}/export", get(export))
}

/// An action under way; its outcome is written when it ends, whatever way.
pub struct Recording {
    engine: Arc<Engine>,
    number: Option<i64>,
}

impl Recording {
    /// Writes that something is about to be done.
    pub fn begin(engine: &Arc<Engine>, caller: &Caller, deed: &Deed, metadata: &Value) -> Self {
        Self { engine: Arc::clone(engine), number: engine.audit.begin(caller, deed, metadata) }
    }

    /// Writes how it ended.
    pub fn end(mut self, status: u16, error: Option<&str>, target_id: Option<&str>) {
        self.engine.audit.end(self.number.take(), status, error, target_id);
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.engine.audit.end(self.number.take(), GIVEN_UP, Some("The client did not wait for the answer"), None);
    }
}

/// Middleware: writes what requests do.
pub async fn record(State(engine): Shared, request: Request, next: Next) -> Response {
    let Some(deed) = deeds::of_control(request.method(), request.uri().path()) else { return next.run(request).await };
    let Ok(caller) = caller::current() else { return next.run(request).await };
    let metadata = metadata(request.method(), request.headers());
    let recording = Recording::begin(&engine, &caller, &deed, &metadata);
    let response = next.run(request).await;
    let status = response.status();
    let error = response.extensions().get::<ApiError>().map(|error| error.message.clone());
    if deed.target_id.is_some() || !status.is_success() {
        recording.end(status.as_u16(), error.as_deref(), None);
        return response;
    }
    // What has been created is named in the answer.
    let (head, body) = response.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_ANSWER).await else {
        recording.end(status.as_u16(), None, None);
        return ApiError::internal(&"an answer could not be read").into_response();
    };
    let document: Option<Value> = serde_json::from_slice(&body).ok();
    let name = if deed.target_type == "api_key" { "name" } else { "id" };
    recording.end(status.as_u16(), None, document.as_ref().and_then(|document| document[name].as_str()));
    Response::from_parts(head, Body::from(body))
}

/// What is said of a request beside what it does: its method, and the trace that its caller records.
pub fn metadata(method: &Method, headers: &HeaderMap) -> Value {
    let mut metadata = json!({"method": method.as_str()});
    if let Some(trace) = traces::trace_of(headers) {
        metadata["traceId"] = json!(trace);
    }
    metadata
}

/// What a query asks for.
fn read(organization_id: Option<&str>, parameters: &Parameters) -> ApiResult<Filter> {
    let mut filter = organization_id.map(Filter::of).unwrap_or_default();
    let texts = [
        ("id", "id = ?"),
        ("actorId", "actor_id = ?"),
        ("actorEmail", "actor_email = ?"),
        ("actorApiKeyPrefix", "key_prefix = ?"),
        ("actorApiKeySuffix", "key_suffix = ?"),
        ("action", "action = ?"),
        ("targetType", "target_type = ?"),
        ("targetId", "coalesce(outcomes.target_id, entries.target_id) = ?"),
    ];
    for (name, condition) in texts {
        if let Some(text) = parameters.text(name) {
            filter = filter.and(condition, Sql::Text(text.to_owned()));
        }
    }
    if parameters.text("statusCode").is_some() {
        let status = parameters.number("statusCode", 100, 599)?.unwrap_or_default();
        filter = filter.and("status_code = ?", Sql::Integer(i64::try_from(status).unwrap_or_default()));
    }
    for (name, condition) in [("from", "created_at >= ?"), ("to", "created_at <= ?"), ("createdAt", "created_at = ?")] {
        if let Some(time) = parameters.time(name)? {
            filter = filter.and(condition, Sql::Integer(time));
        }
    }
    if let Some(token) = parameters.text("nextToken") {
        let number = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
        let number = number.ok_or_else(|| ApiError::bad_request(format!("Invalid nextToken provided: {token}")))?;
        filter = filter.and("entries.number < ?", Sql::Integer(number));
    }
    Ok(filter)
}

fn page(engine: &Engine, organization_id: Option<&str>, query: Option<&str>) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query)?;
    let page = parameters.number("page", 1, u64::from(u32::MAX))?.unwrap_or(1);
    let limit = parameters.number("limit", 1, 200)?.unwrap_or(100);
    let filter = read(organization_id, &parameters)?;
    let total = engine.audit.count(&filter)?;
    // A token says itself where to go on.
    let skipped = if parameters.text("nextToken").is_some() { 0 } else { (page - 1).saturating_mul(limit) };
    let size = usize::try_from(limit).unwrap_or(PART);
    let entries =
        engine.audit.select(&filter, size, usize::try_from(skipped.min(u64::from(u32::MAX))).unwrap_or_default())?;
    let more = skipped.saturating_add(entries.len() as u64) < total;
    let mut answer = json!({
        "items": entries.iter().map(|entry| entry.document.clone()).collect::<Vec<_>>(),
        "total": total,
        "page": page,
        "totalPages": total.div_ceil(limit),
    });
    if let Some(last) = entries.last().filter(|_| more) {
        answer["nextToken"] = json!(URL_SAFE_NO_PAD.encode(last.number.to_string()));
    }
    Ok(Json(answer))
}

/// Fails unless the caller may read the log of this organization, whichever one the request says it is about.
fn check(engine: &Engine, id: &str) -> ApiResult<()> {
    const PERMISSION: &str = "read:audit_logs";
    let caller = caller::current()?;
    let (_, member) = of_member(engine, &caller, id)?;
    let is_keys_own = caller.key_name.is_none() || caller.organization_id == id;
    match is_keys_own && engine.accounts.permissions_of(&member).contains(PERMISSION) {
        true => Ok(()),
        false => Err(ApiError::not_permitted(PERMISSION)),
    }
}

/// `GET /audit/organizations/{id}`.
async fn list(State(engine): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    check(&engine, &id)?;
    page(&engine, Some(&id), query.as_deref())
}

/// `GET /audit`: of all organizations, for whoever started the engine.
async fn list_all(State(engine): Shared, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    match caller::current()?.operator {
        true => page(&engine, None, query.as_deref()),
        false => Err(ApiError::forbidden()),
    }
}

/// `GET /audit/organizations/{id}/export`: all entries that the filters accept, one JSON document a line, the latest first. The log
/// may be longer than the memory, so it is read as it is sent.
async fn export(State(engine): Shared, Path(id): Path<String>, RawQuery(query): RawQuery) -> ApiResult<Response> {
    check(&engine, &id)?;
    let parameters = Parameters::read(query.as_deref())?;
    read(Some(&id), &parameters)?;
    let (lines, body) = channel::<Bytes>(2);
    tokio::task::spawn_blocking(move || {
        let mut before = i64::MAX;
        loop {
            let Ok(filter) = read(Some(&id), &parameters) else { return };
            let filter = filter.and("entries.number < ?", Sql::Integer(before));
            let Ok(entries) = engine.audit.select(&filter, PART, 0) else { return };
            let Some(last) = entries.last() else { return };
            before = last.number;
            let part: String = entries.iter().map(|entry| format!("{}\n", entry.document)).collect();
            if lines.blocking_send(part.into()).is_err() {
                return;
            }
        }
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::new(Sent(body))).into_response())
}

/// A body whose parts come from a channel.
struct Sent(Receiver<Bytes>);

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}
