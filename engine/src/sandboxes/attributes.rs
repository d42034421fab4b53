//! What a file is besides its content: owner, mode, time of its last change, extended attributes.

use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags, lgetxattr, llistxattr, lsetxattr, utimensat};

/// The kernel's limits of names and of a value.
const MOST_NAMES: usize = 64 << 10;
const LARGEST_VALUE: usize = 64 << 10;

/// The attributes of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The owner's id.
    pub uid: u32,
    /// The group's id.
    pub gid: u32,
    /// Permissions, set-id bits included.
    pub mode: u32,
    /// Seconds since 1970, and nanoseconds.
    pub changed: (i64, i64),
    /// Extended attributes by name.
    pub extended: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Attributes {
    /// Those of a file, which is not followed if it is a link.
    pub fn of(path: &Path, found: &Metadata) -> io::Result<Self> {
        Ok(Self {
            uid: found.uid(),
            gid: found.gid(),
            mode: found.mode() & 0o7777,
            changed: (found.mtime(), found.mtime_nsec()),
            extended: extended(path)?,
        })
    }

    /// Gives them to a file, which is not followed if it is a link. The owner changes only if it is another: that takes root.
    pub fn give(&self, path: &Path) -> io::Result<()> {
        let found = fs::symlink_metadata(path)?;
        if (found.uid(), found.gid()) != (self.uid, self.gid) {
            lchown(path, Some(self.uid), Some(self.gid))?;
        }
        // Before the mode: the user's own are written like content, which the mode may forbid.
        let (users, others): (Vec<_>, Vec<_>) = self.extended.iter().partition(|(name, _)| name.starts_with(b"user."));
        let set =
            |(name, value): &(Vec<u8>, Vec<u8>)| lsetxattr(path, OsStr::from_bytes(name), value, XattrFlags::empty());
        if !users.is_empty() && !found.is_symlink() {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
        users.into_iter().try_for_each(set)?;
        // After the owner: a change of that takes set-id bits and capabilities away.
        if !found.is_symlink() {
            fs::set_permissions(path, fs::Permissions::from_mode(self.mode))?;
        }
        others.into_iter().try_for_each(set)?;
        let time = Timespec { tv_sec: self.changed.0, tv_nsec: self.changed.1 };
        let times = Timestamps { last_access: time, last_modification: time };
        Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

/// The extended attributes of a file; none where the file system has none.
fn extended(path: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut names = Vec::with_capacity(512);
    loop {
        match llistxattr(path, rustix::buffer::spare_capacity(&mut names)) {
            Ok(_) => break,
            Err(rustix::io::Errno::RANGE) if names.capacity() < MOST_NAMES => names.reserve(MOST_NAMES),
            Err(rustix::io::Errno::NOTSUP) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    }
    let mut found = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = Vec::with_capacity(LARGEST_VALUE);
        match lgetxattr(path, OsStr::from_bytes(name), rustix::buffer::spare_capacity(&mut value)) {
            Ok(_) => found.push((name.to_vec(), value)),
            // It went in between, or is not for us to see.
            Err(rustix::io::Errno::NODATA) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_a_file_that_nobody_may_write_are_given_to_another() {
        let directory = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| directory.path().join(name));
        for path in [&from, &to] {
            fs::write(path, "").unwrap();
        }
        // Where the file system has them.
        let _ = lsetxattr(&from, "user.name", b"value", XattrFlags::empty());
        fs::set_permissions(&from, fs::Permissions::from_mode(0o444)).unwrap();
        let found = Attributes::of(&from, &fs::metadata(&from).unwrap()).unwrap();
        found.give(&to).unwrap();
        assert_eq!(Attributes::of(&to, &fs::metadata(&to).unwrap()).unwrap(), found);
    }
}
