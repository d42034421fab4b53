//! Owners, modes, times and extended attributes of the files of layers.

use std::fs::{File, FileTimes, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use rustix::fs::{XattrFlags, lgetxattr, llistxattr, lsetxattr};

use crate::overlay::OWN_PREFIXES;

/// The longest value of an extended attribute that is kept.
const MAX_VALUE: usize = 65_536;

/// Attributes of one file.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The permission bits, set-user-id and the like among them.
    pub(crate) mode: u32,
    /// Seconds since 1970.
    pub(crate) mtime: i64,
    pub(crate) xattrs: Vec<(String, Vec<u8>)>,
}

impl Attributes {
    pub(crate) fn of(path: &Path, found: &Metadata) -> io::Result<Self> {
        Ok(Self {
            uid: found.uid(),
            gid: found.gid(),
            mode: found.mode() & 0o7777,
            mtime: found.mtime(),
            xattrs: extended(path)?,
        })
    }

    /// Gives them to a file that nobody else works on; owners only where `owned`. Of links, only what links have.
    pub(crate) fn give(&self, path: &Path, owned: bool) -> io::Result<()> {
        let found = path.symlink_metadata()?;
        if owned {
            lchown(path, Some(self.uid), Some(self.gid))?;
        }
        if !found.is_symlink() {
            // After the owner, whose change takes set-user-id away.
            std::fs::set_permissions(path, Permissions::from_mode(self.mode))?;
            for (name, value) in &self.xattrs {
                match lsetxattr(path, name.as_str(), value, XattrFlags::empty()) {
                    // An ordinary user, or a file system without them: as with owners, what can be kept is.
                    Err(rustix::io::Errno::PERM | rustix::io::Errno::OPNOTSUPP) => {}
                    other => other?,
                }
            }
        }
        let time = TimeSpec::new(self.mtime, 0);
        Ok(utimensat(nix::fcntl::AT_FDCWD, path, &time, &time, UtimensatFlags::NoFollowSymlink)?)
    }
}

/// Whether an attribute may come with an image: never one that tells overlayfs what to show.
pub(crate) fn is_kept(name: &str) -> bool {
    (name.starts_with("user.") && !OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        || name == "security.capability"
}

fn extended(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut names = vec![0u8; 4096];
    let length = loop {
        match llistxattr(path, &mut names[..]) {
            Ok(length) => break length,
            Err(rustix::io::Errno::RANGE) if names.len() <= MAX_VALUE => names.resize(names.len() * 4, 0),
            Err(rustix::io::Errno::OPNOTSUPP) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
    };
    let mut kept = Vec::new();
    for name in names[..length].split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok()) {
        if is_kept(name) {
            let mut value = vec![0; MAX_VALUE];
            let length = lgetxattr(path, name, &mut value[..])?;
            value.truncate(length);
            kept.push((name.to_owned(), value));
        }
    }
    kept.sort();
    Ok(kept)
}

/// Whether a name can be one file's in a directory.
pub(crate) fn is_plain_name(name: &std::ffi::OsStr) -> bool {
    let bytes = name.as_bytes();
    !bytes.is_empty() && bytes != b"." && bytes != b".." && !bytes.contains(&b'/') && !bytes.contains(&0)
}

/// Sets the time of an open file.
pub(crate) fn set_time(file: &File, seconds: i64) -> io::Result<()> {
    let time = u64::try_from(seconds).map_or(UNIX_EPOCH, |seconds| {
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or_else(SystemTime::now)
    });
    file.set_times(FileTimes::new().set_modified(time).set_accessed(time))
}
