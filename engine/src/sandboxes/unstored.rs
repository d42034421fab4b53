//! Changes that hold whether they are stored or not, such as that a sandbox has ended.
//!
//! Nobody waits for these, so nobody could be told that the disk is full. They are written again until they are stored;
//! `GET /health` reports them meanwhile, and an engine that ends before that ends with an error.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::Engine;
use crate::store::{StoreError, Stored};

/// How long after a failure a change is written again.
const RETRY: Duration = Duration::from_secs(1);

/// The sandboxes whose last change is not on the disk, and why.
#[derive(Default)]
pub struct Unstored(Mutex<BTreeMap<String, StoreError>>);

impl Unstored {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, StoreError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the last change of a sandbox is being written again.
    pub fn contains(&self, id: &str) -> bool {
        self.lock().contains_key(id)
    }

    /// Notes for users, as sentences.
    pub fn notes(&self) -> Vec<String> {
        let note = |(id, why): (&String, &StoreError)| {
            format!("the last change of sandbox {id} is not stored yet and is tried again: {why}")
        };
        self.lock().iter().map(note).collect()
    }
}

impl Engine {
    /// Sees to it that a change of a sandbox, or its removal, reaches the disk.
    pub fn keep(self: &Arc<Self>, id: String, stored: Stored) {
        let engine = Arc::clone(self);
        tokio::spawn(async move { engine.stored_at_last(&id, stored).await });
    }

    /// Completes when a change of a sandbox, or its removal, is on the disk or somebody else sees to it.
    pub async fn stored_at_last(&self, id: &str, mut stored: Stored) {
        let mut failed = false;
        while let Err(error) = stored.wait().await {
            if self.unstored.lock().insert(id.to_owned(), error).is_some() && !failed {
                // It is written again already, as it will be then.
                return;
            }
            failed = true;
            tokio::time::sleep(RETRY).await;
            stored = self.registry.store_again(id);
        }
        if failed {
            self.unstored.lock().remove(id);
        }
    }

    /// Writes what is not stored a last time.
    ///
    /// # Errors
    /// Why the first of the changes that are lost is not on the disk.
    pub async fn store_rest(&self) -> Result<(), StoreError> {
        let rest: Vec<String> = self.unstored.lock().keys().cloned().collect();
        for id in rest {
            self.registry.store_again(&id).wait().await?;
        }
        self.registry.flush().wait().await
    }
}
