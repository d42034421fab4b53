//! The stateful code interpreter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::null_as_default;

/// A context: variables, imports and functions that last from run to run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InterpreterContext {
    /// Id.
    pub id: String,
    /// Working directory.
    #[serde(deserialize_with = "null_as_default")]
    pub cwd: String,
    /// When it was created, ISO 8601.
    #[serde(deserialize_with = "null_as_default")]
    pub created_at: String,
    /// Whether its process runs.
    pub active: bool,
    /// Language.
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
    /// Language. Default: `python`, the only one so far.
    pub language: Option<String>,
}

/// Options of `run_code`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunCodeOptions {
    /// Id of the context to run in. Default: the sandbox's default context.
    pub context_id: Option<String>,
    /// Environment variables during this run.
    #[debug("[secret]")]
    pub envs: Option<BTreeMap<String, String>>,
    /// Seconds after which the run is interrupted; 0 = no limit. Default: 600.
    pub timeout: Option<f64>,
}

/// The exception that ended a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionError {
    /// Class of the exception.
    pub name: String,
    /// Its message.
    pub value: String,
    /// Its traceback.
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
