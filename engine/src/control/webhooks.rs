//! Webhooks of an organization. The routes of the wire say whether they are set up, which they always are here; the platform manages
//! endpoints on a page of another service, for which there are routes below `endpoints` and `deliveries`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::Uri;
use serde_json::{Value, json};

use crate::accounts::{caller, now};
use crate::control::organizations::of_owner;
use crate::control::query::Parameters;
use crate::control::unimplemented;
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::webhooks::{Delivery, EVENTS, Endpoint, new_secret};

type Shared = State<Arc<Engine>>;

/// Endpoints that one organization may have.
const MOST: usize = 50;

/// The longest address.
const LONGEST_URL: usize = 2048;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    let one = Router::new()
        .route("/initialization-status", get(status))
        .route("/initialize", post(initialize))
        .route("/refresh-endpoints", post(refresh))
        .route("/app-portal-access", post(unimplemented::route))
        .route("/send", post(send))
        .route("/endpoints", get(list).post(create))
        .route("/endpoints/{endpoint_id}", get(get_one).patch(update).delete(remove))
        .route("/endpoints/{endpoint_id}/secret", get(secret))
        .route("/endpoints/{endpoint_id}/secret/rotate", post(rotate))
        .route("/endpoints/{endpoint_id}/test", post(test))
        .route("/deliveries", get(deliveries))
        .route("/deliveries/{delivery_id}/retry", post(retry));
    Router::new().nest("/webhooks/organizations/{id}", one)
}

fn initialized(engine: &Engine, id: &str) -> ApiResult<Value> {
    let organization = of_owner(engine, &*caller::current()?, id)?;
    Ok(json!({
        "organizationId": id,
        "svixApplicationId": format!("app_{id}"),
        "lastError": null,
        "retryCount": 0,
        "createdAt": organization.created_at,
        "updatedAt": organization.created_at,
    }))
}

async fn status(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    initialized(&engine, &id).map(Json)
}

async fn initialize(State(engine): Shared, Path(id): Path<String>) -> ApiResult<(StatusCode, Json<Value>)> {
    Ok((StatusCode::CREATED, Json(initialized(&engine, &id)?)))
}

async fn refresh(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    initialized(&engine, &id).map(|_| StatusCode::NO_CONTENT)
}

/// Fields of a request; those that are left out stay as they are.
struct Wanted {
    url: Option<String>,
    description: Option<String>,
    events: Option<Vec<String>>,
    disabled: Option<bool>,
}

fn read(body: &[u8]) -> ApiResult<Wanted> {
    let body = validation::object(body)?;
    let mut fields = Fields::new(&body);
    let url = fields.string("url");
    let description = fields.string("description");
    let events = fields.array("events").cloned();
    let disabled = fields.boolean("disabled");
    fields.finish()?;
    if let Some(url) = &url {
        let valid = |uri: &Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        };
        if url.len() > LONGEST_URL || !url.parse::<Uri>().is_ok_and(|uri| valid(&uri)) {
            return Err(ApiError::bad_request("url must be an http or https address without credentials"));
        }
    }
    let known =
        |event: &Value| EVENTS.iter().find(|known| event.as_str() == Some(known)).map(|known| (*known).to_owned());
    let events = events.map(|events| events.iter().map(known).collect::<Option<Vec<_>>>().ok_or(()));
    let events = events.transpose().map_err(|()| {
        let all = EVENTS.join(", ");
        ApiError::bad_request(format!("each value in events must be one of the following values: {all}"))
    })?;
    Ok(Wanted { url, description, events, disabled })
}

fn of_organization(engine: &Engine, id: &str) -> Vec<Endpoint> {
    engine.webhooks.endpoints.select(|endpoint| endpoint.organization_id == id)
}

