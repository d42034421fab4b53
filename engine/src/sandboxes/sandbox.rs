//! A sandbox as the control plane knows it, and how clients see it (wire 2.2, additions 2.2).

use std::collections::BTreeMap;

use daytona_images::{Image, Secrets};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::ssh::SshAccess;

/// The region every sandbox is in, unless the client named another.
pub const LOCAL_REGION: &str = "local";

/// The regions a client may name: those of the platform are this machine too, so that a program that names one runs here.
pub const REGIONS: [&str; 3] = [LOCAL_REGION, "us", "eu"];

/// Wire section 2.4; the states this engine can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Files are being made.
    Creating,
    /// Processes are starting.
    Starting,
    /// The toolbox answers.
    Started,
    /// Processes are ending.
    Stopping,
    /// Only files are left.
    Stopped,
    /// Processes are being made to stand still.
    Pausing,
    /// Processes stand still.
    Paused,
    /// Processes are going on.
    Resuming,
    /// The size is being changed.
    Resizing,
    /// Files are being put away.
    Archiving,
    /// Put away until it is started again.
    Archived,
    /// Files are being brought back.
    Restoring,
    /// Everything is being removed.
    Destroying,
    /// Gone.
    Destroyed,
    /// Something failed; see the reason.
    Error,
    /// Its image is to be built.
    PendingBuild,
    /// Its image is being built.
    BuildingSnapshot,
    /// Its image could not be built; see the reason.
    BuildFailed,
    /// A snapshot of it is being made.
    Snapshotting,
}

impl State {
    /// The wire's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Resuming => "resuming",
            Self::Resizing => "resizing",
            Self::Archiving => "archiving",
            Self::Archived => "archived",
            Self::Restoring => "restoring",
            Self::Destroying => "destroying",
            Self::Destroyed => "destroyed",
            Self::Error => "error",
            Self::PendingBuild => "pending_build",
            Self::BuildingSnapshot => "building_snapshot",
            Self::BuildFailed => "build_failed",
            Self::Snapshotting => "snapshotting",
        }
    }
}

/// Where a sandbox is meant to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredState {
    /// Running.
    Started,
    /// Not running.
    Stopped,
    /// Standing still.
    Paused,
    /// Of another size.
    Resized,
    /// Put away.
    Archived,
    /// Gone.
    Destroyed,
}

impl DesiredState {
    /// The wire's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Paused => "paused",
            Self::Resized => "resized",
            Self::Archived => "archived",
            Self::Destroyed => "destroyed",
        }
    }
}

/// The source a sandbox was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildInfo {
    /// The Dockerfile as sent.
    pub dockerfile: String,
    /// The build's name.
    pub snapshot_ref: String,
    /// The contexts it takes files from, by the hashes that the client gave them.
    #[serde(default)]
    pub context_hashes: Vec<String>,
    /// What its commands may read. It is stored nowhere: an engine that goes on with the build has it no longer.
    #[serde(skip)]
    pub secrets: Secrets,
    /// Whether the file system in which a command failed is kept for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep_failed_step: bool,
}

impl BuildInfo {
    /// The build of a Dockerfile, named after it and its contexts (wire 2.2).
    pub fn new(dockerfile: String, context_hashes: Vec<String>) -> Self {
        let mut sorted = context_hashes.clone();
        sorted.sort();
        let digest = Sha256::digest(format!("{dockerfile}{}", sorted.concat()));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            dockerfile,
            snapshot_ref: format!("daytona-{hex}:daytona"),
            context_hashes,
            secrets: Secrets::default(),
            keep_failed_step: false,
        }
    }

    /// Takes the secrets away, so that what is recorded has none.
    pub fn take_secrets(&mut self) -> Secrets {
        std::mem::take(&mut self.secrets)
    }

    /// The wire's `BuildInfo`.
    pub fn document(&self, created_at: i64) -> Value {
        let created = iso(created_at);
        json!({
            "dockerfileContent": self.dockerfile,
            "contextHashes": self.context_hashes,
            "createdAt": created,
            "updatedAt": created,
            "snapshotRef": self.snapshot_ref,
        })
    }
}

