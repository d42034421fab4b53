//! Finding and ending everything a shell started.
//!
//! A tree is every process in the kernel session the root leads, and the descendants of those, so orphans that were
//! re-parented to init are still found unless they made a session of their own. Looking costs one call for each process of
//! the sandbox and a few files for each of the tree's own.

use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};

/// How often a terminating tree is looked at.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How long killing may take; longer is only a process that the kernel cannot end yet.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// How often a tree that keeps forking is looked at before it is signalled.
const STOP_ROUNDS: usize = 10;

/// Live processes of the tree under `root`, `root` included.
pub(crate) fn members(root: i32) -> Vec<i32> {
    let mut pending = in_session(root);
    pending.push(root);
    let mut found = HashSet::new();
    while let Some(pid) = pending.pop() {
        if found.insert(pid) {
            children(pid, &mut pending);
        }
    }
    found.into_iter().filter(|pid| is_live(*pid)).collect()
}

/// Sends `signal` to every live process of the tree. All are stopped before: a shell that saw a child end would go on to its
/// next command.
pub(crate) fn signal(root: i32, signal: Signal) {
    let send = |pid: i32, signal| {
        // A process that ended in between is what we wanted.
        let _ = kill(Pid::from_raw(pid), signal);
    };
    let mut stopped = HashSet::new();
    // Looked at again until nobody has forked in between; what forks without end is not waited for.
    for _ in 0..STOP_ROUNDS {
        let mut running: Vec<i32> = members(root).into_iter().filter(|pid| stopped.insert(*pid)).collect();
        if running.is_empty() {
            break;
        }
        // The root first: it starts the others.
        running.sort_unstable_by_key(|pid| (*pid != root, *pid));
        running.into_iter().for_each(|pid| send(pid, Signal::SIGSTOP));
    }
    stopped.iter().for_each(|pid| send(*pid, signal));
    stopped.iter().for_each(|pid| send(*pid, Signal::SIGCONT));
}

/// SIGTERM, up to `grace` for the tree to end, then SIGKILL until nothing is left. Returns when it has ended: call it off the
/// runtime.
pub(crate) fn terminate(root: i32, grace: Duration) {
    signal(root, Signal::SIGTERM);
    let deadline = Instant::now() + grace;
    while !members(root).is_empty() && Instant::now() < deadline {
        sleep(CHECK_INTERVAL);
    }
    // Again and again: a process may have forked between the look and the signal.
    let deadline = Instant::now() + KILL_GRACE;
    while !members(root).is_empty() && Instant::now() < deadline {
        self::signal(root, Signal::SIGKILL);
        sleep(Duration::from_millis(1));
    }
}

/// Processes of the kernel session that `leader` leads.
fn in_session(leader: i32) -> Vec<i32> {
    let leader = Pid::from_raw(leader);
    let Ok(directory) = std::fs::read_dir("/proc") else { return Vec::new() };
    directory
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| getsid(Some(Pid::from_raw(*pid))) == Ok(leader))
        .collect()
}

/// Adds the children of `pid`, which its threads have each their own.
fn children(pid: i32, into: &mut Vec<i32>) {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return };
    for thread in threads.flatten() {
        let children = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        into.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<i32>().ok()));
    }
}

/// Whether a process exists and is not merely waiting to be reaped.
fn is_live(pid: i32) -> bool {
    let Ok(stat) = std::fs::read(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which may hold anything, even parentheses.
    let state = memchr::memrchr(b')', &stat).and_then(|end| stat.get(end + 2));
    state.is_some_and(|state| !matches!(state, b'Z' | b'X'))
}
