//! `daytona login`.

use clap::Args;
use daytona::model::ListSandboxesQuery;
use serde_json::json;

use crate::failure::{Done, Failure};
use crate::interrupt;
use crate::keyring;
use crate::output::{FormatArguments, Output};
use crate::profile::{self, Profile, Profiles};
use crate::stdin;

/// Log in with an API key
#[derive(Debug, Args)]
pub struct Login {
    /// The API key; without this it is asked for, or read from standard input
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// Base URL of the API, or `local` for sandboxes on this machine [default: Daytona's cloud]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Region for new sandboxes
    #[arg(long, value_name = "REGION")]
    target: Option<String>,
    /// Keep the key in the keyring of the desktop instead of a file; needs the program secret-tool
    #[arg(long)]
    keyring: bool,
    /// Save the key without checking it
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    pub format: FormatArguments,
}

impl Login {
    /// Runs it.
    pub fn run(self, chosen_profile: Option<&str>) -> Done {
        let mut output = Output::new(self.format.chosen());
        let name = chosen_profile.unwrap_or(profile::DEFAULT).to_owned();
        let is_local = self.api_url.as_deref() == Some(daytona::LOCAL);
        let api_key = match self.api_key {
            _ if is_local => None,
            Some(key) if key.trim().is_empty() => return Err(Failure::usage("--api-key is empty.")),
            Some(key) => Some(key),
            None => Some(interrupt::run(stdin::secret("API key"), true)?),
        };
        let mut profile = Profile { api_key, api_url: self.api_url, target: self.target, ..Profile::default() };
        if !self.no_check && !is_local {
            let client = profile::connect(Some(&profile))?;
            let query = ListSandboxesQuery { limit: Some(1), ..Default::default() };
            interrupt::run(async { Ok(client.sandboxes().list(query).await.map(drop)?) }, true)?;
        }
        if self.keyring
            && let Some(key) = profile.api_key.take()
        {
            keyring::store(&name, &key)?;
            profile.is_in_keyring = true;
        }
        let was_in_keyring = Profiles::change(|profiles| {
            let is_in_keyring = profile.is_in_keyring;
            let before = profiles.profiles.insert(name.clone(), profile);
            let was_in_keyring = before.is_some_and(|before| before.is_in_keyring && !is_in_keyring);
            profiles.active.clone_from(&name);
            // The sandbox in use belongs to the account before.
            profiles.sandbox = None;
            Ok(was_in_keyring)
        })?;
        if was_in_keyring {
            keyring::clear(&name)?;
        }
        if profile::environment_decides() {
            output.note(
                "Note: DAYTONA_API_KEY, DAYTONA_JWT_TOKEN or DAYTONA_API_URL is set and counts before this login.",
            );
        }
        output.result(&json!({ "profile": name }), || format!("Logged in as profile {name}\n"))
    }
}

/// Switch to another profile, or list them
#[derive(Debug, Args)]
pub struct Switch {
    /// Name of the profile
    name: Option<String>,
    #[command(flatten)]
    pub format: FormatArguments,
}

impl Switch {
    /// Runs it.
    pub fn run(self) -> Done {
        let mut output = Output::new(self.format.chosen());
        let profiles = match self.name {
            None => Profiles::load()?,
            Some(name) => Profiles::change(|profiles| {
                if !profiles.profiles.contains_key(&name) {
                    return Err(Failure::usage(format!(
                        "There is no profile {name:?}: `daytona login --profile {name}`."
                    )));
                }
                profiles.active = name;
                profiles.sandbox = None;
                Ok(profiles.clone())
            })?,
        };
        let names: Vec<_> = profiles.profiles.keys().cloned().collect();
        let text = || {
            let mark = |name: &String| if *name == profiles.active { '*' } else { ' ' };
            names.iter().map(|name| format!("{} {name}\n", mark(name))).collect()
        };
        output.result(&json!({ "active": profiles.active, "profiles": names }), text)
    }
}
