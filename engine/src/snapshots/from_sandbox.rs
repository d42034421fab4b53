//! Snapshots of sandboxes: a copy of their files, from which others begin (additions 2.5).
//!
//! A running sandbox stands still only while what has changed since a first copy is copied again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use daytona_toolbox::remove_tree::{Locked, remove_tree};
use serde_json::Value;

use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::isolation::{self, Instance};
use crate::sandboxes::archiving::OUTSIDE;
use crate::sandboxes::forking;
use crate::sandboxes::lifecycle::{off_the_runtime, to_the_end};
use crate::sandboxes::needed_room;
use crate::sandboxes::record_file;
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::running_copy;
use crate::sandboxes::sandbox::State;
use crate::snapshots::record::{self, Snapshot, SnapshotState};

/// Where the files of snapshots of sandboxes are.
pub fn files_directory(state_dir: &Path, snapshot_id: &str) -> PathBuf {
    state_dir.join("snapshot-files").join(snapshot_id)
}

fn unfinished(state_dir: &Path, snapshot_id: &str) -> PathBuf {
    state_dir.join("snapshot-files").join(format!("{snapshot_id}.unfinished"))
}

impl Engine {
    /// `POST /sandbox/{id}/snapshot`: answers with the sandbox `snapshotting`.
    pub async fn snapshot_sandbox(self: &Arc<Self>, entry: Arc<Entry>, name: String) -> ApiResult<Value> {
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
        let (engine, id) = (Arc::clone(&self), snapshot.id.clone());
        let source = entry.with_record(|record| record.id.clone());
        let instance = entry.instance();
        let copied = off_the_runtime(move || engine.copy_to_snapshot(&source, &id, state, instance.as_deref())).await;
        let copied = copied.unwrap_or_else(|error| Err(anyhow::anyhow!("{error}")));
        match copied {
            Ok(size) => self.advance_snapshot(&snapshot.id, |record| {
                record.state = SnapshotState::Active;
                record.size = Some(size);
            }),
            Err(error) => {
                remove(&unfinished(&self.state_dir, &snapshot.id));
                let reason = in_words(&error);
                self.advance_snapshot(&snapshot.id, |record| {
                    record.state = SnapshotState::Error;
                    record.error_reason = Some(reason);
                });
            }
        }
        // It may have been deleted while its files were on their way.
        if self.snapshots.is_going(&snapshot.id) {
            let engine = Arc::clone(&self);
            let _ = off_the_runtime(move || engine.remove_snapshot_files(&snapshot.id)).await;
        }
        // Last: whoever waited for the sandbox can use the snapshot.
        self.settle(operation, |record| record.state = state);
    }

    /// Copies a sandbox's files; answers how many bytes they take.
    fn copy_to_snapshot(
        &self,
        sandbox: &str,
        snapshot: &str,
        state: State,
        instance: Option<&Instance>,
    ) -> Result<u64> {
        let from = record_file::directory(&self.state_dir, sandbox);
        let (to, finished) = (unfinished(&self.state_dir, snapshot), files_directory(&self.state_dir, snapshot));
        fs::create_dir_all(self.state_dir.join("snapshot-files"))?;
        if !isolation::shares_content(&self.state_dir) {
            needed_room::check(&self.state_dir, needed_room::used(&from, &OUTSIDE))?;
        }
        match instance {
            None => {
                isolation::wait_until_free(&from)?;
                forking::copy_all(&from, &to)?;
            }
            Some(instance) => {
                let is_paused = state == State::Paused;
                running_copy::copy(instance, &from, &to, is_paused, || fault::step("snapshot.frozen"))?;
            }
        }
        fault::step("snapshot.copied");
        let size = size_of(&to)?;
        fs::rename(&to, &finished)?;
        Ok(size)
    }

    /// Puts the files of a snapshot into a new sandbox's directory, relative to the state directory.
    pub fn copy_from_snapshot(&self, snapshot: &str, sandbox: &str, directory: &Path) -> Result<()> {
        let to = self.state_dir.join(directory);
        forking::copy_all(&files_directory(&self.state_dir, snapshot), &to)?;
        isolation::Launcher::name_files(&to, sandbox)
    }

    /// Removes what an engine that ended has left half copied.
    pub fn remove_unfinished_snapshots(&self) {
        for entry in fs::read_dir(self.state_dir.join("snapshot-files")).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.ends_with(".unfinished")) {
                remove(&entry.path());
            }
        }
    }

    /// Removes the files of a snapshot.
    pub fn remove_snapshot_files(&self, snapshot: &str) {
        remove(&files_directory(&self.state_dir, snapshot));
        remove(&unfinished(&self.state_dir, snapshot));
    }
}

fn remove(directory: &Path) {
    match remove_tree(directory, Locked::Unlock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, directory = %directory.display(), "the files of a snapshot are left");
        }
        _ => {}
    }
}

/// Bytes that a directory's files take on the disk.
fn size_of(directory: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let found = entry.metadata()?;
            bytes += found.blocks() * 512;
            if found.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(bytes)
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
