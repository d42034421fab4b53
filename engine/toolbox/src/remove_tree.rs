//! Removing a directory with all it holds, whatever its depth.
//!
//! The walk keeps its place on the heap instead of the call stack, and holds a bounded number of directories
//! open. Nothing is looked up by a path: every step is relative to an open directory, so neither deep names nor
//! symbolic links swapped in meanwhile lead elsewhere.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::dir::{Dir, OwningIter, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Directories held open at the same time. Those above are opened again through `..` when the walk returns.
const OPEN_DIRECTORIES: usize = 32;

/// How to treat directories whose mode does not allow emptying them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locked {
    /// Fail, as `rm -r` does.
    Refuse,
    /// Change the mode first, as their owner may.
    Unlock,
}

/// Removes `path`: a directory with all below it, or anything else itself. Symbolic links are not followed.
///
/// # Errors
/// The first failure ends it, and the rest stays as it is. `path` that does not exist is `NotFound`.
pub fn remove_tree(path: &Path, locked: Locked) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = open(nix::fcntl::AT_FDCWD, parent, OFlag::empty())?;
    let name = c_string(name)?;
    if !is_directory(&parent, &name)? {
        return Ok(unlinkat(&parent, name.as_c_str(), UnlinkatFlags::NoRemoveDir)?);
    }
    Walk { locked, levels: Vec::new(), opened: VecDeque::new() }.remove(parent, name)
}

/// A directory on the way from the top to where the walk is.
struct Level {
    /// Its name in the directory above.
    name: CString,
    /// Device and inode, to know it again.
    identity: (u64, u64),
}

/// The walk down and up. The last `opened.len()` levels are open.
struct Walk {
    locked: Locked,
    levels: Vec<Level>,
    opened: VecDeque<Opened>,
}

/// An open directory and how far it has been read.
struct Opened {
    directory: OwnedFd,
    entries: OwningIter,
}

impl Walk {
    fn remove(mut self, parent: OwnedFd, top: CString) -> io::Result<()> {
        self.descend(&parent, top)?;
        loop {
            let current = self.opened.back_mut().expect("the walk is in a directory");
            match current.entries.next() {
                Some(entry) => {
                    let entry = entry?;
                    let name = entry.file_name();
                    if name == c"." || name == c".." {
                        continue;
                    }
                    let directory = match entry.file_type() {
                        Some(kind) => kind == Type::Directory,
                        None => is_directory(&current.directory, name)?,
                    };
                    if directory {
                        let (directory, name) = (current.directory.try_clone()?, name.to_owned());
                        self.descend(&directory, name)?;
                    } else {
                        absent_is_fine(unlinkat(&current.directory, name, UnlinkatFlags::NoRemoveDir))?;
                    }
                }
                None if self.levels.len() == 1 => {
                    let level = self.levels.pop().expect("the top is left");
                    return absent_is_fine(unlinkat(&parent, level.name.as_c_str(), UnlinkatFlags::RemoveDir));
                }
                None => self.ascend()?,
            }
        }
    }

    /// Opens a directory below `parent` and goes on there.
    fn descend(&mut self, parent: &OwnedFd, name: CString) -> io::Result<()> {
        let directory = match open(parent, name.as_c_str(), OFlag::O_NOFOLLOW) {
            Err(Errno::EACCES) if self.locked == Locked::Unlock => {
                fchmodat(parent, name.as_c_str(), Mode::S_IRWXU, FchmodatFlags::FollowSymlink)?;
                open(parent, name.as_c_str(), OFlag::O_NOFOLLOW)?
            }
            other => other?,
        };
        let found = fstat(&directory)?;
        if self.locked == Locked::Unlock && found.st_mode & 0o700 != 0o700 {
            nix::sys::stat::fchmod(&directory, Mode::S_IRWXU)?;
        }
        self.levels.push(Level { name, identity: (found.st_dev, found.st_ino) });
        self.opened.push_back(read(directory)?);
        if self.opened.len() > OPEN_DIRECTORIES {
            self.opened.pop_front();
        }
        Ok(())
    }

