//! The marks by which overlayfs hides what is in the layers below.
//!
//! A device file of the number 0 hides a name. On an overlayfs, where the store is in most containers, there is no such file: an
//! empty file with an attribute takes its place there, in a directory that says so. Kernels know that since 6.7.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::stat::{Mode, SFlag, mknod};
use rustix::fs::{XattrFlags, lgetxattr, lsetxattr};

/// Extended attributes with one of these prefixes are overlayfs' own.
pub(crate) const OWN_PREFIXES: [&str; 2] = ["trusted.overlay.", "user.overlay."];

/// Which of overlayfs' attributes are used: those an administrator mounts with, or those for user namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marks {
    Trusted,
    User,
}

/// What a directory's `opaque` says: that it hides everything, or that names in it may be hidden by attributes.
const HIDES_ALL: u8 = b'y';
const HAS_MARKED: u8 = b'x';

impl Marks {
    fn opaque(self) -> &'static str {
        match self {
            Self::Trusted => "trusted.overlay.opaque",
            Self::User => "user.overlay.opaque",
        }
    }

    fn whiteout(self) -> &'static str {
        match self {
            Self::Trusted => "trusted.overlay.whiteout",
            Self::User => "user.overlay.whiteout",
        }
    }

    /// Makes a directory hide what the layers below have in it.
    pub(crate) fn make_opaque(self, directory: &Path) -> io::Result<()> {
        Ok(lsetxattr(directory, self.opaque(), &[HIDES_ALL], XattrFlags::empty())?)
    }

    /// Hides what the layers below have of this name in a directory, which has nothing of that name itself.
    pub(crate) fn white_out(self, directory: &Path, name: &OsStr) -> io::Result<()> {
        let path = directory.join(name);
        match mknod(&path, SFlag::S_IFCHR, Mode::empty(), 0) {
            // What the kernel answers on an overlayfs.
            Err(Errno::EPERM) => self.mark(directory, &path),
            other => Ok(other?),
        }
    }

    fn mark(self, directory: &Path, path: &Path) -> io::Result<()> {
        if opaque(directory, self) == Some(HIDES_ALL) {
            return Ok(());
        }
        drop(File::options().write(true).create_new(true).open(path)?);
        let marked = lsetxattr(path, self.whiteout(), b"", XattrFlags::empty());
        let marked = marked.and_then(|()| lsetxattr(directory, self.opaque(), &[HAS_MARKED], XattrFlags::empty()));
        marked.map_err(|error| {
            let _ = fs::remove_file(path);
            let text = "files that a layer removes cannot be kept on an overlay file system with this kernel (6.7 can): \
                        the engine's state directory must be on a disk or a volume";
            io::Error::other(format!("{text}: {error}"))
        })
    }
}

/// Whether a file, which has no content, hides those of its name below by an attribute.
pub(crate) fn is_marked(file: &Path) -> bool {
    let has = |marks: Marks| lgetxattr(file, marks.whiteout(), &mut [0; 4]).is_ok();
    has(Marks::Trusted) || has(Marks::User)
}

pub(crate) fn is_whiteout(path: &Path, found: &Metadata) -> bool {
    let kind = found.file_type();
    (kind.is_char_device() && found.rdev() == 0) || (kind.is_file() && found.len() == 0 && is_marked(path))
}

pub(crate) fn is_opaque(directory: &Path) -> bool {
    [Marks::Trusted, Marks::User].iter().any(|marks| opaque(directory, *marks) == Some(HIDES_ALL))
}

fn opaque(directory: &Path, marks: Marks) -> Option<u8> {
    let mut value = [0; 4];
    matches!(lgetxattr(directory, marks.opaque(), &mut value), Ok(1)).then_some(value[0])
}

/// `lstat`, with what is not there as `None`.
pub(crate) fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}
