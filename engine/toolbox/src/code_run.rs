//! `POST /process/code-run`: one program in a fresh process, its output and its charts (wire section 6).

use std::path::Path;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::response::Response;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::environment::{self, Variables};
use crate::errors::{ApiError, reason};
use crate::execute::{Finished, Output, run, seconds};
use crate::extract::Json;
use crate::outcome::Outcome;
use crate::{State, Toolbox};

/// Begins a line of output that is not output but an artifact.
const ARTIFACT: &[u8] = b"dtn_artifact_k39fd2:";
/// Shows figures as artifacts, then runs the program.
const CHARTS: &str = include_str!("charts.py");
/// So that `process.argv` looks as if the program were a file.
const NODE_PREFIX: &str = "process.argv.splice(1, 1);\n";

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/process/code-run", post(code_run))
}

#[derive(Deserialize)]
struct CodeRunRequest {
    #[serde(default)]
    code: String,
    #[serde(default)]
    language: String,
    argv: Option<Vec<String>>,
    envs: Option<Variables>,
    timeout: Option<u32>,
}

/// The artifacts of a program; empty lists when it made none.
#[derive(Serialize)]
struct Artifacts {
    charts: Vec<Value>,
}

async fn code_run(toolbox: State, Json(request): Json<CodeRunRequest>) -> Result<Response, ApiError> {
    if request.code.is_empty() {
        return Err(ApiError::invalid_body("code is required"));
    }
    let variables = request.envs.unwrap_or_default();
    environment::check(&variables)?;
    let compat = toolbox.config.compat;
    let argument = |word: &String| {
        if compat.leaves_arguments_unquoted() { format!(" {word}") } else { format!(" {}", quote(word)) }
    };
    let arguments: String = request.argv.unwrap_or_default().iter().map(argument).collect();
    // The code follows the command line on standard input of a here-document's worth: no limit on its length.
    let script = match request.language.as_str() {
        "python" => {
            let code = if uses_matplotlib(&request.code) { with_charts(&request.code) } else { request.code };
            format!("printf '%s' '{}' | base64 -d | python3 -u -{arguments}\n", STANDARD.encode(code))
        }
        "javascript" => {
            let code = STANDARD.encode(format!("{NODE_PREFIX}{}", request.code));
            format!("printf '%s' '{code}' | base64 -d | node -{arguments}\n")
        }
        "typescript" => {
            let code = STANDARD.encode(format!("{NODE_PREFIX}{}", request.code));
            // ts-node itself where it is on the path: npx would first look it up. What is not installed is not downloaded.
            format!(
                "f=/tmp/dtn_$$.ts\nprintf '%s' '{code}' | base64 -d > \"$f\"\n\
                 if command -v ts-node >/dev/null; then run=ts-node; else run='npx --no-install ts-node'; fi\n\
                 npm_config_loglevel=error $run -T --ignore-diagnostics 5107 -O '{{\"module\":\"CommonJS\"}}' \
                 \"$f\"{arguments}\ncode=$?\nrm -f \"$f\"\nexit $code\n"
            )
        }
        other => return Err(ApiError::bad_request(format!("unsupported language: {other}"))),
    };
    let command = toolbox.command(Path::new(&toolbox.shell()), None, &variables);
    let memory = toolbox.watch_memory();
    let work = run(command, script.into_bytes(), seconds(request.timeout));
    let artifacts = |charts: Vec<Value>| {
        let charts: Vec<_> = charts.into_iter().filter_map(|chart| compat.chart(chart)).collect();
        (!charts.is_empty() || !compat.omits_empty_artifacts()).then_some(Artifacts { charts })
    };
    let (outcome, output) = match compat.carry_out(work).await? {
        Ok(Finished { status, mut output }) => {
            let charts = take_charts(&mut output.bytes);
            if !status.success() {
                memory.explain(&mut output.bytes);
            }
            (Outcome { exit_code: status.code().unwrap_or(-1), artifacts: artifacts(charts) }, output)
        }
        Err(error) => {
            (Outcome { exit_code: -1, artifacts: artifacts(Vec::new()) }, Output::from(reason(&error).into_bytes()))
        }
    };
    Ok(outcome.with(output))
}

/// One word of the shell's language.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whether a line that is not a comment mentions an import of matplotlib.
fn uses_matplotlib(code: &str) -> bool {
    const MENTIONS: [&str; 6] = [
        "import matplotlib",
        "from matplotlib",
        "__import__('matplotlib'",
        "importlib.import_module('matplotlib'",
        "loader.load_module('matplotlib'",
        "sys.modules['matplotlib']",
    ];
    code.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        MENTIONS.iter().any(|mention| line.contains(mention))
    })
}

/// The program wrapped in the chart extractor, which gets it as base64.
fn with_charts(code: &str) -> String {
    CHARTS.replace("__DAYTONA_CODE__", &STANDARD.encode(code))
}

/// Takes artifact lines out of the output.
fn take_charts(output: &mut Vec<u8>) -> Vec<Value> {
    static FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(ARTIFACT));
    if FINDER.find(output).is_none() {
        return Vec::new();
    }
    let mut rest = Vec::with_capacity(output.len());
    let mut charts = Vec::new();
    for line in output.split_inclusive(|byte| *byte == b'\n') {
        // A program that printed half a line before showing a figure: the artifact begins in the middle.
        let Some(at) = FINDER.find(line) else {
            rest.extend_from_slice(line);
            continue;
        };
        rest.extend_from_slice(&line[..at]);
        let artifact: Option<Value> = serde_json::from_slice(&line[at + ARTIFACT.len()..]).ok();
        if let Some(mut artifact) = artifact.filter(|artifact| artifact["type"] == "chart") {
            charts.push(artifact["value"].take());
        }
    }
    *output = rest;
    charts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_leave_the_output_untouched() {
        let mut output = b"a\npart dtn_artifact_k39fd2:{\"type\":\"chart\",\"value\":{\"title\":\"t\"}}\nb".to_vec();
        let charts = take_charts(&mut output);
        assert_eq!(output, b"a\npart b");
        assert_eq!(charts[0]["title"], "t");
    }

    #[test]
    fn a_commented_import_does_not_count() {
        assert!(!uses_matplotlib("# import matplotlib"));
        assert!(uses_matplotlib("x = 1\nfrom matplotlib import pyplot"));
    }
}
