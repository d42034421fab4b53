//! Secrets (wire-additions.md 2.6).

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{null_as_default, whole};

/// A secret: a value that sandboxes use without having it. The value itself is never returned.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Id.
    pub id: String,
    /// Name, unique in the organization.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Text that sandboxes have in place of the value. It is replaced in requests to the hosts.
    pub placeholder: String,
    /// Hosts the value may be sent to; empty = any host.
    #[serde(deserialize_with = "null_as_default")]
    pub hosts: Vec<String>,
    /// Time when it was created, ISO 8601.
    pub created_at: String,
    /// Time when it last changed, ISO 8601.
    pub updated_at: String,
}

/// A new secret.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateSecretParams {
    /// Name, unique in the organization: a letter or underscore, then letters, digits, underscores and hyphens.
    pub name: String,
    /// The value. No call returns it.
    #[debug("[secret]")]
    pub value: String,
    /// Description. Default: none.
    pub description: Option<String>,
    /// Host names the value may be sent to, `*.example.com` for all below a name, without ports. Default: any host.
    pub hosts: Option<Vec<String>>,
}

/// Changes of a secret.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateSecretParams {
    /// New value. Default: as it is.
    #[debug("[secret]")]
    pub value: Option<String>,
    /// New description. Default: as it is.
    pub description: Option<String>,
    /// Host names the value may be sent to from now on; empty = any host. Default: as they are.
    pub hosts: Option<Vec<String>>,
}

/// Options of `secret.list`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListSecretsOptions {
    /// `next_cursor` of the page before. Default: the first page.
    pub cursor: Option<String>,
    /// Secrets per page, 1 to 200. Default: 100.
    pub limit: Option<i64>,
    /// Part of the name. Default: all names.
    pub name: Option<String>,
    /// Field to sort by: `name`, `createdAt` (default) or `updatedAt`.
    pub sort: Option<String>,
    /// Direction: `asc` or `desc` (default).
    pub order: Option<String>,
}

/// One page of secrets.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListSecretsResponse {
    /// Secrets of this page.
    pub items: Vec<Secret>,
    /// Number of secrets on all pages.
    #[serde(deserialize_with = "whole")]
    pub total: i64,
    /// Cursor of the next page; none on the last one.
    pub next_cursor: Option<String>,
}
