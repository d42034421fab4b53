//! Accounts that are logged in, and the sandbox in use.
//!
//! They are in `profiles.json` in the directory `DAYTONA_CONFIG_DIR`, else `$XDG_CONFIG_HOME/daytona`, else
//! `~/.config/daytona`, readable by their owner only. Whom a command acts for is decided by the first of: `--profile`,
//! the environment (`DAYTONA_API_KEY`, `DAYTONA_JWT_TOKEN`, `DAYTONA_API_URL`), the active profile, `.env` files.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use daytona::{Client, Config, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::failure::{Done, Failure};
use crate::keyring;
use crate::oidc::{Login, Tokens};

/// Name of the profile of a login that gives none.
pub const DEFAULT: &str = "default";
/// The sandbox in use, for one shell.
const SANDBOX_VARIABLE: &str = "DAYTONA_SANDBOX";
/// The organization of one shell, before the one that was chosen.
const ORGANIZATION_VARIABLE: &str = "DAYTONA_ORGANIZATION_ID";
const DIRECTORY_VARIABLE: &str = "DAYTONA_CONFIG_DIR";

/// An account.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Profile {
    /// API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// Whether the API key is in the keyring instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_in_keyring: bool,
    /// Base URL of the API, or `local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// Region for new sandboxes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// A login with a browser, in place of an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
}

impl Profile {
    /// The tokens of a login with a browser.
    pub fn tokens(&self) -> Option<&Tokens> {
        self.login.as_ref()?.tokens.as_ref()
    }

    /// Moves its secret to the keyring, if it is to be there, and returns what is to be in the file.
    ///
    /// # Errors
    /// When the keyring does not take it.
    pub fn stored(mut self, name: &str) -> Done<Self> {
        if self.is_in_keyring {
            let tokens = self.login.as_mut().and_then(|login| login.tokens.take());
            let secret = match tokens {
                Some(tokens) => Some(serde_json::to_string(&tokens)?),
                None => self.api_key.take(),
            };
            if let Some(secret) = secret {
                keyring::store(name, &secret)?;
            }
        }
        Ok(self)
    }
}

/// Whom a command acts for, by name.
pub struct Chosen {
    /// Name of the profile.
    pub name: String,
    /// The profile with its key or tokens.
    pub profile: Profile,
    /// Id of the organization that was chosen for it.
    organization: Option<String>,
}

/// Everything that is remembered.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Profiles {
    /// Name of the profile that counts.
    pub active: String,
    /// By name.
    pub profiles: BTreeMap<String, Profile>,
    /// Id or name of the sandbox in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// Id of the organization in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

impl Chosen {
    /// A profile that is not remembered yet.
    pub fn new(name: &str, profile: Profile) -> Self {
        Self { name: name.to_owned(), profile, organization: None }
    }
}

impl Profiles {
    /// Reads what is remembered; nothing, where there is no file, or no place for one.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn load() -> Done<Self> {
        let Ok(path) = path() else { return Ok(Self::default()) };
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| Failure::other(format!("{} cannot be understood: {error}", path.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Failure::other(format!("{} cannot be read: {error}", path.display()))),
        }
    }

    /// Changes what is remembered. Another program that does so at the same time waits, so neither undoes the other's change.
    ///
    /// # Errors
    /// Those of `change`, and when the file cannot be read or written. It stays as it was then.
    pub fn change<T>(change: impl FnOnce(&mut Self) -> Done<T>) -> Done<T> {
        let path = path()?;
        let failed = |error: std::io::Error| Failure::other(format!("{} cannot be written: {error}", path.display()));
        let directory = path.parent().unwrap_or(&path);
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        // The file itself is replaced, so it cannot be what is locked.
        let mut lock = OpenOptions::new();
        let lock = lock.create(true).append(true).mode(0o600).open(directory.join("profiles.lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let before = Self::load()?;
        let mut profiles = before.clone();
        let changed = change(&mut profiles)?;
        if profiles != before {
            profiles.save(&path)?;
        }
        Ok(changed)
    }

    /// Whether something can be remembered: asked before something is asked for that comes only once.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn can_be_changed() -> Done {
        Self::change(|_| Self::load()?.save(&path()?))
    }

    /// Forgets what was chosen among what an account has, for another account.
    pub fn forget_choices(&mut self) {
        (self.sandbox, self.organization) = (None, None);
    }

    /// Writes it, whole or not at all.
    fn save(&self, path: &Path) -> Done {
        let failed = |error: std::io::Error| Failure::other(format!("{} cannot be written: {error}", path.display()));
        let directory = path.parent().unwrap_or(path);
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
        file.as_file().set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(path).map(drop).map_err(|error| failed(error.error))
    }

    /// A profile with its key, wherever that is kept.
    ///
    /// # Errors
    /// When there is none, and when the keyring does not give the key.
    pub fn open(&self, name: &str) -> Done<Profile> {
        let mut profile = self.find(name)?.clone();
        if profile.is_in_keyring {
            let secret = keyring::lookup(name)?;
            match &mut profile.login {
                Some(login) => login.tokens = serde_json::from_str(&secret).ok(),
                None => profile.api_key = Some(secret),
            }
        }
        Ok(profile)
    }

    /// Keeps new tokens of a profile, and returns the profile with them. Where somebody has logged out meanwhile, or in anew, that
    /// stays.
    ///
    /// # Errors
    /// When they cannot be kept.
    pub fn keep_tokens(name: &str, profile: Profile, tokens: Tokens) -> Done<Profile> {
        let mut before = profile.clone();
        if let Some(login) = before.login.as_mut().filter(|_| before.is_in_keyring) {
            login.tokens = None;
        }
        let login = profile.login.clone().map(|login| Login { tokens: Some(tokens), ..login });
        let profile = Profile { login, ..profile };
        Self::change(|profiles| {
            if let Some(kept) = profiles.profiles.get_mut(name).filter(|kept| **kept == before) {
                *kept = profile.clone().stored(name)?;
            }
            Ok(())
        })?;
        Ok(profile)
    }

    fn find(&self, name: &str) -> Done<&Profile> {
        self.profiles.get(name).ok_or_else(|| {
            let known: Vec<_> = self.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Failure::usage(format!("There is no profile {name:?}. Known: {known}; `daytona login --profile` adds one."))
        })
    }
}

