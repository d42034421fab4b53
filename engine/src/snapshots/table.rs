//! The snapshots the engine knows, in memory, written through to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::Result;

use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::now_millis;
use crate::sandboxes::snapshot;
use crate::sandboxes::store::{Store, Stored, Table};
use crate::snapshots::record::Snapshot;

/// Snapshots that one organization may have.
pub const QUOTA: usize = 1000;

/// All snapshots but the default one, which is part of the engine.
pub struct Snapshots {
    store: Arc<Store>,
    records: RwLock<BTreeMap<String, Snapshot>>,
}

impl Snapshots {
    /// Reads the snapshots of a store, and notes for users about those that cannot be read.
    pub fn load(store: Arc<Store>) -> Result<(Self, Vec<String>)> {
        let (mut records, mut notes) = (BTreeMap::new(), Vec::new());
        for (id, record) in store.rows(Table::Snapshots)? {
            match serde_json::from_str(&record) {
                Ok(snapshot) => drop(records.insert(id, snapshot)),
                Err(error) => notes.push(format!("the record of snapshot {id} cannot be read and is kept: {error}")),
            }
        }
        Ok((Self { store, records: RwLock::new(records) }, notes))
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Snapshot>> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Snapshot>> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds by id, else by name.
    pub fn find(&self, id_or_name: &str) -> Option<Snapshot> {
        if snapshot::is_known(id_or_name) {
            return Some(snapshot::record());
        }
        let records = self.read();
        records.get(id_or_name).or_else(|| records.values().find(|known| known.name == id_or_name)).cloned()
    }

    /// Every snapshot, the default one last, as on the platform.
    pub fn all(&self) -> Vec<Snapshot> {
        self.read().values().cloned().chain([snapshot::record()]).collect()
    }

    /// Adds a new snapshot.
    ///
    /// # Errors
    /// 409 when its name is taken, 403 when there are too many.
    pub fn insert(&self, snapshot: Snapshot) -> ApiResult<Stored> {
        let mut records = self.write();
        let name = &snapshot.name;
        if snapshot::is_known(name) || records.values().any(|known| known.name == *name || known.id == *name) {
            return Err(ApiError::conflict(format!(
                "Snapshot with name \"{name}\" already exists for this organization"
            )));
        }
        if records.len() >= QUOTA {
            return Err(ApiError::quota_exceeded(format!("Snapshot quota exceeded. Maximum allowed: {QUOTA}")));
        }
        let stored = self.save(&snapshot);
        records.insert(snapshot.id.clone(), snapshot);
        Ok(stored)
    }

    /// Changes a record and writes it; what it was and is now, and when that is on the disk. `None` where there is none.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut Snapshot)) -> Option<(Snapshot, Snapshot, Stored)> {
        let mut records = self.write();
        let record = records.get_mut(id)?;
        let before = record.clone();
        change(record);
        if *record != before {
            record.updated_at = now_millis();
        }
        // While the records are locked, so that changes are stored in the order they were made in.
        let stored = self.save(record);
        Some((before, record.clone(), stored))
    }

    /// Notes that a sandbox was made from it. Not worth waiting for.
    pub fn touch(&self, name: &str) {
        if let Some(record) = self.write().values_mut().find(|known| known.name == name) {
            record.last_used_at = Some(now_millis());
            drop(self.save(record));
        }
    }

    /// Forgets a snapshot.
    pub fn remove(&self, id: &str) -> Stored {
        self.write().remove(id);
        self.store.remove_from(Table::Snapshots, id)
    }

    fn save(&self, snapshot: &Snapshot) -> Stored {
        let record = serde_json::to_string(snapshot).expect("records are plain data");
        self.store.save_in(Table::Snapshots, &snapshot.id, record)
    }
}