    /// Leaves an emptied directory and removes it.
    fn ascend(&mut self) -> io::Result<()> {
        let emptied = self.opened.pop_back().expect("the walk is in a directory");
        let level = self.levels.pop().expect("the walk is below the top");
        if self.opened.is_empty() {
            let above = open(&emptied.directory, c"..", OFlag::O_NOFOLLOW)?;
            let found = fstat(&above)?;
            let expected = self.levels.last().expect("below the top there is one above").identity;
            if (found.st_dev, found.st_ino) != expected {
                return Err(io::Error::other("a directory was moved while it was being removed"));
            }
            self.opened.push_back(read(above)?);
        }
        let above = self.opened.back().expect("it was opened");
        absent_is_fine(unlinkat(&above.directory, level.name.as_c_str(), UnlinkatFlags::RemoveDir))
    }
}

fn open<P: nix::NixPath + ?Sized>(at: impl AsFd, path: &P, more: OFlag) -> nix::Result<OwnedFd> {
    openat(at, path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC | more, Mode::empty())
}

fn read(directory: OwnedFd) -> io::Result<Opened> {
    let entries = Dir::from_fd(directory.try_clone()?)?.into_iter();
    Ok(Opened { directory, entries })
}

fn is_directory(parent: &OwnedFd, name: &CStr) -> nix::Result<bool> {
    let found = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    Ok(found.st_mode & nix::libc::S_IFMT == nix::libc::S_IFDIR)
}

/// Somebody else may have removed it first.
fn absent_is_fine(result: nix::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) | Err(Errno::ENOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn c_string(name: &OsStr) -> io::Result<CString> {
    CString::new(name.as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use nix::sys::stat::mkdirat;

    use super::*;

    /// Directories in one another, made without ever naming a long path.
    fn nested(top: &Path, depth: usize) {
        fs::create_dir(top).unwrap();
        let mut current = open(nix::fcntl::AT_FDCWD, top, OFlag::empty()).unwrap();
        for level in 0..depth {
            mkdirat(&current, "d", Mode::S_IRWXU).unwrap();
            if level % 1000 == 0 {
                let file = OFlag::O_CREAT | OFlag::O_WRONLY;
                drop(openat(&current, "file", file, Mode::S_IRWXU).unwrap());
            }
            current = open(&current, "d", OFlag::empty()).unwrap();
        }
    }

    #[test]
    fn depth_needs_neither_stack_nor_descriptors() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("deep");
        nested(&top, 20_000);
        // As much stack as a recursion of a few hundred levels needs.
        let thread = std::thread::Builder::new().stack_size(128 * 1024);
        let removed = thread.spawn({
            let top = top.clone();
            move || remove_tree(&top, Locked::Refuse)
        });
        removed.unwrap().join().unwrap().unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn every_branch_goes_even_after_a_deep_one() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("wide");
        fs::create_dir(&top).unwrap();
        for name in ["a", "b", "c"] {
            nested(&top.join(name), 3 * OPEN_DIRECTORIES);
            fs::write(top.join(name).join("d/d/beside"), "").unwrap();
        }
        remove_tree(&top, Locked::Refuse).unwrap();
        assert!(!top.exists());
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (kept, top) = (directory.path().join("kept"), directory.path().join("top"));
        fs::create_dir_all(kept.join("below")).unwrap();
        fs::create_dir(&top).unwrap();
        symlink(&kept, top.join("link")).unwrap();
        remove_tree(&top, Locked::Refuse).unwrap();
        symlink(&kept, &top).unwrap();
        remove_tree(&top, Locked::Refuse).unwrap();
        assert!(kept.join("below").exists());
        assert_eq!(remove_tree(&top, Locked::Refuse).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn locked_directories_are_unlocked_when_asked() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().join("top");
        fs::create_dir_all(top.join("locked/below")).unwrap();
        fs::set_permissions(top.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
        if !nix::unistd::geteuid().is_root() {
            assert!(remove_tree(&top, Locked::Refuse).is_err());
        }
        remove_tree(&top, Locked::Unlock).unwrap();
        assert!(!top.exists());
    }
}
