//! Connections that stand, and what ends them: their token expires or is revoked, or their sandbox does not run any more.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::sandboxes::sandbox::{Sandbox, State};

/// All of them.
#[derive(Default)]
pub struct Live(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    next: u64,
    standing: HashMap<u64, Standing>,
}

struct Standing {
    sandbox_id: String,
    access_id: String,
    end: oneshot::Sender<String>,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection; the receiver is told why it has to end. [`Live::remove`] it when it has ended.
    pub fn add(&self, sandbox_id: &str, access_id: &str) -> (u64, oneshot::Receiver<String>) {
        let (end, ended) = oneshot::channel();
        let mut connections = self.lock();
        let number = connections.next;
        connections.next += 1;
        let standing = Standing { sandbox_id: sandbox_id.to_owned(), access_id: access_id.to_owned(), end };
        connections.standing.insert(number, standing);
        (number, ended)
    }

    /// Forgets a connection.
    pub fn remove(&self, number: u64) {
        self.lock().standing.remove(&number);
    }

    /// Ends the connections that a sandbox, as it is now, does not allow any more.
    pub fn follow(&self, sandbox: &Sandbox) {
        let mut connections = self.lock();
        if connections.standing.is_empty() {
            return;
        }
        let access_id = sandbox.ssh_access.as_ref().map(|access| access.id.as_str());
        let runs = sandbox.state == State::Started;
        let ending = connections.standing.extract_if(|_, connection| {
            connection.sandbox_id == sandbox.id && (!runs || Some(connection.access_id.as_str()) != access_id)
        });
        for (_, connection) in ending {
            let why = match (runs, sandbox.state) {
                (true, _) => format!("SSH access to sandbox {} was revoked", sandbox.id),
                (false, State::Error) => format!("sandbox {} ended unexpectedly", sandbox.id),
                (false, state) => format!("sandbox {} is {}", sandbox.id, state.name()),
            };
            // One that ends by itself right now needs no reason.
            let _ = connection.end.send(why);
        }
    }
}
