//! Users and organizations (wire, appendix A).
//!
//! Routes that name an organization are for its members, changes for its owners, limits and suspensions for whoever started the
//! engine. To everybody else the organization does not exist.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::accounts::caller::{self, Caller};
use crate::accounts::model::{Member, Organization, Suspension};
use crate::accounts::rate_limits::Throttler;
use crate::accounts::{now, quota};
use crate::control::validation::{self, Fields};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::{LOCAL_REGION, REGIONS};
use crate::secrets;

type Shared = State<Arc<Engine>>;

/// Organizations that one user may make.
const MOST: usize = 100;

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/users/me", get(user))
        .route("/organizations", get(list).post(create))
        .route("/organizations/{id}", get(one).delete(remove))
        .route("/organizations/{id}/default-region", patch(set_default_region))
        .route("/organizations/{id}/usage", get(usage))
        .route("/organizations/{id}/quota", patch(set_quota))
        .route("/organizations/{id}/quota/{region_id}", patch(set_region_quota))
        .route("/organizations/{id}/leave", post(leave))
        .route("/organizations/{id}/suspend", post(suspend))
        .route("/organizations/{id}/unsuspend", post(unsuspend))
        .route("/organizations/{id}/sandbox-default-limited-network-egress", post(set_egress))
        .route("/organizations/{id}/preview-warning", post(set_preview_warning))
        .route("/organizations/{id}/experimental-config", put(set_experimental))
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Organization with ID {id} not found"))
}

/// An organization and the caller's place in it; 404 for everybody else.
pub fn of_member(engine: &Engine, caller: &Caller, id: &str) -> ApiResult<(Organization, Member)> {
    let member = engine.accounts.member(id, &caller.user_id).ok_or_else(|| missing(id))?;
    let organization = engine.accounts.organizations.get(id).ok_or_else(|| missing(id))?;
    Ok((organization, member))
}

/// The same for owners; 403 for other members, and for keys that were created: they allow what they say, not all that their
/// user may do.
pub fn of_owner(engine: &Engine, caller: &Caller, id: &str) -> ApiResult<Organization> {
    let (organization, member) = of_member(engine, caller, id)?;
    if member.role == "owner" && caller.key_name.is_none() { Ok(organization) } else { Err(ApiError::forbidden()) }
}

/// The same for whoever started the engine, member or not.
fn of_operator(engine: &Engine, caller: &Caller, id: &str) -> ApiResult<Organization> {
    if !caller.operator {
        return Err(ApiError::forbidden());
    }
    engine.accounts.organizations.get(id).ok_or_else(|| missing(id))
}

/// Changes an organization.
pub fn change(engine: &Engine, id: &str, change: impl FnOnce(&mut Organization)) -> ApiResult<StatusCode> {
    let changed = engine.accounts.organizations.update(id, |organization| {
        change(organization);
        organization.updated_at = now();
    })?;
    changed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| missing(id))
}

/// `GET /users/me`.
async fn user(State(engine): Shared) -> ApiResult<Json<Value>> {
    let caller = caller::current()?;
    let user = engine.accounts.users.get(&caller.user_id).ok_or_else(ApiError::invalid_credentials)?;
    Ok(Json(json!({
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "emailVerified": user.email_verified,
        "publicKeys": [],
        "createdAt": user.created_at,
    })))
}

fn document(engine: &Engine, organization: &Organization) -> Value {
    let requests = |throttler| engine.rate_limits.get(throttler).map(|limit| limit.requests);
    let seconds = |throttler| engine.rate_limits.get(throttler).map(|limit| limit.seconds);
    let suspension = organization.suspension.clone();
    let suspended = suspension.is_some();
    let suspension = suspension.unwrap_or_else(|| Suspension {
        at: organization.created_at.clone(),
        until: organization.created_at.clone(),
        ..Suspension::default()
    });
    json!({
        "id": organization.id,
        "name": organization.name,
        "createdBy": organization.created_by,
        "personal": organization.personal,
        "createdAt": organization.created_at,
        "updatedAt": organization.updated_at,
        "suspended": suspended,
        "suspendedAt": suspension.at,
        "suspensionReason": suspension.reason,
        "suspendedUntil": suspension.until,
        "suspensionCleanupGracePeriodHours": suspension.cleanup_grace_hours,
        "maxCpuPerSandbox": quota::of(organization, "maxCpuPerSandbox"),
        "maxMemoryPerSandbox": quota::of(organization, "maxMemoryPerSandbox"),
        "maxDiskPerSandbox": quota::of(organization, "maxDiskPerSandbox"),
        "snapshotDeactivationTimeoutMinutes": 20_160,
        "sandboxLimitedNetworkEgress": organization.limited_egress,
        "defaultRegionId": organization.default_region_id.as_deref().unwrap_or(LOCAL_REGION),
        "authenticatedRateLimit": requests(Throttler::Authenticated),
        "sandboxCreateRateLimit": requests(Throttler::SandboxCreate),
        "sandboxLifecycleRateLimit": requests(Throttler::SandboxLifecycle),
        "experimentalConfig": organization.experimental,
        // Without the headers, which may hold a key.
        "otelConfig": organization.otel.as_ref().map(|otel| json!({"endpoint": otel.endpoint, "headers": null})),
        "authenticatedRateLimitTtlSeconds": seconds(Throttler::Authenticated),
        "sandboxCreateRateLimitTtlSeconds": seconds(Throttler::SandboxCreate),
        "sandboxLifecycleRateLimitTtlSeconds": seconds(Throttler::SandboxLifecycle),
        "secretQuota": secrets::table::MOST,
        "maxSecretsPerSandbox": secrets::mounting::MOST,
        "previewWarningEnabled": organization.preview_warning,
        "ssoEnabled": false,
        "scimEnabled": false,
    })
}

