//! Access to a sandbox by SSH (wire.md 2.2).

use derive_more::Debug;
use serde::{Deserialize, Serialize};

/// A token with which `ssh` enters a sandbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SshAccessDto {
    /// Id of the access.
    pub id: String,
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// The token: the user's name for `ssh`. Whoever has it may enter the sandbox.
    #[debug("[secret]")]
    pub token: String,
    /// Time when the token expires, ISO 8601.
    pub expires_at: String,
    /// Time when the access was created, ISO 8601.
    pub created_at: String,
    /// Time when the access last changed, ISO 8601.
    pub updated_at: String,
    /// The command that connects, such as `ssh -p 2222 TOKEN@127.0.0.1`.
    #[debug("[secret]")]
    pub ssh_command: String,
}

/// Whether a token for SSH is good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SshAccessValidationDto {
    /// Whether the token can be used now.
    pub valid: bool,
    /// Id of the sandbox that the token opens; empty when it is not valid.
    #[serde(deserialize_with = "super::null_as_default")]
    pub sandbox_id: String,
}
