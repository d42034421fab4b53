//! What a case file holds (../README.md).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::repository;

/// Which sandbox a case runs in.
#[derive(Deserialize, Clone, Copy, PartialEq, Default)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// The one all such cases share.
    #[default]
    Shared,
    /// A fresh one, deleted afterwards.
    Own,
    /// None.
    None,
}

/// A promise and the steps that prove it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Case {
    pub name: String,
    #[serde(default)]
    pub sandbox: Place,
    /// Parameters of the case's own sandbox.
    pub create: Option<Value>,
    pub steps: Vec<Step>,
    /// What differs at other servers; see [`compat`](crate::compat).
    #[serde(rename = "compat")]
    pub _compat: Option<Value>,
    /// `file/name`, set when the file is read.
    #[serde(skip)]
    pub id: String,
}

/// A way to read a stream.
#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Reading {
    /// Line by line.
    Lines,
    /// To its end, and once more.
    Again,
    /// A terminal to its end, after which something is typed.
    Ended,
    /// A terminal not at all: it is disconnected, after which something is typed.
    Closed,
}

/// One call and what must come of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Step {
    pub op: String,
    #[serde(default)]
    pub args: Value,
    pub expect: Option<Value>,
    pub error: Option<ExpectedError>,
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    pub cancel_after: Option<f64>,
    #[serde(default)]
    pub cancelled: bool,
    /// Texts to write to a terminal.
    #[serde(default)]
    pub input: Vec<String>,
    /// Bytes to write to an upload.
    #[serde(default)]
    pub pieces: Vec<Value>,
    #[serde(default)]
    pub detach: bool,
    /// How a stream is read, other than to its end.
    pub read: Option<Reading>,
    pub retry_for: Option<f64>,
    /// What the call sends, as [`ExpectedRequest`](crate::requests::ExpectedRequest)s with references.
    pub requests: Option<Value>,
    /// What differs at other servers; see [`compat`](crate::compat).
    #[serde(rename = "compat")]
    pub _compat: Option<Value>,
}

impl Case {
    /// Whether requests of it are to be recorded.
    pub fn is_recorded(&self) -> bool {
        self.steps.iter().any(|step| step.requests.is_some())
    }
}

/// The error a call must fail with.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    pub kind: daytona::ErrorKind,
    pub status: Option<u16>,
    pub code: Option<String>,
    pub message: Option<Value>,
}

/// What a runner writes about a case.
#[derive(Serialize, Deserialize)]
pub struct CaseResult {
    pub case: String,
    pub ok: bool,
    pub ops: Vec<String>,
    pub error: Option<String>,
}

/// Where the cases are written by hand.
pub fn source() -> PathBuf {
    repository().join("tests/conformance/cases")
}

/// The directory of a run, for another server than the newest: its cases, and its results.
fn run_directory() -> Option<PathBuf> {
    std::env::var_os("DAYTONA_CONFORMANCE").map(PathBuf::from)
}

/// Where the results of this run are.
pub fn results() -> PathBuf {
    run_directory().unwrap_or_else(|| repository().join("target/conformance"))
}

/// The files with cases in a directory, sorted.
pub fn files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .map_err(|e| format!("{}: {e}", directory.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    Ok(files)
}

/// All cases of this run, by file and order.
pub fn load() -> Result<Vec<Case>, String> {
    let directory = run_directory().map_or_else(source, |directory| directory.join("cases"));
    let mut all = Vec::new();
    for file in files(&directory)? {
        let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
        let text = std::fs::read(&file).map_err(|e| failed(&e))?;
        let cases: Vec<Case> = serde_json::from_slice(&text).map_err(|e| failed(&e))?;
        let subject = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        all.extend(cases.into_iter().map(|case| Case { id: format!("{subject}/{}", case.name), ..case }));
    }
    Ok(all)
}
