//! The sandboxes: their records, where those are kept, and everything that changes their state.

pub mod archive_file;
pub mod archiving;
mod attributes;
mod building;
pub mod builds;
pub mod cause;
pub mod changes;
pub mod copy_tree;
mod ending;
pub mod forking;
pub mod intervals;
pub mod lifecycle;
pub mod loading;
pub mod logs;
pub mod metrics;
pub mod needed_room;
mod pausing;
pub mod pools;
pub mod record_file;
pub mod registry;
pub mod reserve;
pub mod resizing;
pub mod sandbox;
pub mod snapshot;
pub mod traces;
pub mod unlocked;
pub mod unstored;
