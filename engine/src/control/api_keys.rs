//! API keys (wire, appendix A). A value is shown once, when it is made.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::accounts::caller::{self, Caller};
use crate::accounts::model::{ApiKey, masked};
use crate::accounts::permissions;
use crate::clock;
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};

type Shared = State<Arc<Engine>>;

/// Keys that one user may have in one organization.
const MOST: usize = 500;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/api-keys", get(list).post(create))
        .route("/api-keys/current", get(current))
        .route("/api-keys/{name}", get(one).delete(remove))
        .route("/api-keys/{user_id}/{name}", delete(remove_of))
}

fn keys_of(engine: &Engine, caller: &Caller, user_id: &str) -> Vec<ApiKey> {
    let mine = |key: &ApiKey| key.organization_id == caller.organization_id && key.user_id == user_id;
    engine.accounts.keys.select(mine)
}

/// `GET /api-keys`: those of the user; of everybody for whoever owns the organization.
async fn list(State(engine): Shared) -> ApiResult<Json<Value>> {
    let caller = caller::current()?;
    let mine =
        |key: &ApiKey| key.organization_id == caller.organization_id && (caller.owner || key.user_id == caller.user_id);
    let mut keys = engine.accounts.keys.select(mine);
    keys.sort_by(|left, right| (&right.created_at, &left.name).cmp(&(&left.created_at, &right.name)));
    Ok(Json(keys.iter().map(ApiKey::document).collect()))
}

/// `POST /api-keys`.
async fn create(State(engine): Shared, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    let caller = caller::current()?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let name = fields.display_name("name").filter(|name| !name.trim().is_empty());
    let wanted = fields.array("permissions").cloned();
    let expires_at = fields.string("expiresAt");
    fields.finish()?;
    let name = name.ok_or_else(|| ApiError::bad_request("name should not be empty"))?;
    let wanted = read_permissions(&wanted.ok_or_else(|| ApiError::bad_request("permissions must be an array"))?)?;
    if let Some(missing) = wanted.iter().find(|permission| !caller.may(permission)) {
        return Err(ApiError::not_permitted(missing));
    }
    let expires_at = expires_at.map(|text| read_time("expiresAt", &text)).transpose()?;
    if keys_of(&engine, &caller, &caller.user_id).len() >= MOST {
        return Err(ApiError::bad_request(format!(
            "A user has at most {MOST} API keys in an organization: delete some"
        )));
    }
    let (value, key) = engine.accounts.create_key(&caller, name, wanted, expires_at)?;
    let mut document = key.document();
    document["value"] = json!(value);
    if let Some(fields) = document.as_object_mut() {
        fields.remove("lastUsedAt");
        fields.remove("userId");
    }
    Ok((StatusCode::CREATED, Json(document)))
}

/// Permissions by their names on the wire, each once.
pub fn read_permissions(wanted: &[Value]) -> ApiResult<Vec<String>> {
    let known = |value: &Value| permissions::ALL.iter().find(|known| value.as_str() == Some(known));
    if wanted.iter().any(|value| known(value).is_none()) {
        let all = permissions::ALL.join(", ");
        return Err(ApiError::bad_request(format!(
            "each value in permissions must be one of the following values: {all}"
        )));
    }
    let all = permissions::ALL.iter().filter(|known| wanted.iter().any(|value| value.as_str() == Some(known)));
    Ok(all.map(|permission| (*permission).to_owned()).collect())
}

/// A time in the future, as the wire writes it.
pub fn read_time(name: &str, text: &str) -> ApiResult<String> {
    let time = clock::parse(text).ok_or_else(|| ApiError::bad_request(format!("{name} must be a Date instance")))?;
    if time <= clock::now() {
        return Err(ApiError::bad_request(format!("{name} must be in the future")));
    }
    Ok(clock::iso(time))
}

/// `GET /api-keys/current`.
async fn current(State(engine): Shared) -> ApiResult<Json<Value>> {
    let caller = caller::current()?;
    let Some((prefix, suffix)) = &caller.key else { return Err(ApiError::not_found("API key not found")) };
    let known = caller
        .key_name
        .as_ref()
        .and_then(|name| keys_of(&engine, &caller, &caller.user_id).into_iter().find(|key| key.name == *name));
    if let Some(key) = known {
        let mut document = key.document();
        document["organizationId"] = json!(caller.organization_id);
        return Ok(Json(document));
    }
    Ok(Json(json!({
        "name": "local",
        "value": masked(prefix, suffix),
        "createdAt": engine.started_at,
        "permissions": permissions::ALL,
        "lastUsedAt": null,
        "expiresAt": null,
        "userId": caller.user_id,
        "organizationId": caller.organization_id,
    })))
}

fn find(engine: &Engine, caller: &Caller, user_id: &str, name: &str) -> ApiResult<ApiKey> {
    let found = keys_of(engine, caller, user_id).into_iter().find(|key| key.name == name);
    found.ok_or_else(|| ApiError::not_found(format!("API key {name} not found")))
}

/// `GET /api-keys/{name}`.
async fn one(State(engine): Shared, Path(name): Path<String>) -> ApiResult<Json<Value>> {
    let caller = caller::current()?;
    find(&engine, &caller, &caller.user_id, &name).map(|key| Json(key.document()))
}

/// `DELETE /api-keys/{name}`.
async fn remove(State(engine): Shared, Path(name): Path<String>) -> ApiResult<StatusCode> {
    let caller = caller::current()?;
    let key = find(&engine, &caller, &caller.user_id, &name)?;
    engine.accounts.keys.remove(&key.id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api-keys/{userId}/{name}`: of another user, by whoever owns the organization.
async fn remove_of(State(engine): Shared, Path((user_id, name)): Path<(String, String)>) -> ApiResult<StatusCode> {
    let caller = caller::current()?;
    if user_id != caller.user_id {
        caller.require_owner()?;
    }
    let key = find(&engine, &caller, &user_id, &name)?;
    engine.accounts.keys.remove(&key.id)?;
    Ok(StatusCode::NO_CONTENT)
}
