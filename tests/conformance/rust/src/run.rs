//! Runs the cases and writes the results.

use std::collections::BTreeSet;
use std::time::Duration;

use daytona::model::{CreateOptions, CreateSandboxParams, DeleteOptions, SandboxInfo};
use daytona::{Client, Config};
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use crate::calls::{self, Failure, Request};
use crate::case::{self, Case, CaseResult, ExpectedError, Place, Step};
use crate::references::{self, Known};
use crate::{matching, record, repository};

/// Name of this runner in its output and results.
const RUNNER: &str = "rust";
/// Pause between two attempts of a step with `retryFor`.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// A case that takes longer hangs.
const CASE_LIMIT: Duration = Duration::from_secs(300);

/// Runs the cases that match and returns whether all of them hold.
pub async fn run(filter: &[String], jobs: usize) -> Result<bool, String> {
    let mut cases = case::load()?;
    cases.retain(|case| filter.is_empty() || filter.iter().any(|text| case.id.contains(text)));
    // The recorder must know whose requests it sees: one case at a time.
    let recorder = std::env::var(record::RECORDER).ok();
    let jobs = if recorder.is_some() { 1 } else { jobs };
    cases.retain(|case| recorder.is_none() || case.is_recorded());
    let client = Client::new(Config::default()).map_err(|e| e.to_string())?;
    let shared = match cases.iter().any(|case| case.sandbox == Place::Shared && case.create.is_none()) {
        true => Some(create(&client, CreateSandboxParams::default()).await?),
        false => None,
    };
    let mut results: Vec<CaseResult> = futures_util::stream::iter(&cases)
        .map(|case| report(&client, shared.as_ref(), case))
        .buffer_unordered(jobs.max(1))
        .collect()
        .await;
    results.sort_by(|a, b| a.case.cmp(&b.case));
    if let Some(shared) = &shared {
        delete(&client, &shared.id).await?;
    }
    let failed = results.iter().filter(|result| !result.ok).count();
    println!("{RUNNER}: {} of {} cases hold", results.len() - failed, results.len());
    if filter.is_empty() {
        let file = if recorder.is_some() { format!("{RUNNER}-requests") } else { RUNNER.to_owned() };
        write(&file, &results)?;
    }
    Ok(failed == 0)
}

async fn report(client: &Client, shared: Option<&SandboxInfo>, case: &Case) -> CaseResult {
    let outcome = tokio::time::timeout(CASE_LIMIT, run_case(client, shared, case)).await;
    let error = outcome.unwrap_or_else(|_| Err(format!("not finished after {} s", CASE_LIMIT.as_secs()))).err();
    match &error {
        None => println!("ok {RUNNER} {}", case.id),
        Some(error) => println!("FAILED {RUNNER} {}: {error}", case.id),
    }
    let ops = case.steps.iter().map(|step| step.op.clone()).collect::<BTreeSet<_>>();
    CaseResult { case: case.id.clone(), ok: error.is_none(), ops: ops.into_iter().collect(), error }
}

async fn run_case(client: &Client, shared: Option<&SandboxInfo>, case: &Case) -> Result<(), String> {
    let local = tempfile::tempdir().map_err(|e| e.to_string())?;
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let mut known = Known::from([
        ("unique".to_owned(), Value::from(&unique[..12])),
        ("tmp".to_owned(), Value::from(local.path().to_string_lossy())),
        ("home".to_owned(), Value::from("/home/daytona")),
        ("fixtures".to_owned(), Value::from(repository().join("tests/conformance/fixtures").to_string_lossy())),
    ]);
    let own = match (&case.create, case.sandbox) {
        (None, Place::Shared | Place::None) => None,
        (params, _) => {
            let params = references::replace(params.as_ref().unwrap_or(&serde_json::json!({})), &known)?;
            let params = serde_json::from_value(params).map_err(|e| format!("create: {e}"))?;
            Some(create(client, params).await?)
        }
    };
    let sandbox = own.as_ref().or(shared.filter(|_| case.sandbox == Place::Shared));
    if let Some(sandbox) = sandbox {
        known.insert("sandbox".to_owned(), Value::from(&*sandbox.id));
    }
    let mut outcome = Ok(());
    for (index, step) in case.steps.iter().enumerate() {
        outcome = run_step(client, sandbox, step, &mut known).await;
        if let Err(error) = outcome {
            outcome = Err(format!("step {} ({}): {error}", index + 1, step.op));
            break;
        }
    }
    if let Some(own) = own {
        let deleted = delete(client, &own.id).await;
        outcome = outcome.and(deleted);
    }
    outcome
}

