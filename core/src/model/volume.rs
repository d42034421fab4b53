//! Volumes (wire.md 2.7).

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// State of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeState {
    /// Being created.
    Creating,
    /// Can be mounted.
    Ready,
    /// To be created.
    PendingCreate,
    /// To be deleted.
    PendingDelete,
    /// Being deleted.
    Deleting,
    /// Deleted.
    Deleted,
    /// Failed; `error_reason` says why.
    Error,
    /// A state this version does not know, as the server named it.
    #[serde(untagged)]
    Other(String),
}

impl Default for VolumeState {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

/// A volume: a directory that sandboxes share and that outlives them.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    /// Id.
    pub id: String,
    /// Name, unique in the organization.
    pub name: String,
    /// Id of the organization it belongs to.
    pub organization_id: String,
    /// State.
    pub state: VolumeState,
    /// Time when it was created, ISO 8601.
    pub created_at: String,
    /// Time when it last changed, ISO 8601.
    pub updated_at: String,
    /// Time when it was last mounted into a sandbox, ISO 8601.
    pub last_used_at: Option<String>,
    /// Why it failed.
    pub error_reason: Option<String>,
}

/// Options of `volume.get`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetVolumeOptions {
    /// Whether to create the volume when there is none, and wait until it is ready. Default: false.
    pub create: Option<bool>,
}
