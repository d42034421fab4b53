//! The stateful Python interpreter (wire section 4.4).
//!
//! * [`worker`]: one Python process and its protocol (`worker.py`).
//! * [`context`]: a context: its worker, and the queue of those who want to run code in it.
//! * [`run`]: one execution over a WebSocket.
//! * [`routes`]: REST for contexts and the upgrade.
//!
//! Nothing runs before the first code arrives, not even for the default context.

mod context;
mod routes;
mod run;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::context::Context;

pub(crate) use self::routes::routes;

/// Id of the context used when a request names none; it is not listed and cannot be deleted.
const DEFAULT: &str = "default";

/// The most contexts at once; each is a Python process once it has run code.
const MAX_CONTEXTS: usize = 128;

/// All contexts of this toolbox.
#[derive(Default)]
pub(crate) struct Contexts(Mutex<BTreeMap<String, Arc<Context>>>);

impl Contexts {
    fn table(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Context>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