/// The profile that a command acts for; `None` where the environment says for whom.
///
/// # Errors
/// For a profile that is not known, and when the keyring does not give its key.
pub fn chosen(name: Option<&str>) -> Done<Option<Chosen>> {
    if name.is_none() && environment_decides() {
        return Ok(None);
    }
    let profiles = Profiles::load()?;
    let name = match name {
        Some(name) => name,
        None if profiles.profiles.contains_key(&profiles.active) => &profiles.active,
        None => return Ok(None),
    };
    let profile = profiles.open(name)?;
    // What was chosen was chosen for the active one, whose organizations another need not know.
    let organization = profiles.organization.clone().filter(|_| *name == profiles.active || profile.login.is_none());
    Ok(Some(Chosen { name: name.to_owned(), profile, organization }))
}

/// The client for a profile; without one, for what the environment says.
///
/// # Errors
/// Without credentials.
pub fn connect(chosen: Option<&Chosen>) -> Done<Client> {
    let mut config = Config { source: Some("cli".to_owned()), ..Config::default() };
    if std::env::var_os("DAYTONA_LOCAL_BINARY").is_none_or(|path| path.is_empty()) {
        // The engine this very program has.
        config.local_binary = std::env::current_exe().ok().and_then(|path| path.into_os_string().into_string().ok());
    }
    let names_organization = std::env::var_os(ORGANIZATION_VARIABLE).is_some_and(|id| !id.is_empty());
    if let Some(Chosen { name, profile, organization }) = chosen {
        config.api_url = Some(profile.api_url.clone().unwrap_or_else(|| daytona::DEFAULT_API_URL.to_owned()));
        (config.api_key, config.target) = (profile.api_key.clone(), profile.target.clone());
        if !names_organization {
            config.organization_id.clone_from(organization);
        }
        if let Some(login) = &profile.login {
            let ended = || {
                Failure::NotLoggedIn(format!(
                    "Profile {name:?} is not logged in any more: daytona login --profile {name}"
                ))
            };
            config.jwt_token = Some(login.tokens.as_ref().ok_or_else(ended)?.access_token.clone());
            if !names_organization && config.organization_id.is_none() {
                config.organization_id = Some(login.organization.clone());
            }
        }
    } else if !names_organization {
        config.organization_id = Profiles::load()?.organization;
    }
    let has_credentials = config.api_key.is_some() || config.jwt_token.is_some();
    Client::new(config).map_err(|error| match error.kind() {
        ErrorKind::Authentication if !has_credentials => Failure::NotLoggedIn(
            "You are not logged in. Run `daytona login`, or set DAYTONA_API_KEY. With DAYTONA_API_URL=local sandboxes run on \
             this machine without an account."
                .to_owned(),
        ),
        _ => error.into(),
    })
}

/// The sandbox of a command: the given one, or that in use.
///
/// # Errors
/// When neither is there.
pub fn sandbox(given: Option<&str>) -> Done<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    if let Some(sandbox) = std::env::var(SANDBOX_VARIABLE).ok().filter(|name| !name.is_empty()) {
        return Ok(sandbox);
    }
    Profiles::load()?.sandbox.ok_or_else(|| {
        Failure::usage("Name a sandbox, or choose one for all commands with `daytona use NAME` or DAYTONA_SANDBOX.")
    })
}

/// Whether credentials or an address are set for this very call.
pub fn environment_decides() -> bool {
    let names = ["DAYTONA_API_KEY", "DAYTONA_JWT_TOKEN", "DAYTONA_API_URL", "DAYTONA_SERVER_URL"];
    names.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn path() -> Done<PathBuf> {
    Ok(directory()?.join("profiles.json"))
}

/// The directory of everything that is remembered.
///
/// # Errors
/// Where there is no place for it.
pub fn directory() -> Done<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = variable(DIRECTORY_VARIABLE)
        .or_else(|| variable("XDG_CONFIG_HOME").map(|path| path.join("daytona")))
        .or_else(|| variable("HOME").map(|path| path.join(".config/daytona")));
    directory.ok_or_else(|| Failure::other(format!("no place for profiles: set {DIRECTORY_VARIABLE} or HOME")))
}
