//! The file with which a toolbox starts.
//!
//! It says who the toolbox is and whom to call, with a secret that is good once: a file that programs of the sandbox may read
//! afterwards, such as one of a pod's read-only mounts. A file may hold the whole grant instead, for control planes that are not called.
//! That one is deleted before it is used, and one that cannot be deleted is refused.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::identity::{Certificate, Grant, Token};

/// The most of a file, in bytes.
const LIMIT: u64 = 4 * 1024 * 1024;

/// What the file says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bootstrap {
    /// Id under which the control plane expects the call: a sandbox's, or that of a place in a pool.
    pub id: String,
    /// Whom to call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_home: Option<CallHome>,
    /// What the toolbox needs; without it, the answer to the call brings it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
}

/// Whom to call, and how to be believed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallHome {
    /// Address and port: a name would have to be looked up, by a program that may have no resolver and be told a lie.
    pub address: SocketAddr,
    /// The certificate that the control plane shows.
    pub certificate: Certificate,
    /// The secret, good once.
    pub secret: Token,
}

/// Where the description is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A pipe or socket as standard input.
    StandardInput,
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        if text == "-" { Self::StandardInput } else { Self::File(PathBuf::from(text)) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::StandardInput => formatter.write_str("standard input"),
        }
    }
}

impl Bootstrap {
    /// Reads the description, and deletes the file where that is possible.
    ///
    /// # Errors
    /// When it cannot be read or understood, and when it holds a grant that programs of the sandbox could read too.
    pub fn take(source: &Source) -> Result<Self> {
        let mut text = Vec::new();
        let secret_for_good = match source {
            Source::File(path) => {
                let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
                file.take(LIMIT).read_to_end(&mut text).with_context(|| format!("reading {}", path.display()))?;
                delete(path)
            }
            Source::StandardInput => {
                let input = std::io::stdin();
                let status = nix::sys::stat::fstat(&input).context("looking at standard input")?;
                input.lock().take(LIMIT).read_to_end(&mut text).context("reading standard input")?;
                if status.st_mode & nix::libc::S_IFMT == nix::libc::S_IFREG {
                    Err(anyhow::anyhow!("standard input is a file that stays where it is: use a pipe"))
                } else {
                    Ok(())
                }
            }
        };
        // What is wrong with it would repeat a part of a secret.
        let bootstrap: Self = serde_json::from_slice(&text).map_err(|error| {
            anyhow::anyhow!("{source} is no description of a start: line {}, column {}", error.line(), error.column())
        })?;
        if bootstrap.grant.is_some() {
            secret_for_good.with_context(|| {
                format!("programs of the sandbox could read {source}, which holds the key and the token of its toolbox")
            })?;
        } else if bootstrap.call_home.is_none() {
            bail!("{source} has neither a grant nor whom to call for one (\"callHome\")");
        }
        Ok(bootstrap)
    }
}

fn delete(path: &Path) -> Result<()> {
    fs::remove_file(path).with_context(|| {
        format!(
            "{} cannot be deleted: put it on a volume that can be written, or have it name whom to call",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    fn calling() -> CallHome {
        let certificate = Identity::make().unwrap().certificate().clone();
        CallHome { address: "10.0.0.1:7443".parse().unwrap(), certificate, secret: Token::random() }
    }

    fn granting() -> Grant {
        Grant { identity: Identity::make().unwrap(), token: Token::random(), sandbox: None }
    }

    fn written(directory: &Path, bootstrap: &Bootstrap) -> Source {
        let path = directory.join("start.json");
        fs::write(&path, serde_json::to_vec(bootstrap).unwrap()).unwrap();
        Source::File(path)
    }

    #[test]
    fn a_file_is_gone_once_it_has_been_read() {
        let directory = tempfile::tempdir().unwrap();
        let bootstrap = Bootstrap { id: "a".to_owned(), call_home: Some(calling()), grant: Some(granting()) };
        let source = written(directory.path(), &bootstrap);
        let read = Bootstrap::take(&source).unwrap();
        assert_eq!(read.id, "a");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(Bootstrap::take(&source).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_deleted_may_not_hold_a_grant() {
        // Not even an administrator deletes a file of this file system.
        let path = PathBuf::from("/proc/self/comm");
        assert!(delete(&path).unwrap_err().to_string().contains("cannot be deleted"));
    }

    #[test]
    fn what_is_wrong_with_a_file_does_not_repeat_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("start.json");
        fs::write(&path, r#"{"id": "a", "grant": "hunter2"}"#).unwrap();
        let error = format!("{:#}", Bootstrap::take(&Source::File(path.clone())).unwrap_err());
        assert!(error.contains("column") && !error.contains("hunter2"), "{error}");
        fs::write(&path, r#"{"id": "a"}"#).unwrap();
        let error = format!("{:#}", Bootstrap::take(&Source::File(path)).unwrap_err());
        assert!(error.contains("callHome"), "{error}");
    }
}
