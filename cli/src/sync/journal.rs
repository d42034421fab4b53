//! What a pass has put aside, written down before it does so: should the program be killed, the next pass puts it back.
//!
//! It is a file beside the state of the pair, and only of this pair: directories of other programs are never touched.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Done, Failure};

/// Directories for what is on its way, and what is put aside in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Entry {
    /// A directory of this machine.
    Here {
        /// Its name.
        name: String,
        /// The path whose file is put aside there next.
        path: Option<String>,
    },
    /// A directory of the sandbox.
    There {
        /// Its name.
        name: String,
        /// The paths whose files are put aside there, by their numbers.
        paths: Vec<String>,
    },
}

/// The journal of a pair.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    /// The journal in this file, which need not be there.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Writes an entry down.
    ///
    /// # Errors
    /// When it cannot be written: then nothing must be put aside.
    pub fn note(&self, entry: &Entry) -> Done {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = OpenOptions::new();
        let file = file.create(true).append(true).mode(0o600).open(&self.path);
        file.and_then(|mut file| file.write_all(&line)).map_err(|error| self.failed(&error))
    }

    /// What passes before wrote down that did not end, in this order, and whether any of it is found for the first time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self) -> Done<(Vec<Entry>, bool)> {
        let mut entries = self.read(&self.before())?;
        let new = self.read(&self.path)?;
        let has_found = !new.is_empty();
        entries.extend(new);
        Ok((entries, has_found))
    }

    /// Forgets what this program wrote down: nothing of it is aside any more. What it found is kept for one more pass, because a
    /// server may still be at what a killed program asked for.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn clear(&self, has_found: bool) -> Done {
        if has_found {
            return std::fs::rename(&self.path, self.before()).map_err(|error| self.failed(&error));
        }
        for path in [&self.path, &self.before()] {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(self.failed(&error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn before(&self) -> PathBuf {
        self.path.with_extension("aside-before")
    }

    fn read(&self, path: &Path) -> Done<Vec<Entry>> {
        match std::fs::read_to_string(path) {
            // A line that was cut short belongs to something that was not begun.
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::other(format!("{} cannot be used: {error}", self.path.display()))
    }
}
