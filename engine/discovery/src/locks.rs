//! Locks that belong to open files (`F_OFD_SETLK`): they end with the process that holds them, however it ends, and can be
//! looked at without being taken.

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use nowhere::*;

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::AsFd;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::path::Path;

    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    use nix::libc;

    fn whole_file(kind: libc::c_int) -> libc::flock {
        let (l_type, l_whence) = (kind as libc::c_short, libc::SEEK_SET as libc::c_short);
        libc::flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 }
    }

    /// Opens a file to be locked, creating it if need be.
    pub(crate) fn open(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)
    }

    /// Creates a file that only this user can read.
    pub(crate) fn create(path: &Path) -> io::Result<File> {
        OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
    }

    /// Opens a file for reading if it can be trusted: a plain file of this user alone.
    pub(crate) fn open_trusted(path: &Path) -> io::Result<File> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
        let metadata = file.metadata()?;
        let is_ours = metadata.uid() == nix::unistd::geteuid().as_raw();
        if !metadata.is_file() || !is_ours || metadata.mode() & 0o077 != 0 {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not a file of this user alone"));
        }
        Ok(file)
    }

    /// Takes an exclusive lock that lasts until the file is closed; false when somebody else has one.
    pub(crate) fn take(file: &File) -> io::Result<bool> {
        match fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK))) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a shared lock that lasts until the file is closed.
    pub(crate) fn share(file: &File) -> io::Result<()> {
        fcntl(file.as_fd(), FcntlArg::F_OFD_SETLK(&whole_file(libc::F_RDLCK)))?;
        Ok(())
    }

    /// Whether somebody else has a lock on the file, shared or exclusive.
    pub(crate) fn is_held(file: &File) -> bool {
        let mut lock = whole_file(libc::F_WRLCK);
        let looked = fcntl(file.as_fd(), FcntlArg::F_OFD_GETLK(&mut lock));
        looked.is_ok() && lock.l_type != libc::F_UNLCK as libc::c_short
    }

    pub(crate) fn foreign_owner(directory: &Path) -> Option<u32> {
        let (me, root) = (nix::unistd::geteuid().as_raw(), 0);
        let owner = std::fs::metadata(directory).ok()?.uid();
        (me != root && owner != me).then_some(owner)
    }
}

#[cfg(not(target_os = "linux"))]
mod nowhere {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(crate) fn open(_path: &Path) -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn create(path: &Path) -> io::Result<File> {
        open(path)
    }

    pub(crate) fn open_trusted(path: &Path) -> io::Result<File> {
        open(path)
    }

    pub(crate) fn take(_file: &File) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn share(_file: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn is_held(_file: &File) -> bool {
        false
    }

    pub(crate) fn foreign_owner(_directory: &Path) -> Option<u32> {
        None
    }
}
