//! Files of the project that changed on disk. Servers don't watch them here: before each request they are told.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::documents::uri;

/// The most files that are looked at: those beyond are as the server read them first.
const MAX_FILES: usize = 10_000;
/// The most entries of directories that are looked at for that.
const MAX_ENTRIES: usize = 50_000;

/// Endings of files whose changes matter to servers.
const ENDINGS: &[&str] = &["py", "pyi", "toml", "cfg", "ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "json"];

/// Directories that hold what others wrote.
const SKIPPED: &[&str] = &["node_modules", "__pycache__", "venv", "target", "dist", "build"];

/// The files of a project by what tells that they have changed.
pub(super) type Files = BTreeMap<PathBuf, (i64, i64, u64)>;

/// The project's files as they are. Reads directories: call it off the runtime.
pub(super) fn look(project: &Path) -> Files {
    let mut files = Files::new();
    let mut directories = vec![project.to_owned()];
    let mut entries = 0;
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            entries += 1;
            if entries > MAX_ENTRIES || files.len() >= MAX_FILES {
                return files;
            }
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                if !SKIPPED.contains(&name) {
                    directories.push(entry.path());
                }
            } else if kind.is_file()
                && let Some((_, ending)) = name.rsplit_once('.')
                && ENDINGS.contains(&ending)
                && let Ok(metadata) = entry.metadata()
            {
                files.insert(entry.path(), (metadata.mtime(), metadata.mtime_nsec(), metadata.len()));
            }
        }
    }
    files
}

/// A way in which a file changed, by its number in the protocol.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Created = 1,
    Changed = 2,
    Deleted = 3,
}

/// What has changed from one look to the next.
pub(super) fn between(before: &Files, now: &Files) -> Vec<(PathBuf, Kind)> {
    let mut changes = Vec::new();
    for (path, stamp) in now {
        match before.get(path) {
            None => changes.push((path.clone(), Kind::Created)),
            Some(known) if known != stamp => changes.push((path.clone(), Kind::Changed)),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|path| !now.contains_key(*path));
    changes.extend(gone.map(|path| (path.clone(), Kind::Deleted)));
    changes
}

/// The changes as servers are told them.
pub(super) fn events(changes: &[(PathBuf, Kind)]) -> Value {
    let events = changes.iter().map(|(path, kind)| json!({"uri": uri(path), "type": *kind as u8}));
    json!({"changes": events.collect::<Value>()})
}

/// A file of the project with one of these endings.
pub(super) fn any(files: &Files, endings: &[&str]) -> Option<PathBuf> {
    let fits = |path: &&PathBuf| path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e));
    files.keys().find(fits).cloned()
}
