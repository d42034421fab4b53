//! `daytona logout`.

use clap::Args;
use serde_json::json;

use crate::failure::Done;
use crate::interrupt;
use crate::keyring;
use crate::oidc::{self, Login};
use crate::output::{FormatArguments, Output};
use crate::profile::Profiles;

/// Forget an API key or a login with a browser, which the issuer is told
#[derive(Debug, Args)]
pub struct Logout {
    #[command(flatten)]
    pub format: FormatArguments,
}

impl Logout {
    /// Runs it: the active profile is forgotten, or the one that was named.
    pub fn run(self, chosen_profile: Option<&str>) -> Done {
        let mut output = Output::new(self.format.chosen());
        let (name, removed, cleared) = Profiles::change(|profiles| {
            let name = chosen_profile.unwrap_or(&profiles.active).to_owned();
            // Its tokens, too, as long as the keyring has them.
            let opened = profiles.open(&name).ok();
            let removed = profiles.profiles.remove(&name).map(|profile| opened.unwrap_or(profile));
            let in_keyring = removed.as_ref().is_some_and(|profile| profile.is_in_keyring);
            let cleared = if in_keyring { keyring::clear(&name) } else { Ok(()) };
            if removed.is_some() && profiles.active == name {
                profiles.active = profiles.profiles.keys().next().cloned().unwrap_or_default();
                profiles.forget_choices();
            }
            Ok((name, removed, cleared))
        })?;
        // The profile is forgotten also where its keyring has gone.
        cleared?;
        if let Some(Login { issuer, tokens: Some(tokens), .. }) =
            removed.as_ref().and_then(|profile| profile.login.as_ref())
            && interrupt::run(oidc::log_out(issuer, tokens), true).is_err()
        {
            output.note(format!(
                "Note: {} could not be told. Its tokens are forgotten here, and end by themselves.",
                issuer.url()
            ));
        }
        let was_there = removed.is_some();
        let told = || match was_there {
            true => format!("Logged out of profile {name}\n"),
            false => "Not logged in\n".to_owned(),
        };
        output.result(&json!({ "profile": name, "loggedOut": was_there }), told)
    }
}
