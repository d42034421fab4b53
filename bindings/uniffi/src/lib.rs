//! The Daytona SDK for the languages uniffi serves: Kotlin, Swift, Python.
//!
//! The crate is thin: an operation's arguments become JSON and attachments, the bridge runs it on its own threads, and the
//! answer becomes a record. Records, errors and services are generated from the core's sources; the client and the streams
//! are written by hand.
//!
//! * **Cancel**: a cancelled coroutine or task drops the future of its call, and that stops the remote operation.
//! * **Streams** are read by asking; what is not asked for is not taken from the socket. Dropping one closes it.
//! * **Errors** are cases of [`DaytonaError`], one for each kind, with everything that is known in `details`.

#![allow(clippy::result_large_err, reason = "uniffi takes errors by value, and they happen once a call")]

mod call;
mod client;
mod custom;
mod errors;
mod log;
mod streams;

#[rustfmt::skip]
mod generated;

pub use client::Daytona;
pub use errors::ErrorDetails;
pub use generated::*;
pub use log::{set_log_level, take_log};
pub use streams::{
    DirectoryTransfer, FileReader, FileWriter, InterpreterEvent, InterpreterStream, LogChannel, LogChunk, LogStream,
    PortForward, SandboxBuild, SnapshotBuild, Terminal,
};

uniffi::setup_scaffolding!("daytona");