/// A volume that a sandbox has mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MountedVolume {
    /// The volume's id.
    pub volume_id: String,
    /// Where it appears: an absolute path.
    pub mount_path: String,
    /// The directory in it that is mounted instead of all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subpath: Option<String>,
}

/// One sandbox. Times are UTC milliseconds since 1970; intervals are minutes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// UUID v4.
    pub id: String,
    /// Unique; the id unless the client named it.
    pub name: String,
    /// The snapshot it was made from.
    pub snapshot: Option<String>,
    /// The user its processes run as; empty until it is known which one its image says.
    pub user: String,
    /// Variables of every process, as the client gave them.
    pub env: BTreeMap<String, String>,
    /// The client's labels.
    pub labels: BTreeMap<String, String>,
    /// Whether previews need no token.
    pub public: bool,
    /// Network settings, as the client gave them; `network` enforces them.
    pub network_block_all: bool,
    /// See `network_block_all`.
    pub network_allow_list: Option<String>,
    /// See `network_block_all`.
    pub domain_allow_list: Option<String>,
    /// Given to processes as `HTTP_PROXY` and `HTTPS_PROXY`.
    pub outbound_proxy_url: Option<String>,
    /// Kept and shown.
    pub otel_endpoint_override: Option<String>,
    /// The region.
    pub target: String,
    /// The warm pool it was taken from.
    #[serde(default)]
    pub warm_pool_id: Option<String>,
    /// Processors.
    pub cpu: u64,
    /// GiB.
    pub memory: u64,
    /// GiB.
    pub disk: u64,
    /// The organization it belongs to; none = that of whoever started the engine.
    #[serde(default)]
    pub organization_id: Option<String>,
    /// Where it is.
    pub state: State,
    /// Where it is meant to go.
    pub desired_state: DesiredState,
    /// Why it is in `error`.
    pub error_reason: Option<String>,
    /// Whether `recover` can help.
    pub recoverable: bool,
    /// 0 = never.
    pub auto_stop_interval: i64,
    /// Minutes stopped until it is archived.
    pub auto_archive_interval: i64,
    /// Negative = never, 0 = as soon as it stops.
    pub auto_delete_interval: i64,
    /// Minutes without activity until it is paused; 0 = never.
    pub auto_pause_interval: i64,
    /// When its time to live is over.
    pub auto_destroy_at: Option<i64>,
    /// The sandbox it was copied from.
    #[serde(default)]
    pub parent: Option<String>,
    /// The Dockerfile it was asked for with, if any.
    pub build_info: Option<BuildInfo>,
    /// What its root is made from; the engine's default root when absent.
    #[serde(default)]
    pub image: Option<Image>,
    /// What it runs instead of its image's program.
    #[serde(default)]
    pub entrypoint: Option<Vec<String>>,
    /// The id of the snapshot whose files it begins with.
    #[serde(default)]
    pub template: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When its record last changed.
    pub updated_at: i64,
    /// When it was last used.
    pub last_activity_at: i64,
    /// When it last stopped running.
    pub stopped_at: Option<i64>,
    /// The preview token (wire 2.2), made anew on every start.
    pub auth_token: String,
    /// Signs file URLs (additions 4.3).
    pub signing_key: String,
    /// Its volumes, parents of mount paths before what is in them.
    #[serde(default)]
    pub volumes: Vec<MountedVolume>,
    /// The ids of its secrets, by the variables that hold their placeholders.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Who may enter by SSH, if anybody.
    #[serde(default)]
    pub ssh_access: Option<SshAccess>,
}

impl Sandbox {
    /// The record as it is stored.
    pub fn written(&self) -> String {
        serde_json::to_string(self).expect("records are plain data")
    }

    /// Whether stopping means deleting.
    pub fn is_ephemeral(&self) -> bool {
        self.auto_delete_interval == 0
    }

