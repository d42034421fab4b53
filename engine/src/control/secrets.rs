//! Secrets, and those of a sandbox (additions 2.3, 2.6). No answer has a value.

use std::cmp::Ordering;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daytona_toolbox::Compat;
use serde_json::{Value, json};

use crate::accounts::caller;
use crate::control::query::{Order, Parameters, read_sort};
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::lifecycle::{off_the_runtime, to_the_end};
use crate::secrets::mounting;
use crate::secrets::record::{self, Secret};

type Shared = State<Arc<Engine>>;

/// Secrets in a page, when the client says nothing, and at most.
const PAGE: u64 = 100;
const LARGEST_PAGE: u64 = 200;

/// All of them. Release 0.190 has none.
pub fn routes(compat: Compat) -> Router<Arc<Engine>> {
    match compat {
        Compat::V0_190 => Router::new(),
        Compat::Newest => Router::new()
            .route("/secret", get(list).post(create))
            .route("/secret/paginated", get(paginated))
            .route("/secret/{id}", get(one).patch(update).delete(delete)),
    }
}

/// `GET /secret`: all of them, newest first.
async fn list(State(engine): Shared) -> Json<Value> {
    let mut all = engine.secrets.all();
    all.sort_by(|one, other| by("createdAt", other, one));
    Json(all.iter().map(Secret::document).collect())
}

/// `GET /secret/paginated`.
async fn paginated(State(engine): Shared, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let limit = parameters.number("limit", 1, LARGEST_PAGE)?.unwrap_or(PAGE);
    let (field, order) = read_sort(&parameters, &["name", "createdAt", "updatedAt"], "createdAt")?;
    let name = parameters.text("name").unwrap_or_default();
    let mut found: Vec<_> = engine.secrets.all().into_iter().filter(|secret| secret.name.contains(name)).collect();
    let total = found.len();
    found.sort_by(|one, other| order.apply(by(field, one, other)));
    if let Some(cursor) = parameters.text("cursor") {
        let last = read_cursor(cursor)?;
        found.retain(|secret| is_after(field, order, secret, &last));
    }
    let rest = found.split_off(found.len().min(usize::try_from(limit).unwrap_or(usize::MAX)));
    let next = found.last().filter(|_| !rest.is_empty()).map(write_cursor);
    Ok(Json(json!({
        "items": found.iter().map(Secret::document).collect::<Vec<_>>(),
        "total": total,
        "nextCursor": next,
    })))
}

fn by(field: &str, one: &Secret, other: &Secret) -> Ordering {
    let ascending = match field {
        "name" => one.name.cmp(&other.name),
        "updatedAt" => one.updated_at.cmp(&other.updated_at),
        _ => one.created_at.cmp(&other.created_at),
    };
    ascending.then_with(|| one.id.cmp(&other.id))
}

/// Where a page ended, whatever it was sorted by.
struct Cursor(String, i64, i64, String);

fn write_cursor(last: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(json!([last.name, last.created_at, last.updated_at, last.id]).to_string())
}

fn read_cursor(text: &str) -> ApiResult<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let read = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (name, created, updated, id) = read.ok_or_else(|| ApiError::bad_request("cursor is not valid"))?;
    Ok(Cursor(name, created, updated, id))
}

fn is_after(field: &str, order: Order, secret: &Secret, Cursor(name, created, updated, id): &Cursor) -> bool {
    let ascending = match field {
        "name" => secret.name.cmp(name),
        "updatedAt" => secret.updated_at.cmp(updated),
        _ => secret.created_at.cmp(created),
    };
    order.apply(ascending.then_with(|| secret.id.cmp(id))) == Ordering::Greater
}

/// `POST /secret`: 201.
async fn create(State(engine): Shared, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let (name, value) = (fields.string("name"), fields.string("value"));
    let (description, hosts) = (fields.string("description"), fields.array("hosts"));
    fields.finish()?;
    let name = name.ok_or_else(|| ApiError::bad_request("name must be a string"))?;
    let value = value.ok_or_else(|| ApiError::bad_request("value must be a string"))?;
    record::check_name(&name)?;
    record::check_value(&value)?;
    description.as_deref().map_or(Ok(()), record::check_description)?;
    let hosts = hosts.map_or(Ok(Vec::new()), |hosts| record::read_hosts(hosts))?;
    let organization_id = caller::current()?.organization_id.clone();
    let secret = Secret::new(organization_id, name, value, description, hosts);
    let document = secret.document();
    to_the_end(async move { engine.secrets.insert(secret).await }).await?;
    Ok((StatusCode::CREATED, Json(document)))
}

/// `GET /secret/{id}`.
async fn one(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(engine.secrets.get(&id)?.document()))
}

/// `PATCH /secret/{id}`: sandboxes that have it use it as it is from now on.
async fn update(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let (value, description) = (fields.string("value"), fields.string("description"));
    let hosts = fields.array("hosts");
    fields.finish()?;
    value.as_deref().map_or(Ok(()), record::check_value)?;
    description.as_deref().map_or(Ok(()), record::check_description)?;
    let hosts = hosts.map(|hosts| record::read_hosts(hosts)).transpose()?;
    engine.secrets.get(&id)?;
    let change = move |record: &mut Secret| {
        if let Some(value) = value {
            record.value = value;
        }
        if let Some(description) = description {
            record.description = Some(description).filter(|text| !text.is_empty());
        }
        if let Some(hosts) = hosts {
            record.hosts = hosts;
        }
    };
    let changed = to_the_end(async move {
        let changed = engine.secrets.update(&id, change).await;
        // Also one that could not be stored: what was in force before is again.
        off_the_runtime(move || engine.follow_secret(&id)).await?;
        changed
    });
    Ok(Json(changed.await?.document()))
}

/// `DELETE /secret/{id}`: 204. Sandboxes that have it send its placeholder from now on.
async fn delete(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    engine.secrets.get(&id)?;
    to_the_end(async move {
        let removed = engine.secrets.remove(&id).await;
        off_the_runtime(move || engine.follow_secret(&id)).await?;
        removed
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /sandbox/{id}/secrets`.
pub async fn of_sandbox(
    State(engine): Shared,
    Path(id): Path<String>,
    uri: OriginalUri,
    body: Bytes,
) -> ApiResult<Json<Value>> {
    if engine.compat == Compat::V0_190 {
        return Err(ApiError::not_found(format!("Cannot PUT {}", uri.path())));
    }
    let entry = engine.registry.get(&id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let mounts = fields.array("secrets");
    fields.finish()?;
    let mounts = mounts.ok_or_else(|| ApiError::bad_request("secrets must be an array"))?;
    let mounts = mounting::read(mounts)?;
    let (changer, changed) = (Arc::clone(&engine), Arc::clone(&entry));
    to_the_end(async move { changer.change_secrets(&changed, mounts).await }).await?;
    Ok(Json(engine.document(&entry)))
}
