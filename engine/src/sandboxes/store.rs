//! State that survives the engine: sandboxes, snapshots, volumes and settings in one SQLite file, and a copy of each sandbox's record beside its
//! files.
//!
//! The engine keeps everything in memory and reads only at start. One thread writes, and commits together what
//! arrived while it waited for the disk; [`Stored`] tells when a change is there. The copies are what a lost or
//! damaged database is made from again.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use tokio::sync::oneshot;

use crate::sandboxes::record_file;
use crate::sandboxes::reserve;
use crate::sandboxes::sandbox::{Sandbox, now_millis};

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sandboxes (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS volumes (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
";

/// Changes committed at once, at most.
const BATCH: usize = 1024;

/// Why a change is not on the disk.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Nothing more fits.
    #[error("the disk that holds {} is full", .0.display())]
    Full(PathBuf),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A change on its way to the disk.
pub struct Stored(oneshot::Receiver<Result<(), StoreError>>);

impl Stored {
    /// Waits until the change is on the disk.
    pub async fn wait(self) -> Result<(), StoreError> {
        self.0.await.unwrap_or_else(|_| Err(Self::unwritten()))
    }

    fn unwritten() -> StoreError {
        StoreError::Other("the engine is ending".to_owned())
    }
}

/// A table of records, each a JSON document under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// The sandboxes, which have copies of their records beside their files.
    Sandboxes,
    /// The snapshots.
    Snapshots,
    /// The volumes.
    Volumes,
    /// The secrets.
    Secrets,
}

impl Table {
    const fn save(self) -> &'static str {
        match self {
            Self::Sandboxes => "INSERT OR REPLACE INTO sandboxes (id, record) VALUES (?1, ?2)",
            Self::Snapshots => "INSERT OR REPLACE INTO snapshots (id, record) VALUES (?1, ?2)",
            Self::Volumes => "INSERT OR REPLACE INTO volumes (id, record) VALUES (?1, ?2)",
            Self::Secrets => "INSERT OR REPLACE INTO secrets (id, record) VALUES (?1, ?2)",
        }
    }

    const fn remove(self) -> &'static str {
        match self {
            Self::Sandboxes => "DELETE FROM sandboxes WHERE id = ?1",
            Self::Snapshots => "DELETE FROM snapshots WHERE id = ?1",
            Self::Volumes => "DELETE FROM volumes WHERE id = ?1",
            Self::Secrets => "DELETE FROM secrets WHERE id = ?1",
        }
    }

    const fn read(self) -> &'static str {
        match self {
            Self::Sandboxes => "SELECT id, record FROM sandboxes",
            Self::Snapshots => "SELECT id, record FROM snapshots",
            Self::Volumes => "SELECT id, record FROM volumes",
            Self::Secrets => "SELECT id, record FROM secrets",
        }
    }
}

enum Change {
    Save { table: Table, id: String, record: String },
    Remove { table: Table, id: String },
    Nothing,
}

struct Write {
    change: Change,
    done: oneshot::Sender<Result<(), StoreError>>,
}

/// Findings of the start, besides the records.
#[derive(Default)]
pub struct Found {
    /// Sandboxes in no order.
    pub sandboxes: Vec<Sandbox>,
    /// Notes for users, as sentences.
    pub notes: Vec<String>,
    /// Sandboxes the database did not have, by id, on their way into it.
    pub writing: Vec<(String, Stored)>,
}

/// The open database.
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    queue: mpsc::Sender<Write>,
    state_dir: PathBuf,
    damaged: Option<PathBuf>,
}

impl Store {
    /// Opens or creates `state.db` in the state directory. A damaged one is moved aside, never removed.
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

    /// Writes a sandbox, new or changed.
    pub fn save(&self, sandbox: &Sandbox) -> Stored {
        let record = serde_json::to_string(sandbox).expect("records are plain data");
        self.save_in(Table::Sandboxes, &sandbox.id, record)
    }

    /// Writes a record, new or changed.
    pub fn save_in(&self, table: Table, id: &str, record: String) -> Stored {
        self.write(Change::Save { table, id: id.to_owned(), record })
    }

