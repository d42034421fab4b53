//! Sessions: long-lived shells whose commands share directory, variables and functions (wire sections 4.1 and 9).
//!
//! * [`shell`]: one shell process and the queue of its commands.
//! * [`command`]: one command, its named pipes, its log and how it ended.
//! * [`labeller`]: the thread that turns a running command's output into its labelled log.
//! * [`log_format`]: the log as REST answers; [`follow`]: the log over a WebSocket.
//! * [`lines`]: the entrypoint's lines, for the engine.
//! * [`routes`]: the REST surface; [`entrypoint`]: the session of the sandbox's own command.
//!
//! A session exists until it is deleted, also after its shell has exited: its logs can still be read, but further commands
//! answer 410 `SESSION_ENDED`.

mod command;
mod entrypoint;
mod follow;
mod labeller;
mod lines;
mod log_format;
mod routes;
mod shell;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::errors::ApiError;

use self::command::Command;
use self::shell::Session;

pub(crate) use self::entrypoint::start as start_entrypoint;
pub(crate) use self::routes::routes;

/// Id of the session that runs the sandbox's entrypoint; clients can neither create nor delete it.
const ENTRYPOINT: &str = "entrypoint";

/// The most sessions at once; each is a shell.
const MAX_SESSIONS: usize = 512;

/// The part of an id that its directory's name quotes.
const DIRECTORY_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// All sessions of this toolbox.
pub(crate) struct Sessions {
    /// Where session directories are made.
    root: PathBuf,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_id: BTreeMap<String, Arc<Session>>,
    /// Ids of sessions that are being started.
    starting: BTreeSet<String>,
}

/// The id of a session that is being started; free again if this is dropped before [`Place::fill`].
struct Place<'a> {
    sessions: &'a Sessions,
    id: String,
}

impl Place<'_> {
    /// Makes the started session known under the id.
    fn fill(self, session: Arc<Session>) {
        self.sessions.table().by_id.insert(self.id.clone(), session);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.sessions.table().starting.remove(&self.id);
    }
}

impl Sessions {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the id of a session to be started, so that no lock is held while its shell is forked.
    ///
    /// # Errors
    /// 409 when the id is taken, 429 when there are [`MAX_SESSIONS`].
    fn reserve(&self, id: String) -> Result<Place<'_>, ApiError> {
        let mut table = self.table();
        if table.by_id.contains_key(&id) || table.starting.contains(&id) {
            return Err(ApiError::conflict("session already exists"));
        }
        let users = table.by_id.keys().chain(&table.starting).filter(|id| *id != ENTRYPOINT);
        if users.count() >= MAX_SESSIONS {
            return Err(ApiError::too_many(MAX_SESSIONS, "sessions", "delete those that are done"));
        }
        table.starting.insert(id.clone());
        drop(table);
        Ok(Place { sessions: self, id })
    }

    /// Where a session keeps its files. An id may hold anything, so it is quoted to be one plain name.
    fn directory(&self, id: &str) -> PathBuf {
        self.root.join(utf8_percent_encode(id, DIRECTORY_NAME).to_string())
    }

    fn get(&self, id: &str) -> Result<Arc<Session>, ApiError> {
        self.table().by_id.get(id).cloned().ok_or_else(|| ApiError::not_found("session not found"))
    }

    /// Removes this session, unless its id has been given to another since.
    fn forget(&self, session: &Arc<Session>) {
        let mut table = self.table();
        if table.by_id.get(&session.id).is_some_and(|current| Arc::ptr_eq(current, session)) {
            table.by_id.remove(&session.id);
        }
    }

    fn command(&self, session: &str, command: &str) -> Result<Arc<Command>, ApiError> {
        self.get(session)?.command(command).ok_or_else(|| ApiError::not_found("command not found"))
    }
}

/// 410: the session's shell has exited.
fn session_ended() -> ApiError {
    ApiError::new(StatusCode::GONE, "SESSION_ENDED", "gone: session process has exited")
}
