//! The snapshots the engine knows, in memory, written through to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use anyhow::Result;

use crate::accounts::caller;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::now_millis;
use crate::sandboxes::snapshot;
use crate::snapshots::record::{Snapshot, SnapshotState};
use crate::store::{Store, Stored, Table};

/// All snapshots but the default one, which is part of the engine.
pub struct Snapshots {
    store: Arc<dyn Store>,
    /// The organization of snapshots that name none.
    organization_id: String,
    records: RwLock<BTreeMap<String, Snapshot>>,
}

impl Snapshots {
    /// Reads the snapshots of a store, and notes for users about those that cannot be read.
    pub fn load(store: Arc<dyn Store>, organization_id: &str) -> Result<(Self, Vec<String>)> {
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
        caller::sees(self.owner_of(snapshot))
    }

    /// Finds by id, else by name, among those that the request may know of.
    pub fn find(&self, id_or_name: &str) -> Option<Snapshot> {
        built_in(id_or_name).or_else(|| find(&self.read(), id_or_name, |known| self.is_seen(known)))
    }

    /// Every snapshot that the request may know of, the default one last, as on the platform.
    pub fn all(&self) -> Vec<Snapshot> {
        self.read().values().filter(|known| self.is_seen(known)).cloned().chain([snapshot::record()]).collect()
    }

    /// Adds a new snapshot to an organization that may have `most`.
    ///
    /// # Errors
    /// 409 when its name is taken, 403 when there are too many.
    pub fn insert(&self, snapshot: Snapshot, most: i64) -> ApiResult<Stored> {
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
        // What a failed build has left goes by itself.
        let counts = |known: &&Snapshot| known.organization_id == *owner && known.failed_step_of.is_none();
        let count = records.values().filter(counts).count();
        if i64::try_from(count).is_ok_and(|count| count >= most) {
            return Err(ApiError::quota_exceeded(format!("Snapshot quota exceeded. Maximum allowed: {most}")));
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

    /// Finds by id, else by name, what an organization may use, whoever asks.
    pub fn find_in(&self, id_or_name: &str, organization_id: &str) -> Option<Snapshot> {
        let of = |known: &&Snapshot| self.owner_of(known) == organization_id;
        built_in(id_or_name).or_else(|| find(&self.read(), id_or_name, of))
    }

    /// Those of an organization, without the default one.
    pub fn of(&self, organization_id: &str) -> Vec<Snapshot> {
        self.read().values().filter(|known| self.owner_of(known) == organization_id).cloned().collect()
    }

    /// The organization that a snapshot belongs to.
    pub fn owner_of<'a>(&'a self, snapshot: &'a Snapshot) -> &'a str {
        snapshot.organization_id.as_ref().unwrap_or(&self.organization_id)
    }

    /// Notes that a sandbox of an organization was made from it. Not worth waiting for.
    pub fn touch(&self, name: &str, owner: &str) {
        let is_it = |known: &&mut Snapshot| known.name == name && self.owner_of(known) == owner;
        if let Some(record) = self.write().values_mut().find(is_it) {
            record.last_used_at = Some(now_millis());
            drop(self.save(record));
        }
    }

    /// Whether a snapshot is gone, or about to be.
    pub fn is_going(&self, id: &str) -> bool {
        self.read().get(id).is_none_or(|known| known.state == SnapshotState::Removing)
    }

    /// Forgets a snapshot.
    pub fn remove(&self, id: &str) -> Stored {
        self.write().remove(id);
        self.store.remove(Table::Snapshots, id)
    }

    fn save(&self, snapshot: &Snapshot) -> Stored {
        let record = serde_json::to_string(snapshot).expect("records are plain data");
        self.store.save(Table::Snapshots, &snapshot.id, record)
    }
}

/// The engine's own snapshots, which every organization may use.
fn built_in(id_or_name: &str) -> Option<Snapshot> {
    if snapshot::is_known(id_or_name) {
        return Some(snapshot::record());
    }
    snapshot::is_desktop(id_or_name).then(snapshot::desktop_record)
}

fn find(
    records: &BTreeMap<String, Snapshot>,
    id_or_name: &str,
    wanted: impl Fn(&&Snapshot) -> bool,
) -> Option<Snapshot> {
    let by_id = records.get(id_or_name).filter(&wanted);
    by_id.or_else(|| records.values().find(|known| known.name == id_or_name && wanted(known))).cloned()
}
