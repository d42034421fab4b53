//! `daytona logout`.

use clap::Args;
use serde_json::json;

use crate::failure::Done;
use crate::keyring;
use crate::output::{FormatArguments, Output};
use crate::profile::Profiles;

/// Forget an API key
#[derive(Debug, Args)]
pub struct Logout {
    #[command(flatten)]
    pub format: FormatArguments,
}

impl Logout {
    /// Runs it: the active profile is forgotten, or the one that was named.
    pub fn run(self, chosen_profile: Option<&str>) -> Done {
        let (name, was_there, cleared) = Profiles::change(|profiles| {
            let name = chosen_profile.unwrap_or(&profiles.active).to_owned();
            let removed = profiles.profiles.remove(&name);
            let was_there = removed.is_some();
            let in_keyring = removed.is_some_and(|profile| profile.is_in_keyring);
            let cleared = if in_keyring { keyring::clear(&name) } else { Ok(()) };
            if was_there && profiles.active == name {
                profiles.active = profiles.profiles.keys().next().cloned().unwrap_or_default();
                profiles.sandbox = None;
            }
            Ok((name, was_there, cleared))
        })?;
        // The profile is forgotten also where its keyring has gone.
        cleared?;
        let told = || match was_there {
            true => format!("Logged out of profile {name}\n"),
            false => "Not logged in\n".to_owned(),
        };
        Output::new(self.format.chosen()).result(&json!({ "profile": name, "loggedOut": was_there }), told)
    }
}
