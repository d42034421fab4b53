//! The marks by which overlayfs hides what is in the layers below.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};

/// Extended attributes with one of these prefixes are overlayfs' own.
pub(crate) const OWN_PREFIXES: [&str; 2] = ["trusted.overlay.", "user.overlay."];

/// Which of overlayfs' attributes are used: those an administrator mounts with, or those for user namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    Trusted,
    User,
}

impl Marks {
    fn opaque(self) -> &'static str {
        match self {
            Self::Trusted => "trusted.overlay.opaque",
            Self::User => "user.overlay.opaque",
        }
    }

    /// Makes a directory hide what the layers below have in it.
    pub(crate) fn make_opaque(self, directory: &Path) -> io::Result<()> {
        Ok(lsetxattr(directory, self.opaque(), b"y", XattrFlags::empty())?)
    }
}

/// Makes a file that hides the one of this name in the layers below.
#[cfg(test)]
pub(crate) fn make_whiteout(path: &Path) -> io::Result<()> {
    use nix::sys::stat::{Mode, SFlag, mknod};
    Ok(mknod(path, SFlag::S_IFCHR, Mode::empty(), 0)?)
}

pub(crate) fn is_whiteout(found: &Metadata) -> bool {
    found.file_type().is_char_device() && found.rdev() == 0
}

pub(crate) fn is_opaque(directory: &Path) -> bool {
    [Marks::Trusted, Marks::User].iter().any(|marks| {
        let mut value = [0; 4];
        matches!(lgetxattr(directory, marks.opaque(), &mut value), Ok(1) if value[0] == b'y')
    })
}

/// `lstat`, with what is not there as `None`.
pub(crate) fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