    /// Forgets a record.
    pub fn remove_from(&self, table: Table, id: &str) -> Stored {
        self.write(Change::Remove { table, id: id.to_owned() })
    }

    /// Forgets a sandbox.
    pub fn remove(&self, id: &str) -> Stored {
        self.remove_from(Table::Sandboxes, id)
    }

    /// Everything written before is on the disk, or failed, when this is.
    pub fn flush(&self) -> Stored {
        self.write(Change::Nothing)
    }

    fn write(&self, change: Change) -> Stored {
        let (done, stored) = oneshot::channel();
        // Without a writer the sender is dropped, which says so.
        let _ = self.queue.send(Write { change, done });
        Stored(stored)
    }

    /// All sandboxes: those of the database, and those that only have a record beside their files.
    ///
    /// Files that cannot be read stay where they are and are named in the notes.
    pub fn load(&self) -> Result<Found> {
        let mut found = Found::default();
        if let Some(aside) = &self.damaged {
            found.notes.push(format!(
                "the database was damaged and is kept as {}; sandboxes were read from the records beside their files",
                aside.display()
            ));
        }
        let mut known = std::collections::HashSet::new();
        for (id, record) in self.rows(Table::Sandboxes)? {
            let sandbox = serde_json::from_str(&record).ok().or_else(|| record_file::read(&self.state_dir, &id));
            match sandbox {
                Some(sandbox) => found.sandboxes.push(sandbox),
                None => found.notes.push(format!("the record of sandbox {id} cannot be read; its files are kept")),
            }
            known.insert(id);
        }
        for id in record_file::ids(&self.state_dir) {
            if known.contains(&id) {
                continue;
            }
            match record_file::read(&self.state_dir, &id) {
                Some(sandbox) => {
                    tracing::warn!(sandbox = id, "a sandbox the database does not know was read from its own record");
                    found.writing.push((id, self.save(&sandbox)));
                    found.sandboxes.push(sandbox);
                }
                None => found.notes.push(format!(
                    "{} belongs to no known sandbox and is kept; delete it if you do not need it",
                    record_file::directory(&self.state_dir, &id).display()
                )),
            }
        }
        Ok(found)
    }

    /// The ids and records of a table, in no order.
    pub fn rows(&self, table: Table) -> Result<Vec<(String, String)>> {
        let connection = lock(&self.connection);
        let mut statement = connection.prepare(table.read())?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The value of a setting, made and stored on first use.
    pub fn setting(&self, name: &str, make: impl FnOnce() -> String) -> Result<String> {
        if let Some(value) = self.known_setting(name)? {
            return Ok(value);
        }
        let value = make();
        self.set(name, &value)?;
        Ok(value)
    }

    /// The value of a setting, if it has one.
    pub fn known_setting(&self, name: &str) -> Result<Option<String>> {
        let query = "SELECT value FROM settings WHERE name = ?1";
        Ok(lock(&self.connection).query_row(query, [name], |row| row.get(0)).optional()?)
    }

    /// Why a setting could not be stored.
    pub fn explain(&self, error: &anyhow::Error) -> StoreError {
        if reserve::is_full(&self.state_dir) {
            StoreError::Full(self.state_dir.clone())
        } else {
            StoreError::Other(error.to_string())
        }
    }

    /// Gives a setting a value.
    pub fn set(&self, name: &str, value: &str) -> Result<()> {
        let statement = "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)";
        lock(&self.connection).execute(statement, [name, value])?;
        Ok(())
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
                batch.into_iter().for_each(|write| drop(write.done.send(Ok(()))));
            }
            Err(error) if batch.len() == 1 => {
                tracing::error!(%error, "a change could not be stored");
                batch.into_iter().for_each(|write| drop(write.done.send(Err(error.clone()))));
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
                        transaction.prepare_cached(table.save())?.execute(params![id, record])?
                    }
                    Change::Remove { table, id } => transaction.prepare_cached(table.remove())?.execute([id])?,
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
