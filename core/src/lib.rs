//! The Daytona client: isolated sandboxes in which agents and developers run commands and code.
//!
//! [`Client`] is the one door: immutable, cheap to clone, shared by everything made from it. Every operation is an
//! `async fn` of [`ops`]; dropping its future cancels it, its deadline covers retries, its error is an [`Error`] with a
//! [`ErrorKind`]. Data is in [`model`], streams are in [`stream`].
//!
//! The crate knows nothing of other languages and holds no global state but the certificates it read.

pub mod cleanup;
mod client;
mod config;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[rustfmt::skip]
mod generated;
mod image;
mod local;
pub mod log;
mod lsp_server;
pub mod model;
pub mod ops;
mod outside;
mod protocols;
mod raw;
mod sandbox;
mod spawned;
mod storage;
pub mod telemetry;
pub mod testing;
mod toolbox;
mod travel;
mod words;

pub use client::Client;
#[doc(hidden)]
pub use config::OperationNames;
pub use config::{Config, DEFAULT_API_URL, LOCAL, WIRE_VERSION};
#[doc(hidden)]
pub use error::wording;
pub use error::{Error, ErrorInfo, ErrorKind, Result};
#[doc(hidden)]
pub use image::step as image_step;
pub use image::{Image, ImageCommand};
pub use lsp_server::LspServer;
#[doc(hidden)]
pub use outside::{Answer, Outside};
pub use sandbox::{Changes, Sandbox, SandboxList};
pub use spawned::SpawnedProcess;
pub use toolbox::Toolbox;
// For the tests and measurements of these parts; not part of what the crate promises.
#[doc(hidden)]
pub use travel::{events, proxy, tls, ws};
#[doc(hidden)]
pub use words::without_secrets;

/// Open streams: logs, runs of the interpreter, terminals, files and directories on their way, forwarded ports.
pub mod stream {
    pub use crate::protocols::{
        building, directory, forward, interpreter, log_demux, logs, multipart, terminal, transfer, utf8,
    };
}
