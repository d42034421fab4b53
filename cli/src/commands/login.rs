//! `daytona login` and `daytona profile`.

use clap::Args;
use daytona::model::ListSandboxesQuery;
use daytona::{Outside, without_secrets};
use serde_json::json;
use url::Url;

use crate::failure::{Done, Failure};
use crate::interrupt;
use crate::keyring;
use crate::oidc::{self, Issuer};
use crate::output::{FormatArguments, Output};
use crate::profile::{self, Chosen, Profile, Profiles};
use crate::stdin;

/// Log in with your browser, or with an API key
///
/// In a terminal, the browser shows the login page of the server's issuer; a server without one takes an API key, which is asked for. Without a
/// terminal, the key is read from standard input.
#[derive(Debug, Args)]
pub struct Login {
    /// Log in with this API key; - asks for it, or reads it from standard input
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// Log in with a browser, but only print the address of the page
    #[arg(long, conflicts_with = "api_key")]
    no_browser: bool,
    /// Port of this machine at which the browser ends, as the issuer allows it; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 3009)]
    callback_port: u16,
    /// Base URL of the API, or `local` for sandboxes on this machine [default: Daytona's cloud]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Region for new sandboxes
    #[arg(long, value_name = "REGION")]
    target: Option<String>,
    /// Keep the key or tokens in the keyring of the desktop instead of a file; needs the program secret-tool
    #[arg(long)]
    keyring: bool,
    /// Save the key without checking it
    #[arg(long, conflicts_with = "no_browser")]
    no_check: bool,
    #[command(flatten)]
    pub format: FormatArguments,
}

/// What a person proves to be with.
enum Credentials {
    /// None are needed.
    None,
    Key(String),
    Login(oidc::Login),
}

impl Login {
    /// Runs it.
    pub fn run(self, chosen_profile: Option<&str>) -> Done {
        let mut output = Output::new(self.format.chosen());
        let name = chosen_profile.unwrap_or(profile::DEFAULT).to_owned();
        let credentials = interrupt::run(self.credentials(), true)?;
        let mut profile = Profile { api_url: self.api_url, target: self.target, ..Profile::default() };
        match credentials {
            Credentials::None => {}
            Credentials::Login(login) => profile.login = Some(login),
            Credentials::Key(key) => {
                profile.api_key = Some(key);
                if !self.no_check {
                    let client = profile::connect(Some(&Chosen::new(&name, profile.clone())))?;
                    let query = ListSandboxesQuery { limit: Some(1), ..Default::default() };
                    interrupt::run(async { Ok(client.sandboxes().list(query).await.map(drop)?) }, true)?;
                }
            }
        }
        profile.is_in_keyring = self.keyring && (profile.api_key.is_some() || profile.login.is_some());
        remember(&name, profile.stored(&name)?)?;
        if profile::environment_decides() {
            output.note(
                "Note: DAYTONA_API_KEY, DAYTONA_JWT_TOKEN or DAYTONA_API_URL is set and counts before this login.",
            );
        }
        output.result(&json!({ "profile": name }), || format!("Logged in as profile {name}\n"))
    }

    async fn credentials(&self) -> Done<Credentials> {
        if self.api_url.as_deref() == Some(daytona::LOCAL) {
            return Ok(Credentials::None);
        }
        match self.api_key.as_deref() {
            Some("-") => {}
            Some(key) if key.trim().is_empty() => return Err(Failure::usage("--api-key is empty.")),
            Some(key) => return Ok(Credentials::Key(key.to_owned())),
            // Without a terminal nobody is sent to a browser, unless that is asked for.
            None if self.no_browser || (stdin::is_interactive() && !self.no_check) => {
                if let Some(login) = self.with_browser().await? {
                    return Ok(Credentials::Login(login));
                }
            }
            None => {}
        }
        Ok(Credentials::Key(stdin::secret("API key").await?))
    }

    /// Logs in with a browser; `None` when the server has no issuer and an API key does.
    async fn with_browser(&self) -> Done<Option<oidc::Login>> {
        let text = self.api_url.as_deref().unwrap_or(daytona::DEFAULT_API_URL);
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url else {
            let shown = without_secrets(text);
            return Err(Failure::usage(format!("The URL {shown:?} must begin with http:// or https://, or be local.")));
        };
        let outside = Outside::new()?;
        match Issuer::of(&outside, &url).await {
            Ok(Some(issuer)) => Ok(Some(oidc::log_in(&url, issuer, self.callback_port, !self.no_browser).await?)),
            Ok(None) if self.no_browser => Err(Failure::other(format!(
                "{} has no issuer of tokens, so nobody logs in there with a browser: daytona login --api-key -",
                without_secrets(url.as_str())
            ))),
            Err(failure) if self.no_browser => Err(failure),
            // The key will be checked, and why that fails is said then.
            Ok(None) | Err(_) => Ok(None),
        }
    }
}

/// Keeps the profile and makes it the active one.
fn remember(name: &str, profile: Profile) -> Done {
    let was_in_keyring = Profiles::change(|profiles| {
        let is_in_keyring = profile.is_in_keyring;
        let before = profiles.profiles.insert(name.to_owned(), profile);
        name.clone_into(&mut profiles.active);
        profiles.forget_choices();
        Ok(before.is_some_and(|before| before.is_in_keyring && !is_in_keyring))
    })?;
    if was_in_keyring { keyring::clear(name) } else { Ok(()) }
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
                profiles.forget_choices();
                Ok(profiles.clone())
            })?,
        };
        let names: Vec<_> = profiles.profiles.keys().cloned().collect();
        if names.is_empty() {
            output.note("There are no profiles: `daytona login` adds one.");
        }
        let text = || {
            let mark = |name: &String| if *name == profiles.active { '*' } else { ' ' };
            names.iter().map(|name| format!("{} {name}\n", mark(name))).collect()
        };
        output.result(&json!({ "active": profiles.active, "profiles": names }), text)
    }
}
