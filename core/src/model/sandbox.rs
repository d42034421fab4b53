//! Sandboxes and their states.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{null_as_default, whole, whole_if_any};

/// State of a sandbox (wire.md 2.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxState {
    /// Being created.
    Creating,
    /// Being restored from an archive.
    Restoring,
    /// Deleted.
    Destroyed,
    /// Being deleted.
    Destroying,
    /// Running.
    Started,
    /// Not running; its files are kept.
    Stopped,
    /// Being started.
    Starting,
    /// Being stopped.
    Stopping,
    /// Failed; `error_reason` has the reason.
    Error,
    /// Its image could not be built.
    BuildFailed,
    /// Waiting for its image to be built.
    PendingBuild,
    /// Its image is being built.
    BuildingSnapshot,
    /// Not known to the server.
    #[serde(rename = "unknown")]
    UnknownState,
    /// Its snapshot is being fetched.
    PullingSnapshot,
    /// Kept in object storage.
    Archived,
    /// Being archived.
    Archiving,
    /// Its resources are being changed.
    Resizing,
    /// A snapshot of it is being made.
    Snapshotting,
    /// A copy of it is being made.
    Forking,
    /// Being paused.
    Pausing,
    /// Frozen; its memory is kept.
    Paused,
    /// Being started again after a pause.
    Resuming,
    /// A state this version does not know, as the server named it.
    #[serde(untagged)]
    Other(String),
}

impl SandboxState {
    /// The names of all states that this version knows.
    pub const NAMES: [&str; 22] = [
        "creating",
        "restoring",
        "destroyed",
        "destroying",
        "started",
        "stopped",
        "starting",
        "stopping",
        "error",
        "build_failed",
        "pending_build",
        "building_snapshot",
        "unknown",
        "pulling_snapshot",
        "archived",
        "archiving",
        "resizing",
        "snapshotting",
        "forking",
        "pausing",
        "paused",
        "resuming",
    ];

    /// Whether the sandbox will not reach another state by waiting.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Error | Self::BuildFailed)
    }
}

/// The state a sandbox is meant to reach.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxDesiredState {
    /// Deleted.
    Destroyed,
    /// Running.
    Started,
    /// Not running.
    Stopped,
    /// With other resources.
    Resized,
    /// In object storage.
    Archived,
    /// Frozen.
    Paused,
    /// A state this version does not know, as the server named it.
    #[serde(untagged)]
    Other(String),
}

/// Kind of the GPUs of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GpuType {
    /// NVIDIA H100.
    #[serde(rename = "H100")]
    H100,
    /// NVIDIA RTX PRO 6000.
    #[serde(rename = "RTX-PRO-6000")]
    RtxPro6000,
    /// A kind this version does not know, as the server named it.
    #[serde(untagged)]
    Other(String),
}

/// A volume mounted into a sandbox.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VolumeMount {
    /// Id or name of the volume.
    pub volume_id: String,
    /// Absolute path in the sandbox.
    pub mount_path: String,
    /// Directory of the volume to mount instead of its root.
    pub subpath: Option<String>,
}

/// CPU, memory, disk and GPUs of a sandbox.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resources {
    /// Number of CPU cores.
    pub cpu: Option<i64>,
    /// Memory in GiB.
    pub memory: Option<i64>,
    /// Disk in GiB.
    pub disk: Option<i64>,
    /// Number of GPUs.
    pub gpu: Option<i64>,
}

/// Description of how the image of a sandbox is built.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BuildInfo {
    /// The Dockerfile.
    pub dockerfile_content: Option<String>,
    /// Hashes of the build contexts in object storage.
    pub context_hashes: Option<Vec<String>>,
    /// Time the build was requested, ISO 8601.
    pub created_at: Option<String>,
    /// Time the build last changed, ISO 8601.
    pub updated_at: Option<String>,
    /// Reference of the built snapshot.
    pub snapshot_ref: Option<String>,
}

