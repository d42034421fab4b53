//! Changes of records: who is told, when they count as made, and what becomes of those that cannot be stored.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinHandle;

use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::sandboxes::cause::Cause;
use crate::sandboxes::lifecycle::reach;
use crate::sandboxes::registry::{Entry, Operation, Updated};
use crate::sandboxes::sandbox::{self, Sandbox};
use crate::store::Stored;

impl Engine {
    /// Carries on a change that was begun, whoever waits for it.
    pub(super) fn under_way(
        &self,
        entry: &Entry,
        rest: impl Future<Output = ApiResult<()>> + Send + 'static,
    ) -> Change {
        let reply = sandbox::changing(self.document(entry));
        let done = tokio::spawn(async move {
            let result = rest.await;
            if let Err(error) = &result {
                tracing::error!(%error, "a change of a sandbox's state was not completed");
            }
            result
        });
        Change { reply, stored: None, done }
    }

    /// Changes a record and answers once it is stored; a change that could not be is not made.
    pub async fn change_stored(self: &Arc<Self>, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> ApiResult<()> {
        fault::step("setting.begun");
        self.once_stored(entry, self.registry.update(entry, change)).await?;
        fault::step("setting.stored");
        Ok(())
    }

    pub(super) async fn once_stored(self: &Arc<Self>, entry: &Entry, updated: Updated) -> ApiResult<()> {
        let Updated { before, after, stored } = updated;
        if let Err(error) = stored.wait().await {
            let id = before.id.clone();
            self.registry.revert(entry, before, &after);
            if self.unstored.contains(&id) {
                // It may have been written again with the change in it.
                self.keep(id.clone(), self.registry.store_again(&id));
            }
            return Err(ApiError::not_stored(&error));
        }
        self.tell(&before, &after, &entry.cause());
        Ok(())
    }

    /// Changes a record's network settings. They hold, and connections end, while the record is on its way to the disk.
    pub async fn change_network(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        change: impl FnOnce(&mut Sandbox),
    ) -> ApiResult<()> {
        fault::step("limits.begun");
        let updated = self.registry.update(entry, change);
        let applied = apply_reach(entry).await;
        fault::step("limits.held");
        let stored = self.once_stored(entry, updated).await;
        fault::step("limits.stored");
        if stored.is_err() {
            // The record is as it was before.
            apply_reach(entry).await?;
        }
        stored.and(applied)
    }

    /// Changes what is true whether it is stored or not, such as that a sandbox runs, and tells subscribers.
    #[must_use = "a change that is not stored has to be kept or taken back"]
    pub fn change(&self, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> Stored {
        let Updated { before, after, stored } = self.registry.update(entry, change);
        self.tell(&before, &after, &entry.cause());
        stored
    }

    /// Makes the last change of an operation, which another may follow at once, and tells subscribers.
    pub fn settle(self: &Arc<Self>, operation: Operation, change: impl FnOnce(&mut Sandbox)) {
        // Afterwards another operation may have begun.
        let cause = operation.entry.cause();
        let Updated { before, after, stored } = self.registry.settle(operation, change);
        self.tell(&before, &after, &cause);
        self.keep(after.id, stored);
    }

    pub(super) fn tell(&self, before: &Sandbox, after: &Sandbox, cause: &Cause) {
        self.ssh.live.follow(after);
        if before.desired_state != after.desired_state {
            let document = after.document(&self.identity);
            self.events.desired_state_updated(document, before.desired_state, after.desired_state, cause);
        }
        if before.state != after.state {
            self.events.state_updated(after.document(&self.identity), before.state, after.state, cause);
        }
    }
}

/// A change that is under way.
pub struct Change {
    /// The sandbox in the state in between, as clients are answered.
    reply: Value,
    /// That it is meant to happen, where that must survive the engine.
    stored: Option<Stored>,
    done: JoinHandle<ApiResult<()>>,
}

impl Change {
    /// The same, that is certain to happen once this is stored.
    pub(super) fn once_stored(self, stored: Stored) -> Self {
        Self { stored: Some(stored), ..self }
    }

    /// The answer for clients, as soon as the change is certain to happen, even if the engine dies.
    pub async fn acknowledged(mut self) -> ApiResult<Value> {
        if let Some(stored) = self.stored.take()
            && stored.wait().await.is_err()
        {
            // A change that cannot be recorded has to be complete before it can be promised.
            self.done.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))?;
        }
        Ok(self.reply)
    }

    /// Waits until the new state is reached.
    pub async fn completed(self) -> ApiResult<()> {
        self.done.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }
}

/// Makes the network of a running sandbox what its record says. One whose network cannot be limited is stopped.
async fn apply_reach(entry: &Arc<Entry>) -> ApiResult<()> {
    let Some(instance) = entry.instance() else { return Ok(()) };
    let current = Arc::clone(entry);
    let applied = Arc::clone(&instance).set_reach(Box::new(move || current.with_record(reach))).await;
    applied.map_err(|error| {
        instance.kill();
        ApiError::internal(&in_words(&error))
    })
}
