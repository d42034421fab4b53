//! How registries are reached.

use std::fmt;

use crate::log::Log;
use crate::{Cancel, Error, Image, Store};

/// How registries are reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who to be at which registry. Without an entry, nobody.
    pub credentials: Vec<Credentials>,
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

impl Store {
    /// An image that a build begins with.
    pub(crate) fn base(
        &self,
        name: &str,
        _pull: bool,
        _access: &Access,
        _log: &Log<'_>,
        _cancel: &Cancel,
    ) -> Result<Image, Error> {
        let named = self.named(name)?;
        let missing = || Error::Image { reference: name.to_owned(), reason: "is not here".to_owned() };
        named.map(|named| named.image).ok_or_else(missing)
    }
}
