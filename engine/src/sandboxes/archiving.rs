//! Putting the files of stopped sandboxes away, and bringing them back. The backend knows where they are, whatever the record
//! says.

use std::sync::Arc;

use serde_json::Value;

use crate::backend::Feature;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::sandboxes::changes::Change;
use crate::sandboxes::lifecycle::to_the_end;
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::sandbox::{DesiredState, Sandbox, State};

impl Engine {
    /// `POST /sandbox/{id}/archive`: answers with the sandbox `archiving`.
    pub fn archive(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<Change> {
        self.backend.check(Feature::Archive)?;
        let operation = entry.begin()?;
        let (state, ephemeral) = entry.with_record(|record| (record.state, record.is_ephemeral()));
        if state != State::Stopped {
            return Err(ApiError::bad_request("Sandbox is not stopped"));
        }
        if ephemeral {
            return Err(ApiError::bad_request("Ephemeral sandboxes cannot be archived"));
        }
        // The next engine looks at the files, whether this was stored or not.
        drop(self.change(&entry, |record| {
            record.state = State::Archiving;
            record.desired_state = DesiredState::Archived;
        }));
        let engine = Arc::clone(self);
        Ok(self.under_way(&entry, async move { engine.put_away(operation).await }))
    }

    async fn put_away(self: &Arc<Self>, operation: Operation) -> ApiResult<()> {
        fault::step("archive.begun");
        let entry = Arc::clone(&operation.entry);
        let id = entry.with_record(|record| record.id.clone());
        if let Err(error) = self.backend.archive(&id, entry.unwanted()).await {
            self.settle(operation, |record| {
                record.state = State::Stopped;
                record.desired_state = DesiredState::Stopped;
            });
            return Err(ApiError::bad_request(format!("Sandbox could not be archived: {}", in_words(&error))));
        }
        fault::step("archive.removed");
        self.settle(operation, |record| record.state = State::Archived);
        Ok(())
    }

    /// `POST /sandbox/{id}/start` of an archived one.
    pub(super) async fn start_archived(self: &Arc<Self>, operation: Operation) -> ApiResult<Value> {
        let engine = Arc::clone(self);
        to_the_end(async move {
            let entry = Arc::clone(&operation.entry);
            let id = entry.with_record(|record| record.id.clone());
            if !engine.backend.is_archived(&id).await {
                // Archived by an engine that left the files where they are.
                return engine.start_stopped(operation, entry.record()).await;
            }
            let archived = entry.record();
            drop(engine.change_within_quota(&entry, |record| {
                record.state = State::Restoring;
                record.desired_state = DesiredState::Started;
            })?);
            fault::step("restore.begun");
            if let Err(error) = engine.backend.restore(&id).await {
                let reason = in_words(&error);
                tracing::error!(reason, sandbox = id, "an archived sandbox could not be brought back");
                let state = if engine.backend.is_archived(&id).await { State::Archived } else { State::Stopped };
                let archived = Sandbox { state, ..archived };
                engine.settle(operation, |record| *record = archived);
                return Err(ApiError::bad_request(format!("Sandbox failed to start: {reason}")));
            }
            fault::step("restore.complete");
            let stopped = Sandbox { state: State::Stopped, desired_state: DesiredState::Stopped, ..archived };
            engine.start_stopped(operation, stopped).await
        })
        .await
    }
}
