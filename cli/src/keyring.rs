//! Keys in the keyring of the desktop (the Secret Service of GNOME, KDE and others), by way of the program `secret-tool`: a
//! library for it would be larger than all the rest of this program that a login needs. A key reaches that program, and leaves
//! it, by pipes only.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use crate::failure::{Done, Failure};
use crate::profile;

const PROGRAM: &str = "secret-tool";

/// Keeps the key of a profile.
///
/// # Errors
/// Without `secret-tool` or a keyring, and when it refuses.
pub fn store(profile: &str, key: &str) -> Done {
    let label = format!("--label=Daytona API key ({profile})");
    let done = run(&["store", &label], profile, Some(key))?;
    // Some say nothing when they could not.
    if !done.status.success() || lookup(profile).ok().as_deref() != Some(key) {
        return Err(Failure::other(format!("The keyring did not take the key{}", reason(&done))));
    }
    Ok(())
}

/// The key of a profile.
///
/// # Errors
/// When there is none, or the keyring cannot be asked.
pub fn lookup(profile: &str) -> Done<String> {
    let done = run(&["lookup"], profile, None)?;
    let key = String::from_utf8(done.stdout.clone()).unwrap_or_default();
    let key = key.trim_end_matches('\n');
    if !done.status.success() || key.is_empty() {
        return Err(Failure::NotLoggedIn(format!(
            "The keyring has no key for profile {profile:?}{}: `daytona login --profile {profile} --keyring`.",
            reason(&done)
        )));
    }
    Ok(key.to_owned())
}

/// Forgets the key of a profile.
///
/// # Errors
/// When the keyring cannot be asked.
pub fn clear(profile: &str) -> Done {
    run(&["clear"], profile, None).map(drop)
}

fn run(words: &[&str], profile: &str, input: Option<&str>) -> Done<Output> {
    let missing = |error: std::io::Error| {
        Failure::other(format!(
            "{PROGRAM} cannot be run, which keeps keys in the keyring ({error}): install it (on Debian, libsecret-tools), or log \
             in without --keyring."
        ))
    };
    // Profiles of another directory are others.
    let directory = profile::directory()?.to_string_lossy().into_owned();
    let mut program = Command::new(PROGRAM)
        .args(words)
        .args(["service", "daytona", "profile", profile, "directory", &directory])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let Some(mut stdin) = program.stdin.take()
        && let Some(input) = input
    {
        // One that ended early says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    Ok(program.wait_with_output()?)
}

/// What the program said, for the end of a sentence.
fn reason(done: &Output) -> String {
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    if said.is_empty() { String::new() } else { format!(" ({said})") }
}
