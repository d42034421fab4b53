//! Files that their owner may not read now, but could allow himself to: an engine without root meets the sandboxes' like this.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What the owner needs to read a file, and to look for something in a directory.
const FILE: u32 = 0o400;
const DIRECTORY: u32 = 0o500;

/// A file or directory with a mode that lets its owner read it, until dropped.
pub struct Unlocked(Option<(PathBuf, u32)>);

impl Unlocked {
    /// Lets the owner read what is at `path`, which `found` describes. Nothing happens where he may, where somebody else owns it,
    /// or for root, who always may.
    ///
    /// # Errors
    /// When the mode cannot be changed.
    pub fn read(path: &Path, found: &Metadata) -> io::Result<Self> {
        let needed = match found.file_type() {
            kind if kind.is_dir() => DIRECTORY,
            kind if kind.is_file() => FILE,
            _ => return Ok(Self(None)),
        };
        let (mode, user) = (found.mode() & 0o7777, nix::unistd::geteuid());
        if mode & needed == needed || user.is_root() || user.as_raw() != found.uid() {
            return Ok(Self(None));
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode | needed))?;
        Ok(Self(Some((path.to_owned(), mode))))
    }
}

impl Drop for Unlocked {
    fn drop(&mut self) {
        if let Some((path, mode)) = &self.0 {
            // It is the owner's own file; if it has gone meanwhile, so has its mode.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(*mode));
        }
    }
}

/// Directories that are unlocked until dropped, those below others first.
#[derive(Default)]
pub struct UnlockedTree(Vec<Unlocked>);

impl UnlockedTree {
    /// Adds a directory that is on the way to the next ones.
    pub fn add(&mut self, unlocked: Unlocked) {
        if unlocked.0.is_some() {
            self.0.push(unlocked);
        }
    }
}

impl Drop for UnlockedTree {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
}

/// For tests: work as an ordinary user, whoever runs them, in a directory of his own.
#[cfg(test)]
pub fn as_user(work: impl FnOnce(&Path) + Send) {
    let directory = tempfile::tempdir().unwrap();
    if !nix::unistd::geteuid().is_root() {
        return work(directory.path());
    }
    const USER: u32 = 65_534;
    std::os::unix::fs::chown(directory.path(), Some(USER), Some(USER)).unwrap();
    let worked = std::thread::scope(|threads| {
        let user = || {
            // He may not be allowed to go there from the top. Where this thread is, and who it is, is its own from here on:
            // the C library would change it for all threads.
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS).unwrap();
            std::env::set_current_dir(directory.path()).unwrap();
            for call in [nix::libc::SYS_setresgid, nix::libc::SYS_setresuid] {
                // SAFETY: the calls take three numbers.
                assert_eq!(unsafe { nix::libc::syscall(call, USER, USER, USER) }, 0);
            }
            work(Path::new("."));
        };
        threads.spawn(user).join()
    });
    worked.expect("what the thread said");
}
