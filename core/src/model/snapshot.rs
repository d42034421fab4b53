//! Snapshots: what sandboxes are made from.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{BuildInfo, Context, GpuType, Resources, null_as_default, whole};

/// State of a snapshot (wire.md 2.4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// Its image is being built.
    Building,
    /// Nothing has happened yet.
    #[default]
    Pending,
    /// Its image is being fetched.
    Pulling,
    /// Sandboxes can be made from it.
    Active,
    /// Kept, but no sandboxes are made from it until it is activated.
    Inactive,
    /// It cannot be used; `error_reason` has the reason.
    Error,
    /// Its image could not be built; `error_reason` has the reason.
    BuildFailed,
    /// Being deleted.
    Removing,
    /// It is being made from a sandbox.
    Snapshotting,
    /// A state this version does not know, as the server named it.
    #[serde(untagged)]
    Other(String),
}

/// Kind of sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxClass {
    /// A virtual machine with Linux.
    #[serde(rename = "linux-vm")]
    LinuxVm,
    /// A container.
    Container,
    /// A virtual machine with Android.
    Android,
    /// A virtual machine with Windows.
    Windows,
    /// A kind this version does not know, as the server named it.
    #[serde(untagged)]
    Other(String),
}

/// A snapshot: an image with the resources of the sandboxes that are made from it.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// Unique id.
    pub id: String,
    /// Organization the snapshot belongs to.
    pub organization_id: Option<String>,
    /// Whether it belongs to everybody and cannot be changed.
    pub general: bool,
    /// Name, unique in the organization.
    pub name: String,
    /// Image it was made from, where it was not built.
    pub image_name: Option<String>,
    /// State of the snapshot.
    pub state: SnapshotState,
    /// Size of the image in GB, once it is known.
    pub size: Option<f64>,
    /// Program that its sandboxes start with, and its arguments.
    pub entrypoint: Option<Vec<String>>,
    /// CPU cores of its sandboxes.
    #[serde(deserialize_with = "whole")]
    pub cpu: i64,
    /// GPUs of its sandboxes.
    #[serde(deserialize_with = "whole")]
    pub gpu: i64,
    /// Kind of these GPUs.
    pub gpu_type: Option<GpuType>,
    /// Memory of its sandboxes in GiB.
    #[serde(deserialize_with = "whole")]
    pub mem: i64,
    /// Disk of its sandboxes in GiB.
    #[serde(deserialize_with = "whole")]
    pub disk: i64,
    /// Reason for the state `error` or `build_failed`.
    pub error_reason: Option<String>,
    /// Time it was created, ISO 8601.
    #[serde(deserialize_with = "null_as_default")]
    pub created_at: String,
    /// Time it last changed, ISO 8601.
    #[serde(deserialize_with = "null_as_default")]
    pub updated_at: String,
    /// Time a sandbox was last made from it, ISO 8601.
    pub last_used_at: Option<String>,
    /// Description of how its image was built.
    pub build_info: Option<BuildInfo>,
    /// Regions it is available in.
    pub region_ids: Option<Vec<String>>,
    /// Machine that made it.
    pub initial_runner_id: Option<String>,
    /// Reference of its image where it is stored.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Kind of its sandboxes.
    pub sandbox_class: Option<SandboxClass>,
    /// Sandbox it was made from.
    pub source_sandbox_id: Option<String>,
    /// Snapshot of the file system in which a command of its build failed, for a look at it: see `keep_failed_step`.
    pub failed_step: Option<String>,
}

/// Settings of a new snapshot. It is made from an image that is fetched, or from one that is built.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateSnapshotParams {
    /// Name, unique in the organization.
    pub name: String,
    /// Image reference, for example `python:3.12-slim`.
    pub image: Option<String>,
    /// CPU, memory and disk of the sandboxes that are made from it.
    pub resources: Option<Resources>,
    /// Program that its sandboxes start with, and its arguments. Default: that of the image.
    pub entrypoint: Option<Vec<String>>,
    /// Region. Default: the client's.
    pub region_id: Option<String>,
    /// Kind of sandboxes. Default: the server's.
    pub sandbox_class: Option<SandboxClass>,
    /// Whether to take the image as it is, without starting it once. Default: false.
    pub skip_validation: Option<bool>,
    /// Dockerfile to build the image from; cannot be combined with `image`.
    pub dockerfile: Option<String>,
    /// Local files that the Dockerfile copies, to be uploaded.
    pub contexts: Option<Vec<Context>>,
    /// Hashes of the Dockerfile's build contexts in object storage.
    pub context_hashes: Option<Vec<String>>,
    /// Secrets that commands of the build may read with `RUN --mount=type=secret,id=…`, by their ids. They become part of no layer,
    /// no log and no cached step. Local engine only: Daytona's cloud has none for its builds.
    #[debug("[secret]")]
    pub build_secrets: Option<BTreeMap<String, String>>,
    /// Whether the file system in which a command of the build fails is kept for an hour: `failed_step` of the failed snapshot names
    /// it. Local engine only. Default: false.
    pub keep_failed_step: Option<bool>,
}

/// Options of creating a snapshot.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateSnapshotOptions {
    /// Seconds to wait until it can be used; 0 = no limit. Default: 0.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// Which snapshots to list, and in which order.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ListSnapshotsOptions {
    /// Number of the page, from 1. Default: 1.
    pub page: Option<i64>,
    /// Snapshots per page, 1 to 200. Default: 100.
    pub limit: Option<i64>,
    /// Part of the name.
    pub name: Option<String>,
    /// Field to sort by: `name`, `state`, `lastUsedAt` (default) or `createdAt`.
    pub sort: Option<String>,
    /// Direction of the sort: `asc` or `desc` (default).
    pub order: Option<String>,
    /// Id of the sandbox they were made from.
    pub source_sandbox_id: Option<String>,
}

/// A page of snapshots.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PaginatedSnapshots {
    /// The snapshots of this page.
    pub items: Vec<Snapshot>,
    /// Number of snapshots on all pages.
    pub total: i64,
    /// Number of this page, from 1.
    pub page: i64,
    /// Number of pages.
    pub total_pages: i64,
}

/// A line of the log of a build.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BuildLine {
    /// The line, without its end.
    pub text: String,
}
