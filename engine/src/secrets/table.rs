//! The secrets the engine knows, in memory, written through to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;

use super::record::Secret;
use crate::accounts::caller;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::now_millis;
use crate::store::{Store, Table};

/// The most secrets of an organization.
pub const MOST: usize = 1000;

/// All secrets.
pub struct Secrets {
    store: Arc<dyn Store>,
    records: Mutex<BTreeMap<String, Secret>>,
}

impl Secrets {
    /// Reads the secrets of a store, and notes for users about those that cannot be read.
    pub fn load(store: Arc<dyn Store>) -> Result<(Self, Vec<String>)> {
        let (mut records, mut notes) = (BTreeMap::new(), Vec::new());
        for (id, record) in store.rows(Table::Secrets)? {
            match serde_json::from_str(&record) {
                Ok(secret) => drop(records.insert(id, secret)),
                // The error might quote the record.
                Err(_) => notes.push(format!("the record of secret {id} cannot be read and is kept")),
            }
        }
        Ok((Self { store, records: Mutex::new(records) }, notes))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every secret of the caller's organization, in no order.
    pub fn all(&self) -> Vec<Secret> {
        self.lock().values().filter(|secret| is_seen(secret)).cloned().collect()
    }

    /// The values of all organizations' secrets.
    pub fn values(&self) -> Vec<String> {
        self.lock().values().map(|secret| secret.value.clone()).collect()
    }

    /// The caller's secret with this id.
    pub fn get(&self, id: &str) -> ApiResult<Secret> {
        let found = self.lock().get(id).filter(|secret| is_seen(secret)).cloned();
        found.ok_or_else(|| not_found(id))
    }

    /// The id of an organization's secret with this name.
    pub fn id_of(&self, organization_id: &str, name: &str) -> Option<String> {
        let records = self.lock();
        let mut own = records.values().filter(|secret| secret.organization_id == organization_id);
        own.find(|secret| secret.name == name).map(|secret| secret.id.clone())
    }

    /// Those with these ids that are still there and the organization's.
    pub fn of<'a>(&self, organization_id: &str, ids: impl Iterator<Item = &'a String>) -> BTreeMap<String, Secret> {
        let records = self.lock();
        let found = ids.filter_map(|id| records.get(id)).filter(|secret| secret.organization_id == organization_id);
        found.map(|secret| (secret.id.clone(), secret.clone())).collect()
    }

    /// The ids of all secrets of an organization.
    pub fn ids_of(&self, organization_id: &str) -> Vec<String> {
        let records = self.lock();
        records
            .values()
            .filter(|known| known.organization_id == organization_id)
            .map(|known| known.id.clone())
            .collect()
    }

    /// Adds a secret and answers once it is stored.
    ///
    /// # Errors
    /// 409 when its name is taken, 403 when there are too many.
    pub async fn insert(&self, secret: Secret) -> ApiResult<()> {
        let (id, stored) = {
            let mut records = self.lock();
            let others = records.values().filter(|known| known.organization_id == secret.organization_id);
            if others.clone().any(|known| known.name == secret.name) {
                return Err(ApiError::conflict(format!("Secret with name {} already exists", secret.name)));
            }
            if others.count() >= MOST {
                return Err(ApiError::quota_exceeded(format!("Secret quota exceeded. Maximum allowed: {MOST}")));
            }
            let stored = self.store.save(Table::Secrets, &secret.id, written(&secret));
            let id = secret.id.clone();
            records.insert(id.clone(), secret);
            (id, stored)
        };
        if let Err(error) = stored.wait().await {
            self.lock().remove(&id);
            return Err(ApiError::not_stored(&error));
        }
        Ok(())
    }

    /// Changes the caller's secret with this id, and answers with it once that is stored.
    pub async fn update(&self, id: &str, change: impl FnOnce(&mut Secret)) -> ApiResult<Secret> {
        let (before, after, stored) = {
            let mut records = self.lock();
            let record = records.get_mut(id).filter(|secret| is_seen(secret)).ok_or_else(|| not_found(id))?;
            let before = record.clone();
            change(record);
            record.updated_at = now_millis().max(before.updated_at + 1);
            // While the records are locked, so that changes are stored in the order they were made in.
            (before, record.clone(), self.store.save(Table::Secrets, id, written(record)))
        };
        if let Err(error) = stored.wait().await {
            if let Some(record) = self.lock().get_mut(id).filter(|record| **record == after) {
                *record = before;
            }
            return Err(ApiError::not_stored(&error));
        }
        Ok(after)
    }

    /// Forgets a secret. It is used no more even if that cannot be stored.
    pub async fn remove(&self, id: &str) -> ApiResult<()> {
        self.lock().remove(id);
        let stored = self.store.remove(Table::Secrets, id);
        stored.wait().await.map_err(|error| ApiError::not_stored(&error))
    }
}

fn written(secret: &Secret) -> String {
    serde_json::to_string(secret).expect("records are plain data")
}

fn not_found(id: &str) -> ApiError {
    ApiError::not_found(format!("Secret with ID {id} not found"))
}

/// Whether this request may know of a secret.
fn is_seen(secret: &Secret) -> bool {
    caller::sees(&secret.organization_id)
}
