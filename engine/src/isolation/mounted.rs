//! Disks that are mounted before there is a sandbox for them.
//!
//! Mounting a new image waits for several things: the image has to be on the machine's disk, the kernel starts two threads and
//! writes a superblock. So it is done ahead, at no place that anybody sees, and what every sandbox reads first is read. The sandbox
//! process is given the mount by its descriptor and attaches it where it belongs. With the last descriptor of a mount that is
//! attached nowhere the kernel removes it, also when the engine is killed.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;

use super::disk::{Disk, OPTIONS};

/// `fsconfig`: a word, a word with a value, and that all of them have been said.
const SET_FLAG: libc::c_uint = 0;
const SET_STRING: libc::c_uint = 1;
const CREATE: libc::c_uint = 6;

/// Descriptors that no program inherits, of `fsopen` and `fsmount`.
const CLOSE_ON_EXEC: libc::c_uint = 1;

/// No set-user-id programs and no device files.
const ATTRIBUTES: libc::c_uint = 2 | 4;

/// What a disk has while it waits and is gone afterwards.
const PROBE: &str = ".daytona-probe";

/// A mounted disk that is attached nowhere.
#[derive(Debug)]
pub struct Mounted {
    tree: OwnedFd,
    /// Its size in GiB.
    pub gib: u64,
}

impl Mounted {
    /// Mounts a disk. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When the kernel refuses, as those before 5.2 do. The disk is as it was then.
    pub fn new(disk: &Disk) -> Result<Self> {
        let device = disk.attach()?;
        let device_path = CString::new(device.path.as_os_str().as_bytes())?;
        // SAFETY: the kernel reads a string that ends in NUL; the result is a descriptor that only we own.
        let context = unsafe { owned(libc::syscall(libc::SYS_fsopen, c"ext4".as_ptr(), CLOSE_ON_EXEC)) };
        let context = context.context("opening the kind of file system")?;
        configure(&context, SET_STRING, Some(c"source"), Some(&device_path))?;
        for option in OPTIONS.split(',') {
            configure(&context, SET_FLAG, Some(&CString::new(option)?), None)?;
        }
        configure(&context, CREATE, None, None).context("mounting the disk")?;
        // SAFETY: the call takes integers; the result is a descriptor that only we own.
        let tree = unsafe { owned(libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), CLOSE_ON_EXEC, ATTRIBUTES)) };
        let mounted = Self { tree: tree.context("taking the mount")?, gib: disk.gib };
        mounted.read_ahead().context("reading the disk")?;
        Ok(mounted)
    }

    /// The mount, for the process that attaches it.
    pub fn into_tree(self) -> OwnedFd {
        self.tree
    }

    /// Where this process sees its files.
    fn place(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.tree.as_raw_fd()))
    }

    /// Has the kernel know what is in the directories, and where there is room.
    fn read_ahead(&self) -> io::Result<()> {
        let place = self.place();
        fs::create_dir(place.join(PROBE))?;
        fs::remove_dir(place.join(PROBE))?;
        look_through(&place)
    }

    /// Gives up the disk and all that is on it: nothing is written any more.
    pub fn give_up(self) {
        const SHUT_DOWN: libc::Ioctl = 0x8004_587D_u32 as libc::Ioctl;
        let without_journal: u32 = 2;
        if let Ok(root) = File::open(self.place()) {
            // SAFETY: the kernel reads one number. Where it does not know the call, unmounting takes longer.
            unsafe { libc::ioctl(root.as_raw_fd(), SHUT_DOWN, &raw const without_journal) };
        }
    }
}

fn look_through(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.metadata()?.is_dir() {
            look_through(&entry.path())?;
        }
    }
    Ok(())
}

/// # Safety
/// What a call returned that makes a descriptor.
unsafe fn owned(result: libc::c_long) -> Result<OwnedFd> {
    let number = i32::try_from(Errno::result(result)?)?;
    // SAFETY: as the caller says.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

fn configure(context: &OwnedFd, what: libc::c_uint, key: Option<&CStr>, value: Option<&CStr>) -> Result<()> {
    let pointer = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let (context, key, value) = (context.as_raw_fd(), pointer(key), pointer(value));
    // SAFETY: the kernel reads strings that end in NUL, which live until the call returns.
    Errno::result(unsafe { libc::syscall(libc::SYS_fsconfig, context, what, key, value, 0) })?;
    Ok(())
}
