//! Commands, code and sessions.

use std::collections::BTreeMap;

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
    pub timeout: Option<f64>,
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
    pub timeout: Option<f64>,
}

/// What a program left besides its output.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecutionArtifacts {
    /// The output, as in `result`.
    #[serde(deserialize_with = "null_as_default")]
    pub stdout: String,
    /// Charts the program showed; a command shows none.
    #[serde(deserialize_with = "null_as_default")]
    pub charts: Vec<Chart>,
}

/// Result of a command or program.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecuteResponse {
    /// Exit code; 0 means success, 128 + n that signal n ended it, -1 that it could not be started.
    #[serde(alias = "code")]
    pub exit_code: i64,
    /// Standard output and standard error, in the order they were written.
    #[serde(deserialize_with = "null_as_default")]
    pub result: String,
    /// The output once more, and the charts of a program.
    pub artifacts: Option<ExecutionArtifacts>,
}

/// A command of a session.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Command {
    /// Id.
    pub id: String,
    /// The command text.
    pub command: String,
    /// Exit code; nothing while it runs.
    pub exit_code: Option<i64>,
}

/// A session: one shell whose directory, variables and functions last from command to command.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Session {
    /// Id.
    pub session_id: String,
    /// Its commands.
    #[serde(deserialize_with = "null_as_default")]
    pub commands: Vec<Command>,
}

/// A command for a session.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionExecuteRequest {
    /// The command text.
    pub command: String,
    /// Whether to return at once instead of waiting for the command to end. Default: false.
    pub run_async: Option<bool>,
    /// Whether to keep input sent to the command out of its log. Default: false.
    pub suppress_input_echo: Option<bool>,
}

/// What a session answers to a command.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionExecuteResponse {
    /// Id of the command.
    #[serde(alias = "id")]
    pub cmd_id: String,
    /// Exit code; nothing for an asynchronous command.
    pub exit_code: Option<i64>,
    /// Standard output and standard error together.
    pub output: Option<String>,
    /// Standard output.
    pub stdout: Option<String>,
    /// Standard error.
    pub stderr: Option<String>,
}

/// The log of a command so far.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionCommandLogsResponse {
    /// Standard output and standard error together, in the order they were logged.
    pub output: Option<String>,
    /// Standard output.
    pub stdout: Option<String>,
    /// Standard error.
    pub stderr: Option<String>,
}
