//! One documented `async fn` per operation.
//!
//! These functions are what every language calls: `xtask codegen` reads their signatures and documentation. Required
//! arguments are positional, everything optional is in a last argument `options`. A service holds either a `Client` or
//! the `Toolbox` of one sandbox; dropping a call's future cancels it.

pub(crate) mod abandoned;
mod code_interpreter;
mod computer_use;
mod create_body;
mod directory;
mod events;
mod forward;
mod fs;
mod git;
mod lsp;
mod making;
mod metrics;
mod network;
mod object_storage;
pub(crate) mod process;
mod process_env;
mod pty;
mod rate_limits;
mod reach;
mod sandbox;
mod sandbox_changes;
mod sandbox_settings;
mod sandbox_ssh;
mod sandbox_urls;
mod secret;
mod session;
mod snapshots;
mod spawn;
mod spawn_script;
mod transfer;
mod volume;
mod wait;
mod webhooks;

pub use computer_use::{Accessibility, ComputerUse, Display, Keyboard, Mouse, RecordingService, Screenshot};
pub(crate) use create_body::LANGUAGE_LABEL;

use crate::client::Client;
use crate::toolbox::Toolbox;

/// Operations on sandboxes as a whole.
#[derive(Clone)]
pub struct Sandboxes {
    pub(crate) client: Client,
}

/// Commands, code, sessions and terminals of a sandbox.
#[derive(Clone)]
pub struct Process {
    pub(crate) toolbox: Toolbox,
}

/// Files of a sandbox. Relative paths begin at the sandbox's working directory.
#[derive(Clone)]
pub struct FileSystem {
    pub(crate) toolbox: Toolbox,
}

/// Git repositories of a sandbox. Credentials are used for the one call and stored nowhere.
#[derive(Clone)]
pub struct Git {
    pub(crate) toolbox: Toolbox,
}

/// The stateful code interpreter of a sandbox.
#[derive(Clone)]
pub struct CodeInterpreter {
    pub(crate) toolbox: Toolbox,
}

/// Snapshots: images with resources, which sandboxes are made from.
#[derive(Clone)]
pub struct Snapshots {
    pub(crate) client: Client,
}

/// The language servers of a sandbox: completions, symbols, definitions and more, for a language and a project.
#[derive(Clone)]
pub struct LspServers {
    pub(crate) toolbox: Toolbox,
}

/// What a sandbox does on the network.
#[derive(Clone)]
pub struct Network {
    pub(crate) toolbox: Toolbox,
}

/// Volumes: directories that sandboxes share and that outlive them.
#[derive(Clone)]
pub struct Volumes {
    pub(crate) client: Client,
}

/// Secrets: values that sandboxes use without having them.
#[derive(Clone)]
pub struct Secrets {
    pub(crate) client: Client,
}
