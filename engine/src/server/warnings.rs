//! What an engine says that it cannot do on this machine.

use crate::isolation::{IsolationLevel, Launcher};

pub(super) fn warnings(launcher: &Launcher, no_network: Option<String>) -> Vec<String> {
    let mut warnings = Vec::new();
    let enforced = launcher.enforced();
    for (what, holds) in [("cpu", enforced.cpu), ("memory", enforced.memory), ("process", enforced.processes)] {
        if !holds {
            warnings.push(format!("{what} limits are not enforced"));
        }
    }
    if let Some(reason) = launcher.no_sizes() {
        warnings.push(format!("sandboxes see the machine's processors and memory instead of their own: {reason}"));
    }
    if let Some(reason) = launcher.no_disks() {
        warnings.push(format!("disk limits are not enforced: {reason}"));
    }
    if !enforced.disk_time {
        warnings.push("the disks' time is not shared out: one sandbox can slow others down".to_owned());
    }
    if launcher.level() == IsolationLevel::None {
        warnings
            .push("sandboxes are ordinary processes of this user: they see its files, processes, network".to_owned());
        return warnings;
    }
    if let Some(reason) = no_network {
        warnings.push(format!("sandboxes have no network but loopback, and network settings change nothing: {reason}"));
    }
    if launcher.level() == IsolationLevel::Namespaces && !launcher.own_users() {
        warnings
            .push("sandboxes have the machine's user ids: this kernel or file system cannot translate them".to_owned());
    }
    if !launcher.copy_on_write() {
        warnings.push("system directories are read-only inside sandboxes".to_owned());
    }
    warnings
}
