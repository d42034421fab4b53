//! Finding and ending everything a shell started.
//!
//! A tree is the root's descendants plus every process in the kernel session the root leads, so orphans that were
//! re-parented to init are still found unless they made a session of their own.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

/// How often a terminating tree is looked at.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How long killing may take; longer is only a process that the kernel cannot end yet.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// How often a tree that keeps forking is looked at before it is signalled.
const STOP_ROUNDS: usize = 10;

struct Entry {
    parent: i32,
    session: i32,
    zombie: bool,
}

/// Live processes of the tree under `root`, `root` included.
pub(crate) fn members(root: i32) -> Vec<i32> {
    let table = process_table();
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for (pid, entry) in &table {
        children.entry(entry.parent).or_default().push(*pid);
    }
    let mut pending: Vec<i32> = table.iter().filter(|(_, e)| e.session == root).map(|(pid, _)| *pid).collect();
    pending.push(root);
    let mut found = HashSet::new();
    while let Some(pid) = pending.pop() {
        if found.insert(pid) {
            pending.extend(children.get(&pid).into_iter().flatten());
        }
    }
    found.into_iter().filter(|pid| table.get(pid).is_some_and(|entry| !entry.zombie)).collect()
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

/// SIGTERM, up to `grace` for the tree to end, then SIGKILL until nothing is left. Returns when it has ended.
pub(crate) async fn terminate(root: i32, grace: Duration) {
    signal(root, Signal::SIGTERM);
    let deadline = Instant::now() + grace;
    while !members(root).is_empty() && Instant::now() < deadline {
        sleep(CHECK_INTERVAL).await;
    }
    // Again and again: a process may have forked between the look and the signal.
    let deadline = Instant::now() + KILL_GRACE;
    while !members(root).is_empty() && Instant::now() < deadline {
        self::signal(root, Signal::SIGKILL);
        sleep(Duration::from_millis(1)).await;
    }
}

fn process_table() -> HashMap<i32, Entry> {
    let Ok(directory) = std::fs::read_dir("/proc") else { return HashMap::new() };
    directory
        .filter_map(|entry| {
            let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((pid, read_entry(pid)?))
        })
        .collect()
}

/// Fields 3, 4 and 6 of `/proc/{pid}/stat`; the command name before them may hold anything, even parentheses.
fn read_entry(pid: i32) -> Option<Entry> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after_name = memchr::memrchr(b')', &stat)? + 2;
    let mut fields = std::str::from_utf8(stat.get(after_name..)?).ok()?.split_ascii_whitespace();
    let zombie = matches!(fields.next()?, "Z" | "X");
    let parent = fields.next()?.parse().ok()?;
    let session = fields.nth(1)?.parse().ok()?;
    Some(Entry { parent, session, zombie })
}
