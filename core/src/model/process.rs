//! Commands, code and sessions.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{Chart, null_as_default};

/// Language of `code_run`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeLanguage {
    /// Python 3.
    Python,
    /// TypeScript, run by ts-node.
    #[serde(rename = "typescript")]
    TypeScript,
    /// JavaScript, run by Node.js.
    #[serde(rename = "javascript")]
    JavaScript,
    /// A language this version does not know, as it was named.
    #[serde(untagged)]
    Other(String),
}

/// Options of `exec`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecOptions {
    /// Working directory. Default: the sandbox's.
    pub cwd: Option<String>,
    /// Environment variables on top of the sandbox's.
    #[debug("[secret]")]
    pub env: Option<BTreeMap<String, String>>,
    /// Seconds after which the command is killed; 0 = no limit. Default: no limit.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// Options of `code_run`.
#[skip_serializing_none]
#[derive(derive_more::Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CodeRunOptions {
    /// Arguments of the program.
    pub argv: Option<Vec<String>>,
    /// Environment variables on top of the sandbox's.
    #[debug("[secret]")]
    pub env: Option<BTreeMap<String, String>>,
    /// Seconds after which the program is killed; 0 = no limit. Default: no limit.
    #[serde(with = "crate::model::seconds")]
    pub timeout: Option<Duration>,
}

/// Output and charts of a program.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionArtifacts {
    /// The same output as in `result`.
    #[serde(deserialize_with = "null_as_default")]
    pub stdout: String,
    /// Charts that the program showed; always empty for a command.
    #[serde(deserialize_with = "null_as_default")]
    pub charts: Vec<Chart>,
}

/// Result of a command or program.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecuteResponse {
    /// Exit code: 0 = success, 128 + n = ended by signal n, -1 = could not be started.
    #[serde(alias = "code")]
    pub exit_code: i64,
    /// Standard output and standard error, in the order they were written.
    #[serde(deserialize_with = "null_as_default")]
    pub result: String,
    /// The output again, and the charts of a program.
    pub artifacts: Option<ExecutionArtifacts>,
}

/// A command of a session.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Command {
    /// Id of the command.
    pub id: String,
    /// Command line.
    pub command: String,
    /// Exit code; missing while it runs.
    pub exit_code: Option<i64>,
}

/// A session: a shell that keeps its directory, variables and functions from command to command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    /// Id of the command.
    pub session_id: String,
    /// Commands that were run in the session, oldest first.
    #[serde(deserialize_with = "null_as_default")]
    pub commands: Vec<Command>,
}

/// A command for a session.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionExecuteRequest {
    /// Command line.
    pub command: String,
    /// Whether to return at once instead of waiting for the command to end. Default: false.
    pub run_async: Option<bool>,
    /// Whether to leave input that is sent to the command out of its log. Default: false.
    pub suppress_input_echo: Option<bool>,
}

/// Result of a command in a session.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionExecuteResponse {
    /// Id of the command.
    #[serde(alias = "id")]
    pub cmd_id: String,
    /// Exit code; missing for an asynchronous command.
    pub exit_code: Option<i64>,
    /// Standard output and standard error together.
    pub output: Option<String>,
    /// Standard output.
    pub stdout: Option<String>,
    /// Standard error.
    pub stderr: Option<String>,
}

/// Output of a command so far.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionCommandLogsResponse {
    /// Standard output and standard error together, in the order they were written.
    pub output: Option<String>,
    /// Standard output.
    pub stdout: Option<String>,
    /// Standard error.
    pub stderr: Option<String>,
}