/// `GET /organizations`: those the user is a member of.
async fn list(State(engine): Shared) -> ApiResult<Json<Value>> {
    let caller = caller::current()?;
    let mut mine =
        engine.accounts.organizations.select(|known| engine.accounts.member(&known.id, &caller.user_id).is_some());
    // The personal one first, then as they came.
    mine.sort_by(|left, right| (!left.personal, &left.created_at).cmp(&(!right.personal, &right.created_at)));
    Ok(Json(mine.iter().map(|organization| document(&engine, organization)).collect()))
}

/// `GET /organizations/{id}`.
async fn one(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let (organization, _) = of_member(&engine, &*caller::current()?, &id)?;
    Ok(Json(document(&engine, &organization)))
}

/// `POST /organizations`.
async fn create(State(engine): Shared, body: Bytes) -> ApiResult<(StatusCode, Json<Value>)> {
    let caller = caller::current()?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let name = fields.display_name("name").filter(|name| !name.trim().is_empty());
    let region = fields.string("defaultRegionId").filter(|region| !region.is_empty());
    fields.finish()?;
    let name = name.ok_or_else(|| ApiError::bad_request("name should not be empty"))?;
    known_region(&engine, region.as_deref())?;
    if engine.accounts.organizations.select(|known| known.created_by == caller.user_id).len() >= MOST {
        return Err(ApiError::forbidden_because(format!("A user makes at most {MOST} organizations: delete some")));
    }
    let id = uuid::Uuid::new_v4().to_string();
    let organization = engine.accounts.found(&id, &name, &caller.user_id, false, region)?;
    Ok((StatusCode::CREATED, Json(document(&engine, &organization))))
}

fn known_region(engine: &Engine, region: Option<&str>) -> ApiResult<()> {
    match region {
        Some(region) if !REGIONS.contains(&region) && engine.accounts.regions.get(region).is_none() => {
            Err(ApiError::not_found("Region not found"))
        }
        _ => Ok(()),
    }
}

