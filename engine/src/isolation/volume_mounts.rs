//! Mounting volumes into a sandbox.
//!
//! Both sides of a mount are directories that sandboxes write to, also while another one starts. So nothing is looked up by a
//! path that somebody could bend: each part is opened in the one before, and a link in the way is refused. The volume's side is
//! opened, as a mount of its own, while the machine's tree can still be seen; the other side when only the sandbox's can.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstat, mkdirat};
use nix::unistd::{Gid, Uid, fchown};

use super::spec::{LaunchSpec, SANDBOX_UID, Volume};
use super::users;

/// A volume on its way into a sandbox.
pub struct Opened<'a> {
    volume: &'a Volume,
    tree: OwnedFd,
}

/// Opens the volumes of a sandbox. Runs as the engine's user; with the sandbox's user namespace, ids are translated.
pub fn open<'a>(spec: &'a LaunchSpec, namespace: Option<&OwnedFd>) -> Result<Vec<Opened<'a>>> {
    let namespace = namespace.filter(|_| spec.ids.is_some_and(users::UserIds::is_translated));
    let opened = spec.volumes.iter().map(|volume| {
        let open = || {
            let data = directory(AT_FDCWD, spec.state_dir.join(&volume.data).as_os_str())?;
            let made = |made: BorrowedFd<'_>| {
                fchmod(made, Mode::from_bits_truncate(0o777))?;
                if nix::unistd::geteuid().is_root() {
                    fchown(made, Some(Uid::from_raw(SANDBOX_UID)), Some(Gid::from_raw(SANDBOX_UID)))?;
                }
                Ok(())
            };
            let source = descend(data, volume.subpath.as_deref().unwrap_or(Path::new("")), made)?;
            users::detached(source.as_fd(), namespace.map(AsFd::as_fd))
        };
        let tree = open().with_context(|| format!("opening the volume for {}", volume.target.display()))?;
        Ok(Opened { volume, tree })
    });
    opened.collect()
}

/// Mounts the volumes. `/` is the sandbox's by now, and this process makes files as root inside.
pub fn attach(opened: Vec<Opened<'_>>) -> Result<()> {
    for Opened { volume, tree } in opened {
        let mount = || {
            let root = directory(AT_FDCWD, "/".as_ref())?;
            let relative = volume.target.strip_prefix("/").context("the path is not absolute")?;
            let target = descend(root, relative, |_| Ok(()))?;
            users::attach(&tree, target.as_fd())
        };
        mount().with_context(|| format!("mounting a volume at {}", volume.target.display()))?;
    }
    Ok(())
}

/// Goes down a path, part by part, and makes what is missing; it belongs to whom the directory above it does.
fn descend(from: OwnedFd, path: &Path, made: impl Fn(BorrowedFd<'_>) -> Result<()>) -> Result<OwnedFd> {
    let mut current = from;
    for part in path {
        if part == ".." || part == "." {
            bail!("{} does not only lead down", path.display());
        }
        let next = match directory(current.as_fd(), part) {
            Err(Errno::ENOENT) => {
                match mkdirat(&current, part, Mode::from_bits_truncate(0o755)) {
                    // Another sandbox may be starting with the same directory.
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(error) => return Err(error).with_context(|| format!("making {}", part.display())),
                }
                let new = directory(current.as_fd(), part)?;
                let above = fstat(&current)?;
                let readable = openat(&current, part, OFlag::O_RDONLY | FLAGS, Mode::empty())?;
                fchown(&readable, Some(Uid::from_raw(above.st_uid)), Some(Gid::from_raw(above.st_gid)))?;
                made(readable.as_fd())?;
                new
            }
            Err(Errno::ENOTDIR | Errno::ELOOP) => bail!("{} is a link or a file, not a directory", part.display()),
            other => other.with_context(|| format!("opening {}", part.display()))?,
        };
        current = next;
    }
    Ok(current)
}

const FLAGS: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Opens a directory that is not reached by a link.
fn directory(at: BorrowedFd<'_>, name: &std::ffi::OsStr) -> nix::Result<OwnedFd> {
    let name = CString::new(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    openat(at, name.as_c_str(), OFlag::O_PATH | FLAGS, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_nowhere_and_missing_directories_are_made() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        symlink(outside.path(), inside.path().join("link")).unwrap();
        fs::write(inside.path().join("file"), "").unwrap();
        let root = || directory(AT_FDCWD, inside.path().as_os_str()).unwrap();
        for path in ["link", "link/in", "file", "file/in", "..", "a/../.."] {
            assert!(descend(root(), Path::new(path), |_| Ok(())).is_err(), "{path}");
        }
        descend(root(), Path::new("a/b/c"), |_| Ok(())).unwrap();
        assert!(inside.path().join("a/b/c").is_dir());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
