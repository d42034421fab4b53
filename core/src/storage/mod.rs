//! Object storage: where the local files of images go on their way to a build (wire.md 5, wire-additions 2.9).
//!
//! Each context becomes one archive, named after its content, and is not sent when it is there already. Files are read
//! twice, once for the name and once to be sent, and never kept: at most a handful of parts is in memory, whatever the size.

mod access;
mod bucket;
mod context;
mod signature;
mod upload;

pub(crate) use upload::{push_access, upload, upload_to};
