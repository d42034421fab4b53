//! Copies of sandboxes: their files and settings, under a new id.
//!
//! Nothing that runs or is in memory goes along. The processes of a running original stand still while its files are
//! copied, so that the copy has all of them from the same moment.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::isolation::{self, Launcher};
use crate::sandboxes::archiving::OUTSIDE;
use crate::sandboxes::copy_tree;
use crate::sandboxes::lifecycle::{Unless, off_the_runtime, to_the_end};
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{DesiredState, Sandbox, State, now_millis};
use crate::sandboxes::{needed_room, record_file, running_copy};
use crate::secret;

impl Engine {
    /// `POST /sandbox/{id}/fork`: answers with the copy once it runs.
    pub async fn fork(self: &Arc<Self>, entry: Arc<Entry>, name: Option<String>) -> ApiResult<Value> {
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
            let instance = entry.instance();
            let copied = off_the_runtime({
                let (engine, id) = (Arc::clone(&engine), id.clone());
                move || {
                    engine.check_room_for_copy(&record.id)?;
                    let Some(instance) = instance else { return engine.copy_files(&record.id, &id) };
                    let [from, to] = [&record.id, &id].map(|id| record_file::directory(&engine.state_dir, id));
                    let is_paused = state == State::Paused;
                    running_copy::copy(&instance, &from, &to, is_paused, || fault::step("fork.frozen"))?;
                    Launcher::name_files(&to, &id)
                }
            })
            .await?;
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

    /// Refuses a copy that needs more room on the disk than there is, unless it shares its content.
    fn check_room_for_copy(&self, original: &str) -> Result<()> {
        let from = record_file::directory(&self.state_dir, original);
        if isolation::shares_content(&self.state_dir) {
            return Ok(());
        }
        needed_room::check(&self.state_dir, needed_room::used(&from, &OUTSIDE))
    }

    /// Copies the files of a sandbox that does not run.
    fn copy_files(&self, original: &str, copy: &str) -> Result<()> {
        let (from, to) =
            (record_file::directory(&self.state_dir, original), record_file::directory(&self.state_dir, copy));
        isolation::wait_until_free(&from)?;
        copy_all(&from, &to)?;
        Launcher::name_files(&to, copy)
    }
}

/// Copies everything that is a sandbox's to a directory that is not there yet. Nobody may change it meanwhile.
pub fn copy_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != WORK && !OUTSIDE.iter().any(|outside| name == *outside) {
            copy_tree::copy(&from.join(&name), &to.join(&name))?;
        }
    }
    if from.join(WORK).is_dir() {
        copy_directories(&from.join(WORK), &to.join(WORK))?;
    }
    Ok(())
}

/// What the kernel keeps for itself while it lays one directory over another.
const WORK: &str = "work";

/// Makes a directory, and those that are in it, without what these have.
fn copy_directories(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        fs::create_dir(to.join(entry?.file_name()))?;
    }
    Ok(())
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
