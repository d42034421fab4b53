//! Images of file systems, without Docker: read from registries and archives, built from Dockerfiles, kept as layers.
//!
//! Everything here blocks: call it from threads that may.

mod access;
mod archive;
mod assemble;
mod attributes;
mod build;
mod cancel;
mod compare;
mod compression;
mod credentials;
mod digest;
mod dockerfile;
mod error;
mod export;
mod image;
mod log;
mod lookup;
mod manifest;
mod names;
mod overlay;
mod pack;
mod reference;
mod registry;
mod room;
mod runner;
mod secrets;
mod store;
mod tree;
mod unpack;
mod writer;

pub use access::{Access, Credentials, FindImported, Imported, Login, Logins, Reach};
pub use build::{Build, CachedStep};
pub use cancel::Cancel;
pub use compare::{Change, Compared, Difference};
pub use digest::Digest;
pub use error::{Error, Exit};
pub use image::{Base, Image, ImageConfig};
pub use lookup::directory_in;
pub use names::Named;
pub use pack::pack_layer;
pub use reference::Reference;
pub use runner::{NoRunner, Run, RunMount, Runner};
pub use secrets::Secrets;
pub use store::{Freed, Options, Store};
pub use unpack::{Limits, unpack_layer};

/// The time in seconds since 1970.
pub(crate) fn now() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| i64::try_from(elapsed.as_secs()).unwrap_or_default())
}

/// Layers of one image: what fits into the options of one mount.
const MAX_LAYERS: usize = 120;

/// This machine's architecture, as images name it.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
