//! How registries are reached.

use std::fmt;
use std::path::PathBuf;

/// How registries are reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who to be at which registry. Without an entry, nobody.
    pub credentials: Vec<Credentials>,
    /// Files with certificates (PEM) of authorities that are trusted besides the system's.
    pub authorities: Vec<PathBuf>,
}

/// Who to be at a registry.
#[derive(Clone)]
pub struct Credentials {
    /// The registry's host, with its port where it has one; `docker.io` is Docker Hub.
    pub registry: String,
    /// The user.
    pub username: String,
    /// Their password or token.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Credentials");
        shown.field("registry", &self.registry).field("username", &self.username).finish_non_exhaustive()
    }
}
