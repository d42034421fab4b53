//! The life of a sandbox: copies of it, what it uses, its environment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Options of `fork`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForkOptions {
    /// Name of the copy, unique in the organization. Default: its id.
    pub name: Option<String>,
    /// Seconds to wait for the copy to start; 0 = no limit. Default: 60.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
    /// Whether to keep the copy when the call is cancelled or times out. Default: false.
    pub keep: Option<bool>,
}

/// Options of `get_metrics`: the time to look at.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MetricsOptions {
    /// Beginning of the time, ISO 8601. Default: an hour before its end.
    pub start: Option<String>,
    /// End of the time, ISO 8601. Default: now.
    pub end: Option<String>,
}

/// What a sandbox used at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SandboxMetrics {
    /// The moment, ISO 8601.
    pub timestamp: String,
    /// CPU cores of the sandbox.
    pub cpu_count: f64,
    /// Used part of these cores, in percent.
    pub cpu_used_pct: f64,
    /// Memory of the sandbox, in bytes.
    pub mem_total: i64,
    /// Memory its processes use, in bytes.
    pub mem_used: i64,
    /// Memory that holds files for a faster access, in bytes.
    pub mem_cache: i64,
    /// Disk of the sandbox, in bytes.
    pub disk_total: i64,
    /// Used part of the disk, in bytes.
    pub disk_used: i64,
    /// Used part of the memory, in percent.
    pub mem_used_pct: f64,
    /// Used part of the disk, in percent.
    pub disk_used_pct: f64,
    /// Free part of the disk, in bytes.
    pub disk_available: i64,
}

/// Options of `update_env`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateEnvOptions {
    /// Variables to set.
    #[debug("[secret]")]
    pub set: Option<BTreeMap<String, String>>,
    /// Names of variables to remove.
    pub unset: Option<Vec<String>>,
    /// Removes every variable whose value begins with this, unless it is set in the same call.
    #[debug("[secret]")]
    pub unset_value_prefix: Option<String>,
}
