//! Users, organizations, and what belongs to them, as they are stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The user every engine has: whoever started it.
pub const OPERATOR: &str = "local";

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    pub name: String,
    pub email: String,
    pub email_verified: bool,
    pub created_at: String,
}

/// A time in which nothing may be started.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Suspension {
    pub at: String,
    pub reason: String,
    pub until: String,
    pub cleanup_grace_hours: i64,
}

/// Whoever shares sandboxes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Organization {
    pub id: String,
    pub name: String,
    pub created_by: String,
    pub personal: bool,
    pub created_at: String,
    pub updated_at: String,
    pub default_region_id: Option<String>,
    pub suspension: Option<Suspension>,
    pub limited_egress: bool,
    pub preview_warning: bool,
    pub experimental: Value,
    /// Where the telemetry of its sandboxes goes.
    #[serde(default)]
    pub otel: Option<OtelConfig>,
    /// Limits that differ from the engine's, by their names on the wire.
    pub quota: serde_json::Map<String, Value>,
}

/// A server that takes telemetry.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OtelConfig {
    /// The URL that `/v1/logs` and the like are appended to.
    pub endpoint: String,
    /// Headers of each request; they may hold a key.
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for OtelConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtelConfig").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// An organization that is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dissolved {
    pub at: String,
}

/// A user in an organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Member {
    pub organization_id: String,
    pub user_id: String,
    /// `owner` or `member`.
    pub role: String,
    pub assigned_role_ids: Vec<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// Permissions under a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Role {
    pub id: String,
    /// `None` for those that every organization has.
    pub organization_id: Option<String>,
    pub name: String,
    pub description: String,
    pub permissions: Vec<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// An offer to become a member.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invitation {
    pub id: String,
    pub email: String,
    pub invited_by: String,
    pub organization_id: String,
    pub role: String,
    pub assigned_role_ids: Vec<String>,
    /// `pending`, `accepted`, `declined` or `cancelled`.
    pub status: String,
    pub expires_at: String,
    pub created_at: String,
    pub updated_at: String,
}

/// An API key. Its value is not kept; its id is the value's SHA-256.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: String,
    pub name: String,
    pub user_id: String,
    pub organization_id: String,
    pub permissions: Vec<String>,
    pub prefix: String,
    pub suffix: String,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub last_used_at: Option<String>,
}

/// A registry of images and how to log in to it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Registry {
    pub id: String,
    pub organization_id: String,
    pub name: String,
    pub url: String,
    pub username: String,
    pub password: String,
    pub project: String,
    pub created_at: String,
    pub updated_at: String,
}

/// A region of an organization's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Region {
    pub id: String,
    pub organization_id: String,
    pub name: String,
    pub proxy_url: Option<String>,
    pub ssh_gateway_url: Option<String>,
    pub snapshot_manager_url: Option<String>,
    /// SHA-256 of the credentials that were handed out, by their names.
    pub credentials: BTreeMap<String, String>,
    pub created_at: String,
    pub updated_at: String,
}

impl ApiKey {
    /// As lists show it.
    pub fn document(&self) -> Value {
        json!({
            "name": self.name,
            "value": masked(&self.prefix, &self.suffix),
            "createdAt": self.created_at,
            "permissions": self.permissions,
            "lastUsedAt": self.last_used_at,
            "expiresAt": self.expires_at,
            "userId": self.user_id,
        })
    }
}

/// A key of which only the ends are shown.
pub fn masked(prefix: &str, suffix: &str) -> String {
    format!("{prefix}********************{suffix}")
}

impl Role {
    /// As the wire shows it.
    pub fn document(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "permissions": self.permissions,
            "isGlobal": self.organization_id.is_none(),
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        })
    }
}

impl Registry {
    /// As the wire shows it, without the password.
    pub fn document(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "username": self.username,
            "project": self.project,
            "registryType": "organization",
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        })
    }
}

impl Region {
    /// As the wire shows it.
    pub fn document(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "organizationId": self.organization_id,
            "regionType": "custom",
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
            "proxyUrl": self.proxy_url,
            "sshGatewayUrl": self.ssh_gateway_url,
            "snapshotManagerUrl": self.snapshot_manager_url,
        })
    }
}
