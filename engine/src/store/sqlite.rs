//! Records and settings in one SQLite file, and a copy of each sandbox's record beside its files.
//!
//! One thread writes, and commits together what arrived while it waited for the disk. The copies are what a lost or damaged database
//! is made from again.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::{Change, Store, StoreError, Stored, Storing, Table};
use crate::sandboxes::record_file;
use crate::sandboxes::reserve;
use crate::sandboxes::sandbox::now_millis;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sandboxes (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS volumes (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
";

/// Changes committed at once, at most.
const BATCH: usize = 1024;

const fn save(table: Table) -> &'static str {
    match table {
        Table::Sandboxes => "INSERT OR REPLACE INTO sandboxes (id, record) VALUES (?1, ?2)",
        Table::Snapshots => "INSERT OR REPLACE INTO snapshots (id, record) VALUES (?1, ?2)",
        Table::Volumes => "INSERT OR REPLACE INTO volumes (id, record) VALUES (?1, ?2)",
        Table::Secrets => "INSERT OR REPLACE INTO secrets (id, record) VALUES (?1, ?2)",
    }
}

const fn remove(table: Table) -> &'static str {
    match table {
        Table::Sandboxes => "DELETE FROM sandboxes WHERE id = ?1",
        Table::Snapshots => "DELETE FROM snapshots WHERE id = ?1",
        Table::Volumes => "DELETE FROM volumes WHERE id = ?1",
        Table::Secrets => "DELETE FROM secrets WHERE id = ?1",
    }
}

const fn read(table: Table) -> &'static str {
    match table {
        Table::Sandboxes => "SELECT id, record FROM sandboxes",
        Table::Snapshots => "SELECT id, record FROM snapshots",
        Table::Volumes => "SELECT id, record FROM volumes",
        Table::Secrets => "SELECT id, record FROM secrets",
    }
}

struct Write {
    change: Change,
    done: Storing,
}

/// The open database.
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
    queue: mpsc::Sender<Write>,
    state_dir: PathBuf,
    damaged: Option<PathBuf>,
}

impl SqliteStore {
    /// Opens or creates `state.db` in the state directory. A damaged one is moved aside, never removed.
    ///
    /// # Errors
    /// That the file cannot be opened, or is locked.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join("state.db");
        let (connection, damaged) = match connect(&path) {
            Ok(connection) => (connection, None),
            Err(error) if is_damage(&error) => {
                let aside = move_aside(&path)?;
                tracing::error!(%error, moved_to = %aside.display(), "the database is damaged");
                (connect(&path).context("creating a new database")?, Some(aside))
            }
            Err(error) => return Err(error).with_context(|| format!("opening {}", path.display())),
        };
        let connection = Arc::new(Mutex::new(connection));
        let (queue, arriving) = mpsc::channel();
        let writer = Writer { connection: Arc::clone(&connection), arriving, state_dir: state_dir.to_owned() };
        std::thread::Builder::new().name("store".to_owned()).spawn(move || writer.run())?;
        Ok(Self { connection, queue, state_dir: state_dir.to_owned(), damaged })
    }
}

impl Store for SqliteStore {
    fn rows(&self, table: Table) -> Result<Vec<(String, String)>> {
        let connection = lock(&self.connection);
        let mut statement = connection.prepare(read(table))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn write(&self, change: Change) -> Stored {
        let (done, stored) = Stored::pending();
        // Without a writer the other end is dropped, which says so.
        let _ = self.queue.send(Write { change, done });
        stored
    }

    fn setting(&self, name: &str) -> Result<Option<String>> {
        let query = "SELECT value FROM settings WHERE name = ?1";
        Ok(lock(&self.connection).query_row(query, [name], |row| row.get(0)).optional()?)
    }

    fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let statement = "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)";
        let set = lock(&self.connection).execute(statement, [name, value]);
        set.map(drop).map_err(|error| reserve::explain(&self.state_dir, &error))
    }

    fn notes(&self) -> Vec<String> {
        let note = |aside: &PathBuf| {
            format!(
                "the database was damaged and is kept as {}; sandboxes were read from the records beside their files",
                aside.display()
            )
        };
        self.damaged.iter().map(note).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    // Its journals get the same mode. Should it not be the engine's, the directory is still closed to others.
    let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600));
    // A secret that is deleted is not left in a free part of the file.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Each commit waits for the disk: acknowledged means stored, even when the power fails.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(code, Some(verdict)));
    }
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Renames a database with its journal files; returns its new path.
fn move_aside(path: &Path) -> Result<PathBuf> {
    let aside = path.with_file_name(format!("state.db.damaged-{}", now_millis()));
    for suffix in ["", "-wal", "-shm"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        match std::fs::rename(with(path), with(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(aside)
}

/// The thread that writes.
struct Writer {
    connection: Arc<Mutex<Connection>>,
    arriving: mpsc::Receiver<Write>,
    state_dir: PathBuf,
}

impl Writer {
    fn run(self) {
        while let Ok(first) = self.arriving.recv() {
            let mut batch = vec![first];
            batch.extend(self.arriving.try_iter().take(BATCH - 1));
            self.store(batch);
        }
    }

    /// Stores all of a batch at once; if that fails, each change by itself.
    fn store(&self, batch: Vec<Write>) {
        match self.commit(&batch) {
            Ok(()) => {
                self.copy_records(&batch);
                batch.into_iter().for_each(|write| write.done.complete(Ok(())));
            }
            Err(error) if batch.len() == 1 => {
                tracing::error!(%error, "a change could not be stored");
                batch.into_iter().for_each(|write| write.done.complete(Err(error.clone())));
            }
            Err(_) => batch.into_iter().for_each(|write| self.store(vec![write])),
        }
    }

    fn commit(&self, batch: &[Write]) -> Result<(), StoreError> {
        let mut connection = lock(&self.connection);
        let mut commit = || {
            let transaction = connection.transaction()?;
            for write in batch {
                match &write.change {
                    Change::Save { table, id, record } => {
                        transaction.prepare_cached(save(*table))?.execute(params![id, record])?
                    }
                    Change::Remove { table, id } => transaction.prepare_cached(remove(*table))?.execute([id])?,
                    Change::Nothing => 0,
                };
            }
            transaction.commit()
        };
        commit().map_err(|error| match error.sqlite_error_code() {
            // The write-ahead log's own failures to grow are told as failures of input and output.
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) if reserve::is_full(&self.state_dir) => {
                StoreError::Full(self.state_dir.clone())
            }
            Some(ErrorCode::DiskFull) => StoreError::Full(self.state_dir.clone()),
            _ => StoreError::Other(error.to_string()),
        })
    }

    /// Failing here loses nothing: the database has the record.
    fn copy_records(&self, batch: &[Write]) {
        for write in batch {
            if let Change::Save { table: Table::Sandboxes, id, record } = &write.change
                && let Err(error) = record_file::write(&self.state_dir, id, record)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, sandbox = id, "the copy of a record could not be written");
            }
        }
    }
}
