//! Processes started with `spawn`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::null_as_default;

/// Options of `spawn`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpawnOptions {
    /// Working directory. Default: the sandbox's.
    pub cwd: Option<String>,
    /// Environment variables on top of the sandbox's. They are never written to a file.
    #[debug("[secret]")]
    pub env: Option<BTreeMap<String, String>>,
    /// Whether to keep standard input open for writing. Default: false.
    pub stdin: Option<bool>,
}

/// Description of a process started with `spawn`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProcessInfo {
    /// Id of the process, with which any client can attach to it.
    pub id: String,
    /// Command line.
    pub command: String,
    /// Working directory, if one was given.
    pub cwd: Option<String>,
    /// Whether its standard input was opened for writing.
    #[serde(deserialize_with = "null_as_default")]
    pub stdin: bool,
    /// Session it runs in.
    pub session_id: String,
    /// Command of the session that runs it.
    pub command_id: String,
    /// Exit code; missing while it runs.
    pub exit_code: Option<i64>,
}

/// One of the two outputs of a process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputChannel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// An output this version does not know, as it was named.
    #[serde(untagged)]
    Other(String),
}

/// Options of `stream_output`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutputOptions {
    /// Output to read. Default: both.
    pub channel: Option<OutputChannel>,
    /// Whether to follow the output until the process ends, instead of returning what there is. Default: true.
    pub follow: Option<bool>,
}

/// Options of `wait_for_log`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WaitForLogOptions {
    /// Whether the pattern is a regular expression, in the syntax of the Rust crate `regex` (no look-around, no
    /// back-references). Default: false.
    pub regex: Option<bool>,
    /// Output to search. Default: both.
    pub channel: Option<OutputChannel>,
    /// Seconds to wait; 0 = no limit. Default: 60.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}
