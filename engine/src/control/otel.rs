//! Where the telemetry of an organization's sandboxes goes (wire, appendix A; wire.md 8). The headers may hold a key, so only owners see
//! them, and whoever started the engine by the token of a sandbox.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::accounts::caller;
use crate::accounts::model::OtelConfig;
use crate::control::organizations::{change, of_owner};
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::registry::Entry;
use crate::secret;

type Shared = State<Arc<Engine>>;

/// Headers of one configuration, and characters of a name or value.
const MOST_HEADERS: usize = 32;
const LONGEST: usize = 4096;

/// Headers that the engine says itself.
const OWN: [HeaderName; 6] = [
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::USER_AGENT,
];

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/organizations/{id}/otel-config", get(read).put(set).delete(remove))
        .route("/organizations/otel-config/by-sandbox-auth-token/{token}", get(of_sandbox))
}

/// Whether telemetry can be sent to a URL.
pub fn is_endpoint(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain && url.fragment().is_none()
    })
}

fn document(organization_id: &str, config: &OtelConfig) -> Json<Value> {
    Json(json!({"endpoint": config.endpoint, "headers": config.headers, "organizationId": organization_id}))
}

fn missing() -> ApiError {
    ApiError::not_found("Organization OpenTelemetry configuration not found")
}

/// `GET /organizations/{id}/otel-config`.
async fn read(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let organization = of_owner(&engine, &*caller::current()?, &id)?;
    organization.otel.as_ref().map(|config| document(&id, config)).ok_or_else(missing)
}

/// `PUT /organizations/{id}/otel-config`.
async fn set(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let endpoint = fields.string("endpoint");
    let headers = fields.string_map("headers").unwrap_or_default();
    fields.finish()?;
    let endpoint = endpoint
        .filter(|endpoint| is_endpoint(endpoint))
        .ok_or_else(|| ApiError::bad_request("endpoint must be an http or https URL without credentials or a query"))?;
    if headers.len() > MOST_HEADERS {
        return Err(ApiError::bad_request(format!("headers must contain no more than {MOST_HEADERS} elements")));
    }
    for (name, value) in &headers {
        let known =
            name.parse::<HeaderName>().ok().filter(|name| name.as_str().len() <= LONGEST && !OWN.contains(name));
        if known.is_none() || value.len() > LONGEST || value.parse::<HeaderValue>().is_err() {
            return Err(ApiError::bad_request(format!("headers must not contain {name:?}, or not with this value")));
        }
    }
    change(&engine, &id, |organization| organization.otel = Some(OtelConfig { endpoint, headers }))
}

/// `DELETE /organizations/{id}/otel-config`.
async fn remove(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    of_owner(&engine, &*caller::current()?, &id)?;
    change(&engine, &id, |organization| organization.otel = None)
}

/// `GET /organizations/otel-config/by-sandbox-auth-token/{token}`, for whoever started the engine: the platform's collector asks so.
async fn of_sandbox(State(engine): Shared, Path(token): Path<String>) -> ApiResult<Json<Value>> {
    if !caller::current()?.operator {
        return Err(ApiError::forbidden());
    }
    let has_token = |entry: &Arc<Entry>| entry.with_record(|record| secret::equal(&record.auth_token, &token));
    let entry = engine.registry.all().into_iter().find(has_token).ok_or_else(missing)?;
    let id = entry.with_record(|record| engine.owner_of(record));
    let config = engine.accounts.organizations.get(&id).and_then(|organization| organization.otel);
    config.map(|config| document(&id, &config)).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_plain_urls() {
        for endpoint in ["http://localhost:4318", "https://otlp.example.com/base/"] {
            assert!(is_endpoint(endpoint), "{endpoint}");
        }
        for endpoint in ["", "otlp.example.com", "ftp://x", "https://user:key@x", "https://x/?key=1", "https://x/#a"] {
            assert!(!is_endpoint(endpoint), "{endpoint}");
        }
    }
}
