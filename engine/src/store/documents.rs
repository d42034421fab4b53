//! Documents of accounts in `accounts.db` in the state directory.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};

use super::{Documents, StoreError};
use crate::sandboxes::reserve;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS documents (kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
";

/// The open database.
pub struct SqliteDocuments {
    connection: Mutex<Connection>,
    state_dir: PathBuf,
}

impl SqliteDocuments {
    /// Opens or creates the database. Only its owner can read it: it holds passwords of registries.
    ///
    /// # Errors
    /// That the file cannot be opened.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join("accounts.db");
        let connection = connect(&path).with_context(|| {
            format!("opening {}; move it away to begin without accounts, keys and audit log", path.display())
        })?;
        Ok(Self { connection: Mutex::new(connection), state_dir: state_dir.to_owned() })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn execute(&self, statement: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        let done = self.connection().execute(statement, values);
        done.map(drop).map_err(|error| reserve::explain(&self.state_dir, &error))
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let mut options = std::fs::OpenOptions::new();
    use std::os::unix::fs::OpenOptionsExt;
    options.create(true).append(true).mode(0o600).open(path)?;
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

impl Documents for SqliteDocuments {
    fn documents(&self, kind: &str) -> Result<Vec<(String, String)>> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT id, document FROM documents WHERE kind = ?1")?;
        let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn put(&self, kind: &str, id: &str, document: &str) -> Result<(), StoreError> {
        let statement = "INSERT OR REPLACE INTO documents (kind, id, document) VALUES (?1, ?2, ?3)";
        self.execute(statement, params![kind, id, document])
    }

    fn remove(&self, kind: &str, id: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM documents WHERE kind = ?1 AND id = ?2", [kind, id])
    }
}
