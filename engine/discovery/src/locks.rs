//! The locks by which a local engine and its clients know of one another.
//!
//! They belong to open files and end with the process that holds them, however it ends. Looking at one does not take it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens `engine.json` if it can be trusted: a plain file of this user alone.
#[cfg(target_os = "linux")]
pub(super) fn open_announcement(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    let flags = nix::fcntl::OFlag::O_NOFOLLOW | nix::fcntl::OFlag::O_NONBLOCK;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    let is_ours = metadata.uid() == nix::unistd::geteuid().as_raw();
    if !metadata.is_file() || !is_ours || metadata.mode() & 0o077 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not a file of this user alone"));
    }
    Ok(file)
}

/// Whether the engine that wrote `engine.json` still stands by it.
#[cfg(target_os = "linux")]
pub(super) fn is_held(announcement: &File) -> bool {
    use std::os::fd::AsFd;

    use nix::libc;

    let mut lock = whole_file(libc::F_WRLCK);
    let looked = nix::fcntl::fcntl(announcement.as_fd(), nix::fcntl::FcntlArg::F_OFD_GETLK(&mut lock));
    looked.is_ok() && lock.l_type != libc::F_UNLCK as libc::c_short
}

/// Tells the engine of a state directory that a client is there, for as long as the file is open.
#[cfg(target_os = "linux")]
pub(super) fn hold_presence(path: &Path) -> io::Result<File> {
    use std::os::fd::AsFd;
    use std::os::unix::fs::OpenOptionsExt;

    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    let file = options.custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits()).open(path)?;
    let lock = whole_file(nix::libc::F_RDLCK);
    nix::fcntl::fcntl(file.as_fd(), nix::fcntl::FcntlArg::F_OFD_SETLK(&lock))?;
    Ok(file)
}

#[cfg(target_os = "linux")]
fn whole_file(kind: nix::libc::c_int) -> nix::libc::flock {
    use nix::libc;

    let (l_type, l_whence) = (kind as libc::c_short, libc::SEEK_SET as libc::c_short);
    libc::flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 }
}

// Engines run on Linux only; elsewhere none is ever found.

#[cfg(not(target_os = "linux"))]
pub(super) fn open_announcement(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_held(_announcement: &File) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
pub(super) fn hold_presence(_path: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
