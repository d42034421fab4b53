//! Snapshots: what sandboxes are made from, where that is recorded, and how it comes to be.

pub mod archives;
pub mod build_log;
pub mod building;
mod failed_steps;
pub mod from_sandbox;
pub mod images;
pub mod record;
pub mod table;
pub mod turns;
