//! Sandboxes: parameters of their creation, their state, lists of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::{As, NoneAsEmptyString, skip_serializing_none};

use super::{Context, null_as_default, whole, whole_if_any};

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

/// Settings of a new sandbox. It is made from a snapshot, by default the server's, or from an image.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateSandboxParams {
    /// Name, unique in the organization. Default: the id.
    pub name: Option<String>,
    /// Language of `code_run`: `python` (default), `typescript` or `javascript`.
    pub language: Option<String>,
    /// Operating system user that commands run as. Default: `daytona`.
    pub user: Option<String>,
    /// Environment variables of every process in the sandbox.
    #[debug("[secret]")]
    pub env_vars: Option<BTreeMap<String, String>>,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether previews of the sandbox's ports need no authentication. Default: false.
    pub public: Option<bool>,
    /// Minutes without activity after which the sandbox stops; 0 = never. Default: 15.
    pub auto_stop_interval: Option<i64>,
    /// Minutes after stopping until the sandbox is archived; 0 = the longest time the server allows. Default: 7 days.
    pub auto_archive_interval: Option<i64>,
    /// Minutes after stopping until the sandbox is deleted; 0 = at once, negative = never. Default: never.
    pub auto_delete_interval: Option<i64>,
    /// Minutes without activity after which the sandbox is paused; 0 = never.
    pub auto_pause_interval: Option<i64>,
    /// Minutes since creation after which the sandbox is deleted whatever its state; 0 = never.
    pub ttl_minutes: Option<i64>,
    /// Volumes to mount.
    pub volumes: Option<Vec<VolumeMount>>,
    /// Secrets to mount: variables of the environment, each with the name of a secret whose placeholder it holds.
    pub secrets: Option<BTreeMap<String, String>>,
    /// Whether to block all network access. Default: false.
    pub network_block_all: Option<bool>,
    /// Comma-separated IPv4 networks (CIDR) the sandbox may reach, at most ten; empty = none. Default: no limit by network.
    pub network_allow_list: Option<String>,
    /// Comma-separated domains the sandbox may reach; `*.example.com` for all below a name; empty = none. Default: no limit by name.
    pub domain_allow_list: Option<String>,
    /// Whether to delete the sandbox when it stops, which is the same as `auto_delete_interval` 0. Default: false.
    pub ephemeral: Option<bool>,
    /// Id or name of a sandbox whose lifecycle this one follows.
    pub linked_sandbox: Option<String>,
    /// Region. Default: the client's.
    pub target: Option<String>,
    /// Id or name of the snapshot. Default: the server's default snapshot.
    pub snapshot: Option<String>,
    /// Image reference, for example `python:3.12-slim`; cannot be combined with `snapshot`.
    pub image: Option<String>,
    /// Dockerfile to build the image from; cannot be combined with `snapshot` and `image`.
    pub dockerfile: Option<String>,
    /// Local files that the Dockerfile copies, to be uploaded.
    pub contexts: Option<Vec<Context>>,
    /// Hashes of the Dockerfile's build contexts in object storage.
    pub context_hashes: Option<Vec<String>>,
    /// Secrets that commands of the build may read with `RUN --mount=type=secret,id=…`, by their ids. They become part of no layer,
    /// no log and no cached step. Local engine only: Daytona's cloud has none for its builds.
    #[debug("[secret]")]
    pub build_secrets: Option<BTreeMap<String, String>>,
    /// CPU, memory and disk; only for a sandbox made from an image.
    pub resources: Option<Resources>,
}

/// Options of `create`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateOptions {
    /// Seconds to wait for the sandbox to start; 0 = no limit. Default: 60.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
    /// Whether to wait until the sandbox has started. Default: true.
    pub wait_for_start: Option<bool>,
    /// Whether to keep the sandbox when the call is cancelled or times out. Default: false.
    pub keep: Option<bool>,
}

/// Options of calls that wait.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WaitOptions {
    /// Seconds to wait; 0 = no limit. Default: 60.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// Options of `stop`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StopOptions {
    /// Seconds to wait; 0 = no limit. Default: 60.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
    /// Whether to kill the processes at once instead of asking them to end. Default: false.
    pub force: Option<bool>,
}

/// Options of `delete`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteOptions {
    /// Seconds the call may take; 0 = no limit. Default: 60.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
    /// Whether to wait until the sandbox is gone. Default: false.
    pub wait: Option<bool>,
}

/// Options of `find_one`; either an id or name, or labels are required.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FindOneOptions {
    /// Id or name of the sandbox.
    pub id_or_name: Option<String>,
    /// Labels the sandbox must have, all of them.
    pub labels: Option<BTreeMap<String, String>>,
}

/// Options of the page form of `list`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListPageOptions {
    /// Labels the sandboxes must have, all of them.
    pub labels: Option<BTreeMap<String, String>>,
    /// Number of the page, from 1. Default: 1.
    pub page: Option<i64>,
    /// Sandboxes per page, 1 to 200. Default: 100.
    pub limit: Option<i64>,
}

/// A page of sandboxes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PaginatedSandboxes {
    /// The sandboxes of this page.
    pub items: Vec<SandboxInfo>,
    /// Number of sandboxes on all pages.
    pub total: i64,
    /// Number of this page, from 1.
    pub page: i64,
    /// Number of pages.
    pub total_pages: i64,
}

