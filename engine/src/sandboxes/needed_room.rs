//! Looking for room on the machine's disk before something large is written, rather than filling the disk for everybody.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Result, bail};

use crate::isolation::room;

/// Bytes that what a directory holds takes up on the disk, but for the entries of these names. What cannot be looked at is left
/// out.
pub fn used(directory: &Path, leave_out: &[&str]) -> u64 {
    let (mut bytes, mut linked) = (0, HashSet::new());
    let mut waiting = vec![directory.to_owned()];
    while let Some(below) = waiting.pop() {
        for entry in fs::read_dir(&below).into_iter().flatten().flatten() {
            if below == directory && leave_out.iter().any(|left| entry.file_name() == *left) {
                continue;
            }
            // Of a link itself, not of what it leads to.
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                waiting.push(entry.path());
            } else if found.nlink() > 1 && !linked.insert((found.dev(), found.ino())) {
                continue;
            }
            bytes += found.blocks() * 512;
        }
    }
    bytes
}

/// Refuses what needs more room than there is on the disk that holds a directory.
///
/// # Errors
/// When there is less.
pub fn check(directory: &Path, needed: u64) -> Result<()> {
    let there = room(directory)?;
    if needed > there {
        let [needed, there] = [needed, there].map(|bytes| bytes.div_ceil(1 << 20));
        bail!(
            "it needs {needed} MiB, and the machine's disk has {there} MiB left for sandboxes: delete what you do not need"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_counted_once_for_links_and_not_for_holes() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("file"), vec![7; 1 << 20]).unwrap();
        fs::hard_link(below.join("file"), directory.path().join("again")).unwrap();
        fs::File::create(below.join("hole")).unwrap().set_len(1 << 40).unwrap();
        fs::write(directory.path().join("left out"), vec![7; 1 << 20]).unwrap();
        let bytes = used(directory.path(), &["left out"]);
        assert!(((1 << 20)..(2 << 20)).contains(&bytes), "{bytes}");
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_it_needs() {
        let directory = tempfile::tempdir().unwrap();
        check(directory.path(), 0).unwrap();
        let refused = check(directory.path(), 1 << 60).unwrap_err().to_string();
        assert!(refused.contains("needs 1099511627776 MiB"), "{refused}");
    }
}