fn find(engine: &Engine, id: &str, endpoint_id: &str) -> ApiResult<Endpoint> {
    of_owner(engine, &*caller::current()?, id)?;
    let found = engine.webhooks.endpoints.get(endpoint_id).filter(|endpoint| endpoint.organization_id == id);
    found.ok_or_else(|| ApiError::not_found(format!("Webhook endpoint {endpoint_id} not found")))
}

async fn list(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    of_owner(&engine, &*caller::current()?, &id)?;
    Ok(Json(of_organization(&engine, &id).iter().map(Endpoint::document).collect()))
}

async fn create(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let wanted = read(&body)?;
    let url = wanted.url.ok_or_else(|| ApiError::bad_request("url should not be empty"))?;
    if of_organization(&engine, &id).len() >= MOST {
        return Err(ApiError::bad_request(format!(
            "An organization has at most {MOST} webhook endpoints: delete some"
        )));
    }
    let endpoint = Endpoint {
        id: format!("ep_{}", uuid::Uuid::new_v4().simple()),
        organization_id: id,
        url,
        description: wanted.description.unwrap_or_default(),
        events: wanted.events.unwrap_or_default(),
        secret: new_secret(),
        disabled: wanted.disabled.unwrap_or(false),
        created_at: now(),
        updated_at: now(),
    };
    engine.webhooks.endpoints.put(&endpoint.id, endpoint.clone())?;
    let mut document = endpoint.document();
    document["secret"] = json!(endpoint.secret);
    Ok((StatusCode::CREATED, Json(document)))
}

type OfEndpoint = Path<(String, String)>;

async fn get_one(State(engine): Shared, Path((id, endpoint)): OfEndpoint) -> ApiResult<Json<Value>> {
    find(&engine, &id, &endpoint).map(|endpoint| Json(endpoint.document()))
}

async fn update(State(engine): Shared, Path((id, endpoint)): OfEndpoint, body: Bytes) -> ApiResult<Json<Value>> {
    let known = find(&engine, &id, &endpoint)?;
    let wanted = read(&body)?;
    let changed = engine.webhooks.endpoints.update(&endpoint, |endpoint| {
        if let Some(url) = wanted.url {
            endpoint.url = url;
        }
        if let Some(description) = wanted.description {
            endpoint.description = description;
        }
        if let Some(events) = wanted.events {
            endpoint.events = events;
        }
        if let Some(disabled) = wanted.disabled {
            endpoint.disabled = disabled;
        }
        endpoint.updated_at = now();
    })?;
    Ok(Json(changed.unwrap_or(known).document()))
}

