//! A snapshot as the control plane knows it, and how clients see it (wire 2.7).

use daytona_images::Image;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sandboxes::sandbox::{BuildInfo, Identity, REGIONS, iso, now_millis};

/// Wire section 2.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// Ready to make sandboxes from.
    Active,
    /// The instructions of its Dockerfile are being carried out.
    Building,
    /// An instruction of its Dockerfile failed; see the reason.
    BuildFailed,
    /// It cannot be used; see the reason.
    Error,
    /// Kept, but no sandboxes are made from it until it is activated.
    Inactive,
    /// Nothing has happened yet.
    Pending,
    /// Its image is being fetched.
    Pulling,
    /// Everything is being removed.
    Removing,
}

impl SnapshotState {
    /// The wire's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Building => "building",
            Self::BuildFailed => "build_failed",
            Self::Error => "error",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Pulling => "pulling",
            Self::Removing => "removing",
        }
    }

    /// Whether the engine is still at work on it.
    pub fn is_in_between(self) -> bool {
        matches!(self, Self::Pending | Self::Building | Self::Pulling)
    }
}

/// One snapshot. Times are UTC milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// UUID v4.
    pub id: String,
    /// Unique in its organization.
    pub name: String,
    /// The organization it belongs to, where that is not the engine's first one.
    #[serde(default)]
    pub organization_id: Option<String>,
    /// Whether it belongs to everybody and cannot be changed.
    #[serde(default)]
    pub general: bool,
    /// The image it was made from, as the client named it.
    pub image_name: Option<String>,
    /// The Dockerfile it was made from.
    pub build_info: Option<BuildInfo>,
    /// The sandbox it was made from.
    #[serde(default)]
    pub source_sandbox_id: Option<String>,
    /// What its sandboxes' root is made from; the engine's default root when absent.
    #[serde(default)]
    pub image: Option<Image>,
    /// The user of its sandboxes, where that is not the image's.
    #[serde(default)]
    pub user: Option<String>,
    /// The snapshot whose build failed in this file system, for a look at it; it goes after a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step_of: Option<String>,
    /// The snapshot of the file system in which its build failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<String>,
    /// Whether its sandboxes begin with files of the sandbox it was made from.
    #[serde(default)]
    pub has_files: bool,
    /// What its sandboxes run, where the client said so.
    pub entrypoint: Option<Vec<String>>,
    /// Where it is.
    pub state: SnapshotState,
    /// Why it is in `error` or `build_failed`.
    pub error_reason: Option<String>,
    /// Bytes that it takes on the disk, once known.
    pub size: Option<u64>,
    /// Processors of a sandbox made from it.
    pub cpu: u64,
    /// GiB.
    pub memory: u64,
    /// GiB.
    pub disk: u64,
    /// When it was made.
    pub created_at: i64,
    /// When its record last changed.
    pub updated_at: i64,
    /// When a sandbox was last made from it.
    pub last_used_at: Option<i64>,
}

impl Snapshot {
    /// The `SnapshotDto`.
    pub fn document(&self, identity: &Identity) -> Value {
        let mut document = json!({
            "id": self.id,
            "organizationId": self.organization_id.as_ref().unwrap_or(&identity.organization_id),
            "general": self.general,
            "name": self.name,
            "state": self.state.name(),
            "size": self.size.map(gigabytes),
            "entrypoint": self.shown_entrypoint(),
            "cpu": self.cpu,
            "gpu": 0,
            "mem": self.memory,
            "disk": self.disk,
            "errorReason": self.error_reason,
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.updated_at),
            "lastUsedAt": self.last_used_at.map(iso),
            "regionIds": REGIONS,
            "initialRunnerId": identity.runner_id,
            "ref": self.reference(),
            "sandboxClass": "container",
            "sourceSandboxId": self.source_sandbox_id,
        });
        let fields = document.as_object_mut().expect("written as an object");
        if let Some(image) = &self.image_name {
            fields.insert("imageName".into(), json!(image));
        }
        if let Some(name) = &self.failed_step {
            fields.insert("failedStep".into(), json!(name));
        }
        if let Some(build) = &self.build_info {
            fields.insert("buildInfo".into(), build.document(self.created_at));
        }
        document
    }

    /// Whether it was made of an archive: its image has no other name than its own.
    pub fn is_imported(&self) -> bool {
        self.image.is_some() && self.build_info.is_none() && self.image_name.as_ref() == Some(&self.name)
    }

    /// What its sandboxes run: as the client said, else as the image says.
    fn shown_entrypoint(&self) -> Option<&Vec<String>> {
        let of_image = || self.image.as_ref().and_then(|image| image.config.entrypoint.as_ref());
        self.entrypoint.as_ref().or_else(of_image)
    }

    fn reference(&self) -> &str {
        self.build_info
            .as_ref()
            .map(|build| build.snapshot_ref.as_str())
            .or(self.image_name.as_deref())
            .unwrap_or(&self.name)
    }
}

/// Sizes travel in GB.
fn gigabytes(bytes: u64) -> f64 {
    // Far fewer bytes than a float can count.
    bytes as f64 / 1e9
}

/// The fields that a new snapshot begins with.
pub fn new(name: String) -> Snapshot {
    let now = now_millis();
    Snapshot {
        id: uuid::Uuid::new_v4().to_string(),
        name,
        organization_id: None,
        general: false,
        image_name: None,
        build_info: None,
        source_sandbox_id: None,
        image: None,
        user: None,
        failed_step_of: None,
        failed_step: None,
        has_files: false,
        entrypoint: None,
        state: SnapshotState::Pending,
        error_reason: None,
        size: None,
        cpu: 0,
        memory: 0,
        disk: 0,
        created_at: now,
        updated_at: now,
        last_used_at: None,
    }
}
