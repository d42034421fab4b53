//! Snapshots of sandboxes: a copy of their files, from which others begin (additions 2.5).
//!
//! A running sandbox stands still only while what has changed since a first copy is copied again.

use std::sync::Arc;

use serde_json::Value;

use crate::backend::Feature;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::sandboxes::lifecycle::to_the_end;
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::sandbox::State;
use crate::snapshots::record::{self, Snapshot, SnapshotState};

impl Engine {
    /// `POST /sandbox/{id}/snapshot`: answers with the sandbox `snapshotting`.
    pub async fn snapshot_sandbox(self: &Arc<Self>, entry: Arc<Entry>, name: String) -> ApiResult<Value> {
        self.backend.check(Feature::Snapshot)?;
        let operation = entry.begin()?;
        let state = entry.with_record(|record| record.state);
        match state {
            State::Started | State::Stopped | State::Paused => {}
            State::Archived | State::Error | State::BuildFailed | State::Destroyed => {
                let text = format!("Sandbox is {}: it must be started, paused or stopped for a snapshot", state.name());
                return Err(ApiError::bad_request(text));
            }
            _ => return Err(ApiError::state_change_in_progress()),
        }
        let engine = Arc::clone(self);
        to_the_end(async move {
            let snapshot = snapshot_of(&entry, name);
            let stored = engine.insert_snapshot(&snapshot)?;
            if let Err(error) = stored.wait().await {
                drop(engine.snapshots.remove(&snapshot.id));
                return Err(ApiError::not_stored(&error));
            }
            engine.events.snapshot_created(snapshot.document(&engine.identity));
            fault::step("snapshot.begun");
            // Nothing is lost when this is not stored: the next engine finds the sandbox stopped, as it then is.
            drop(engine.change(&entry, |record| record.state = State::Snapshotting));
            let document = engine.document(&entry);
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { engine.take_snapshot(operation, state, snapshot).await });
            Ok(document)
        })
        .await
    }

    async fn take_snapshot(self: Arc<Self>, operation: Operation, state: State, snapshot: Snapshot) {
        let entry = Arc::clone(&operation.entry);
        let source = entry.with_record(|record| record.id.clone());
        match self.backend.take_snapshot(&source, &snapshot.id).await {
            Ok(size) => self.advance_snapshot(&snapshot.id, |record| {
                record.state = SnapshotState::Active;
                record.size = Some(size);
            }),
            Err(error) => {
                let reason = in_words(&error);
                self.advance_snapshot(&snapshot.id, |record| {
                    record.state = SnapshotState::Error;
                    record.error_reason = Some(reason);
                });
            }
        }
        // It may have been deleted while its files were on their way.
        if self.snapshots.is_going(&snapshot.id) {
            self.backend.remove_snapshot(&snapshot.id).await;
        }
        // Last: whoever waited for the sandbox can use the snapshot.
        self.settle(operation, |record| record.state = state);
    }
}

/// The record of a snapshot of a sandbox: its size and image, none of its settings.
fn snapshot_of(entry: &Entry, name: String) -> Snapshot {
    let source = entry.record();
    Snapshot {
        organization_id: source.organization_id,
        source_sandbox_id: Some(source.id),
        image: source.image,
        entrypoint: source.entrypoint,
        user: Some(source.user),
        has_files: true,
        cpu: source.cpu,
        memory: source.memory,
        disk: source.disk,
        ..record::new(name)
    }
}
