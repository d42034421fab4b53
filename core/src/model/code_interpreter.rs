//! The stateful code interpreter.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::null_as_default;

/// A context of the code interpreter, which keeps variables, imports and functions from run to run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InterpreterContext {
    /// Id of the context.
    pub id: String,
    /// Working directory.
    #[serde(deserialize_with = "null_as_default")]
    pub cwd: String,
    /// Time it was created, ISO 8601.
    #[serde(deserialize_with = "null_as_default")]
    pub created_at: String,
    /// Whether its process is running.
    pub active: bool,
    /// Language of the code.
    #[serde(deserialize_with = "null_as_default")]
    pub language: String,
}

/// Options of `create_context`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateContextOptions {
    /// Working directory. Default: the sandbox's.
    pub cwd: Option<String>,
    /// Language of the code. Default: `python`, the only one so far.
    pub language: Option<String>,
}

/// Options of `run_code`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunCodeOptions {
    /// Id of the context to run in. Default: the sandbox's default context.
    pub context_id: Option<String>,
    /// Environment variables for this run only.
    #[debug("[secret]")]
    pub envs: Option<BTreeMap<String, String>>,
    /// Seconds after which the run is interrupted; 0 = no limit. Default: 600.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// The exception that ended a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionError {
    /// Class of the exception.
    pub name: String,
    /// Message of the exception.
    pub value: String,
    /// Traceback of the exception.
    pub traceback: String,
}

/// Result of a run.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionResult {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exception that ended the run, if any.
    pub error: Option<ExecutionError>,
}
