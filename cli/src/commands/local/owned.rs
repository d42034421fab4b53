//! The directory of an engine that belongs to one process: made at the start, removed at the end.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use daytona_engine::{discovery, setup};

/// Where they are, below the state directory.
const PLACE: &str = "tests";

/// How old a directory without an engine has to be to be a leftover. A younger one may be about to be used.
const LEFT_AFTER: Duration = Duration::from_secs(60);

/// A state directory that goes when it is dropped.
pub struct Directory(PathBuf);

impl Directory {
    /// Makes one below `state_dir`, with the same snapshot. What killed engines left there goes.
    pub fn new(state_dir: &Path) -> Result<Self> {
        let place = state_dir.join(PLACE);
        let making = || format!("making a directory in {}", place.display());
        discovery::prepare_state_dir(state_dir).with_context(making)?;
        let place = discovery::prepare_state_dir(&place).with_context(making)?;
        remove_leftovers(&place);
        // Short: the paths of sockets are limited.
        let name = uuid::Uuid::new_v4().simple().to_string();
        let own = Self(discovery::prepare_state_dir(&place.join(&name[..12])).with_context(making)?);
        if let Some(snapshot) = setup::finished(&fs::canonicalize(state_dir)?) {
            let snapshots = own.0.join("snapshots");
            fs::create_dir(&snapshots).with_context(making)?;
            symlink(snapshot, snapshots.join("default")).with_context(making)?;
        }
        Ok(own)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        setup::remove_state_dir(&self.0);
    }
}

fn remove_leftovers(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_some_and(|age| age > LEFT_AFTER) && !discovery::is_taken(&entry.path()) {
            setup::remove_state_dir(&entry.path());
        }
    }
}

/// Says where a ready engine is. Whoever asked for it may be gone by now, which the engine notices by itself.
pub fn tell(state_dir: &Path) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}", state_dir.display()).and_then(|()| out.flush());
}
