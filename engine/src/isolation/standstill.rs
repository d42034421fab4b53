//! Stopping the processes of a sandbox one by one, where no control group can be frozen.
//!
//! A shell inside sees its children stopped, as by Ctrl-Z; nothing else does. The first process goes on: it must notice the
//! engine's end.

use std::collections::HashSet;
use std::fs;

use anyhow::{Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Rounds until nothing new is found. Processes that are stopped start no others, so a few are enough.
const ROUNDS: usize = 100;

/// Stops everything that descends from `first`.
pub fn stop_all(first: i32) -> Result<()> {
    let mut stopped = HashSet::new();
    for _ in 0..ROUNDS {
        let new: Vec<i32> = descendants(first).into_iter().filter(|pid| !stopped.contains(pid)).collect();
        if new.is_empty() {
            return Ok(());
        }
        for pid in new {
            // One that has ended by itself is as good.
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
            stopped.insert(pid);
        }
    }
    continue_all(first);
    bail!("its processes do not stand still");
}

/// Lets everything that descends from `first` go on.
pub fn continue_all(first: i32) {
    for pid in descendants(first) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
    }
}

fn descendants(first: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut parents = vec![first];
    while let Some(parent) = parents.pop() {
        let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            let children: Vec<i32> = children.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            parents.extend(&children);
            found.extend(children);
        }
    }
    found
}
