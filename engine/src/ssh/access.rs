//! Tokens for SSH: `POST`, `DELETE /sandbox/{id}/ssh-access` and `GET /sandbox/ssh-access/validate` (wire 2.2).
//!
//! A sandbox has one token at most. It is in the sandbox's record, and only as a hash, so it outlives the engine and nobody
//! who reads the state directory can use it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::control::query::Parameters;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{State as SandboxState, now_millis};
use crate::secret;

type Shared = State<Arc<Engine>>;

/// How long a token is good for when the client says nothing, and at most: ten years.
const DEFAULT_MINUTES: u64 = 60;
const MAX_MINUTES: u64 = 10 * 366 * 24 * 60;

/// Letters of a token, as on the platform.
const TOKEN_LENGTH: usize = 32;

/// The right to enter a sandbox by SSH. Times are UTC milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshAccess {
    /// UUID v4.
    pub id: String,
    /// The token's SHA-256, in hexadecimal digits.
    pub token_hash: String,
    /// When it ends.
    pub expires_at: i64,
}

impl SshAccess {
    /// How long it is good for, in milliseconds; 0 when it has expired.
    pub fn left(&self) -> u64 {
        u64::try_from(self.expires_at - now_millis()).unwrap_or(0)
    }

    fn is_for(&self, token_hash: &str) -> bool {
        secret::equal(&self.token_hash, token_hash)
    }
}

fn hash(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sandbox that a token opens, and its access. Takes as long for every token: all sandboxes are looked at.
pub fn find(engine: &Engine, token: &str) -> Option<(Arc<Entry>, SshAccess)> {
    let wanted = hash(token);
    let mut found = None;
    for entry in engine.registry.all() {
        let access = entry.with_record(|record| {
            let gone = matches!(record.state, SandboxState::Destroying | SandboxState::Destroyed);
            let access = record.ssh_access.as_ref();
            let fits = access.is_some_and(|access| access.is_for(&wanted) & (access.left() > 0) & !gone);
            fits.then(|| access.cloned()).flatten()
        });
        if let Some(access) = access {
            found = Some((entry, access));
        }
    }
    found
}

/// `POST /sandbox/{id}/ssh-access?expiresInMinutes`: ends an earlier token.
pub async fn create(
    State(engine): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let minutes = parameters.number("expiresInMinutes", 1, MAX_MINUTES)?.unwrap_or(DEFAULT_MINUTES);
    let entry = engine.registry.get(&id)?;
    let token = secret::token(TOKEN_LENGTH);
    let now = now_millis();
    let access = SshAccess {
        id: uuid::Uuid::new_v4().to_string(),
        token_hash: hash(&token),
        expires_at: now.saturating_add_unsigned(minutes * 60_000),
    };
    let (given, iso) = (access.clone(), |millis| clock::iso(clock::from_millis(millis)));
    engine.change_stored(&entry, |record| record.ssh_access = Some(access)).await?;
    Ok(Json(json!({
        "id": given.id,
        "sandboxId": entry.with_record(|record| record.id.clone()),
        "token": token,
        "expiresAt": iso(given.expires_at),
        "createdAt": iso(now),
        "updatedAt": iso(now),
        "sshCommand": engine.ssh.command(&token),
    })))
}

/// `DELETE /sandbox/{id}/ssh-access?token`: ends this token, or whichever there is. Answers with the sandbox.
pub async fn revoke(
    State(engine): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let entry = engine.registry.get(&id)?;
    let token = parameters.text("token").map(hash);
    let has = entry.with_record(|record| match (&record.ssh_access, &token) {
        (Some(access), Some(token)) => access.is_for(token),
        (access, None) => access.is_some(),
        (None, Some(_)) => false,
    });
    if has {
        engine.change_stored(&entry, |record| record.ssh_access = None).await?;
    }
    Ok(Json(engine.document(&entry)))
}

/// `GET /sandbox/ssh-access/validate?token`.
pub async fn validate(State(engine): Shared, RawQuery(query): RawQuery) -> ApiResult<Json<Value>> {
    let parameters = Parameters::read(query.as_deref())?;
    let token = parameters.text("token").ok_or_else(|| ApiError::bad_request("token must be given"))?;
    let found = find(&engine, token);
    let sandbox_id = found.as_ref().map(|(entry, _)| entry.with_record(|record| record.id.clone()));
    Ok(Json(json!({ "valid": found.is_some(), "sandboxId": sandbox_id.unwrap_or_default() })))
}
