//! Names of images, as Docker writes them.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, Error};

/// The registry of names without one.
const HUB: &str = "docker.io";

/// An image's complete name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The registry's host, with its port where it has one.
    pub registry: String,
    /// The path in the registry.
    pub repository: String,
    /// The tag; `latest` where neither tag nor digest is given.
    pub tag: Option<String>,
    /// The digest of the manifest.
    pub digest: Option<Digest>,
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::Image { reference: format!("{text:?}"), reason: reason.to_owned() };
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse().map_err(|_| invalid("has a digest that is not valid"))?))
            }
            None => (text, None),
        };
        let (first, rest) = name.split_once('/').unwrap_or(("", name));
        let is_host = first.contains(['.', ':']) || first == "localhost";
        let (registry, path) = if is_host { (first, rest) } else { (HUB, name) };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (path, None),
        };
        let is_word = |word: &str, more: &str| {
            !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
        };
        let is_path = |part: &str| is_word(part, "._-") && !part.contains("..") && part == part.to_ascii_lowercase();
        if path.len() > 255 || !path.split('/').all(is_path) {
            return Err(invalid("is not a name: it is written [registry/]path[:tag], in lower case"));
        }
        if tag.is_some_and(|tag| tag.len() > 128 || !is_word(tag, "._-")) {
            return Err(invalid("has a tag that is not valid"));
        }
        if !is_word(registry, ".:-[]") {
            return Err(invalid("has a registry that is not valid"));
        }
        let repository =
            if registry == HUB && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
        let tag = tag.map(str::to_owned).or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Self { registry: registry.to_owned(), repository, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(formatter, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl Reference {
    /// What a registry is asked for: the digest, or else the tag.
    pub(crate) fn wanted(&self) -> String {
        self.digest.as_ref().map(Digest::to_string).or_else(|| self.tag.clone()).unwrap_or_default()
    }

    /// Where requests go.
    pub(crate) fn host(&self) -> &str {
        if self.registry == HUB { "registry-1.docker.io" } else { &self.registry }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed_as_docker_does() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, complete) in [
            ("python:3.12-slim", "docker.io/library/python:3.12-slim".to_owned()),
            ("debian", "docker.io/library/debian:latest".to_owned()),
            ("me/app", "docker.io/me/app:latest".to_owned()),
            ("localhost/app", "localhost/app:latest".to_owned()),
            ("localhost:5000/a/b:1", "localhost:5000/a/b:1".to_owned()),
            ("[::1]:5000/a", "[::1]:5000/a:latest".to_owned()),
            (&format!("ghcr.io/a/b@{digest}"), format!("ghcr.io/a/b@{digest}")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), complete, "{text}");
        }
        for text in ["", "Debian", "a//b", "a/../b", "a:", "a@sha256:1", "a b", "evil/\n", "http://x/y", "x:1:2"] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
