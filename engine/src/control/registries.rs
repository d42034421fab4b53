//! Registries of images and how to log in to them (wire, appendix A). Passwords are never answered.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use crate::accounts::model::Registry;
use crate::accounts::{caller, now};
use crate::control::validation::Fields;
use crate::control::{unimplemented, validation};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};

type Shared = State<Arc<Engine>>;

/// Registries that one organization may have.
const MOST: usize = 100;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/docker-registry", get(list).post(create))
        .route("/docker-registry/registry-push-access", get(unimplemented::route))
        .route("/docker-registry/{id}", get(one).patch(update).delete(remove))
}

fn find(engine: &Engine, id: &str) -> ApiResult<Registry> {
    let found = engine.accounts.registries.get(id).filter(|registry| caller::sees(&registry.organization_id));
    found.ok_or_else(|| ApiError::not_found(format!("Docker registry with ID {id} not found")))
}

/// The fields of a request; the password may be left out of a change.
struct Wanted {
    name: String,
    url: String,
    username: String,
    password: Option<String>,
    project: Option<String>,
}

fn read(body: &[u8]) -> ApiResult<Wanted> {
    let body = validation::object(body)?;
    let mut fields = Fields::new(&body);
    let name = fields.display_name("name");
    let url = fields.string("url");
    let username = fields.string("username");
    let password = fields.string("password");
    let project = fields.string("project");
    fields.finish()?;
    let given = |name: &str, value: Option<String>| {
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::bad_request(format!("{name} should not be empty")))
    };
    let url = given("url", url)?;
    if url.contains(char::is_whitespace) || url.contains('@') {
        return Err(ApiError::bad_request("url must be an address such as registry.example/team, without credentials"));
    }
    Ok(Wanted { name: given("name", name)?, url, username: username.unwrap_or_default(), password, project })
}

async fn list(State(engine): Shared) -> ApiResult<Json<Value>> {
    let registries = engine.accounts.registries.select(|registry| caller::sees(&registry.organization_id));
    Ok(Json(registries.iter().map(Registry::document).collect()))
}

async fn create(State(engine): Shared, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    let caller = caller::current()?;
    let wanted = read(&body)?;
    let password = wanted.password.ok_or_else(|| ApiError::bad_request("password should not be empty"))?;
    if engine.accounts.registries.select(|registry| caller::sees(&registry.organization_id)).len() >= MOST {
        return Err(ApiError::bad_request(format!("An organization has at most {MOST} registries: delete some")));
    }
    let registry = Registry {
        id: uuid::Uuid::new_v4().to_string(),
        organization_id: caller.organization_id.clone(),
        name: wanted.name,
        url: wanted.url,
        username: wanted.username,
        password,
        project: wanted.project.unwrap_or_default(),
        created_at: now(),
        updated_at: now(),
    };
    engine.accounts.registries.put(&registry.id, registry.clone())?;
    Ok((StatusCode::CREATED, Json(registry.document())))
}

async fn one(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    find(&engine, &id).map(|registry| Json(registry.document()))
}

async fn update(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<Json<Value>> {
    find(&engine, &id)?;
    let wanted = read(&body)?;
    let changed = engine.accounts.registries.update(&id, |registry| {
        registry.name = wanted.name;
        registry.url = wanted.url;
        registry.username = wanted.username;
        if let Some(password) = wanted.password {
            registry.password = password;
        }
        if let Some(project) = wanted.project {
            registry.project = project;
        }
        registry.updated_at = now();
    })?;
    changed.map_or_else(|| find(&engine, &id), Ok).map(|registry| Json(registry.document()))
}

async fn remove(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    find(&engine, &id)?;
    engine.accounts.registries.remove(&id)?;
    Ok(StatusCode::NO_CONTENT)
}
