//! Isolation of sandboxes from the machine and from each other.
//!
//! [`Launcher`] is the engine's side: it prepares files and groups and starts sandbox processes.
//! [`run_if_sandbox_process`] is the other side: the executable calls it first thing in `main`, because
//! a sandbox process is the same executable started again.

mod accounts;
mod base;
mod cgroup;
mod child;
mod commands;
mod description;
mod disk;
mod disk_images;
mod disk_space;
mod disk_writes;
mod entrance;
mod files;
mod fuse;
mod image_root;
mod instance;
mod launch;
mod load;
mod memory;
mod mounted;
mod mounts;
mod own_namespace;
mod own_size;
mod probe;
mod processors;
mod ready;
mod spec;
mod standstill;
mod step_disk;
mod trust;
mod usage;
mod users;
mod volume_mounts;
mod watched;

use daytona_toolbox::{capabilities, system_calls};

pub use accounts::check_id;
pub use cgroup::{Enforced, Resources, Usage};
pub use commands::StepCommand;
pub use disk::{IMAGE, copy_changes, copy_sparse, shares_content, wait_until_free};
pub use disk_space::room;
pub use disk_writes::Written;
pub use files::{files_directory, pool_directory};
pub use image_root::{ETC, ImageRoot};
pub use instance::Instance;
pub use launch::{Launcher, Start};
pub use own_namespace::enter_own_namespace;
pub(crate) use own_namespace::{has_own_namespace, no_own_namespace, pass_on_mounting, pass_on_network};
pub use probe::{IsolationChoice, choose};
pub use spec::{IsolationLevel, SANDBOX_ARGUMENT, SANDBOX_UID, Volume};
pub use step_disk::GIB as STEP_GIB;
pub use watched::Watched;

/// Becomes a sandbox process and never returns when the engine started this process as one.
///
/// Every executable that calls [`crate::serve`] calls this at the start of `main`, before it starts threads.
pub fn run_if_sandbox_process() {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == SANDBOX_ARGUMENT) {
        let probing = std::env::args_os().nth(2);
        std::process::exit(match probing.as_ref().and_then(|argument| argument.to_str()) {
            Some(probe::PROBE_ARGUMENT) => probe::run(),
            Some(probe::DISK_ARGUMENT) => probe::run_disk(),
            Some(probe::SIZE_ARGUMENT) => probe::run_size(),
            Some(step_disk::ARGUMENT) => step_disk::run(),
            _ => child::run(),
        });
    }
}
