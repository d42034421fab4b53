//! The copy of a sandbox's record that lies beside its files, so that files are never without one.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::sandboxes::sandbox::Sandbox;

const NAME: &str = "record.json";
const TRASH: &str = "trash";

/// Where all files of a sandbox are.
pub fn directory(state_dir: &Path, id: &str) -> PathBuf {
    state_dir.join("sandboxes").join(id)
}

/// Replaces the record in one step. `NotFound` when the sandbox has no files, yet or any more.
pub fn write(state_dir: &Path, id: &str, record: &str) -> io::Result<()> {
    let directory = directory(state_dir, id);
    let unfinished = directory.join("record.json.unfinished");
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(record.as_bytes())?;
    fs::rename(&unfinished, directory.join(NAME))
}

/// The record, if there is one of this sandbox that can be read.
pub fn read(state_dir: &Path, id: &str) -> Option<Sandbox> {
    let text = fs::read(directory(state_dir, id).join(NAME)).ok()?;
    serde_json::from_slice(&text).ok().filter(|sandbox: &Sandbox| sandbox.id == id)
}

/// The ids of all sandboxes that have files.
pub fn ids(state_dir: &Path) -> Vec<String> {
    names(&state_dir.join("sandboxes"))
}

/// Where all files of a sandbox are that is destroyed.
pub fn discarded(state_dir: &Path, id: &str) -> PathBuf {
    state_dir.join(TRASH).join(id)
}

/// The ids of sandboxes whose files are in the trash, or were until their removal could not be stored.
pub fn discarded_ids(state_dir: &Path) -> Vec<String> {
    names(&state_dir.join(TRASH))
}

/// Moves all files of a sandbox to the trash. What lies there counts as destroyed.
pub fn discard(state_dir: &Path, id: &str) -> io::Result<()> {
    fs::create_dir_all(state_dir.join(TRASH))?;
    match fs::rename(directory(state_dir, id), discarded(state_dir, id)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
