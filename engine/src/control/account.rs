//! The one user, organisation and region of a local engine, and what it says of itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use daytona_toolbox::Compat;
use serde_json::{Value, json};

use crate::accounts::rate_limits::Throttler;
use crate::control::create::MAX_ARCHIVE_MINUTES;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::gateway::credentials::parameter;
use crate::sandboxes::sandbox::{LOCAL_REGION, REGIONS};
use crate::sandboxes::snapshot::{self, MAX_RESOURCES};

type Shared = State<Arc<Engine>>;

/// The user every request comes from.
const USER_ID: &str = "local";

/// `GET /health`, without credentials. A `challenge` in the query is answered with `proof`: the HMAC-SHA256, in
/// hexadecimal digits, of `daytona-local-engine:` and the challenge under the API key.
pub async fn health(State(engine): Shared, RawQuery(query): RawQuery) -> Json<Value> {
    let mut health = engine.health();
    if let Some(challenge) = query.as_deref().and_then(|query| parameter(query, "challenge")) {
        health["proof"] = json!(daytona_discovery::prove(&engine.api_key, challenge));
    }
    Json(health)
}

/// `GET /config`, without credentials.
pub async fn config(State(engine): Shared) -> Json<Value> {
    let mut config = json!({
        "version": engine.identity.version,
        "oidc": {"issuer": "", "clientId": "", "audience": "", "provider": "none"},
        "linkedAccountsEnabled": false,
        "announcements": {},
        "proxyTemplateUrl": format!("http://{{{{PORT}}}}-{{{{sandboxId}}}}.localhost:{}", engine.port),
        "proxyToolboxUrl": engine.identity.toolbox_url,
        "defaultSnapshot": snapshot::DEFAULT_NAME,
        "dashboardUrl": "",
        "maxAutoArchiveInterval": MAX_ARCHIVE_MINUTES,
        "maintananceMode": false,
        "environment": "local",
        "sshGatewayCommand": engine.ssh.command("{{TOKEN}}"),
        "sshGatewayPublicKey": engine.ssh.key.public_base64(),
    });
    config["rateLimit"] = engine.rate_limits.document();
    if engine.compat == Compat::Newest {
        config["sshGatewayHost"] = json!(engine.ssh.host());
        config["sshGatewayPort"] = json!(engine.ssh.address.port());
        config["sshGatewayHostKeys"] = json!([engine.ssh.key.public()]);
        config["sshGatewayHostKeyFingerprints"] = json!([engine.ssh.key.fingerprint()]);
    }
    Json(config)
}

/// `GET /regions` and `GET /shared-regions`.
pub async fn regions(State(engine): Shared) -> Json<Value> {
    let region = |name: &str| {
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
    };
    Json(REGIONS.map(region).into())
}

/// `GET /users/me`.
pub async fn user(State(engine): Shared) -> Json<Value> {
    Json(json!({
        "id": USER_ID,
        "name": USER_ID,
        "email": "",
        "emailVerified": false,
        "publicKeys": [],
        "createdAt": engine.started_at,
    }))
}

fn the_organization(engine: &Engine) -> Value {
    let requests = |throttler| engine.rate_limits.get(throttler).map(|limit| limit.requests);
    let seconds = |throttler| engine.rate_limits.get(throttler).map(|limit| limit.seconds);
    json!({
        "id": engine.identity.organization_id,
        "name": "Local",
        "createdBy": USER_ID,
        "personal": true,
        "createdAt": engine.started_at,
        "updatedAt": engine.started_at,
        "suspended": false,
        "suspendedAt": engine.started_at,
        "suspensionReason": "",
        "suspendedUntil": engine.started_at,
        "suspensionCleanupGracePeriodHours": 0,
        "maxCpuPerSandbox": MAX_RESOURCES.cpu,
        "maxMemoryPerSandbox": MAX_RESOURCES.memory,
        "maxDiskPerSandbox": MAX_RESOURCES.disk,
        "snapshotDeactivationTimeoutMinutes": 20_160,
        "sandboxLimitedNetworkEgress": true,
        "defaultRegionId": LOCAL_REGION,
        "authenticatedRateLimit": requests(Throttler::Authenticated),
        "sandboxCreateRateLimit": requests(Throttler::SandboxCreate),
        "sandboxLifecycleRateLimit": requests(Throttler::SandboxLifecycle),
        "experimentalConfig": {},
        "otelConfig": null,
        "authenticatedRateLimitTtlSeconds": seconds(Throttler::Authenticated),
        "sandboxCreateRateLimitTtlSeconds": seconds(Throttler::SandboxCreate),
        "sandboxLifecycleRateLimitTtlSeconds": seconds(Throttler::SandboxLifecycle),
        "secretQuota": 0,
        "maxSecretsPerSandbox": 0,
        "previewWarningEnabled": false,
        "ssoEnabled": false,
        "scimEnabled": false,
    })
}

/// `GET /organizations`.
pub async fn organizations(State(engine): Shared) -> Json<Value> {
    Json(json!([the_organization(&engine)]))
}

/// `GET /organizations/{id}`.
pub async fn organization(State(engine): Shared, Path(id): Path<String>) -> ApiResult<Json<Value>> {
    if id != engine.identity.organization_id {
        return Err(ApiError::not_found(format!("Organization with ID {id} not found")));
    }
    Ok(Json(the_organization(&engine)))
}

/// `GET /api-keys/current`: the engine's key, masked.
pub async fn current_api_key(State(engine): Shared) -> Json<Value> {
    Json(json!({
        "name": "local",
        "value": "dtn_local_********",
        "createdAt": engine.started_at,
        "permissions": ["write:sandboxes", "delete:sandboxes"],
        "lastUsedAt": null,
        "expiresAt": null,
        "userId": USER_ID,
    }))
}
