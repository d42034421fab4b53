//! How sandboxes end: stopped, deleted, by themselves, or with the engine (wire 2.2).
//!
//! Stop and delete answer at once with `stopping` and `destroying`; until the change is complete another one is refused
//! with 409.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{End, Instance};
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::sandboxes::cause::{self, Cause};
use crate::sandboxes::changes::Change;
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::sandbox::{DesiredState, State, now_millis};

/// How long an engine that ends waits for changes under way, and how often it looks.
const END_LIMIT: Duration = Duration::from_secs(10);
const END_POLL: Duration = Duration::from_millis(5);

/// Time for processes to end, gentleness included, before they are killed from outside, and then until they are given up.
const KILL_AFTER: Duration = Duration::from_secs(15);
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

impl Engine {
    /// Notices when a sandbox ends without having been asked to.
    pub(super) async fn watch(self: Arc<Self>, entry: Arc<Entry>, instance: Arc<dyn Instance>) {
        instance.wait().await;
        // Before the sandbox may be started again: others may still look at this instance.
        let ended = Arc::clone(&instance).release().await;
        let is_current = entry.instance().is_some_and(|current| Arc::ptr_eq(&current, &instance));
        if !is_current {
            return;
        }
        entry.set_instance(None);
        let (cause, reason) = match ended {
            End::OutOfMemory => {
                (Cause::OUT_OF_MEMORY, "The sandbox reached its limit of memory, and the kernel ended it")
            }
            End::Exited => (Cause::EXITED, "The sandbox's processes ended unexpectedly"),
        };
        entry.set_cause(cause.clone());
        let (id, owner) = entry.with_record(|record| (record.id.clone(), self.owner_of(record)));
        self.audit.by_engine(&owner, "stop", &id, cause.reason());
        let stored = self.change(&entry, |record| {
            record.state = State::Error;
            record.error_reason = Some(reason.to_owned());
            record.recoverable = true;
            record.stopped_at = Some(now_millis());
        });
        self.keep(id, stored);
    }

    /// `POST /sandbox/{id}/stop`: answers with the sandbox `stopping`. An ephemeral sandbox is destroyed instead.
    pub fn stop(self: &Arc<Self>, entry: Arc<Entry>, force: bool) -> ApiResult<Change> {
        let operation = entry.begin()?;
        let (state, ephemeral) = entry.with_record(|record| (record.state, record.is_ephemeral()));
        match state {
            State::Started | State::Paused => {}
            State::Error | State::BuildFailed => return Err(ApiError::bad_request("Sandbox is in an errored state")),
            State::Stopped | State::Archived | State::Destroyed => {
                return Err(ApiError::bad_request("Sandbox is not in a stoppable state"));
            }
            _ => return Err(ApiError::state_change_in_progress()),
        }
        if ephemeral {
            return Ok(self.destroy_claimed(operation));
        }
        // Nothing is lost when this is not stored: after the engine's end the sandbox is stopped, too.
        drop(self.change(&entry, |record| {
            record.state = State::Stopping;
            record.desired_state = DesiredState::Stopped;
        }));
        let engine = Arc::clone(self);
        Ok(self.under_way(&entry, async move {
            fault::step("stop.begun");
            if let Err(error) = end(&operation.entry, force).await {
                return Err(engine.not_ended(operation, error));
            }
            fault::step("stop.ended");
            engine.settle(operation, |record| {
                record.state = State::Stopped;
                record.stopped_at = Some(now_millis());
            });
            Ok(())
        }))
    }

    /// Leaves a sandbox whose processes did not end; it can be deleted when they have.
    fn not_ended(self: &Arc<Self>, operation: Operation, error: ApiError) -> ApiError {
        self.settle(operation, |record| {
            record.state = State::Error;
            record.error_reason = Some(error.to_string());
            record.recoverable = false;
        });
        error
    }

