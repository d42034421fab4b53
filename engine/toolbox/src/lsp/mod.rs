//! Language servers (wire section 3.6), and what we add: hover, definition, references, diagnostics, rename, formatting.
//!
//! * [`framing`]: messages on a pipe.
//! * [`connection`]: one running server program: its process, requests on their way, what it publishes.
//! * [`program`]: which program serves a language in a project.
//! * [`documents`]: the open documents, kept as they are on disk.
//! * [`changes`]: files of the project that changed on disk.
//! * [`server`]: a started server: restarted when its program ends, with its documents open again.
//! * [`answers`]: what programs answer, in the wire's form.
//! * [`routes`]: REST for all of this.
//!
//! Each pair of language and project has a server of its own: one that is slow, hangs or is missing keeps no other from
//! working. What a program sends is hostile: it is bounded, and never trusted to be of any form.

mod answers;
mod changes;
mod connection;
mod documents;
mod framing;
mod program;
mod routes;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::program::Language;
use self::server::Server;

pub(crate) use self::routes::routes;

/// The most servers at once; each is a process of tens of megabytes or more.
const MAX_SERVERS: usize = 16;

/// A language and the directory of a project.
type Key = (Language, PathBuf);

/// All started servers of this toolbox.
#[derive(Default)]
pub(crate) struct Servers(Mutex<BTreeMap<Key, Arc<Server>>>);

impl Servers {
    fn table(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Server>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