    /// The wire's mapping of state and desired state to what single reads show (wire 2.2).
    fn shown_state(&self) -> &'static str {
        match (self.state, self.desired_state) {
            (State::Started, DesiredState::Stopped) => "stopping",
            (State::Started | State::Stopped, DesiredState::Destroyed) => "destroying",
            (State::Stopped, DesiredState::Started) => "starting",
            (State::Stopped, DesiredState::Archived) => "archiving",
            (state, _) => state.name(),
        }
    }

    /// The full document.
    pub fn document(&self, identity: &Identity) -> Value {
        let mut document = self.list_item(identity);
        let fields = document.as_object_mut().expect("list items are objects");
        fields.insert("state".into(), json!(self.shown_state()));
        fields.insert("env".into(), json!(self.env));
        fields.insert("volumes".into(), json!(self.volumes));
        fields.insert("kvm".into(), json!(false));
        if let Some(url) = &self.outbound_proxy_url {
            fields.insert("outboundProxyUrl".into(), json!(url));
        }
        if let Some(url) = &self.otel_endpoint_override {
            fields.insert("otelEndpointOverride".into(), json!(url));
        }
        if let Some(build) = &self.build_info {
            fields.insert("buildInfo".into(), build.document(self.created_at));
        }
        document
    }

    /// The document of lists: no environment, raw state.
    pub fn list_item(&self, identity: &Identity) -> Value {
        let mut item = json!({
            "id": self.id,
            "organizationId": self.organization_id.as_ref().unwrap_or(&identity.organization_id),
            "name": self.name,
            "target": self.target,
            "runnerId": identity.runner_id,
            "sandboxClass": "container",
            "state": self.state.name(),
            "desiredState": self.desired_state.name(),
            "user": if self.user.is_empty() { "daytona" } else { &self.user },
            "recoverable": self.recoverable,
            "public": self.public,
            "networkBlockAll": self.network_block_all,
            "cpu": self.cpu,
            "gpu": 0,
            "memory": self.memory,
            "disk": self.disk,
            "labels": self.labels,
            "backupState": "None",
            "autoStopInterval": self.auto_stop_interval,
            "autoArchiveInterval": self.auto_archive_interval,
            "autoDeleteInterval": self.auto_delete_interval,
            "autoPauseInterval": self.auto_pause_interval,
            "spot": false,
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.updated_at),
            "lastActivityAt": iso(self.last_activity_at),
            "daemonVersion": identity.version,
            "toolboxProxyUrl": identity.toolbox_url,
        });
        let fields = item.as_object_mut().expect("written as an object");
        let nullable = [&self.error_reason, &self.network_allow_list, &self.domain_allow_list];
        for (name, value) in NULLABLE.into_iter().zip(nullable) {
            fields.insert(name.into(), json!(value));
        }
        let optional = [
            ("snapshot", self.snapshot.clone()),
            ("autoDestroyAt", self.auto_destroy_at.map(iso)),
            ("warmPoolId", self.warm_pool_id.clone()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                fields.insert(name.into(), json!(value));
            }
        }
        item
    }
}

/// Fields that are null where they have no value, but absent in the answer to a create.
const NULLABLE: [&str; 3] = ["errorReason", "networkAllowList", "domainAllowList"];

/// A document as the answer to a create has it: what has no value yet is absent instead of null.
pub fn just_created(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.retain(|name, value| !(value.is_null() && NULLABLE.contains(&name.as_str())));
    }
    document
}

/// A document as the answers to stop and delete have it: without the time of the last activity.
pub fn changing(mut document: Value) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("lastActivityAt");
    }
    document
}

/// The fields that are the same in every document of one engine.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The organization of whoever started the engine.
    pub organization_id: String,
    /// The engine itself, as the runner.
    pub runner_id: String,
    /// The engine's version.
    pub version: String,
    /// Where toolboxes are reached: `{origin}/toolbox`.
    pub toolbox_url: String,
}

/// A time of a record as the wire writes times.
pub fn iso(millis: i64) -> String {
    clock::iso(clock::from_millis(millis))
}

/// Now, as records keep it.
pub fn now_millis() -> i64 {
    clock::millis(clock::now())
}
