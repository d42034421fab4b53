//! Where the caller's repositories came from.
//!
//! The address of a remote is written in the repository, where code in the sandbox can change it. What the caller itself said,
//! by cloning or by adding a remote, is remembered here for as long as the toolbox runs, and later credentials go nowhere else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use super::credentials::origins;
use crate::errors::ApiError;

/// Addresses by repository and name of the remote.
#[derive(Default)]
pub(crate) struct Origins(Mutex<HashMap<(PathBuf, String), String>>);

impl Origins {
    /// Remembers that the caller said `url` for this remote.
    pub(super) fn remember(&self, repository: &Path, remote: &str, url: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for path in names(repository) {
            known.insert((path, remote.to_owned()), url.to_owned());
        }
    }

    /// # Errors
    /// 403 when the caller said another host for this remote than `url` leads to.
    pub(super) fn check(&self, repository: &Path, remote: &str, url: &str) -> Result<(), ApiError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A path below the repository means the repository, too.
        let paths = names(repository);
        let mut paths = paths.iter().flat_map(|path| path.ancestors());
        let said = paths.find_map(|path| known.get(&(path.to_owned(), remote.to_owned())));
        let Some(said) = said else { return Ok(()) };
        let (expected, found) = (origins(said), origins(url));
        if found.first().is_some_and(|origin| expected.contains(origin)) {
            return Ok(());
        }
        let name = |origins: Vec<String>| origins.into_iter().next().unwrap_or_else(|| "elsewhere".to_owned());
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "FORBIDDEN",
            format!(
                "forbidden: remote '{remote}' was {} and is {} now: to send credentials there, give its address as the remote",
                name(expected),
                name(found)
            ),
        ))
    }
}

/// The repository's directory as it is written and, should that be a link, where it is.
fn names(repository: &Path) -> Vec<PathBuf> {
    let mut names = vec![repository.components().collect()];
    names.extend(repository.canonicalize().ok());
    names
}
