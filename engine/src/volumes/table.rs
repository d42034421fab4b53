//! The volumes the engine knows, in memory, written through to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::record::{Volume, VolumeState};
use crate::accounts::caller;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::{MountedVolume, now_millis};
use crate::store::{Store, Stored, Table};

/// All volumes.
pub struct Volumes {
    store: Arc<dyn Store>,
    records: Mutex<BTreeMap<String, Volume>>,
}

impl Volumes {
    /// Reads the volumes of a store, and notes for users about those that cannot be read.
    pub fn load(store: Arc<dyn Store>) -> Result<(Self, Vec<String>)> {
        let (mut records, mut notes) = (BTreeMap::new(), Vec::new());
        for (id, record) in store.rows(Table::Volumes)? {
            match serde_json::from_str(&record) {
                Ok(volume) => drop(records.insert(id, volume)),
                Err(error) => notes.push(format!("the record of volume {id} cannot be read and is kept: {error}")),
            }
        }
        Ok((Self { store, records: Mutex::new(records) }, notes))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Volume>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every volume of the caller's organization, newest first.
    pub fn all(&self) -> Vec<Volume> {
        let mut volumes: Vec<_> = self.lock().values().filter(|volume| is_seen(volume)).cloned().collect();
        volumes.sort_by_key(|volume| std::cmp::Reverse(volume.created_at));
        volumes
    }

    /// The volume with this id.
    pub fn get(&self, id: &str) -> ApiResult<Volume> {
        let found = self.lock().get(id).filter(|volume| is_seen(volume)).cloned();
        found.ok_or_else(|| ApiError::not_found(format!("Volume with ID {id} not found")))
    }

    /// The volume with this name.
    pub fn by_name(&self, name: &str) -> ApiResult<Volume> {
        let found = self.lock().values().find(|known| known.name == name && is_seen(known)).cloned();
        found.ok_or_else(|| ApiError::not_found(format!("Volume with name {name} not found")))
    }

    /// Those of an organization.
    pub fn of(&self, organization_id: &str) -> Vec<Volume> {
        self.lock().values().filter(|volume| volume.organization_id == organization_id).cloned().collect()
    }

    /// Adds a new volume to an organization that may have `most`.
    ///
    /// # Errors
    /// 400 when its name is taken, 403 when there are too many.
    pub fn insert(&self, volume: Volume, most: i64) -> ApiResult<()> {
        let mut records = self.lock();
        let others = records.values().filter(|known| known.organization_id == volume.organization_id);
        if others.clone().any(|known| known.name == volume.name) {
            return Err(ApiError::bad_request(format!("Volume with name {} already exists", volume.name)));
        }
        if i64::try_from(others.count()).is_ok_and(|count| count >= most) {
            return Err(ApiError::quota_exceeded(format!("Volume quota exceeded. Maximum allowed: {most}")));
        }
        records.insert(volume.id.clone(), volume);
        Ok(())
    }

    /// Changes a record and writes it; the record as it is now, and when that is on the disk. `None` where there is none.
    pub fn update(&self, id: &str, change: impl FnOnce(&mut Volume)) -> Option<(Volume, Stored)> {
        let mut records = self.lock();
        let record = records.get_mut(id)?;
        change(record);
        record.updated_at = now_millis();
        let text = serde_json::to_string(record).expect("records are plain data");
        // While the records are locked, so that changes are stored in the order they were made in.
        let stored = self.store.save(Table::Volumes, id, text);
        Some((record.clone(), stored))
    }

    /// Forgets a volume.
    pub fn remove(&self, id: &str) -> Stored {
        self.lock().remove(id);
        self.store.remove(Table::Volumes, id)
    }

    /// Finds the volumes that a sandbox is to have, by id, else by name; afterwards all of them have ids.
    ///
    /// # Errors
    /// 404 for one nobody knows, 400 for one that is not ready.
    pub fn resolve(&self, mounts: &mut [MountedVolume]) -> ApiResult<()> {
        let records = self.lock();
        for mount in mounts {
            let wanted = &mount.volume_id;
            let by_id = records.get(wanted).filter(|known| is_seen(known));
            let by_name = || records.values().find(|known| known.name == *wanted && is_seen(known));
            let found = by_id.or_else(by_name);
            let volume =
                found.ok_or_else(|| ApiError::not_found(format!("Volume with ID or name {wanted} not found")))?;
            if volume.state != VolumeState::Ready {
                let state = volume.state.name();
                let text = format!("Volume '{}' is not in a ready state. Current state: {state}", volume.name);
                return Err(ApiError::bad_request(text));
            }
            mount.volume_id.clone_from(&volume.id);
        }
        Ok(())
    }
}

/// Whether this request may know of a volume.
fn is_seen(volume: &Volume) -> bool {
    caller::sees(&volume.organization_id)
}
