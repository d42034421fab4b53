//! Code.

use std::collections::BTreeMap;
use std::time::Duration;

use daytona::model::{CodeRunOptions, RunCodeOptions};
use serde_json::json;

use super::programs::shown;
use super::{Access, ID, Kind, Report, Tool, optional, required, run, sdk};
use crate::mcp::arguments::Arguments;
use crate::mcp::reply::{Picture, Refusal, Reply};
use crate::mcp::server::Server;

pub static TOOLS: &[Tool] = &[Tool {
    name: "run_code",
    title: "Run code",
    set: "code",
    access: Access::Destroys,
    description: "Run a program; charts of matplotlib come as pictures.",
    parameters: &[
        required("code", Kind::Text, ""),
        optional("language", Kind::OneOf(&["python", "typescript", "javascript"]), "Default python"),
        optional("stateful", Kind::Flag, "Python that keeps its variables from run to run"),
        optional("sdk", Kind::Flag, "Python with the package daytona, for programs that use sandboxes themselves"),
        optional("timeout", Kind::Number(Some(0), None), "Seconds until killed"),
        ID,
    ],
    run: run!(run_code),
}];

async fn run_code(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let code = arguments.text("code")?;
    let timeout = arguments.number("timeout")?.map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
    let language = arguments.optional_name("language")?.unwrap_or_else(|| "python".to_owned());
    let stateful = arguments.flag("stateful")?.unwrap_or(false);
    if stateful && language != "python" {
        return Err(Refusal::Argument("stateful is for python only.".to_owned()));
    }
    let wants_sdk = arguments.flag("sdk")?.unwrap_or(false);
    if wants_sdk && language != "python" {
        return Err(Refusal::Argument("sdk is for python only.".to_owned()));
    }
    let sandbox = server.sandbox(arguments.optional_name("id")?.as_deref()).await?;
    let sdk = if wants_sdk { Some(sdk::provide(&sandbox).await?) } else { None };
    if stateful {
        if let Some(sdk) = sdk {
            // The interpreter has read its paths already.
            let path = "__import__('sys').path";
            let found = format!("{path}[:0] = [d for d in ['{}'] if d not in {path}]", sdk.directory);
            sandbox.code_interpreter().run_code(&found, RunCodeOptions::default()).await?.collect().await?;
        }
        let options = RunCodeOptions { timeout, ..Default::default() };
        let result = sandbox.code_interpreter().run_code(&code, options).await?.collect().await?;
        let traceback = result.error.as_ref().map(|error| error.traceback.as_str()).unwrap_or_default();
        let output = format!("{}{}{traceback}", result.stdout, result.stderr).into_bytes();
        let (length, failed) = (output.len(), result.error.is_some());
        let (text, file) = shown(output, length, &sandbox).await?;
        let data = match file {
            // Neither is the data longer than a model can take.
            Some(file) => json!({ "output": text, "outputFile": file, "error": result.error }),
            None => json!(result),
        };
        return Ok(Reply::new(text, data).failed(failed));
    }
    let env = sdk.map(|sdk| BTreeMap::from([("PYTHONPATH".to_owned(), sdk.python_path)]));
    let options = CodeRunOptions { timeout, env, ..Default::default() };
    let response = sandbox.process().code_run(&code, &language, options).await?;
    let charts = response.artifacts.into_iter().flat_map(|artifacts| artifacts.charts);
    let pictures: Vec<_> =
        charts.filter_map(|chart| Some(Picture { base64: chart.png?, media_type: "image/png" })).collect();
    let output = response.result.into_bytes();
    let length = output.len();
    let (text, file) = shown(output, length, &sandbox).await?;
    let mut data = json!({ "exitCode": response.exit_code, "output": text, "charts": pictures.len() });
    if let Some(file) = file {
        data["outputFile"] = json!(file);
    }
    Ok(Reply::new(text, data).with_pictures(pictures).failed(response.exit_code != 0))
}
