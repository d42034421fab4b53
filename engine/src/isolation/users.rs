//! User ids of a sandbox's own.
//!
//! Where the engine runs as root, every sandbox has a user namespace: what it may use up by user (inotify, queued signals,
//! pipes, epoll watches, …) is counted for it alone, and the machine's users cannot look into its processes through /proc.
//! Inside, ids are the usual ones. On the machine they are a high range that belongs to nobody, and files keep the inside's
//! ids on disk: mounts translate (kernel 5.19 and file systems that take part). Where they cannot, ids are the machine's.
//!
//! The toolbox has [`TOOLBOX_UID`] as its real and saved id and the sandbox's user as its effective one: it works on files as
//! that user, but what the user runs can neither signal nor trace it.

use std::fs;
use std::io::{Read, Write, pipe};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, setfsgid, setfsuid, setgroups, setresgid, setresuid};
use serde::{Deserialize, Serialize};

use super::capabilities;
use super::cgroup::MAX_PROCESSES;

/// The toolbox's real id inside: beyond what any file or account has.
pub const TOOLBOX_UID: u32 = 65_536;

/// The machine's first id for sandboxes. Nobody gives out ids from here to [`RANGES`] ranges further: containers' end before.
const FIRST_ID: u32 = 0x7000_0000;

/// How many ids a sandbox has.
const RANGE: u32 = 65_536;

/// The last id of a sandbox's programs.
pub const LAST_ID: u32 = RANGE - 2;

/// How many ranges there are.
pub const RANGES: u32 = 4_096;

/// Which of the machine's ids a sandbox's processes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIds {
    /// The first id of the sandbox's own range, for what is counted by user.
    range: u32,
    /// Whether the ids inside are those of the range, not the machine's.
    translated: bool,
}

/// How far this machine can give sandboxes users of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separation {
    /// Ids of their own.
    Ids,
    /// A user namespace, with the machine's ids.
    Namespace,
    /// Nothing.
    None,
}

impl UserIds {
    /// The ids of a range below [`RANGES`].
    pub fn of_range(number: u32, translated: bool) -> Self {
        Self { range: FIRST_ID + number % RANGES * RANGE, translated }
    }

    /// The last id of the range owns the namespace and is the toolbox's.
    fn owner(self) -> u32 {
        self.range + RANGE - 1
    }

    /// The machine's id of root inside.
    fn root(self) -> u32 {
        if self.translated { self.range } else { 0 }
    }

    /// Whether mounts translate between ids on disk and these.
    pub fn is_translated(self) -> bool {
        self.translated
    }

    fn map(self) -> String {
        format!("0 {} {}\n{TOOLBOX_UID} {} 1\n", self.root(), RANGE - 1, self.owner())
    }

    /// Makes a user namespace with these ids. The caller stays outside.
    ///
    /// # Errors
    /// When the kernel refuses, or the ids do not exist, as in a container that was given only some.
    pub fn namespace(self) -> Result<OwnedFd> {
        let (mut ready, tell) = pipe()?;
        let (wait, done) = pipe()?;
        // SAFETY: sandbox processes have one thread until their toolbox serves.
        match unsafe { fork() }.context("forking")? {
            ForkResult::Child => {
                drop((ready, done));
                std::process::exit(match self.hold_namespace(tell, wait) {
                    Ok(()) => 0,
                    Err(error) => {
                        eprintln!("user namespace: {error:#}");
                        1
                    }
                })
            }
            ForkResult::Parent { child } => {
                drop((tell, wait));
                let namespace = self.take_namespace(child, &mut ready);
                drop(done);
                let _ = waitpid(child, None);
                namespace
            }
        }
    }

