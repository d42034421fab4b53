//! How registries are reached.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::reference::Reference;
use crate::{Digest, Image};

/// How registries are reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who to be at which registry. Without an entry, nobody.
    pub credentials: Vec<Credentials>,
    /// Who else knows who to be: asked for registries without an entry.
    pub logins: Option<Logins>,
    /// Files with certificates (PEM) of authorities that are trusted besides the system's.
    pub authorities: Vec<PathBuf>,
    /// Which addresses may be asked; any without.
    pub reach: Option<Reach>,
    /// Who has images by name that were brought here as archives: asked before any registry.
    pub imported: Option<Imported>,
}

/// Finds an image that was brought here as an archive.
#[derive(Clone)]
pub struct Imported(pub Arc<FindImported>);

/// Answers the image that an organization has imported by a name.
pub type FindImported = dyn Fn(&str) -> Option<Image> + Send + Sync;

impl fmt::Debug for Imported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Imported")
    }
}

/// Says whether an address may be asked.
#[derive(Clone, Copy)]
pub struct Reach(pub fn(IpAddr) -> bool);

impl fmt::Debug for Reach {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reach")
    }
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

/// Finds who to be for an image.
#[derive(Clone)]
pub struct Logins(pub Arc<Login>);

/// Answers the user and the password for an image's complete name.
pub type Login = dyn Fn(&str) -> Option<(String, String)> + Send + Sync;

impl fmt::Debug for Logins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Logins")
    }
}

impl Access {
    /// Who to be for an image.
    pub(crate) fn login(&self, reference: &Reference) -> Option<(String, String)> {
        let known = self.credentials.iter().find(|known| same_registry(&known.registry, &reference.registry));
        match known {
            Some(known) => Some((known.username.clone(), known.password.clone())),
            None => self.logins.as_ref().and_then(|logins| logins.0(&reference.to_string())),
        }
    }

    /// Tells the logins for an image apart, and is none.
    pub(crate) fn mark(&self, reference: &Reference) -> Option<Digest> {
        self.login(reference).map(|(username, password)| Digest::of(format!("{reference}\0{username}\0{password}")))
    }
}

/// Docker Hub has several names.
fn same_registry(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let name = name.trim_start_matches("https://").trim_start_matches("http://");
        let name = name.split('/').next().unwrap_or_default().to_ascii_lowercase();
        if matches!(name.as_str(), "index.docker.io" | "registry-1.docker.io") { "docker.io".to_owned() } else { name }
    };
    plain(one) == plain(other)
}
