//! What survives the engine: sandboxes and settings, in one SQLite file.
//!
//! The engine keeps everything in memory and writes through; it reads only at start. Writes go to the
//! write-ahead log without waiting for the disk, so they take microseconds and survive the engine's own end.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, params};

use crate::sandbox::Sandbox;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sandboxes (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
";

/// The open database.
pub struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens or creates the database.
    pub fn open(path: &Path) -> Result<Self> {
        let connection = Connection::open(path).with_context(|| format!("opening {}", path.display()))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    fn connection(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a sandbox, new or changed.
    pub fn save(&self, sandbox: &Sandbox) -> Result<()> {
        let record = serde_json::to_string(sandbox)?;
        self.connection()
            .prepare_cached("INSERT OR REPLACE INTO sandboxes (id, record) VALUES (?1, ?2)")?
            .execute(params![sandbox.id, record])?;
        Ok(())
    }

    /// Forgets a sandbox.
    pub fn remove(&self, id: &str) -> Result<()> {
        self.connection().execute("DELETE FROM sandboxes WHERE id = ?1", [id])?;
        Ok(())
    }

    /// All sandboxes. Records this version cannot read are an error, not skipped.
    pub fn sandboxes(&self) -> Result<Vec<Sandbox>> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT record FROM sandboxes")?;
        let records = statement.query_map([], |row| row.get::<_, String>(0))?;
        records.map(|record| serde_json::from_str(&record?).context("reading a stored sandbox")).collect()
    }

    /// The value of a setting, made and stored on first use.
    pub fn setting(&self, name: &str, make: impl FnOnce() -> String) -> Result<String> {
        let connection = self.connection();
        let known =
            connection.query_row("SELECT value FROM settings WHERE name = ?1", [name], |row| row.get(0)).optional()?;
        if let Some(value) = known {
            return Ok(value);
        }
        let value = make();
        connection.execute("INSERT INTO settings (name, value) VALUES (?1, ?2)", [name, &value])?;
        Ok(value)
    }
}
