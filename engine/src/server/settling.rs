//! What the start of an engine finds of one that was killed.

use std::collections::HashMap;
use std::path::Path;

use daytona_toolbox::remove_tree::{Locked, remove_tree};

use crate::sandboxes::registry::Registry;
use crate::sandboxes::sandbox::{DesiredState, State, now_millis};
use crate::sandboxes::store::Stored;
use crate::sandboxes::{archiving, record_file};

/// Brings records into agreement with what is after an engine that was killed: nothing is running any more.
///
/// Removes the files of those sandboxes only that are recorded as destroyed, and never fails a start. Returns what it
/// writes, by sandbox.
pub(super) fn settle(registry: &Registry, state_dir: &Path) -> Vec<(String, Stored)> {
    let (mut writing, mut removing) = (Vec::new(), HashMap::new());
    for entry in registry.all() {
        let (id, state) = entry.with_record(|record| (record.id.clone(), record.state));
        let directory = record_file::directory(state_dir, &id);
        let has_files = directory.is_dir();
        let going = matches!(state, State::Destroying | State::Destroyed);
        let state = if has_files && !going { archiving::tidy(&directory, state) } else { state };
        let stored = match state {
            State::Destroying | State::Destroyed => {
                if let Err(error) = record_file::discard(state_dir, &id) {
                    tracing::warn!(%error, sandbox = id, "the files of a deleted sandbox could not be put away");
                    continue;
                }
                removing.insert(id.clone(), registry.remove(&id));
                continue;
            }
            // Its removal could not be stored.
            _ if !has_files && record_file::is_discarded(state_dir, &id) => {
                removing.insert(id.clone(), registry.remove(&id));
                continue;
            }
            State::Creating => {
                registry
                    .update(&entry, |record| {
                        record.state = State::Error;
                        record.error_reason = Some("The engine ended while the sandbox was being created".to_owned());
                    })
                    .stored
            }
            State::PendingBuild | State::BuildingSnapshot => {
                registry
                    .update(&entry, |record| {
                        record.state = State::BuildFailed;
                        record.error_reason = Some("The engine ended while the image was being built".to_owned());
                    })
                    .stored
            }
            State::BuildFailed => continue,
            _ if !has_files => {
                registry
                    .update(&entry, |record| {
                        record.state = State::Error;
                        record.error_reason = Some("The sandbox's files are missing".to_owned());
                        record.recoverable = false;
                    })
                    .stored
            }
            State::Archived if entry.with_record(|record| record.state) != state => {
                registry
                    .update(&entry, |record| {
                        record.state = State::Archived;
                        record.desired_state = DesiredState::Archived;
                    })
                    .stored
            }
            State::Started
            | State::Starting
            | State::Stopping
            | State::Pausing
            | State::Paused
            | State::Resuming
            | State::Resizing
            | State::Archiving
            | State::Snapshotting
            | State::Restoring => {
                registry
                    .update(&entry, |record| {
                        record.state = State::Stopped;
                        record.desired_state = DesiredState::Stopped;
                        record.stopped_at = Some(now_millis());
                    })
                    .stored
            }
            State::Stopped | State::Archived | State::Error => continue,
        };
        writing.push((id, stored));
    }
    let trash = state_dir.join("trash");
    let emptied = std::thread::Builder::new().name("trash".to_owned()).spawn(move || empty(&trash, removing));
    if let Err(error) = emptied {
        tracing::warn!(%error, "files of deleted sandboxes are left until the next start");
    }
    writing
}

/// Removes what lies in the trash. What is not recorded as removed is left there for the next start, which then sees that the
/// sandbox is gone.
fn empty(trash: &Path, mut removing: HashMap<String, Stored>) {
    for entry in std::fs::read_dir(trash).into_iter().flatten().flatten() {
        let removal = entry.file_name().to_str().and_then(|id| removing.remove(id));
        let removed = match removal.map_or(Ok(()), Stored::wait_here) {
            Ok(()) => remove_tree(&entry.path(), Locked::Unlock).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = removed {
            tracing::warn!(error, directory = %entry.path().display(), "the files of a deleted sandbox are left");
        }
    }
}
