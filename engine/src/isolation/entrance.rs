//! How a process gets into a sandbox's control groups by itself.
//!
//! Moving a process from outside has the kernel wait until every processor has passed a quiet moment, which takes some ten
//! milliseconds and holds up every other fork and exit. A process with one thread that moves itself, or that begins in the group,
//! waits for nothing.

use std::fs;
use std::mem::size_of;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use serde::{Deserialize, Serialize};

/// The kernel's `CLONE_INTO_CGROUP`.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// The way into a sandbox's groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entrance {
    /// Files of version 1: whoever writes to one moves there.
    pub tasks: Vec<PathBuf>,
    /// The group of version 2, for a process to begin in.
    pub unified: Option<PathBuf>,
}

impl Entrance {
    /// Enters. Answers whether the calling process is inside: where it can only be followed by another one that is, this returns
    /// twice, and the process outside is not needed any more. It must have one thread.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter(&self) -> Result<bool> {
        for file in &self.tasks {
            fs::write(file, "0").with_context(|| file.display().to_string())?;
        }
        let Some(group) = &self.unified else { return Ok(true) };
        match clone_into(group) {
            Ok(pid) => Ok(pid == 0),
            // A kernel before 5.7.
            Err(_) => {
                fs::write(group.join("cgroup.procs"), "0").with_context(|| group.display().to_string())?;
                Ok(true)
            }
        }
    }
}

/// `struct clone_args` of the kernel's `clone3`, as long as it has been since it takes a control group.
#[repr(C)]
#[derive(Default)]
struct CloneArguments {
    flags: u64,
    numbers: [u64; 9],
    cgroup: u64,
}

/// Goes on as a sibling of this process in a group, too: 0 in there, the sibling's id here.
fn clone_into(group: &Path) -> Result<i64> {
    let directory = fs::File::open(group)?;
    let arguments = CloneArguments {
        flags: INTO_CGROUP | libc::CLONE_PARENT as u64,
        cgroup: u64::try_from(directory.as_raw_fd())?,
        ..CloneArguments::default()
    };
    // SAFETY: this process has one thread, and the kernel reads one structure of the size given. Without a stack the sibling goes
    // on with a copy of this one.
    let result = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<CloneArguments>()) };
    Ok(Errno::result(result)?)
}