    /// `DELETE /sandbox/{id}`: answers with the sandbox `destroying`.
    pub fn destroy(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<Change> {
        let operation = entry.begin()?;
        if entry.with_record(|record| record.state) == State::Destroyed {
            return Err(ApiError::sandbox_not_found(&entry.with_record(|record| record.id.clone())));
        }
        Ok(self.destroy_claimed(operation))
    }

    fn destroy_claimed(self: &Arc<Self>, operation: Operation) -> Change {
        let entry = Arc::clone(&operation.entry);
        let stored = self.change(&entry, |record| {
            record.name = format!("DESTROYED_{}_{}", record.name, now_millis());
            record.state = State::Destroying;
            record.desired_state = DesiredState::Destroyed;
        });
        let engine = Arc::clone(self);
        let change = self.under_way(&entry, async move { engine.remove(operation).await });
        change.once_stored(stored)
    }

    /// Ends and removes a claimed sandbox; the files go while nobody waits.
    ///
    /// Files in the trash are what records a sandbox as destroyed: moving them there needs no room on the disk.
    pub(super) async fn remove(self: &Arc<Self>, operation: Operation) -> ApiResult<()> {
        let entry = Arc::clone(&operation.entry);
        fault::step("delete.begun");
        if let Err(error) = end(&entry, true).await {
            return Err(self.not_ended(operation, error));
        }
        fault::step("delete.ended");
        let id = entry.with_record(|record| record.id.clone());
        if let Err(error) = self.backend.discard(&id).await {
            return Err(self.failed(operation, &error));
        }
        fault::step("delete.discarded");
        // Its removal says more.
        drop(self.change(&entry, |record| record.state = State::Destroyed));
        let removed = self.registry.remove(&id).wait().await;
        fault::step("delete.removed");
        self.close_previews(&id);
        let unstored = removed.is_err();
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            // Until the removal is stored a mark says that the sandbox is gone, also to the next engine.
            engine.backend.purge(&id, unstored).await;
            if unstored {
                // There is room when the files are gone; should that have failed, the removal is tried all the same.
                engine.stored_at_last(&id, engine.registry.store_again(&id)).await;
                engine.backend.forget(&id).await;
            }
        });
        Ok(())
    }

    /// Ends every sandbox's processes; records say `stopped` afterwards. Changes under way are completed first.
    pub async fn stop_all(self: &Arc<Self>) {
        let stopping: Vec<_> = self
            .registry
            .all()
            .into_iter()
            .map(|entry| {
                let engine = Arc::clone(self);
                tokio::spawn(cause::within(Cause::ENGINE_STOPPED, async move { engine.stop_at_end(entry).await }))
            })
            .collect();
        for task in stopping {
            if let Ok(Err(error)) = task.await {
                tracing::warn!(%error, "a sandbox was killed instead of stopped");
            }
        }
    }

    async fn stop_at_end(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<()> {
        self.give_up(&entry).await;
        let deadline = tokio::time::Instant::now() + END_LIMIT;
        while entry.is_changing() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(END_POLL).await;
        }
        if entry.instance().is_none() {
            return Ok(());
        }
        self.stop(entry, false)?.completed().await
    }
}

/// Ends the processes, gently or not, and waits for it, though not for ever.
pub(super) async fn end(entry: &Entry, force: bool) -> ApiResult<()> {
    let Some(instance) = entry.set_instance(None) else { return Ok(()) };
    if instance.is_frozen()
        && let Err(error) = Arc::clone(&instance).thaw().await
    {
        tracing::warn!(error = in_words(&error), "a paused sandbox is killed");
        instance.kill();
    }
    if force {
        instance.kill();
    } else {
        instance.terminate();
    }
    if tokio::time::timeout(KILL_AFTER, instance.wait()).await.is_err() {
        instance.kill_from_outside();
        if tokio::time::timeout(GIVE_UP_AFTER, instance.wait()).await.is_err() {
            // The kernel keeps them, in a broken disk or driver. They are still this sandbox's.
            entry.set_instance(Some(instance));
            let pending = "Sandbox's processes do not end: the machine's kernel keeps them. Try again later";
            return Err(ApiError::bad_request(pending));
        }
    }
    // Before the sandbox may be started again, whoever else still looks at this instance.
    instance.release().await;
    Ok(())
}
