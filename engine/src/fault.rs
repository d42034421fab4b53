//! The worst moments: between any two steps of a change, the engine may be killed.
//!
//! Tests name a step in `DAYTONA_ENGINE_FAULT`; an engine that reaches it ends as `kill -9` would end it. `kills.rs` of the tests
//! goes through all of [`STEPS`].

use std::sync::LazyLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Every step there is.
pub const STEPS: [&str; 50] = [
    "create.begun",
    "create.files",
    "start.stored",
    "start.running",
    "stop.begun",
    "stop.ended",
    "pause.begun",
    "pause.frozen",
    "resume.begun",
    "resume.thawed",
    "resize.begun",
    "resize.limited",
    "archive.begun",
    "archive.packed",
    "archive.complete",
    "archive.removed",
    "restore.begun",
    "restore.unpacked",
    "restore.moved",
    "restore.renamed",
    "restore.complete",
    "fork.begun",
    "fork.inserted",
    "fork.frozen",
    "fork.copied",
    "fork.stored",
    "delete.begun",
    "delete.ended",
    "delete.discarded",
    "delete.removed",
    "recover.begun",
    "limits.begun",
    "limits.held",
    "limits.stored",
    "pool.taken",
    "pool.stored",
    "pool.adopted",
    "setting.begun",
    "setting.stored",
    "build.pending",
    "build.begun",
    "build.ended",
    "snapshot.begun",
    "snapshot.frozen",
    "snapshot.copied",
    "snapshot.building",
    "snapshot.built",
    "volume.begun",
    "volume.made",
    "volume.doomed",
];

/// Ends the engine if it was told to end here.
pub fn step(name: &'static str) {
    static WANTED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("DAYTONA_ENGINE_FAULT").ok());
    debug_assert!(STEPS.contains(&name), "{name} is not listed");
    if WANTED.as_deref() == Some(name) {
        let _ = kill(Pid::this(), Signal::SIGKILL);
    }
}
