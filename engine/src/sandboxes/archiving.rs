//! Putting the files of stopped sandboxes away, and bringing them back.
//!
//! Everything happens in the sandbox's own directory. Where there is a finished archive, it is what counts, and the files beside
//! it are leftovers; where there is none, the files count. So a single rename, which is all or nothing, puts a sandbox away
//! or brings it back, whatever the record says at that moment, and [`tidy`] removes what does not count after an engine was
//! killed. Putting away: the files are packed, the archive gets its name, the files go. Bringing back: the archive is
//! unpacked beside its place, the files are moved there and reach the disk, the archive loses its name.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use daytona_toolbox::remove_tree::{Locked, remove_tree};
use serde_json::Value;

use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::isolation;
use crate::sandboxes::archive_file;
use crate::sandboxes::lifecycle::{Change, off_the_runtime, to_the_end};
use crate::sandboxes::needed_room;
use crate::sandboxes::record_file;
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::sandbox::{DesiredState, Sandbox, State};

const ARCHIVE: &str = "archive.tar.gz";
const UNFINISHED: &str = "archive.unfinished";
const UNPACKED: &str = "unpacked";

/// What stays where it is.
pub const OUTSIDE: [&str; 6] = [ARCHIVE, UNFINISHED, UNPACKED, "record.json", "record.json.unfinished", "log"];

impl Engine {
    /// `POST /sandbox/{id}/archive`: answers with the sandbox `archiving`.
    pub fn archive(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<Change> {
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
        let directory = record_file::directory(&self.state_dir, &entry.with_record(|record| record.id.clone()));
        let unwanted = entry.unwanted();
        let packed = off_the_runtime({
            let directory = directory.clone();
            move || pack(&directory, &unwanted)
        })
        .await?;
        if let Err(error) = packed {
            for name in [UNFINISHED, ARCHIVE] {
                let _ = fs::remove_file(directory.join(name));
            }
            self.settle(operation, |record| {
                record.state = State::Stopped;
                record.desired_state = DesiredState::Stopped;
            });
            return Err(ApiError::bad_request(format!("Sandbox could not be archived: {}", in_words(&error))));
        }
        fault::step("archive.complete");
        if let Err(error) = off_the_runtime(move || remove_files(&directory)).await? {
            tracing::warn!(%error, "files of an archived sandbox are left until the next start");
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
            let directory = record_file::directory(&engine.state_dir, &id);
            if !directory.join(ARCHIVE).exists() {
                // Archived by an engine that left the files where they are.
                return engine.start_stopped(operation, entry.record()).await;
            }
            let archived = entry.record();
            drop(engine.change_within_quota(&entry, |record| {
                record.state = State::Restoring;
                record.desired_state = DesiredState::Started;
            })?);
            fault::step("restore.begun");
            let restored = off_the_runtime({
                let directory = directory.clone();
                move || {
                    remove_files(&directory)?;
                    restore(&directory)
                }
            });
            if let Err(error) = restored.await? {
                let reason = in_words(&error);
                tracing::error!(reason, sandbox = id, "an archived sandbox could not be brought back");
                let left = off_the_runtime(move || tidy(&directory, State::Stopped)).await?;
                let archived = Sandbox { state: left, ..archived };
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

fn pack(directory: &Path, unwanted: &AtomicBool) -> Result<()> {
    isolation::wait_until_free(directory)?;
    let unfinished = directory.join(UNFINISHED);
    archive_file::pack(directory, &OUTSIDE, &unfinished, unwanted)?;
    fault::step("archive.packed");
    fs::rename(&unfinished, directory.join(ARCHIVE))?;
    Ok(File::open(directory)?.sync_all()?)
}

/// Brings the files back; those that are there must be gone.
fn restore(directory: &Path) -> Result<()> {
    let archive = directory.join(ARCHIVE);
    needed_room::check(directory, archive_file::unpacked_size(&archive).unwrap_or(0))?;
    let unpacked = directory.join(UNPACKED);
    fs::create_dir(&unpacked).context("unpacking the archive")?;
    archive_file::unpack(&archive, &unpacked)?;
    fault::step("restore.unpacked");
    for entry in fs::read_dir(&unpacked)? {
        let entry = entry?;
        fs::rename(entry.path(), directory.join(entry.file_name()))?;
    }
    fs::remove_dir(&unpacked)?;
    fault::step("restore.moved");
    let opened = File::open(directory)?;
    rustix::fs::syncfs(&opened).context("writing the files to the disk")?;
    fs::rename(directory.join(ARCHIVE), directory.join(UNFINISHED))?;
    opened.sync_all()?;
    fault::step("restore.renamed");
    Ok(fs::remove_file(directory.join(UNFINISHED))?)
}

/// Removes a sandbox's files, and leaves the archive and what is not the sandbox's own.
fn remove_files(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == UNPACKED || !OUTSIDE.iter().any(|stays| name == *stays) {
            remove_tree(&entry.path(), Locked::Unlock)?;
        }
    }
    Ok(())
}

/// The state of a sandbox after an engine was killed, which its record said to be in `state`: removes the one of archive and files
/// that does not count.
pub fn tidy(directory: &Path, state: State) -> State {
    let tidied = (|| -> Result<State> {
        match fs::remove_file(directory.join(UNFINISHED)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        if directory.join(ARCHIVE).exists() {
            remove_files(directory)?;
            return Ok(State::Archived);
        }
        if directory.join(UNPACKED).exists() {
            remove_tree(&directory.join(UNPACKED), Locked::Unlock)?;
        }
        Ok(state)
    })();
    tidied.unwrap_or_else(|error| {
        tracing::warn!(error = in_words(&error), directory = %directory.display(), "what a killed engine left stays");
        state
    })
}