async fn run_step(
    client: &Client,
    sandbox: Option<&SandboxInfo>,
    step: &Step,
    known: &mut Known,
) -> Result<(), String> {
    let give_up = Instant::now() + Duration::from_secs_f64(step.retry_for.unwrap_or(0.0));
    loop {
        match recorded_attempt(client, sandbox, step, known).await {
            Err(_) if Instant::now() < give_up => tokio::time::sleep(RETRY_PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// An attempt whose requests are compared, where there is a recorder.
async fn recorded_attempt(
    client: &Client,
    sandbox: Option<&SandboxInfo>,
    step: &Step,
    known: &mut Known,
) -> Result<(), String> {
    let recorder = std::env::var(record::RECORDER).ok().zip(step.requests.as_ref());
    if let Some((url, _)) = &recorder {
        record::tell(url, RUNNER, known, None).await?;
    }
    attempt(client, sandbox, step, known).await?;
    match recorder {
        Some((url, requests)) => record::tell(&url, RUNNER, known, Some(requests)).await,
        None => Ok(()),
    }
}

async fn attempt(client: &Client, sandbox: Option<&SandboxInfo>, step: &Step, known: &mut Known) -> Result<(), String> {
    let toolbox = match sandbox {
        Some(sandbox) => Some(client.toolbox(sandbox).map_err(|e| e.to_string())?),
        None => None,
    };
    let replaced = |texts: &[String]| -> Result<Vec<String>, String> {
        texts.iter().map(|t| Ok(plain(references::replace(&Value::from(&**t), known)?))).collect()
    };
    let pieces = step.pieces.iter().map(|piece| {
        references::bytes(&references::replace(piece, known)?).ok_or_else(|| format!("{piece} is not bytes"))
    });
    let request = Request {
        args: references::replace(&step.args, known)?,
        input: replaced(&step.input)?,
        pieces: pieces.collect::<Result<_, _>>()?,
        detach: step.detach,
        read: step.read,
    };
    let call = calls::call(client, toolbox.as_ref(), &step.op, &request);
    let outcome = match step.cancel_after {
        None => call.await,
        Some(seconds) => match tokio::time::timeout(Duration::from_secs_f64(seconds), call).await {
            Err(_) if step.cancelled => return Ok(()),
            Err(_) => return Err(format!("not finished after {seconds} s")),
            Ok(outcome) => outcome,
        },
    };
    match (outcome, &step.error) {
        (Err(Failure::Case(why)), _) => Err(why),
        (Err(Failure::Client(error)), Some(expected)) => check_error(&error, expected, known),
        (Err(Failure::Client(error)), None) => Err(format!("{:?}: {error}", error.kind())),
        (Ok(outcome), Some(expected)) => Err(format!("no error {:?}, but {}", expected.kind, outcome.value)),
        (Ok(_), None) if step.cancelled => Err("finished before it was cancelled".to_owned()),
        (Ok(outcome), None) => {
            if let Some(expected) = &step.expect {
                matching::check(&references::replace(expected, known)?, &outcome)?;
            }
            for (name, path) in &step.save {
                let value = references::at(&outcome.value, path);
                let value = value.ok_or_else(|| format!("the result {} has no {path}", outcome.value))?;
                known.insert(name.clone(), value.clone());
            }
            Ok(())
        }
    }
}

fn check_error(error: &daytona::Error, expected: &ExpectedError, known: &Known) -> Result<(), String> {
    let info = error.info();
    let differs = |what: &str, wanted: String| Err(format!("the error {error:?} has not the {what} {wanted}"));
    if !info.kind.is(expected.kind) {
        return differs("kind", format!("{:?}", expected.kind));
    }
    if expected.status.is_some() && info.status != expected.status {
        return differs("status", format!("{:?}", expected.status));
    }
    if expected.code.is_some() && info.code != expected.code {
        return differs("code", format!("{:?}", expected.code));
    }
    match &expected.message {
        Some(message) => matching::check_text(&references::replace(message, known)?, &info.message, "message"),
        None => Ok(()),
    }
}

async fn create(client: &Client, params: CreateSandboxParams) -> Result<SandboxInfo, String> {
    let created = client.sandboxes().create(params, CreateOptions::default()).await;
    created.map_err(|e| format!("creating the sandbox: {e}"))
}

/// Deletes unless the case has done so itself.
async fn delete(client: &Client, id: &str) -> Result<(), String> {
    match client.sandboxes().delete(id, DeleteOptions::default()).await {
        Err(error) if !error.is_not_found() => Err(format!("deleting the sandbox: {error}")),
        _ => Ok(()),
    }
}

fn write(name: &str, results: &[CaseResult]) -> Result<(), String> {
    let directory = case::results();
    let file = directory.join(format!("{name}.json"));
    let json = serde_json::to_vec_pretty(results).map_err(|e| e.to_string())?;
    std::fs::create_dir_all(&directory)
        .and_then(|()| std::fs::write(&file, json))
        .map_err(|e| format!("{}: {e}", file.display()))
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
