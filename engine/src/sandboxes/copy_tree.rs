//! Copying the files of a sandbox.
//!
//! Where the file system can, a copy shares the content with its original until either changes (reflinks); elsewhere all of
//! it is copied, but for holes. Hard links between the original's files are links between those of the copy.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::stat::{Mode, SFlag, mknod};

use super::attributes::Attributes;
use super::unlocked::{Unlocked, UnlockedTree};
use crate::isolation::copy_sparse;

/// Copies `from` to `to`, which is not there yet. Sockets are left out.
///
/// # Errors
/// The first failure ends it; what has been copied stays.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let (mut linked, mut unlocked) = (HashMap::new(), UnlockedTree::default());
    // Their attributes come last: what is written into a directory changes its time.
    let mut directories = Vec::new();
    let mut waiting = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = waiting.pop() {
        let copied = copy_one(&from, &to, &mut linked, &mut unlocked);
        let copied = copied.with_context(|| format!("copying {}", from.display()))?;
        let Some(attributes) = copied else { continue };
        for entry in fs::read_dir(&from)? {
            let name = entry?.file_name();
            waiting.push((from.join(&name), to.join(&name)));
        }
        directories.push((to, attributes));
    }
    for (path, attributes) in directories.iter().rev() {
        attributes.give(path)?;
    }
    Ok(())
}

/// Copies one file; answers the attributes that a directory is to have when its entries are there.
fn copy_one(
    from: &Path,
    to: &Path,
    linked: &mut HashMap<(u64, u64), PathBuf>,
    directories: &mut UnlockedTree,
) -> Result<Option<Attributes>> {
    let found = fs::symlink_metadata(from)?;
    let kind = found.file_type();
    if kind.is_socket() {
        return Ok(None);
    }
    if !kind.is_dir() && found.nlink() > 1 {
        if let Some(first) = linked.get(&(found.dev(), found.ino())) {
            fs::hard_link(first, to)?;
            return Ok(None);
        }
        linked.insert((found.dev(), found.ino()), to.to_owned());
    }
    let unlocked = Unlocked::read(from, &found)?;
    let attributes = Attributes::of(from, &found)?;
    if kind.is_dir() {
        directories.add(unlocked);
        fs::create_dir(to)?;
        return Ok(Some(attributes));
    }
    if kind.is_file() {
        copy_sparse(from, to)?;
    } else if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else {
        let flag = match kind {
            kind if kind.is_fifo() => SFlag::S_IFIFO,
            kind if kind.is_char_device() => SFlag::S_IFCHR,
            _ => SFlag::S_IFBLK,
        };
        mknod(to, flag, Mode::S_IRUSR, found.rdev())?;
    }
    attributes.give(to)?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_copy_has_its_own_content_and_the_originals_links_and_holes() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/one"), "content").unwrap();
        fs::hard_link(from.join("a/one"), from.join("a/b/two")).unwrap();
        symlink("one", from.join("a/link")).unwrap();
        let sparse = File::create(from.join("sparse")).unwrap();
        sparse.set_len(16 << 20).unwrap();
        sparse.write_all_at(b"middle", 8 << 20).unwrap();
        copy(&from, &to).unwrap();
        fs::write(to.join("a/one"), "changed").unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b/two")).unwrap(), "changed", "links of the copy");
        assert_eq!(fs::read_to_string(from.join("a/one")).unwrap(), "content", "the original is another file");
        assert_eq!(fs::read_link(to.join("a/link")).unwrap(), Path::new("one"));
        let (before, after) = (fs::metadata(from.join("sparse")).unwrap(), fs::metadata(to.join("sparse")).unwrap());
        assert_eq!((after.len(), after.blocks()), (before.len(), before.blocks()));
        assert_eq!(fs::read(to.join("sparse")).unwrap(), fs::read(from.join("sparse")).unwrap());
        let time = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        assert_eq!(time(&to.join("a")), time(&from.join("a")));
    }
}
