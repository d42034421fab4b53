//! The end of an organization: what is left of it goes, also when the engine is killed meanwhile.
//!
//! Only what is noted as dissolved is removed. An organization that nobody knows, as when `accounts.db` was moved away, keeps what it
//! has.

use std::sync::Arc;

use crate::accounts::model::Organization;
use crate::accounts::quota;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::sandboxes::lifecycle::off_the_runtime;

impl Engine {
    /// Dissolves an organization without sandboxes.
    ///
    /// # Errors
    /// 409 while it has any.
    pub fn dissolve(self: &Arc<Self>, organization: &Organization) -> ApiResult<()> {
        let id = &organization.id;
        quota::exclusively(self, || {
            if self.registry.all().iter().any(|entry| entry.with_record(|record| self.owner_of(record) == *id)) {
                let text = format!("Organization {} still has sandboxes: delete them first", organization.name);
                return Err(ApiError::conflict(text));
            }
            self.accounts.dissolve(id)
        })?;
        tokio::spawn(Arc::clone(self).remove_rest_of(id.clone()));
        Ok(())
    }

    /// Goes on with what an engine has left when it ended.
    pub fn go_on_with_dissolved(self: &Arc<Self>) {
        let ids: Vec<String> = self.accounts.dissolved.look(|all| all.map(|(id, _)| id.clone()).collect());
        for id in ids {
            tokio::spawn(Arc::clone(self).remove_rest_of(id));
        }
    }

    async fn remove_rest_of(self: Arc<Self>, id: String) {
        // An engine that was killed in the middle may have left the organization itself.
        let accounts = self.accounts.dissolve(&id).and_then(|()| self.webhooks.forget(&id));
        for snapshot in self.snapshots.of(&id) {
            Arc::clone(&self).forget_snapshot(snapshot.id).await;
        }
        for volume in self.volumes.of(&id) {
            self.forget_volume(&volume.id).await;
        }
        let mut secrets = Ok(());
        for secret in self.secrets.ids_of(&id) {
            secrets = secrets.and(self.secrets.remove(&secret).await);
        }
        let (engine, owner) = (Arc::clone(&self), id.clone());
        let objects = off_the_runtime(move || engine.storage.remove_all_of(&owner)).await;
        let objects = objects.and_then(|removed| removed.map_err(|error| ApiError::internal(&in_words(&error))));
        let all_gone = self.snapshots.of(&id).is_empty() && self.volumes.of(&id).is_empty();
        let done = accounts.and(secrets).and(objects).and_then(|()| match all_gone {
            true => self.accounts.dissolved.remove(&id).map(drop),
            false => Err(ApiError::internal(&"files are left")),
        });
        if let Err(error) = done {
            tracing::warn!(%error, organization = id, "what is left of an organization goes with the next start");
        }
    }
}
