//! Running a build's commands, which is the business of whoever isolates them.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Base, Cancel, Exit};

/// One command of a build.
#[derive(Debug)]
pub struct Run<'a> {
    /// What is below the layers.
    pub base: Base,
    /// The directories of the layers, bottom first, in overlayfs' form.
    pub layers: &'a [PathBuf],
    /// An empty directory for what the command changes, in overlayfs' form: the next layer.
    pub changes: &'a Path,
    /// The program and its arguments. A program without a slash is looked for in `PATH`.
    pub argv: &'a [String],
    /// Its whole environment.
    pub env: &'a [(String, String)],
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its working directory, which exists.
    pub workdir: &'a str,
    /// What is mounted in its root.
    pub mounts: &'a [RunMount],
    /// Whether it has a network.
    pub network: bool,
}

/// A mount of one command.
#[derive(Debug, Clone)]
pub struct RunMount {
    /// The directory or file outside.
    pub source: PathBuf,
    /// Where it appears: an absolute path, which the image may not have.
    pub target: String,
    /// Whether writes are refused.
    pub read_only: bool,
}

/// Runs commands isolated from the machine.
pub trait Runner: Send + Sync {
    /// Runs one command to its end and gives what it prints, both streams together, to `output` at once.
    ///
    /// A cancelled command is killed with all its processes.
    ///
    /// # Errors
    /// The command could not be started. A command that fails is an [`Exit`].
    fn run(&self, run: &Run<'_>, output: &mut dyn FnMut(&[u8]), cancel: &Cancel) -> io::Result<Exit>;

    /// Fetches what is at a URL into a new file, at most `limit` bytes, and answers when it last changed, in seconds since 1970,
    /// where the server says so. Only what a command could reach, too, is fetched.
    ///
    /// # Errors
    /// It cannot be fetched, or is larger.
    fn fetch(&self, url: &str, target: &Path, limit: u64, cancel: &Cancel) -> io::Result<Option<i64>>;
}

/// A runner for builds without commands.
#[derive(Debug)]
pub struct NoRunner;

impl Runner for NoRunner {
    fn run(&self, _run: &Run<'_>, _output: &mut dyn FnMut(&[u8]), _cancel: &Cancel) -> io::Result<Exit> {
        Err(io::Error::other("commands cannot be run here"))
    }

    fn fetch(&self, _url: &str, _target: &Path, _limit: u64, _cancel: &Cancel) -> io::Result<Option<i64>> {
        Err(io::Error::other("nothing can be fetched here"))
    }
}
