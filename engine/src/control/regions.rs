//! Regions: those of this machine, and those that an organization has named (wire, appendix A).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::accounts::model::Region;
use crate::accounts::{caller, hash, now};
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::REGIONS;
use crate::secret;

type Shared = State<Arc<Engine>>;

/// Regions that one organization may have.
const MOST: usize = 50;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/regions", get(list).post(create))
        .route("/shared-regions", get(shared))
        .route("/regions/{id}", get(one).patch(update).delete(remove))
        .route("/regions/{id}/regenerate-proxy-api-key", post(proxy_key))
        .route("/regions/{id}/regenerate-ssh-gateway-api-key", post(ssh_gateway_key))
        .route("/regions/{id}/regenerate-snapshot-manager-credentials", post(snapshot_manager))
}

fn shared_region(engine: &Engine, name: &str) -> Value {
    json!({
        "id": name,
        "name": name,
        "organizationId": null,
        "regionType": "shared",
        "createdAt": engine.started_at,
        "updatedAt": engine.started_at,
        "proxyUrl": engine.origin,
        "sshGatewayUrl": null,
        "snapshotManagerUrl": null,
    })
}

/// `GET /shared-regions`.
async fn shared(State(engine): Shared) -> Json<Value> {
    Json(REGIONS.map(|name| shared_region(&engine, name)).into())
}

/// `GET /regions`.
async fn list(State(engine): Shared) -> Json<Value> {
    let own = engine.accounts.regions.select(|region| caller::sees(&region.organization_id));
    Json(REGIONS.iter().map(|name| shared_region(&engine, name)).chain(own.iter().map(Region::document)).collect())
}

fn find(engine: &Engine, id: &str) -> ApiResult<Region> {
    let found = engine.accounts.regions.get(id).filter(|region| caller::sees(&region.organization_id));
    found.ok_or_else(|| match REGIONS.contains(&id) {
        true => ApiError::forbidden_because(format!("Region {id} is shared and cannot be changed")),
        false => ApiError::not_found(format!("Region {id} not found")),
    })
}

async fn one(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    match REGIONS.contains(&id.as_str()) {
        true => Ok(Json(shared_region(&engine, &id))),
        false => find(&engine, &id).map(|region| Json(region.document())),
    }
}

async fn create(State(engine): Shared, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    let caller = caller::current()?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let name = fields.string("name");
    let proxy_url = fields.string("proxyUrl");
    let ssh_gateway_url = fields.string("sshGatewayUrl");
    let snapshot_manager_url = fields.string("snapshotManagerUrl");
    fields.finish()?;
    let plain = |name: &String| {
        !name.is_empty() && name.len() <= 255 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let name = name.filter(plain).ok_or_else(|| {
        ApiError::bad_request("name must consist of letters, digits, underscores, periods and hyphens")
    })?;
    let mut region = Region {
        id: uuid::Uuid::new_v4().to_string(),
        organization_id: caller.organization_id.clone(),
        name: name.clone(),
        proxy_url,
        ssh_gateway_url,
        snapshot_manager_url,
        credentials: BTreeMap::new(),
        created_at: now(),
        updated_at: now(),
    };
    let mut make = |wanted: bool, name: &str| {
        wanted.then(|| {
            let value = secret::token(48);
            region.credentials.insert(name.to_owned(), hash(&value));
            value
        })
    };
    let answer = json!({
        "proxyApiKey": make(region.proxy_url.is_some(), "proxy"),
        "sshGatewayApiKey": make(region.ssh_gateway_url.is_some(), "ssh-gateway"),
        "snapshotManagerUsername": region.snapshot_manager_url.as_ref().map(|_| "daytona"),
        "snapshotManagerPassword": make(region.snapshot_manager_url.is_some(), "snapshot-manager"),
        "id": region.id,
    });
    if engine.accounts.regions.select(|known| known.organization_id == region.organization_id).len() >= MOST {
        return Err(ApiError::bad_request(format!("An organization has at most {MOST} regions: delete some")));
    }
    let same = |known: &Region| known.organization_id == region.organization_id && known.name == name;
    if REGIONS.contains(&name.as_str()) || !engine.accounts.regions.add(&region.id, region.clone(), same)? {
        return Err(ApiError::conflict(format!("Region with name {name} already exists")));
    }
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn update(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    find(&engine, &id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let proxy_url = fields.string("proxyUrl");
    let ssh_gateway_url = fields.string("sshGatewayUrl");
    let snapshot_manager_url = fields.string("snapshotManagerUrl");
    fields.finish()?;
    engine.accounts.regions.update(&id, |region| {
        let given = |name: &str| body.contains_key(name);
        if given("proxyUrl") {
            region.proxy_url = proxy_url;
        }
        if given("sshGatewayUrl") {
            region.ssh_gateway_url = ssh_gateway_url;
        }
        if given("snapshotManagerUrl") {
            region.snapshot_manager_url = snapshot_manager_url;
        }
        region.updated_at = now();
    })?;
    Ok(StatusCode::OK)
}

async fn remove(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    find(&engine, &id)?;
    engine.accounts.regions.remove(&id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new credential in place of the last one.
fn regenerate(engine: &Engine, id: &str, name: &str) -> ApiResult<String> {
    find(engine, id)?;
    let value = secret::token(48);
    engine.accounts.regions.update(id, |region| drop(region.credentials.insert(name.to_owned(), hash(&value))))?;
    Ok(value)
}

async fn proxy_key(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(json!({"apiKey": regenerate(&engine, &id, "proxy")?})))
}

async fn ssh_gateway_key(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(json!({"apiKey": regenerate(&engine, &id, "ssh-gateway")?})))
}

async fn snapshot_manager(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    Ok(Json(json!({"username": "daytona", "password": regenerate(&engine, &id, "snapshot-manager")?})))
}
