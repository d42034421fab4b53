//! Completions in the shell, names of sandboxes included.
//!
//! The script that `daytona autocomplete` installs asks this program, with a variable in its environment, what may come next.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::CompleteEnv;
use daytona::model::ListSandboxesQuery;

use crate::arguments::Cli;
use crate::profile::{self, Profiles};

/// The variable by which a shell asks.
pub const VARIABLE: &str = "DAYTONA_COMPLETE";
/// The profile of one shell.
pub const PROFILE_VARIABLE: &str = "DAYTONA_PROFILE";
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

/// The profiles whose names begin with what was typed.
pub fn profiles(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_str().unwrap_or_default();
    let known = Profiles::load().map(|profiles| profiles.profiles).unwrap_or_default();
    known.into_keys().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

/// The profile of the command line that is being typed, which the shell hands over after `--`.
fn chosen_profile(arguments: impl Iterator<Item = OsString>) -> Option<String> {
    let words = arguments.skip_while(|argument| argument != "--").skip(1);
    // What follows the next one belongs to a program in a sandbox.
    let mut words = words.take_while(|argument| argument != "--").filter_map(|word| word.into_string().ok());
    let mut chosen = std::env::var(PROFILE_VARIABLE).ok();
    while let Some(word) = words.next() {
        if word == "--profile" {
            chosen = words.next();
        } else if let Some(name) = word.strip_prefix("--profile=") {
            chosen = Some(name.to_owned());
        }
    }
    chosen.filter(|name| !name.is_empty())
}

fn names(typed: &str) -> Option<Vec<CompletionCandidate>> {
    let profile = chosen_profile(std::env::args_os());
    let chosen = profile::chosen(profile.as_deref()).ok()?;
    let client = profile::connect(chosen.as_ref()).ok()?;
    let query = ListSandboxesQuery {
        limit: Some(MOST),
        name: Some(typed.to_owned()).filter(|typed| !typed.is_empty()),
        ..Default::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let found = runtime.block_on(async { tokio::time::timeout(LIMIT, client.sandboxes().list(query)).await });
    runtime.shutdown_background();
    // What a shell might take for several names, or for something to do, is left to be typed.
    let is_plain = |name: &str| !name.contains(|c: char| c.is_control());
    let found = found.ok()?.ok()?.items.into_iter().filter(|sandbox| is_plain(&sandbox.name));
    let candidates = found.map(|sandbox| {
        let state = sandbox.state.map(|state| crate::output::word(&state));
        CompletionCandidate::new(sandbox.name).help(state.map(Into::into))
    });
    Some(candidates.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_profile_on_the_command_line() {
        let chosen = |line: &str| chosen_profile(line.split(' ').map(OsString::from));
        assert_eq!(chosen("daytona -- daytona --profile work info"), Some("work".to_owned()));
        assert_eq!(chosen("daytona -- daytona info --profile=work b"), Some("work".to_owned()));
        assert_eq!(chosen("daytona -- daytona exec box -- x --profile work"), None);
        assert_eq!(chosen("daytona -- daytona info --profile"), None);
    }
}
