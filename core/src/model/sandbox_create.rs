//! Making, waiting for, stopping and deleting sandboxes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Context, Resources, VolumeMount};

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
