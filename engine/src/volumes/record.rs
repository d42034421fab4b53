//! A volume as the control plane knows it, and where its files are.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::isolation::SANDBOX_UID;
use crate::sandboxes::sandbox::{iso, now_millis};

/// Wire section 2.4; the states this engine can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeState {
    /// Its directory is being made.
    PendingCreate,
    /// It can be mounted.
    Ready,
    /// Its files are about to go.
    PendingDelete,
}

impl VolumeState {
    /// The wire's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::PendingCreate => "pending_create",
            Self::Ready => "ready",
            Self::PendingDelete => "pending_delete",
        }
    }
}

/// One volume. Times are UTC milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// UUID v4.
    pub id: String,
    /// The organization it belongs to.
    pub organization_id: String,
    /// Unique in the organization.
    pub name: String,
    /// Where it is.
    pub state: VolumeState,
    /// When it was made.
    pub created_at: i64,
    /// When its record last changed.
    pub updated_at: i64,
    /// When a sandbox last started with it.
    pub last_used_at: Option<i64>,
}

impl Volume {
    /// A new one.
    pub fn new(organization_id: String, name: String) -> Self {
        let now = now_millis();
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            organization_id,
            name,
            state: VolumeState::PendingCreate,
            created_at: now,
            updated_at: now,
            last_used_at: None,
        }
    }

    /// The wire's document.
    pub fn document(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "organizationId": self.organization_id,
            "state": self.state.name(),
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.updated_at),
            "lastUsedAt": self.last_used_at.map(iso),
            "errorReason": null,
        })
    }
}

/// Where everything of a volume is.
pub fn directory(state_dir: &Path, id: &str) -> PathBuf {
    state_dir.join("volumes").join(id)
}

/// Where a volume's files are, relative to the state directory.
pub fn data(id: &str) -> PathBuf {
    Path::new("volumes").join(id).join("data")
}

/// Makes the directory of a volume, in which every user of a sandbox may write.
pub fn make(state_dir: &Path, id: &str) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory(state_dir, id))?;
    let data = state_dir.join(data(id));
    fs::create_dir(&data)?;
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777))?;
    if nix::unistd::geteuid().is_root() {
        chown(&data, Some(SANDBOX_UID), Some(SANDBOX_UID))?;
    }
    Ok(())
}