/// `DELETE /organizations/{id}`: its snapshots, volumes and objects go while nobody waits.
async fn remove(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let organization = of_owner(&engine, &*caller::current()?, &id)?;
    if organization.personal {
        return Err(ApiError::forbidden_because("A personal organization cannot be deleted"));
    }
    engine.dissolve(&organization)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PATCH /organizations/{id}/default-region`.
async fn set_default_region(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let region = fields.string("defaultRegionId").filter(|region| !region.is_empty());
    fields.finish()?;
    let region = region.ok_or_else(|| ApiError::bad_request("defaultRegionId should not be empty"))?;
    known_region(&engine, Some(&region))?;
    change(&engine, &id, |organization| organization.default_region_id = Some(region))
}

/// `GET /organizations/{id}/usage`. All regions are this machine, so what is used is told with the default one.
async fn usage(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    let (organization, _) = of_member(&engine, &*caller::current()?, &id)?;
    let used = quota::usage(&engine, &id);
    let region = organization.default_region_id.as_deref().unwrap_or(LOCAL_REGION);
    Ok(Json(json!({
        "regionUsage": [quota::region_usage(&organization, region, used)],
        "totalSnapshotQuota": quota::of(&organization, "snapshotQuota"),
        "currentSnapshotUsage": engine.snapshots.of(&id).len(),
        "totalVolumeQuota": quota::of(&organization, "volumeQuota"),
        "currentVolumeUsage": engine.volumes.of(&id).len(),
    })))
}

async fn set_limits(engine: &Engine, id: &str, body: &[u8], names: &[&str]) -> ApiResult<StatusCode> {
    of_operator(engine, &*caller::current()?, id)?;
    let limits = quota::read(&validation::object(body)?, names)?;
    change(engine, id, |organization| {
        for (name, limit) in limits {
            match limit {
                Value::Null => drop(organization.quota.remove(&name)),
                limit => drop(organization.quota.insert(name, limit)),
            }
        }
    })
}

/// `PATCH /organizations/{id}/quota`.
async fn set_quota(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    let names = [
        "maxCpuPerSandbox",
        "maxMemoryPerSandbox",
        "maxDiskPerSandbox",
        "snapshotQuota",
        "volumeQuota",
        // This engine's alone.
        "objectStorageQuota",
    ];
    set_limits(&engine, &id, &body, &names).await
}

/// `PATCH /organizations/{id}/quota/{regionId}`.
async fn set_region_quota(
    State(engine): Shared,
    Path((id, region)): Path<(String, String)>,
    body: Bytes,
) -> ApiResult<StatusCode> {
    known_region(&engine, Some(&region))?;
    set_limits(&engine, &id, &body, &["totalCpuQuota", "totalMemoryQuota", "totalDiskQuota"]).await
}

/// `POST /organizations/{id}/leave`.
async fn leave(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    let caller = caller::current()?;
    let (organization, member) = of_member(&engine, &caller, &id)?;
    if organization.personal {
        return Err(ApiError::forbidden_because("A personal organization cannot be left"));
    }
    last_owner(&engine, &member)?;
    engine.accounts.leave(&id, &caller.user_id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fails when nobody else owns the organization.
pub fn last_owner(engine: &Engine, member: &Member) -> ApiResult<()> {
    let other = |known: &Member| {
        known.organization_id == member.organization_id && known.user_id != member.user_id && known.role == "owner"
    };
    if member.role == "owner" && !engine.accounts.members.any(other) {
        return Err(ApiError::forbidden_because("The organization would be left without an owner"));
    }
    Ok(())
}

/// `POST /organizations/{id}/suspend`.
async fn suspend(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    of_operator(&engine, &*caller::current()?, &id)?;
    let body = validation::object(&body)?;
    let mut fields = Fields::new(&body);
    let reason = fields.string("reason");
    let until = fields.string("until");
    let cleanup_grace_hours = fields.number("suspensionCleanupGracePeriodHours").unwrap_or(24);
    fields.finish()?;
    let suspension = Suspension {
        at: now(),
        reason: reason.unwrap_or_default(),
        until: until.map_or_else(|| Ok(now()), |until| super::api_keys::read_time("until", &until))?,
        cleanup_grace_hours,
    };
    change(&engine, &id, |organization| organization.suspension = Some(suspension))
}

/// `POST /organizations/{id}/unsuspend`.
async fn unsuspend(State(engine): Shared, Path(id): Path<String>) -> ApiResult<StatusCode> {
    of_operator(&engine, &*caller::current()?, &id)?;
    change(&engine, &id, |organization| organization.suspension = None)
}

fn read_flag(body: &[u8], name: &str) -> ApiResult<bool> {
    let body = validation::object(body)?;
    let mut fields = Fields::new(&body);
    let flag = fields.boolean(name);
    fields.finish()?;
    flag.ok_or_else(|| ApiError::bad_request(format!("{name} must be a boolean value")))
}

/// `POST /organizations/{id}/sandbox-default-limited-network-egress`.
async fn set_egress(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    of_operator(&engine, &*caller::current()?, &id)?;
    let limited = read_flag(&body, "sandboxDefaultLimitedNetworkEgress")?;
    change(&engine, &id, |organization| organization.limited_egress = limited)
}

/// `POST /organizations/{id}/preview-warning`.
async fn set_preview_warning(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    of_operator(&engine, &*caller::current()?, &id)?;
    let enabled = read_flag(&body, "previewWarningEnabled")?;
    change(&engine, &id, |organization| organization.preview_warning = enabled)
}

/// `PUT /organizations/{id}/experimental-config`.
async fn set_experimental(State(engine): Shared, Path(id): Path<String>, body: Bytes) -> ApiResult<StatusCode> {
    of_owner(&engine, &*caller::current()?, &id)?;
    let body = validation::object(&body)?;
    change(&engine, &id, |organization| organization.experimental = Value::Object(body)).map(|_| StatusCode::OK)
}