    /// The namespace's first process: makes it, and keeps it until it has been taken.
    fn hold_namespace(self, mut tell: impl Write, mut wait: impl Read) -> Result<()> {
        // The namespace inherits this as the limit of all its users together.
        let (_, hard) = getrlimit(Resource::RLIMIT_NPROC)?;
        let processes = hard.min(MAX_PROCESSES);
        setrlimit(Resource::RLIMIT_NPROC, processes, processes)?;
        let (uid, gid) = (Uid::from_raw(self.owner()), Gid::from_raw(self.owner()));
        nix::sys::prctl::set_keepcaps(true)?;
        setgroups(&[])?;
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid).context("taking an id of the range")?;
        // Some kernels let only administrators do this.
        capabilities::set_current(&[capabilities::SYS_ADMIN])?;
        unshare(CloneFlags::CLONE_NEWUSER).context("creating a user namespace")?;
        tell.write_all(b"r")?;
        let _ = wait.read(&mut [0])?;
        Ok(())
    }

    fn take_namespace(self, child: Pid, ready: &mut impl Read) -> Result<OwnedFd> {
        if ready.read(&mut [0])? == 0 {
            bail!("the kernel refuses user namespaces");
        }
        fs::write(format!("/proc/{child}/uid_map"), self.map()).context("mapping users")?;
        fs::write(format!("/proc/{child}/gid_map"), self.map()).context("mapping groups")?;
        Ok(fs::File::open(format!("/proc/{child}/ns/user"))?.into())
    }

    /// Makes the mount at `path` one that translates between the ids on disk and these, where that is asked for.
    pub fn translate(self, path: &Path, namespace: &OwnedFd) -> Result<()> {
        if self.translated { translate(path, namespace).with_context(|| path.display().to_string()) } else { Ok(()) }
    }

    /// The machine's id of one inside.
    pub fn outside(self, id: u32) -> u32 {
        self.root() + id
    }

    /// Lets this process make files as root inside, with all it may do, while `work` runs.
    pub fn as_inner_root<T>(self, work: impl FnOnce() -> T) -> Result<T> {
        setfsgid(Gid::from_raw(self.root()));
        setfsuid(Uid::from_raw(self.root()));
        // Another user for files takes away what root may do with them.
        capabilities::raise_all()?;
        let done = work();
        setfsuid(Uid::from_raw(0));
        setfsgid(Gid::from_raw(0));
        Ok(done)
    }
}

/// `struct mount_attr` of the kernel's `mount_setattr`.
#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const MOUNT_ATTR_IDMAP: u64 = 0x0010_0000;

const MOUNT_ATTR_NOSUID: u64 = 2;
const MOUNT_ATTR_NODEV: u64 = 4;

/// A mount of its own of an open directory, attached nowhere yet, without device files and set-user-id programs. With a user
/// namespace, it translates ids through that.
pub fn detached(directory: BorrowedFd<'_>, namespace: Option<BorrowedFd<'_>>) -> Result<OwnedFd> {
    use std::os::fd::FromRawFd;

    let attributes = MountAttributes {
        set: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | namespace.map_or(0, |_| MOUNT_ATTR_IDMAP),
        clear: 0,
        propagation: 0,
        user_namespace: namespace.map_or(Ok(0), |namespace| u64::try_from(namespace.as_raw_fd()))?,
    };
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_EMPTY_PATH as libc::c_uint;
    // SAFETY: the kernel reads strings that end in NUL and one structure of the size given; the descriptor is ours.
    unsafe {
        let tree = Errno::result(libc::syscall(libc::SYS_open_tree, directory.as_raw_fd(), c"".as_ptr(), flags))?;
        let tree = OwnedFd::from_raw_fd(i32::try_from(tree)?);
        Errno::result(libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<MountAttributes>(),
        ))
        .context("limiting the mount")?;
        Ok(tree)
    }
}

/// Attaches a mount of [`detached`] to an open directory.
pub fn attach(tree: &OwnedFd, target: BorrowedFd<'_>) -> Result<()> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    let (empty, from, to) = (c"".as_ptr(), tree.as_raw_fd(), target.as_raw_fd());
    // SAFETY: the kernel reads two strings that end in NUL; both descriptors are open.
    Errno::result(unsafe { libc::syscall(libc::SYS_move_mount, from, empty, to, empty, flags) })?;
    Ok(())
}

/// Covers `path` with a copy of its own mount that translates ids through the user namespace.
fn translate(path: &Path, namespace: &OwnedFd) -> Result<()> {
    use std::os::fd::FromRawFd;
    use std::os::unix::ffi::OsStrExt;

    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let attributes = MountAttributes {
        set: MOUNT_ATTR_IDMAP,
        clear: 0,
        propagation: 0,
        user_namespace: u64::try_from(namespace.as_raw_fd())?,
    };
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC;
    // SAFETY: the kernel reads two strings that end in NUL and one structure of the size given; the descriptor is ours.
    unsafe {
        let tree = Errno::result(libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags))?;
        let tree = OwnedFd::from_raw_fd(i32::try_from(tree)?);
        Errno::result(libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<MountAttributes>(),
        ))
        .context("translating ids")?;
        Errno::result(libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::MOVE_MOUNT_F_EMPTY_PATH,
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_do_not_overlap_and_end_before_negative_ids() {
        let ids: Vec<_> = (0..RANGES).map(|number| UserIds::of_range(number, true)).collect();
        assert!(ids.windows(2).all(|pair| pair[0].owner() < pair[1].root()));
        assert!(i32::try_from(ids[ids.len() - 1].owner()).is_ok());
        assert_eq!(UserIds::of_range(RANGES, true), ids[0]);
    }

    #[test]
    fn ids_that_cannot_be_translated_stay_the_machines() {
        let map = UserIds::of_range(1, false).map();
        assert_eq!(map, format!("0 0 65535\n65536 {} 1\n", FIRST_ID + 2 * RANGE - 1));
    }
}
