//! Terminals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::null_as_default;

/// Size of a terminal in characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PtySize {
    /// Lines, 1 to 1000.
    pub rows: i64,
    /// Columns, 1 to 1000.
    pub cols: i64,
}

/// Options of `create_pty`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PtyCreateOptions {
    /// Working directory. Default: the sandbox's.
    pub cwd: Option<String>,
    /// Environment variables on top of the sandbox's. `TERM` is `xterm-256color` unless given.
    #[debug("[secret]")]
    pub envs: Option<BTreeMap<String, String>>,
    /// Lines, 1 to 1000. Default: 24.
    pub rows: Option<i64>,
    /// Columns, 1 to 1000. Default: 80.
    pub cols: Option<i64>,
}

/// A terminal session.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PtySessionInfo {
    /// Id of the session.
    pub id: String,
    /// Working directory it was started in.
    #[serde(deserialize_with = "null_as_default")]
    pub cwd: String,
    /// Environment variables it was started with.
    #[serde(deserialize_with = "null_as_default")]
    #[debug("[secret]")]
    pub envs: BTreeMap<String, String>,
    /// Columns.
    pub cols: i64,
    /// Lines.
    pub rows: i64,
    /// Time it was created, ISO 8601.
    #[serde(deserialize_with = "null_as_default")]
    pub created_at: String,
    /// Whether its process is running.
    pub active: bool,
    /// Whether its process starts with the first connection.
    pub lazy_start: bool,
    /// Process id, if the server sends it.
    pub process_id: Option<i64>,
}

/// Result of a terminal session.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PtyResult {
    /// Exit code of its process; missing if it is not known.
    pub exit_code: Option<i64>,
    /// Reason why it ended, if it did not exit with 0.
    pub error: Option<String>,
}
