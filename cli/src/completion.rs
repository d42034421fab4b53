//! Completions in the shell, names of sandboxes included.
//!
//! The script that `daytona autocomplete` installs asks this program, with a variable in its environment, what may come next.

use std::ffi::OsStr;
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::CompleteEnv;
use daytona::model::ListSandboxesQuery;

use crate::arguments::Cli;
use crate::profile;

/// The variable by which a shell asks.
pub const VARIABLE: &str = "DAYTONA_COMPLETE";
/// Nobody waits longer for names.
const LIMIT: Duration = Duration::from_secs(2);
/// Names that are offered at most.
const MOST: i64 = 200;

/// Answers a shell that asks for completions, and ends the program then.
pub fn answer_shell() {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(Cli::command).var(VARIABLE).complete();
    }
}

/// The sandboxes whose names begin with what was typed. Nothing where they cannot be asked for.
pub fn sandboxes(typed: &OsStr) -> Vec<CompletionCandidate> {
    names(typed.to_str().unwrap_or_default()).unwrap_or_default()
}

fn names(typed: &str) -> Option<Vec<CompletionCandidate>> {
    let client = profile::client(None).ok()?;
    let query = ListSandboxesQuery {
        limit: Some(MOST),
        name: Some(typed.to_owned()).filter(|typed| !typed.is_empty()),
        ..Default::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let found = runtime.block_on(async { tokio::time::timeout(LIMIT, client.sandboxes().list(query)).await });
    runtime.shutdown_background();
    let candidates = found.ok()?.ok()?.items.into_iter().map(|sandbox| {
        let state = sandbox.state.map(|state| crate::output::word(&state));
        CompletionCandidate::new(sandbox.name).help(state.map(Into::into))
    });
    Some(candidates.collect())
}
