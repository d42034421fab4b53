//! Copies of sandboxes' files: for other sandboxes, and for snapshots.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use daytona_toolbox::remove_tree::{Locked, remove_tree};

use super::Machine;
use super::archives::OUTSIDE;
use super::running_copy;
use crate::fault;
use crate::isolation::{self, Launcher};
use crate::sandboxes::{copy_tree, needed_room, record_file};

/// Where the files of snapshots of sandboxes are, below the state directory.
const SNAPSHOTS: &str = "snapshot-files";

/// The end of the name of a directory that is being copied.
const UNFINISHED: &str = ".unfinished";

/// What the kernel keeps for itself while it lays one directory over another.
const WORK: &str = "work";

fn files_of(state_dir: &Path, snapshot: &str) -> PathBuf {
    state_dir.join(SNAPSHOTS).join(snapshot)
}

fn unfinished(state_dir: &Path, snapshot: &str) -> PathBuf {
    state_dir.join(SNAPSHOTS).join(format!("{snapshot}{UNFINISHED}"))
}

impl Machine {
    /// Copies a sandbox's files for another one.
    pub(super) fn copy(&self, original: &str, copy: &str) -> Result<()> {
        let (from, to) =
            (record_file::directory(&self.state_dir, original), record_file::directory(&self.state_dir, copy));
        self.check_room(&from)?;
        let Some(instance) = self.instance(original) else {
            self.wait_until_free(&from)?;
            copy_all(&from, &to)?;
            return Launcher::name_files(&to, copy);
        };
        running_copy::copy(&instance, &from, &to, instance.is_frozen(), || fault::step("fork.frozen"))?;
        Launcher::name_files(&to, copy)
    }

    /// Waits until nothing uses the files of a sandbox that does not run.
    pub(super) fn wait_until_free(&self, directory: &Path) -> Result<()> {
        self.launcher.let_go(directory);
        isolation::wait_until_free(directory)
    }

    /// Refuses a copy that needs more room on the disk than there is, unless it shares its content.
    fn check_room(&self, from: &Path) -> Result<()> {
        if isolation::shares_content(&self.state_dir) {
            return Ok(());
        }
        needed_room::check(&self.state_dir, needed_room::used(from, &OUTSIDE))
    }

    /// Copies a sandbox's files for a snapshot; answers how many bytes they take.
    pub(super) fn take_snapshot(&self, sandbox: &str, snapshot: &str) -> Result<u64> {
        let taken = self.copy_to_snapshot(sandbox, snapshot);
        if taken.is_err() {
            remove(&unfinished(&self.state_dir, snapshot));
        }
        taken
    }

    fn copy_to_snapshot(&self, sandbox: &str, snapshot: &str) -> Result<u64> {
        let from = record_file::directory(&self.state_dir, sandbox);
        let (to, finished) = (unfinished(&self.state_dir, snapshot), files_of(&self.state_dir, snapshot));
        fs::create_dir_all(self.state_dir.join(SNAPSHOTS))?;
        self.check_room(&from)?;
        match self.instance(sandbox) {
            None => {
                self.wait_until_free(&from)?;
                copy_all(&from, &to)?;
            }
            Some(instance) => {
                running_copy::copy(&instance, &from, &to, instance.is_frozen(), || fault::step("snapshot.frozen"))?;
            }
        }
        fault::step("snapshot.copied");
        let size = size_of(&to)?;
        fs::rename(&to, &finished)?;
        Ok(size)
    }
}

/// Puts the files of a snapshot into a new sandbox's directory, relative to the state directory.
pub(super) fn copy_from_snapshot(state_dir: &Path, snapshot: &str, sandbox: &str, directory: &Path) -> Result<()> {
    let to = state_dir.join(directory);
    copy_all(&files_of(state_dir, snapshot), &to)?;
    Launcher::name_files(&to, sandbox)
}

/// Removes the files of a snapshot.
pub(super) fn remove_snapshot(state_dir: &Path, snapshot: &str) {
    remove(&files_of(state_dir, snapshot));
    remove(&unfinished(state_dir, snapshot));
}

/// Removes what an engine that ended has left half copied.
pub(super) fn remove_unfinished(state_dir: &Path) {
    for entry in fs::read_dir(state_dir.join(SNAPSHOTS)).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.ends_with(UNFINISHED)) {
            remove(&entry.path());
        }
    }
}

/// Copies everything that is a sandbox's to a directory that is not there yet. Nobody may change it meanwhile.
pub(super) fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != WORK && !OUTSIDE.iter().any(|outside| name == *outside) {
            copy_tree::copy(&from.join(&name), &to.join(&name))?;
        }
    }
    if from.join(WORK).is_dir() {
        copy_directories(&from.join(WORK), &to.join(WORK))?;
    }
    Ok(())
}

/// Makes a directory, and those that are in it, without what these have.
fn copy_directories(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        fs::create_dir(to.join(entry?.file_name()))?;
    }
    Ok(())
}

fn remove(directory: &Path) {
    match remove_tree(directory, Locked::Unlock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, directory = %directory.display(), "the files of a snapshot are left");
        }
        _ => {}
    }
}

/// Bytes that a directory's files take on the disk.
fn size_of(directory: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let found = entry.metadata()?;
            bytes += found.blocks() * 512;
            if found.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(bytes)
}