/// A sandbox as the server describes it.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxInfo {
    /// Unique id.
    pub id: String,
    /// Organization the sandbox belongs to.
    pub organization_id: String,
    /// Name, unique in the organization; the id when none was given.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Snapshot the sandbox was created from.
    pub snapshot: Option<String>,
    /// Operating system user that commands run as.
    pub user: String,
    /// Environment variables of every process in the sandbox.
    #[serde(deserialize_with = "null_as_default")]
    #[debug("[secret]")]
    pub env: BTreeMap<String, String>,
    /// Labels.
    #[serde(deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
    /// Whether previews of the sandbox's ports need no authentication.
    pub public: bool,
    /// Whether all network access is blocked.
    pub network_block_all: Option<bool>,
    /// Comma-separated networks (CIDR) the sandbox may reach.
    pub network_allow_list: Option<String>,
    /// Comma-separated domains the sandbox may reach.
    pub domain_allow_list: Option<String>,
    /// Region the sandbox runs in.
    pub target: String,
    /// CPU cores.
    #[serde(deserialize_with = "whole")]
    pub cpu: i64,
    /// GPUs.
    #[serde(deserialize_with = "whole")]
    pub gpu: i64,
    /// Kind of its GPUs.
    pub gpu_type: Option<GpuType>,
    /// Memory in GiB.
    #[serde(deserialize_with = "whole")]
    pub memory: i64,
    /// Disk in GiB.
    #[serde(deserialize_with = "whole")]
    pub disk: i64,
    /// State of the sandbox.
    pub state: Option<SandboxState>,
    /// The state it is meant to reach.
    pub desired_state: Option<SandboxDesiredState>,
    /// Reason for the state `"error"` or `"build_failed"`.
    pub error_reason: Option<String>,
    /// Whether `recover` may bring it back from `error`.
    pub recoverable: Option<bool>,
    /// State of the backup.
    pub backup_state: Option<String>,
    /// Time of the last backup, ISO 8601.
    pub backup_created_at: Option<String>,
    /// Minutes without activity after which the sandbox stops; 0 = never.
    #[serde(deserialize_with = "whole_if_any")]
    pub auto_stop_interval: Option<i64>,
    /// Minutes after stopping until the sandbox is archived; 0 = the longest time the server allows.
    #[serde(deserialize_with = "whole_if_any")]
    pub auto_archive_interval: Option<i64>,
    /// Minutes after stopping until the sandbox is deleted; 0 = at once, negative = never.
    #[serde(deserialize_with = "whole_if_any")]
    pub auto_delete_interval: Option<i64>,
    /// Minutes without activity after which the sandbox is paused; 0 = never.
    #[serde(deserialize_with = "whole_if_any")]
    pub auto_pause_interval: Option<i64>,
    /// Time at which the sandbox will be deleted whatever its state, ISO 8601.
    pub auto_destroy_at: Option<String>,
    /// Mounted volumes.
    pub volumes: Option<Vec<VolumeMount>>,
    /// Description of how its image was built.
    pub build_info: Option<BuildInfo>,
    /// Time it was created, ISO 8601.
    pub created_at: Option<String>,
    /// Time it last changed, ISO 8601.
    pub updated_at: Option<String>,
    /// Time it was last used, ISO 8601.
    pub last_activity_at: Option<String>,
    /// Version of the toolbox inside the sandbox.
    pub daemon_version: Option<String>,
    /// Kind of sandbox: `container`, `linux-vm`, …
    pub sandbox_class: Option<String>,
    /// Sandbox whose lifecycle this one follows.
    pub linked_sandbox_id: Option<String>,
    /// Base URL of the toolbox; the sandbox's id is appended to it.
    #[serde(deserialize_with = "null_as_default")]
    pub toolbox_proxy_url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_name() {
        let schema = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/daytona.json")).unwrap();
        let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
        let states = schema["enums"].as_array().unwrap().iter().find(|found| found["name"] == "SandboxState").unwrap();
        let names: Vec<_> = states["values"].as_array().unwrap().iter().map(|value| &value["wire"]).collect();
        assert_eq!(names, SandboxState::NAMES);
    }
}
