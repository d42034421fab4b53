//! Terminals (wire section 4.3, additions 4.1).
//!
//! * [`terminal`]: one terminal, its shell and its clients.
//! * [`device`]: the pseudo-terminal device and starting a shell on it.
//! * [`routes`]: REST and the WebSocket upgrades; [`client`]: one connected client.
//! * [`recent`]: the last output of the web terminal's, for pages that connect again.
//!
//! A terminal lives until its shell ends, whatever its clients do, and vanishes then.

mod client;
mod device;
mod recent;
mod routes;
mod terminal;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::terminal::Terminal;

pub(crate) use self::client::MESSAGE_LIMIT;
pub(crate) use self::device::{Device, Size};
pub(crate) use self::recent::Replay;
pub(crate) use self::routes::{attach_recent, routes};
pub(crate) use self::terminal::Attachment;

/// The most terminals at once. What runs in the sandbox may open others.
const MAX_TERMINALS: usize = 128;

/// All terminals of this toolbox.
#[derive(Default)]
pub(crate) struct Terminals(Mutex<BTreeMap<String, Arc<Terminal>>>);

impl Terminals {
    fn table(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Terminal>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Option<Arc<Terminal>> {
        self.table().get(id).cloned()
    }

    /// Removes this terminal, unless its id has been given to another since.
    fn forget(&self, terminal: &Arc<Terminal>) {
        let mut table = self.table();
        if table.get(terminal.id()).is_some_and(|current| Arc::ptr_eq(current, terminal)) {
            table.remove(terminal.id());
        }
    }
}