async fn remove(State(engine): Shared, Path((id, endpoint)): OfEndpoint) -> ApiResult<StatusCode> {
    find(&engine, &id, &endpoint)?;
    engine.webhooks.endpoints.remove(&endpoint)?;
    engine.webhooks.deliveries.remove_all(|delivery| delivery.endpoint_id == endpoint)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn secret(State(engine): Shared, Path((id, endpoint)): OfEndpoint) -> ApiResult<Json<Value>> {
    find(&engine, &id, &endpoint).map(|endpoint| Json(json!({"secret": endpoint.secret})))
}

async fn rotate(State(engine): Shared, Path((id, endpoint)): OfEndpoint) -> ApiResult<Json<Value>> {
    find(&engine, &id, &endpoint)?;
    let secret = new_secret();
    engine.webhooks.endpoints.update(&endpoint, |endpoint| {
        endpoint.secret.clone_from(&secret);
        endpoint.updated_at = now();
    })?;
    Ok(Json(json!({"secret": secret})))
}

/// An example of an event, whether or not the endpoint wants it: `{"eventType"?}`; `sandbox.created` when nothing is said.
async fn test(
    State(engine): Shared,
    Path((id, endpoint)): OfEndpoint,
    body: Bytes,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let endpoint = find(&engine, &id, &endpoint)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let event = fields.string("eventType").unwrap_or_else(|| EVENTS[0].to_owned());
    fields.finish()?;
    if !EVENTS.contains(&event.as_str()) {
        return Err(ApiError::bad_request(format!(
            "eventType must be one of the following values: {}",
            EVENTS.join(", ")
        )));
    }
    let example = json!({
        "event": event,
        "timestamp": now(),
        "id": "00000000-0000-0000-0000-000000000000",
        "name": "test",
        "organizationId": id,
        "test": true,
    });
    let message = engine.webhooks.send(&[endpoint], &event, &example, None)?;
    Ok((StatusCode::CREATED, Json(json!({"messageId": message}))))
}

/// Sends a message of one's own: `{"eventType", "payload", "eventId"?}`.
async fn send(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let event = fields.string("eventType").filter(|event| !event.is_empty());
    let payload = fields.object("payload").cloned();
    let event_id = fields.string("eventId").filter(|id| !id.is_empty());
    fields.finish()?;
    let event = event.ok_or_else(|| ApiError::bad_request("eventType should not be empty"))?;
    let payload = payload.ok_or_else(|| ApiError::bad_request("payload must be an object"))?;
    // The id travels in a header.
    if event_id.as_ref().is_some_and(|id| id.len() > 256 || !id.chars().all(|c| c.is_ascii_graphic())) {
        return Err(ApiError::bad_request("eventId must consist of at most 256 visible ASCII characters"));
    }
    let repeated = |known: &Delivery| known.organization_id == id && Some(&known.message_id) == event_id.as_ref();
    if event_id.is_some() && engine.webhooks.deliveries.any(repeated) {
        return Err(ApiError::conflict("A message with this eventId has been sent already"));
    }
    let endpoints = of_organization(&engine, &id).into_iter().filter(|endpoint| !endpoint.disabled);
    let endpoints: Vec<_> =
        endpoints.filter(|known| known.events.is_empty() || known.events.contains(&event)).collect();
    let message = engine.webhooks.send(&endpoints, &event, &Value::Object(payload), event_id)?;
    Ok((StatusCode::CREATED, Json(json!({"messageId": message}))))
}

/// The deliveries of the organization, the latest first: `endpointId`, `event`, `state`, `page`, `limit`.
async fn deliveries(
    State(engine): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<Value>> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let parameters = Parameters::read(query.as_deref())?;
    let page = parameters.number("page", 1, u64::from(u32::MAX))?.unwrap_or(1) as usize;
    let limit = parameters.number("limit", 1, 200)?.unwrap_or(100) as usize;
    let fits = |name: &str, value: &str| parameters.text(name).is_none_or(|wanted| wanted == value);
    let mut found = engine.webhooks.deliveries.select(|delivery| {
        delivery.organization_id == id
            && fits("endpointId", &delivery.endpoint_id)
            && fits("event", &delivery.event)
            && fits("state", &delivery.state)
    });
    found.reverse();
    let items: Vec<_> =
        found.iter().skip((page - 1).saturating_mul(limit)).take(limit).map(Delivery::document).collect();
    let pages = found.len().div_ceil(limit);
    Ok(Json(json!({"items": items, "total": found.len(), "page": page, "totalPages": pages})))
}

/// Sends the message of a delivery once more, as a new delivery.
async fn retry(State(engine): Shared, Path((id, delivery)): OfEndpoint) -> ApiResult<(StatusCode, Json<Value>)> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let found = engine.webhooks.deliveries.get(&delivery).filter(|delivery| delivery.organization_id == id);
    let delivery = found.ok_or_else(|| ApiError::not_found(format!("Delivery {delivery} not found")))?;
    let endpoint = find(&engine, &id, &delivery.endpoint_id)?;
    let body = serde_json::from_str(&delivery.body).unwrap_or_default();
    engine.webhooks.send(&[endpoint], &delivery.event, &body, Some(delivery.message_id.clone()))?;
    Ok((StatusCode::CREATED, Json(json!({"messageId": delivery.message_id}))))
}
