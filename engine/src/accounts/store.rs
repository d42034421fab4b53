//! What is known of accounts, in memory, written through to the store.
//!
//! Rows are small documents. A change is on the disk before it is seen, and what cannot be stored is not changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::{ApiError, ApiResult};
use crate::store::{Documents, StoreError};

/// The documents of all kinds.
pub struct AccountStore {
    documents: Arc<dyn Documents>,
    changes: AtomicU64,
}

impl AccountStore {
    /// The documents of a store.
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents, changes: AtomicU64::new(0) }
    }

    /// How often accounts have changed. As long as it is the same number, whoever was let in still would be, but for what ends at
    /// its time.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }
}

/// What a client is told when something could not be stored.
fn explain(error: &StoreError) -> ApiError {
    tracing::error!(%error, "accounts could not be stored");
    ApiError::not_stored(error)
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
        let rows: Result<BTreeMap<_, _>> = store.documents.documents(kind)?.into_iter().map(read).collect();
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
        self.store.documents.remove(self.kind, id).map_err(|error| explain(&error))?;
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
        self.store.documents.put(self.kind, id, &text).map_err(|error| explain(&error))
    }
}
