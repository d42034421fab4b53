//! The sandboxes: their records, where those are kept, and everything that changes their state.

mod lifecycle;
pub mod pools;
pub mod record_file;
pub mod registry;
pub mod reserve;
pub mod sandbox;
pub mod snapshot;
pub mod store;
pub mod unstored;
