//! Where an engine keeps what survives it: records of sandboxes, snapshots, volumes and secrets, settings, and documents of accounts.
//!
//! The engine works on what it has in memory, reads a store at its start and writes each change through. What a store owes to it:
//!
//! * Changes take effect in the order in which [`Store::write`] was called, also those that nobody waits for.
//! * [`Stored`] completes once a change survives the loss of power, or with the reason why it does not. A change that failed is not
//!   there; one whose fate is unknown counts as failed.
//! * [`Store::write`] never blocks: it is called while records are locked.
//! * A store never gives up for good. What fails now may succeed when it is written again.
//!
//! The local engine's stores are SQLite databases (`engine/src/store`), those of several control planes at once are in PostgreSQL
//! (`engine/postgres`). What every store has to pass is in [`contract`]; [`faulty`] fails as a test tells it to.

use std::path::PathBuf;

use anyhow::Result;
use tokio::sync::oneshot;

pub mod contract;
pub mod faulty;

/// Why a change is not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing more fits.
    #[error("the disk that holds {} is full", .0.display())]
    Full(PathBuf),
    /// Somebody else has changed the record since it was read: read it again.
    #[error("{0} was changed by another control plane")]
    Conflict(String),
    /// The store cannot be reached now, and may be in a moment.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// A change on its way into the store.
pub struct Stored(oneshot::Receiver<Result<(), StoreError>>);

/// The store's end of a [`Stored`].
pub struct Storing(oneshot::Sender<Result<(), StoreError>>);

impl Stored {
    /// A change that has still to be stored. When its other end is dropped, it failed.
    pub fn pending() -> (Storing, Self) {
        let (sender, receiver) = oneshot::channel();
        (Storing(sender), Self(receiver))
    }

    /// Waits until the change is stored.
    pub async fn wait(self) -> Result<(), StoreError> {
        self.0.await.unwrap_or_else(|_| Err(Self::unwritten()))
    }

    /// The same outside the runtime.
    pub fn wait_here(self) -> Result<(), StoreError> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(Self::unwritten()))
    }

    fn unwritten() -> StoreError {
        StoreError::Other("the engine is ending".to_owned())
    }
}

impl Storing {
    /// Says how it ended.
    pub fn complete(self, result: Result<(), StoreError>) {
        // Nobody has to wait for it.
        let _ = self.0.send(result);
    }
}

/// A table of records, each a JSON document under an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// The sandboxes.
    Sandboxes,
    /// The snapshots.
    Snapshots,
    /// The volumes.
    Volumes,
    /// The secrets.
    Secrets,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sandboxes, Self::Snapshots, Self::Volumes, Self::Secrets];

    /// What a database calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sandboxes => "sandboxes",
            Self::Snapshots => "snapshots",
            Self::Volumes => "volumes",
            Self::Secrets => "secrets",
        }
    }
}

/// A change of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is a record, new or changed.
    Save {
        /// Its table.
        table: Table,
        /// Its id.
        id: String,
        /// All of it, as JSON.
        record: String,
    },
    /// There is no such record, any more or at all.
    Remove {
        /// Its table.
        table: Table,
        /// Its id.
        id: String,
    },
    /// None: completes after everything that was written before.
    Nothing,
}

/// Records and settings.
pub trait Store: Send + Sync {
    /// The ids and records of a table, in no order. Blocks.
    ///
    /// # Errors
    /// That the store cannot be read.
    fn rows(&self, table: Table) -> Result<Vec<(String, String)>>;

    /// Begins to store a change, after all earlier ones.
    fn write(&self, change: Change) -> Stored;

    /// The value of a setting, if it has one. Blocks.
    ///
    /// # Errors
    /// That the store cannot be read.
    fn setting(&self, name: &str) -> Result<Option<String>>;

    /// Gives a setting a value. Blocks until that is stored.
    ///
    /// # Errors
    /// Why it is not stored.
    fn set(&self, name: &str, value: &str) -> Result<(), StoreError>;

    /// What users should know about how the store was found, as sentences.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

impl dyn Store + '_ {
    /// Stores a record, new or changed.
    pub fn save(&self, table: Table, id: &str, record: String) -> Stored {
        self.write(Change::Save { table, id: id.to_owned(), record })
    }

    /// Forgets a record.
    pub fn remove(&self, table: Table, id: &str) -> Stored {
        self.write(Change::Remove { table, id: id.to_owned() })
    }

    /// Everything written before is stored, or failed, when this is.
    pub fn flush(&self) -> Stored {
        self.write(Change::Nothing)
    }

    /// The value of a setting, made and stored on first use. Blocks.
    ///
    /// # Errors
    /// That the store cannot be read, or the value not be stored.
    pub fn setting_or(&self, name: &str, make: impl FnOnce() -> String) -> Result<String> {
        if let Some(value) = self.setting(name)? {
            return Ok(value);
        }
        let value = make();
        self.set(name, &value)?;
        Ok(value)
    }
}

/// Small documents by kind and id, of accounts and what belongs to them. A change is stored before it is seen.
pub trait Documents: Send + Sync {
    /// The ids and documents of a kind, in no order. Blocks.
    ///
    /// # Errors
    /// That the store cannot be read.
    fn documents(&self, kind: &str) -> Result<Vec<(String, String)>>;

    /// Stores a document, new or changed. Blocks until that is done.
    ///
    /// # Errors
    /// Why it is not stored.
    fn put(&self, kind: &str, id: &str, document: &str) -> Result<(), StoreError>;

    /// Forgets a document. Blocks until that is done.
    ///
    /// # Errors
    /// Why it is still there.
    fn remove(&self, kind: &str, id: &str) -> Result<(), StoreError>;
}