/// Field that a list of sandboxes is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SandboxListSortField {
    /// By name.
    Name,
    /// By CPU cores.
    Cpu,
    /// By memory.
    MemoryGib,
    /// By disk.
    DiskGib,
    /// By last activity.
    LastActivityAt,
    /// By creation.
    CreatedAt,
    /// A field this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Direction of a sort.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxListSortDirection {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
    /// A direction this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// Filters and order of a list of sandboxes. A sandbox must match all filters that are given.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListSandboxesQuery {
    /// Cursor of the next part: `next_cursor` of the previous response.
    pub cursor: Option<String>,
    /// Sandboxes per request, 1 to 200. Default: 100.
    pub limit: Option<i64>,
    /// Prefix of the id; upper and lower case are the same.
    pub id: Option<String>,
    /// Prefix of the name; upper and lower case are the same.
    pub name: Option<String>,
    /// Labels the sandboxes must have, all of them.
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether to include failed sandboxes that are being deleted. Default: false.
    pub include_errored_deleted: Option<bool>,
    /// States to include. Default: all.
    pub states: Option<Vec<SandboxState>>,
    /// Snapshots the sandboxes were created from. Default: all.
    pub snapshots: Option<Vec<String>>,
    /// Regions the sandboxes run in. Default: all.
    pub targets: Option<Vec<String>>,
    /// Kinds of sandboxes to include. Default: all.
    pub sandbox_classes: Option<Vec<String>>,
    /// Smallest number of CPU cores.
    pub min_cpu: Option<f64>,
    /// Largest number of CPU cores.
    pub max_cpu: Option<f64>,
    /// Smallest memory in GiB.
    pub min_memory_gib: Option<f64>,
    /// Largest memory in GiB.
    pub max_memory_gib: Option<f64>,
    /// Smallest disk in GiB.
    pub min_disk_gib: Option<f64>,
    /// Largest disk in GiB.
    pub max_disk_gib: Option<f64>,
    /// True for public sandboxes only, false for private ones only.
    pub is_public: Option<bool>,
    /// True for recoverable sandboxes only, false for all others only.
    pub is_recoverable: Option<bool>,
    /// Earliest time of creation, ISO 8601.
    pub created_at_after: Option<String>,
    /// Latest time of creation, ISO 8601.
    pub created_at_before: Option<String>,
    /// Earliest time of last use, ISO 8601.
    pub last_activity_after: Option<String>,
    /// Latest time of last use, ISO 8601.
    pub last_activity_before: Option<String>,
    /// Earliest time of planned deletion, ISO 8601.
    pub auto_destroy_at_after: Option<String>,
    /// Latest time of planned deletion, ISO 8601.
    pub auto_destroy_at_before: Option<String>,
    /// Field to sort by. Default: last activity.
    pub sort: Option<SandboxListSortField>,
    /// Direction. Default: descending.
    pub order: Option<SandboxListSortDirection>,
}

/// One part of a list of sandboxes.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListSandboxesResponse {
    /// The sandboxes. Servers leave out `env`, `volumes` and `build_info` here.
    pub items: Vec<SandboxInfo>,
    /// Cursor of the next part; missing at the end of the list.
    #[serde(deserialize_with = "As::<NoneAsEmptyString>::deserialize")]
    pub next_cursor: Option<String>,
}

/// Network rules of a sandbox; at least one must be given.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkSettings {
    /// Whether to block all network access. Default: as it is.
    pub network_block_all: Option<bool>,
    /// Comma-separated IPv4 networks (CIDR) the sandbox may reach, at most ten; empty = none. Default: as it is.
    pub network_allow_list: Option<String>,
    /// Comma-separated domains the sandbox may reach; `*.example.com` for all below a name; empty = none. Default: as it is.
    pub domain_allow_list: Option<String>,
}

/// URL and token of a port of a sandbox.
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PortPreviewUrl {
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// URL of the port.
    pub url: String,
    /// Token for the header `X-Daytona-Preview-Token`.
    #[debug("[secret]")]
    pub token: String,
}

/// URL of a port of a sandbox that needs no other credentials.
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SignedPortPreviewUrl {
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// The port.
    pub port: i64,
    /// The token in the URL.
    #[debug("[secret]")]
    pub token: String,
    /// URL of the port.
    #[debug("[secret]")]
    pub url: String,
    /// When the URL expires, as ISO 8601.
    pub expires_at: String,
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

    #[test]
    fn previews_are_shown_without_what_opens_them() {
        let url = "http://127.1.2.3:80/sesame".to_owned();
        let signed = SignedPortPreviewUrl { token: "sesame".into(), url, ..Default::default() };
        let link = PortPreviewUrl { token: "sesame".into(), ..Default::default() };
        assert!(!format!("{signed:?} {link:?}").contains("sesame"));
    }

    #[test]
    fn an_empty_cursor_is_the_end_of_a_list() {
        for (body, expected) in [
            (r#"{"nextCursor": ""}"#, None),
            (r#"{"nextCursor": null}"#, None),
            ("{}", None),
            (r#"{"nextCursor": "c"}"#, Some("c")),
        ] {
            let part: ListSandboxesResponse = serde_json::from_str(body).unwrap();
            assert_eq!(part.next_cursor.as_deref(), expected, "{body}");
        }
    }
}
