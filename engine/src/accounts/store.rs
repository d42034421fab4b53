//! Where accounts are kept: `accounts.db` in the state directory, read once and written through.
//!
//! Rows are small documents. A change is on the disk before it is seen, and what cannot be stored is not changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use anyhow::{Context, Result};
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::reserve;
use crate::sandboxes::store::StoreError;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS documents (kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
";

/// The open database.
pub struct AccountStore {
    connection: Mutex<Connection>,
    state_dir: PathBuf,
    changes: AtomicU64,
}

impl AccountStore {
    /// Opens or creates the database. Only its owner can read it: it holds passwords of registries.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let path = state_dir.join("accounts.db");
        let connection = Self::connect(&path).with_context(|| {
            format!("opening {}; move it away to begin without accounts, keys and audit log", path.display())
        })?;
        Ok(Self { connection: Mutex::new(connection), state_dir: state_dir.to_owned(), changes: AtomicU64::new(0) })
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

    /// The connection, for one statement or transaction.
    pub fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often accounts have changed. As long as it is the same number, whoever was let in still would be, but for what ends at
    /// its time.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// What a client is told when something could not be stored.
    pub fn explain(&self, error: &rusqlite::Error) -> ApiError {
        tracing::error!(%error, "accounts could not be stored");
        ApiError::not_stored(&match reserve::is_full(&self.state_dir) {
            true => StoreError::Full(self.state_dir.clone()),
            false => StoreError::Other(error.to_string()),
        })
    }

    fn rows(&self, kind: &str) -> Result<Vec<(String, String)>> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT id, document FROM documents WHERE kind = ?1")?;
        let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Documents of one kind, by id, all of them in memory.
pub struct Table<T> {
    kind: &'static str,
    store: Arc<AccountStore>,
    rows: RwLock<BTreeMap<String, T>>,
}

impl<T: Clone + Serialize + DeserializeOwned> Table<T> {
    /// Reads all documents of a kind.
    pub fn load(store: &Arc<AccountStore>, kind: &'static str) -> Result<Self> {
        let read = |(id, text): (String, String)| {
            let document = serde_json::from_str(&text).with_context(|| format!("reading {kind} {id}"))?;
            Ok((id, document))
        };
        let rows: Result<BTreeMap<_, _>> = store.rows(kind)?.into_iter().map(read).collect();
        Ok(Self { kind, store: Arc::clone(store), rows: RwLock::new(rows?) })
    }

    /// See [`AccountStore::changes`].
    pub fn changes(&self) -> u64 {
        self.store.changes()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, T>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<String, T>> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document with an id.
    pub fn get(&self, id: &str) -> Option<T> {
        self.read().get(id).cloned()
    }

    /// Whether there is a document with an id.
    pub fn has(&self, id: &str) -> bool {
        self.read().contains_key(id)
    }

    /// Those that `wanted` accepts, ordered by id.
    pub fn select(&self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        self.read().values().filter(|document| wanted(document)).cloned().collect()
    }

    /// The first that `wanted` accepts, ordered by id.
    pub fn first(&self, wanted: impl Fn(&T) -> bool) -> Option<T> {
        self.read().values().find(|document| wanted(document)).cloned()
    }

    /// Looks at all of them, ordered by id, without copying any.
    pub fn look<R>(&self, look: impl FnOnce(&mut dyn Iterator<Item = (&String, &T)>) -> R) -> R {
        look(&mut self.read().iter())
    }

    /// Whether there is one that `wanted` accepts.
    pub fn any(&self, wanted: impl Fn(&T) -> bool) -> bool {
        self.read().values().any(wanted)
    }

    /// Stores a document, new or changed.
    pub fn put(&self, id: &str, document: T) -> ApiResult<()> {
        let mut rows = self.write();
        self.save(id, &document)?;
        rows.insert(id.to_owned(), document);
        self.store.changed();
        Ok(())
    }

    /// Stores a new document unless another one is `taken`; says whether it did.
    pub fn add(&self, id: &str, document: T, taken: impl Fn(&T) -> bool) -> ApiResult<bool> {
        let mut rows = self.write();
        if rows.values().any(taken) {
            return Ok(false);
        }
        self.save(id, &document)?;
        rows.insert(id.to_owned(), document);
        self.store.changed();
        Ok(true)
    }

    /// Changes a document; `None` when there is none.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut T)) -> ApiResult<Option<T>> {
        let mut rows = self.write();
        let Some(mut document) = rows.get(id).cloned() else { return Ok(None) };
        change(&mut document);
        self.save(id, &document)?;
        rows.insert(id.to_owned(), document.clone());
        self.store.changed();
        Ok(Some(document))
    }

    /// Changes a document in memory only, for what may be lost.
    pub fn note(&self, id: &str, change: impl FnOnce(&mut T)) {
        if let Some(document) = self.write().get_mut(id) {
            change(document);
        }
    }

    /// Removes a document; `None` when there is none.
    pub fn remove(&self, id: &str) -> ApiResult<Option<T>> {
        let mut rows = self.write();
        let statement = "DELETE FROM documents WHERE kind = ?1 AND id = ?2";
        let removed = self.store.connection().execute(statement, [self.kind, id]);
        removed.map_err(|error| self.store.explain(&error))?;
        let removed = rows.remove(id);
        self.store.changed();
        Ok(removed)
    }

    /// Removes those that `unwanted` accepts.
    pub fn remove_all(&self, unwanted: impl Fn(&T) -> bool) -> ApiResult<()> {
        let ids: Vec<_> =
            self.read().iter().filter(|(_, document)| unwanted(document)).map(|(id, _)| id.clone()).collect();
        ids.iter().try_for_each(|id| self.remove(id).map(drop))
    }

    fn save(&self, id: &str, document: &T) -> ApiResult<()> {
        let text = serde_json::to_string(document).expect("documents are plain data");
        let statement = "INSERT OR REPLACE INTO documents (kind, id, document) VALUES (?1, ?2, ?3)";
        let saved = self.store.connection().execute(statement, params![self.kind, id, text]);
        saved.map(drop).map_err(|error| self.store.explain(&error))
    }
}
