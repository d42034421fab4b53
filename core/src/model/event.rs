//! Changes of sandboxes as they happen.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::SandboxState;

/// From where to tell changes, and of what.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PollEventsOptions {
    /// The `position` of the poll before. Default: now.
    pub position: Option<String>,
    /// Id of the only sandbox to tell of. Default: all of the organization.
    pub sandbox_id: Option<String>,
    /// Seconds to wait for a change; 0 = no limit. Default: 60.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
    /// The only states to tell of. Default: all.
    pub states: Option<Vec<SandboxState>>,
}

/// A change of a sandbox's state.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxEvent {
    /// Id of the sandbox.
    pub sandbox_id: String,
    /// The state before; nothing for a sandbox that is new.
    pub old_state: Option<SandboxState>,
    /// The state now; `destroyed` for a sandbox that is gone.
    pub state: Option<SandboxState>,
    /// Name of the sandbox; of one that is gone, its last one.
    pub name: String,
    /// Why it failed, in the state `error`.
    pub error_reason: Option<String>,
    /// Time of the change, ISO 8601; of a change that was found later, the sandbox's last one.
    pub at: Option<String>,
    /// Why it changed: `request`, `autoStop`, `autoPause`, `autoArchive`, `autoDelete`, `timeToLive`, `outOfMemory`, `exited`,
    /// `engineStopped` or `engine`. Only the local engine tells, and not of a change that was found later.
    pub cause: Option<String>,
    /// Id of the user whose request it was. Nothing for what the engine did by itself.
    pub actor: Option<String>,
}

/// Changes of sandboxes, and where the next ones follow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxEvents {
    /// The changes, oldest first; none when none came in time.
    pub events: Vec<SandboxEvent>,
    /// What the next poll continues with.
    pub position: String,
}
