//! Copies of sandboxes: their files and settings, under a new id.
//!
//! Nothing that runs or is in memory goes along. The processes of a running original stand still while its files are
//! copied, so that the copy has all of them from the same moment.

use std::sync::Arc;

use serde_json::Value;

use crate::backend::Feature;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::sandboxes::lifecycle::{Unless, to_the_end};
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{DesiredState, Sandbox, State, now_millis};
use crate::secret;

impl Engine {
    /// `POST /sandbox/{id}/fork`: answers with the copy once it runs.
    pub async fn fork(self: &Arc<Self>, entry: Arc<Entry>, name: Option<String>) -> ApiResult<Value> {
        self.backend.check(Feature::Fork)?;
        // Nothing else may change the original meanwhile; its state stays what it is.
        let original = entry.begin()?;
        let state = entry.with_record(|record| record.state);
        match state {
            State::Started | State::Stopped | State::Paused => {}
            State::Archived | State::Error | State::BuildFailed | State::Destroyed => {
                let text = format!("Sandbox is {}: it must be started, paused or stopped to be forked", state.name());
                return Err(ApiError::bad_request(text));
            }
            _ => return Err(ApiError::state_change_in_progress()),
        }
        let engine = Arc::clone(self);
        to_the_end(async move {
            fault::step("fork.begun");
            let record = entry.record();
            let (operation, stored) = engine.insert(copy_of(&record, name))?;
            fault::step("fork.inserted");
            engine.events.created(engine.document(&operation.entry), &operation.entry.cause());
            let id = operation.entry.with_record(|record| record.id.clone());
            let copied = engine.backend.copy(&record.id, &id).await;
            drop(original);
            fault::step("fork.copied");
            let copy = Arc::clone(&operation.entry);
            if let Err(error) = copied {
                // What is left of it is removed, as of any other sandbox.
                drop(stored);
                let reason = in_words(&error);
                engine.remove(operation).await?;
                return Err(ApiError::bad_request(format!("Sandbox could not be forked: {reason}")));
            }
            let stored = engine.registry.store_as(&operation.entry, State::Starting);
            fault::step("fork.stored");
            engine.run(operation, stored, Unless::Remove).await?;
            Ok(engine.document(&copy))
        })
        .await
    }
}

/// The record of a copy: the original's settings, and nothing that lets anybody in who may use the original.
fn copy_of(original: &Sandbox, name: Option<String>) -> Sandbox {
    let id = uuid::Uuid::new_v4().to_string();
    let now = now_millis();
    Sandbox {
        name: name.unwrap_or_else(|| id.clone()),
        id,
        parent: Some(original.id.clone()),
        state: State::Creating,
        desired_state: DesiredState::Started,
        error_reason: None,
        recoverable: false,
        created_at: now,
        updated_at: now,
        last_activity_at: now,
        stopped_at: None,
        ssh_access: None,
        warm_pool_id: None,
        template: None,
        auth_token: secret::token(32),
        signing_key: secret::token(32),
        ..original.clone()
    }
}
