//! What a local engine says of itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use daytona_toolbox::Compat;
use serde_json::{Value, json};

use crate::control::create::MAX_ARCHIVE_MINUTES;
use crate::engine::Engine;
use crate::gateway::credentials::parameter;
use crate::sandboxes::snapshot;

type Shared = State<Arc<Engine>>;

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
    let oidc = match engine.accounts.issuer() {
        Some(issuer) => json!({
            "issuer": issuer.url,
            "clientId": issuer.client_id,
            "audience": issuer.audience,
            "provider": "oidc",
        }),
        None => json!({"issuer": "", "clientId": "", "audience": "", "provider": "none"}),
    };
    let mut config = json!({
        "version": engine.identity.version,
        "oidc": oidc,
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
