//! The environment that processes started by the toolbox inherit, and `POST /env` that changes it (additions 4.5).
//!
//! The toolbox's own process environment is only its starting point and is never modified, so changes need no global lock and
//! reach later processes only.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::routing::post;
use memchr::memchr;
use serde::Deserialize;

use crate::errors::ApiError;
use crate::extract::Json;
use crate::{State, Toolbox, ToolboxConfig};

/// Variables given with a request.
pub(crate) type Variables = BTreeMap<String, String>;

pub(crate) struct Environment {
    variables: RwLock<BTreeMap<OsString, OsString>>,
}

impl Environment {
    /// This process's environment with the variables, `HOME` and `DAYTONA_SANDBOX_ID` as configured.
    pub(crate) fn of_this_process(config: &ToolboxConfig) -> Self {
        let mut variables: BTreeMap<_, _> = std::env::vars_os().collect();
        variables.extend(config.variables.iter().map(|(name, value)| (name.into(), value.into())));
        variables.insert("HOME".into(), config.home.clone().into());
        variables.insert("DAYTONA_SANDBOX_ID".into(), config.sandbox_id.clone().into());
        variables
            .entry("PATH".into())
            .or_insert_with(|| "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into());
        Self { variables: RwLock::new(variables) }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<OsString, OsString>> {
        self.variables.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// All variables as they are now.
    pub(crate) fn snapshot(&self) -> BTreeMap<OsString, OsString> {
        self.read().clone()
    }

    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        self.read().get(OsStr::new(name)).cloned()
    }

    /// The first executable called `name` on `PATH`.
    pub(crate) fn which(&self, name: &str) -> Option<PathBuf> {
        if name.contains('/') {
            return Some(PathBuf::from(name));
        }
        let path = self.get("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
    }

    fn update(&self, change: &Change) -> BTreeMap<String, String> {
        let mut variables = self.variables.write().unwrap_or_else(PoisonError::into_inner);
        for name in &change.unset {
            variables.remove(OsStr::new(name));
        }
        if let Some(prefix) = change.unset_value_prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
            variables.retain(|name, value| {
                !value.as_bytes().starts_with(prefix.as_bytes())
                    || name.to_str().is_some_and(|name| change.set.contains_key(name))
            });
        }
        for (name, value) in &change.set {
            variables.insert(name.into(), value.into());
        }
        let text = |s: &OsString| s.to_string_lossy().into_owned();
        variables.iter().map(|(name, value)| (text(name), text(value))).collect()
    }
}

fn is_executable(file: &Path) -> bool {
    may_execute(file) && file.is_file()
}

/// Whether the user that programs run as, who need not be the toolbox's real one, may run a file or enter a directory.
pub(crate) fn may_execute(path: &Path) -> bool {
    use nix::fcntl::{AT_FDCWD, AtFlags};
    use nix::unistd::{AccessFlags, faccessat};

    faccessat(AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS).is_ok()
}

/// 400 unless every name matches `^[A-Za-z_][A-Za-z0-9_]*$` and no value holds a NUL.
pub(crate) fn check(variables: &Variables) -> Result<(), ApiError> {
    for (name, value) in variables {
        let mut bytes = name.bytes();
        let valid = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !valid {
            return Err(ApiError::bad_request(format!("invalid environment variable name: '{name}'")));
        }
        if memchr(0, value.as_bytes()).is_some() {
            return Err(ApiError::bad_request(format!("invalid environment variable value: '{name}' holds a NUL")));
        }
    }
    Ok(())
}

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/env", post(update))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    #[serde(default)]
    set: Variables,
    #[serde(default)]
    unset: Vec<String>,
    #[serde(default)]
    unset_value_prefix: Option<String>,
}

/// Unsets by name, then by value prefix (names being set are spared), then sets. Answers the resulting environment.
async fn update(toolbox: State, Json(change): Json<Change>) -> Result<axum::Json<BTreeMap<String, String>>, ApiError> {
    check(&change.set)?;
    Ok(axum::Json(toolbox.environment.update(&change)))
}
