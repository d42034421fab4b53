//! Pausing and going on.
//!
//! Control groups freeze a paused sandbox, so it uses no processor and keeps its memory. Only its first process goes on, which
//! ends it when the engine ends: what was in memory is lost then, and the next engine finds it stopped. Both answer when the
//! new state is reached.

use std::sync::Arc;

use daytona_toolbox::Compat;
use serde_json::Value;

use crate::backend::Feature;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::sandboxes::lifecycle::to_the_end;
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::sandbox::{DesiredState, State};

impl Engine {
    /// `POST /sandbox/{id}/pause`.
    pub async fn pause(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<Value> {
        self.backend.check(Feature::Pause)?;
        let operation = entry.begin()?;
        let (state, ephemeral) = entry.with_record(|record| (record.state, record.is_ephemeral()));
        match state {
            State::Paused => return Ok(self.document(&entry)),
            State::Started => {}
            State::Stopped | State::Archived | State::Error | State::BuildFailed | State::Destroyed => {
                return Err(ApiError::bad_request(format!("Sandbox is {}, not started", state.name())));
            }
            _ => return Err(ApiError::state_change_in_progress()),
        }
        if ephemeral {
            return Err(ApiError::bad_request("Ephemeral sandboxes cannot be paused"));
        }
        let engine = Arc::clone(self);
        to_the_end(async move {
            let entry = Arc::clone(&operation.entry);
            // After the engine's end the sandbox is stopped, whatever is stored here.
            drop(engine.change(&entry, |record| {
                record.state = State::Pausing;
                record.desired_state = DesiredState::Paused;
            }));
            fault::step("pause.begun");
            let frozen = match entry.instance() {
                Some(instance) => instance.freeze().await,
                None => Ok(()),
            };
            fault::step("pause.frozen");
            let reached = if frozen.is_ok() { State::Paused } else { State::Started };
            engine.settle_running(operation, reached);
            frozen.map_err(|error| ApiError::internal(&in_words(&error)))?;
            Ok(engine.document(&entry))
        })
        .await
    }

    /// `POST /sandbox/{id}/start` of a paused one.
    pub(super) async fn resume(self: &Arc<Self>, operation: Operation) -> ApiResult<Value> {
        let engine = Arc::clone(self);
        to_the_end(async move {
            let entry = Arc::clone(&operation.entry);
            drop(engine.change_within_quota(&entry, |record| {
                record.state = State::Resuming;
                record.desired_state = DesiredState::Started;
            })?);
            fault::step("resume.begun");
            let thawed = match entry.instance() {
                Some(instance) => instance.thaw().await,
                None => Ok(()),
            };
            fault::step("resume.thawed");
            entry.touch();
            let reached = if thawed.is_ok() { State::Started } else { State::Paused };
            engine.settle_running(operation, reached);
            thawed.map_err(|error| ApiError::internal(&in_words(&error)))?;
            if engine.compat == Compat::Newest {
                // They may have been changed meanwhile.
                let (engine, entry) = (Arc::clone(&engine), Arc::clone(&entry));
                tokio::spawn(async move { engine.show_placeholders(&entry).await });
            }
            Ok(engine.document(&entry))
        })
        .await
    }

    /// Ends a change of a running sandbox in this state, unless its processes have ended meanwhile, which is told elsewhere.
    pub(super) fn settle_running(self: &Arc<Self>, operation: Operation, state: State) {
        let entry = Arc::clone(&operation.entry);
        self.settle(operation, |record| {
            if entry.instance().is_some() {
                record.state = state;
                record.desired_state = match state {
                    State::Paused => DesiredState::Paused,
                    _ => DesiredState::Started,
                };
            }
        });
    }
}
