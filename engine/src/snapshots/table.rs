//! The snapshots the engine knows, in memory, written through to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::Result;

use crate::accounts::caller;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::now_millis;
use crate::sandboxes::snapshot;
use crate::sandboxes::store::{Store, Stored, Table};
use crate::snapshots::record::Snapshot;

/// Snapshots that one organization may have.
pub const QUOTA: usize = 100;

/// All snapshots but the default one, which is part of the engine.
pub struct Snapshots {
    store: Arc<Store>,
    /// The organization of snapshots that name none.
    organization_id: String,
    records: RwLock<BTreeMap<String, Snapshot>>,
}

impl Snapshots {
    /// Reads the snapshots of a store, and notes for users about those that cannot be read.
    pub fn load(store: Arc<Store>, organization_id: &str) -> Result<(Self, Vec<String>)> {
        let (mut records, mut notes) = (BTreeMap::new(), Vec::new());
        for (id, record) in store.rows(Table::Snapshots)? {
            match serde_json::from_str(&record) {
                Ok(snapshot) => drop(records.insert(id, snapshot)),
                Err(error) => notes.push(format!("the record of snapshot {id} cannot be read and is kept: {error}")),
            }
        }
        Ok((Self { store, organization_id: organization_id.to_owned(), records: RwLock::new(records) }, notes))
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<String, Snapshot>> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<String, Snapshot>> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this request may know of a snapshot.
    fn is_seen(&self, snapshot: &Snapshot) -> bool {
        caller::sees(snapshot.organization_id.as_ref().unwrap_or(&self.organization_id))
    }

    /// Finds by id, else by name, among those that the request may know of.
    pub fn find(&self, id_or_name: &str) -> Option<Snapshot> {
        if snapshot::is_known(id_or_name) {
            return Some(snapshot::record());
        }
        if snapshot::is_desktop(id_or_name) {
            return Some(snapshot::desktop_record());
        }
        let records = self.read();
        let by_id = records.get(id_or_name).filter(|known| self.is_seen(known));
        by_id.or_else(|| records.values().find(|known| known.name == id_or_name && self.is_seen(known))).cloned()
    }

    /// Every snapshot that the request may know of, the default one last, as on the platform.
    pub fn all(&self) -> Vec<Snapshot> {
        self.read().values().filter(|known| self.is_seen(known)).cloned().chain([snapshot::record()]).collect()
    }

    /// Adds a new snapshot.
    ///
    /// # Errors
    /// 409 when its name is taken, 403 when there are too many.
    pub fn insert(&self, snapshot: Snapshot) -> ApiResult<Stored> {
        let mut records = self.write();
        let (name, owner) = (&snapshot.name, &snapshot.organization_id);
        if snapshot::is_known(name)
            || snapshot::is_desktop(name)
            || records
                .values()
                .any(|known| (known.name == *name && known.organization_id == *owner) || known.id == *name)
        {
            return Err(ApiError::conflict(format!(
                "Snapshot with name \"{name}\" already exists for this organization"
            )));
        }
        if records.values().filter(|known| known.organization_id == *owner).count() >= QUOTA {
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
