//! What was the same when both sides were last compared, remembered beside the profiles.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::journal::Journal;
use super::plan::Base;
use crate::failure::{Done, Failure};
use crate::profile;

/// What is remembered of a pair of directories. Only one program at a time has it.
pub struct State {
    path: PathBuf,
    name: Name,
    /// What was the same.
    pub base: Base,
    /// What passes have put aside.
    pub journal: Journal,
    _lock: File,
}

/// Which directories it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// Absolute path here.
    pub here: String,
    /// Id of the sandbox.
    pub sandbox: String,
    /// Absolute path in the sandbox.
    pub there: String,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    name: Name,
    base: Base,
}

impl State {
    /// What is remembered of these directories; nothing, the first time.
    ///
    /// # Errors
    /// When another program is at it, or the file cannot be read.
    pub fn open(name: Name) -> Done<Self> {
        let directory = profile::directory()?.join("sync");
        let failed = |error: std::io::Error| Failure::other(format!("{} cannot be used: {error}", directory.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
        let text = serde_json::to_string(&name)?;
        // The same name for the same pair, and one that says nothing else.
        let id: String = Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let lock = directory.join(format!("{id}.lock"));
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(lock).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(Failure::other(format!("{} is being synchronized with {} already.", name.here, name.there)));
        }
        let path = directory.join(format!("{id}.json"));
        let base = match std::fs::read(&path) {
            // Without a past, everything is compared: slower, and nothing is lost.
            Ok(text) => serde_json::from_slice::<Stored>(&text).ok().filter(|stored| stored.name == name),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let base = base.map(|stored| stored.base).unwrap_or_default();
        let journal = Journal::new(directory.join(format!("{id}.aside")));
        Ok(Self { path, name, base, journal, _lock: lock })
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> Done {
        let failed =
            |error: std::io::Error| Failure::other(format!("{} cannot be written: {error}", self.path.display()));
        let mut file = tempfile::NamedTempFile::new_in(self.path.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
        let stored = Stored { name: self.name.clone(), base: self.base.clone() };
        file.write_all(&serde_json::to_vec(&stored)?).map_err(failed)?;
        file.persist(&self.path).map(drop).map_err(|error| failed(error.error))
    }
}
