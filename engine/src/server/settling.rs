//! What the start of an engine finds of one that has ended or was killed.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::backend::{Backend, FoundState, Instance};
use crate::engine::Engine;
use crate::sandboxes::registry::{Entry, Registry};
use crate::sandboxes::sandbox::{DesiredState, Sandbox, State, now_millis};
use crate::store::Stored;

/// What there is to do afterwards.
pub(super) struct Settled<W> {
    /// What is written, by sandbox.
    pub changed: Vec<(String, Stored)>,
    /// Sandboxes that have gone on without an engine.
    pub running: Vec<(Arc<Entry>, Arc<dyn Instance>)>,
    /// Removes what deleted sandboxes have left.
    pub emptying: W,
}

/// Brings records into agreement with what is after an engine that was killed: nothing is running any more, where sandboxes do not
/// outlive their engine.
///
/// Gives up the files of those sandboxes only that are recorded as destroyed.
///
/// # Errors
/// When the backend cannot say what there is.
pub(super) async fn settle(
    registry: &Registry,
    backend: &Arc<dyn Backend>,
) -> Result<Settled<impl Future<Output = ()> + Send + 'static + use<>>> {
    let found = backend.list().await.context("looking for sandboxes")?;
    let mut found: HashMap<_, _> = found.into_iter().map(|found| (found.id, found.state)).collect();
    let (mut changed, mut running) = (Vec::new(), Vec::new());
    // With the removals that have to be stored first.
    let gone =
        found.iter().filter(|(_, state)| matches!(state, FoundState::Discarded)).map(|(id, _)| (id.clone(), None));
    let mut removing: HashMap<String, Option<Stored>> = gone.collect();
    for entry in registry.all() {
        let (id, recorded) = entry.with_record(|record| (record.id.clone(), record.state));
        let found = found.remove(&id);
        let state = match found {
            Some(FoundState::Archived) if !matches!(recorded, State::Destroying | State::Destroyed) => State::Archived,
            _ => recorded,
        };
        let has_files = !matches!(found, None | Some(FoundState::Discarded));
        if let Some(FoundState::Running(instance)) = found {
            if matches!(state, State::Started | State::Starting) {
                running.push((entry, instance));
                continue;
            }
            instance.kill();
            instance.wait().await;
            instance.release().await;
        }
        let mut update =
            |change: &dyn Fn(&mut Sandbox)| changed.push((id.clone(), registry.update(&entry, change).stored));
        match state {
            State::Destroying | State::Destroyed => {
                if let Err(error) = backend.discard(&id).await {
                    tracing::warn!(%error, sandbox = id, "the files of a deleted sandbox could not be put away");
                    continue;
                }
                let removal = registry.remove(&id);
                removing.insert(id, Some(removal));
            }
            // Its removal could not be stored.
            _ if removing.contains_key(&id) => {
                let removal = registry.remove(&id);
                removing.insert(id, Some(removal));
            }
            State::Creating => update(&|record| {
                record.state = State::Error;
                record.error_reason = Some("The engine ended while the sandbox was being created".to_owned());
            }),
            State::PendingBuild | State::BuildingSnapshot => update(&|record| {
                record.state = State::BuildFailed;
                record.error_reason = Some("The engine ended while the image was being built".to_owned());
            }),
            State::BuildFailed => {}
            _ if !has_files => update(&|record| {
                record.state = State::Error;
                record.error_reason = Some("The sandbox's files are missing".to_owned());
                record.recoverable = false;
            }),
            State::Archived if recorded != state => update(&|record| {
                record.state = State::Archived;
                record.desired_state = DesiredState::Archived;
            }),
            State::Started
            | State::Starting
            | State::Stopping
            | State::Pausing
            | State::Paused
            | State::Resuming
            | State::Resizing
            | State::Archiving
            | State::Snapshotting
            | State::Restoring => update(&|record| {
                record.state = State::Stopped;
                record.desired_state = DesiredState::Stopped;
                record.stopped_at = Some(now_millis());
            }),
            State::Stopped | State::Archived | State::Error => {}
        }
    }
    let emptying = empty(Arc::clone(backend), removing);
    Ok(Settled { changed, running, emptying })
}

/// Removes what is left of deleted sandboxes. What is not recorded as removed is left to the next start, which then sees that the
/// sandbox is gone.
async fn empty(backend: Arc<dyn Backend>, removing: HashMap<String, Option<Stored>>) {
    for (id, removal) in removing {
        let removed = match removal {
            Some(removal) => removal.wait().await,
            None => Ok(()),
        };
        match removed {
            Ok(()) => backend.purge(&id, false).await,
            Err(error) => tracing::warn!(%error, sandbox = id, "the files of a deleted sandbox are left"),
        }
    }
}

impl Engine {
    /// Goes on with a sandbox that has gone on without an engine.
    pub(super) fn go_on_with(self: Arc<Self>, entry: Arc<Entry>, instance: Arc<dyn Instance>) {
        entry.set_instance(Some(Arc::clone(&instance)));
        entry.touch();
        let stored = self.change(&entry, |record| {
            record.state = State::Started;
            record.stopped_at = None;
        });
        self.keep(entry.with_record(|record| record.id.clone()), stored);
        self.follow(entry, instance);
    }
}
