//! Giving up what neither the toolbox nor its programs need.
//!
//! In a pod, programs often run as the toolbox's own user, since a pod has no other. What keeps them from the toolbox's secrets then:
//!
//! * The toolbox and the first process cannot be dumped (`PR_SET_DUMPABLE`): the kernel lets nobody but an administrator with
//!   `CAP_SYS_PTRACE` trace them, read or write their memory, or see their environment, maps and descriptors.
//! * That capability is given up where there is one, and no program gains privileges (`PR_SET_NO_NEW_PRIVS`).
//! * Programs cannot signal the toolbox ([`system_calls`]), and a process-id namespace ignores what its own processes signal to
//!   its first one.

use std::io;

use anyhow::{Context, Result};
use daytona_toolbox::{capabilities, system_calls};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;

/// Confines the toolbox and all that it will start.
///
/// # Errors
/// When the kernel refuses what keeps the toolbox's secrets.
pub fn toolbox() -> Result<()> {
    nix::sys::prctl::set_dumpable(false).context("hiding the toolbox's memory")?;
    // Without the first process nobody reaps and ends anything.
    nix::sys::prctl::set_pdeathsig(Some(Signal::SIGKILL)).context("ending with the first process")?;
    let keep = if geteuid().is_root() { capabilities::SANDBOX_ROOT } else { &[] };
    give_up(keep)?;
    if let Err(error) = system_calls::restrict(system_calls::ToolboxUser::Shared) {
        tracing::warn!(
            error = format!("{error:#}"),
            "this kernel filters no system calls: programs can end the toolbox"
        );
    }
    Ok(())
}

/// Confines the first process.
///
/// # Errors
/// As [`toolbox`].
pub fn first_process() -> Result<()> {
    nix::sys::prctl::set_dumpable(false).context("hiding the first process's memory")?;
    give_up(if geteuid().is_root() { &[capabilities::KILL] } else { &[] })
}

fn give_up(keep: &[u8]) -> Result<()> {
    match capabilities::bound(keep) {
        // Whoever may not give up the right to gain some does not gain any without new privileges.
        Err(error) if error.raw_os_error() == Some(Errno::EPERM as i32) => {}
        other => other.context("limiting capabilities")?,
    }
    let keep: Vec<u8> = keep.iter().copied().filter(|capability| is_permitted(*capability)).collect();
    capabilities::set_current(&keep).context("giving up capabilities")?;
    capabilities::no_new_privileges().context("refusing new privileges")
}

fn is_permitted(capability: u8) -> bool {
    permitted().is_ok_and(|permitted| permitted >> capability & 1 == 1)
}

/// The set of capabilities that this process may have.
fn permitted() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status")?;
    let set = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
    let set = set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    set.ok_or_else(|| io::Error::other("no capabilities in /proc/thread-self/status"))
}
