//! Files as arguments: on this machine, in a sandbox, or standard input and output.

use std::str::FromStr;

use crate::failure::{Done, Failure};
use crate::profile;

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `-`: standard input or output.
    Pipe,
    /// A path on this machine.
    Here(String),
    /// `SANDBOX:PATH`, or `:PATH` in the sandbox in use.
    There {
        /// Id or name of the sandbox; `None` = the one in use.
        sandbox: Option<String>,
        /// Path in the sandbox.
        path: String,
    },
}

impl FromStr for Place {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "-" {
            return Ok(Self::Pipe);
        }
        // `./a:b` and `/a:b` are local: a name of a sandbox has no slash.
        Ok(match text.split_once(':') {
            Some((sandbox, path)) if !sandbox.contains('/') => {
                let sandbox = Some(sandbox.to_owned()).filter(|name| !name.is_empty());
                Self::There { sandbox, path: if path.is_empty() { "." } else { path }.to_owned() }
            }
            _ => Self::Here(text.to_owned()),
        })
    }
}

/// A path that can only be in a sandbox: `SANDBOX:PATH`, or `PATH` in the sandbox in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemotePath {
    sandbox: Option<String>,
    /// Path in the sandbox.
    pub path: String,
}

impl FromStr for RemotePath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse()? {
            Place::There { sandbox, path } => Self { sandbox, path },
            Place::Here(path) => Self { sandbox: None, path },
            Place::Pipe => Self { sandbox: None, path: "-".to_owned() },
        })
    }
}

impl RemotePath {
    /// The sandbox it is in.
    ///
    /// # Errors
    /// Without a name, when no sandbox is in use.
    pub fn sandbox(&self) -> Done<String> {
        profile::sandbox(self.sandbox.as_deref())
    }

    /// Its path, which must be in the same sandbox as the first one.
    ///
    /// # Errors
    /// `Usage` when it names another sandbox.
    pub fn beside(self, first: &Self) -> Done<String> {
        match &self.sandbox {
            Some(sandbox) if *sandbox != first.sandbox()? => Err(Failure::usage(format!(
                "{sandbox}:{} is in another sandbox than {}: use `daytona cp` between sandboxes.",
                self.path, first.path
            ))),
            _ => Ok(self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_colon_before_any_slash_names_a_sandbox() {
        let there = |sandbox: Option<&str>, path: &str| Place::There {
            sandbox: sandbox.map(str::to_owned),
            path: path.to_owned(),
        };
        for (text, expected) in [
            ("-", Place::Pipe),
            ("a", Place::Here("a".into())),
            ("./a:b", Place::Here("./a:b".into())),
            ("/a:b", Place::Here("/a:b".into())),
            ("box:/tmp/x", there(Some("box"), "/tmp/x")),
            ("box:", there(Some("box"), ".")),
            (":a:b", there(None, "a:b")),
        ] {
            assert_eq!(text.parse::<Place>().unwrap(), expected, "{text}");
        }
    }
}
