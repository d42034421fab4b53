//! The user namespace that an ordinary user's engine runs in, where it may make networks for its sandboxes.
//!
//! The engine stays the user that it is, with the same files and the machine's network. What it may do beyond that concerns
//! nothing but namespaces of its own, and what it starts does not inherit it.

use std::fs;
use std::io;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Uid, fork};

use super::capabilities::{self, NET_ADMIN, NET_BIND_SERVICE, SYS_ADMIN};
use super::probe::IsolationChoice;
use crate::network::PASTA;

/// What it takes to make networks, set them up, and serve in them.
const NEEDED: &[u8] = &[NET_BIND_SERVICE, NET_ADMIN, SYS_ADMIN];

/// Why the engine has no such namespace, if it has none.
static ENTERED: OnceLock<Result<(), String>> = OnceLock::new();

/// Enters one if this engine needs it for its sandboxes' networks, and can. The process must have one thread still: call this
/// before there is a runtime.
///
/// # Errors
/// When the kernel let the process enter but not become its user there.
pub fn enter_own_namespace(choice: IsolationChoice) -> Result<()> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    if uid.is_root() || choice == IsolationChoice::None {
        return Ok(());
    }
    if !is_installed(PASTA) {
        let _ =
            ENTERED.set(Err(format!("an ordinary user's engine needs the program `{PASTA}` (Debian package `passt`)")));
        return Ok(());
    }
    // Some machines (AppArmor's rules of Ubuntu 24.04) let a process in and then refuse it everything. There is no way back, so a
    // child goes first.
    if let Err(reason) = can_enter(uid, gid) {
        let _ = ENTERED.set(Err(format!("this user may make no user namespace{reason}")));
        return Ok(());
    }
    enter(uid, gid)?;
    let _ = ENTERED.set(Ok(()));
    Ok(())
}

fn enter(uid: Uid, gid: Gid) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWUSER).context("leaving the machine's users")?;
    fs::write("/proc/self/setgroups", "deny").context("denying setgroups")?;
    fs::write("/proc/self/uid_map", format!("{uid} {uid} 1\n")).context("mapping the user")?;
    fs::write("/proc/self/gid_map", format!("{gid} {gid} 1\n")).context("mapping the group")?;
    capabilities::set_current(NEEDED).context("giving up privileges")
}

/// Has a child enter one. The error is the rest of a sentence.
fn can_enter(uid: Uid, gid: Gid) -> Result<(), String> {
    // SAFETY: this process has one thread, so its child may do whatever it may itself.
    match unsafe { fork() }.map_err(|error| format!(": {error}"))? {
        ForkResult::Child => {
            let entered = enter(uid, gid).is_ok();
            // SAFETY: ends the child at once, without what the parent has to do at its end.
            unsafe { libc::_exit(i32::from(!entered)) }
        }
        ForkResult::Parent { child } => match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, 0)) => Ok(()),
            _ => Err(String::new()),
        },
    }
}

/// Whether this process has entered one.
pub fn has_own_namespace() -> bool {
    matches!(ENTERED.get(), Some(Ok(())))
}

/// Why it has none, as a sentence's end.
pub fn no_own_namespace() -> Option<&'static str> {
    match ENTERED.get() {
        Some(Ok(())) => None,
        Some(Err(reason)) => Some(reason),
        None => Some("that takes an engine started by root"),
    }
}

/// Has what the calling thread executes keep the right to change networks of ours.
pub fn pass_on_network() -> io::Result<()> {
    capabilities::pass_on(NEEDED)
}

/// Has what the calling thread executes keep the right to mount files that show its network.
pub fn pass_on_mounting() -> io::Result<()> {
    capabilities::pass_on(&[SYS_ADMIN])
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
