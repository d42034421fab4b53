//! Which operations each runner has proved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::case::{self, Case, CaseResult};
use crate::repository;

/// Every runner there is.
pub const RUNNERS: [&str; 7] = ["rust", "python-sync", "python-async", "typescript", "ruby", "go", "uniffi"];

#[derive(Deserialize)]
struct Schema {
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    ops: Vec<Op>,
}

#[derive(Deserialize)]
struct Op {
    id: String,
}

/// Cases of one operation in one runner.
#[derive(Default, Clone, Copy)]
struct Count {
    held: usize,
    run: usize,
}

/// Prints the table and what is wrong with it; true when nothing is.
pub fn print(runners: &[String]) -> Result<bool, String> {
    let schema: Schema = read(&repository().join("schema/daytona.json"))?;
    let ops: Vec<String> = schema.services.into_iter().flat_map(|s| s.ops).map(|op| op.id).collect();
    let cases = case::load()?;
    let mut wrong = Vec::new();
    let used: BTreeSet<_> = cases.iter().flat_map(|case| &case.steps).map(|step| step.op.as_str()).collect();
    wrong.extend(ops.iter().filter(|op| !used.contains(op.as_str())).map(|op| format!("{op} has no case")));
    let recorded: BTreeSet<_> =
        cases.iter().flat_map(|case| &case.steps).filter(|s| s.requests.is_some()).map(|s| s.op.as_str()).collect();
    let unrecorded = ops.iter().filter(|op| used.contains(op.as_str()) && !recorded.contains(op.as_str()));
    wrong.extend(unrecorded.map(|op| format!("{op} has no case that says what it sends")));

    let mut columns = Vec::new();
    for runner in runners {
        let results = results(runner, &cases, &mut wrong);
        let recorded: Vec<_> = cases.iter().filter(|case| case.is_recorded()).collect();
        // They count once: what they prove beyond the plain run is in the requests.
        self::results(&format!("{runner}-requests"), recorded, &mut wrong);
        columns.push(count(&results));
    }

    let width = ops.iter().map(String::len).max().unwrap_or(0);
    println!("{:width$}  {}", "operation", runners.join("  "));
    for op in &ops {
        let cells = runners.iter().zip(&columns).map(|(runner, counts)| {
            let Count { held, run } = counts.get(op.as_str()).copied().unwrap_or_default();
            let cell = if run == 0 { "-".to_owned() } else { format!("{held}/{run}") };
            format!("{cell:>length$}", length = runner.len())
        });
        println!("{op:width$}  {}", cells.collect::<Vec<_>>().join("  "));
    }
    for line in &wrong {
        println!("{line}");
    }
    Ok(wrong.is_empty())
}

/// Whether every runner has run every case and all hold; prints what is wrong.
pub fn check(runners: &[String]) -> Result<bool, String> {
    let cases = case::load()?;
    let mut wrong = Vec::new();
    for runner in runners {
        results(runner, &cases, &mut wrong);
    }
    for line in &wrong {
        println!("{line}");
    }
    Ok(wrong.is_empty())
}

/// The results in a file, and what is wrong with them.
fn results<'a>(file: &str, cases: impl IntoIterator<Item = &'a Case>, wrong: &mut Vec<String>) -> Vec<CaseResult> {
    let results: Vec<CaseResult> = match read(&case::results().join(format!("{file}.json"))) {
        Ok(results) => results,
        Err(error) => {
            wrong.push(format!("{file} has no results: {error}"));
            return Vec::new();
        }
    };
    let seen: BTreeSet<_> = results.iter().map(|r| r.case.as_str()).collect();
    let missing = cases.into_iter().filter(|case| !seen.contains(case.id.as_str()));
    wrong.extend(missing.map(|case| format!("{file} has not run {}", case.id)));
    let failed = results.iter().filter(|r| !r.ok);
    wrong.extend(failed.map(|r| format!("{file} failed {}: {}", r.case, r.error.as_deref().unwrap_or("?"))));
    results
}

fn count(results: &[CaseResult]) -> BTreeMap<String, Count> {
    let mut counts = BTreeMap::<_, Count>::new();
    for result in results {
        for op in &result.ops {
            let count = counts.entry(op.clone()).or_default();
            count.run += 1;
            count.held += usize::from(result.ok);
        }
    }
    counts
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, String> {
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let text = std::fs::read(file).map_err(|e| failed(&e))?;
    serde_json::from_slice(&text).map_err(|e| failed(&e))
}
