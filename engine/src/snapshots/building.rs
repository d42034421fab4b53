//! Making snapshots and removing them. Every snapshot that is accepted comes to an end: `active`, `error` or `build_failed`.

use std::sync::Arc;

use daytona_images::Secrets;
use serde_json::Value;

use crate::accounts::quota;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::fault;
use crate::sandboxes::lifecycle::{off_the_runtime, to_the_end};
use crate::sandboxes::sandbox::BuildInfo;
use crate::snapshots::images::{self, NotMade};
use crate::snapshots::record::{Snapshot, SnapshotState};
use crate::store::Stored;

impl Engine {
    /// `POST /snapshots`: answers once the snapshot is recorded, `pending`.
    pub async fn create_snapshot(self: &Arc<Self>, mut snapshot: Snapshot) -> ApiResult<Value> {
        let engine = Arc::clone(self);
        let secrets = snapshot.build_info.as_mut().map(BuildInfo::take_secrets).unwrap_or_default();
        to_the_end(async move {
            let stored = engine.insert_snapshot(&snapshot)?;
            if let Err(error) = stored.wait().await {
                drop(engine.snapshots.remove(&snapshot.id));
                return Err(ApiError::not_stored(&error));
            }
            let document = snapshot.document(&engine.identity);
            engine.events.snapshot_created(document.clone());
            tokio::spawn(Arc::clone(&engine).make_snapshot(snapshot, secrets));
            Ok(document)
        })
        .await
    }

    /// Records a new snapshot, if its organization may have it.
    pub(super) fn insert_snapshot(&self, snapshot: &Snapshot) -> ApiResult<Stored> {
        let owner = self.snapshots.owner_of(snapshot);
        quota::take(self, owner, |organization| {
            self.snapshots.insert(snapshot.clone(), quota::of(organization, "snapshotQuota"))
        })
    }

    /// Goes on with what an engine has left when it ended.
    pub fn go_on_with_snapshots(self: &Arc<Self>) {
        for snapshot in self.snapshots.all() {
            match snapshot.state {
                state if state.is_in_between() => {
                    drop(tokio::spawn(Arc::clone(self).make_snapshot(snapshot, Secrets::default())));
                }
                SnapshotState::Removing => drop(tokio::spawn(Arc::clone(self).forget_snapshot(snapshot.id))),
                _ if snapshot.failed_step_of.is_some() => {
                    drop(tokio::spawn(Arc::clone(self).forget_failed_step(snapshot)));
                }
                _ => {}
            }
        }
    }

    /// Builds or fetches what the snapshot is to be.
    async fn make_snapshot(self: Arc<Self>, snapshot: Snapshot, secrets: Secrets) {
        if snapshot.source_sandbox_id.is_some() {
            // Its sandbox has ended with the engine, and may have changed.
            self.backend.remove_snapshot(&snapshot.id).await;
            return self.advance_snapshot(&snapshot.id, |record| {
                record.state = SnapshotState::Error;
                record.error_reason = Some("The engine ended while the snapshot was being made".to_owned());
            });
        }
        let (info, working, failed) = match &snapshot.build_info {
            Some(info) => (BuildInfo { secrets, ..info.clone() }, SnapshotState::Building, SnapshotState::BuildFailed),
            None => {
                let image = snapshot.image_name.as_deref().unwrap_or_default();
                (images::from_image(image), SnapshotState::Pulling, SnapshotState::Error)
            }
        };
        let under_way = self.images.begin(&snapshot.id);
        let made = self.build(&under_way, &info, snapshot.organization_id.as_deref(), || {
            self.advance_snapshot(&snapshot.id, |record| record.state = working);
            fault::step("snapshot.building");
        });
        let made = made.await;
        fault::step("snapshot.built");
        match made {
            Ok(image) => self.advance_snapshot(&snapshot.id, |record| {
                record.state = SnapshotState::Active;
                record.size = image.as_ref().map(|image| image.size);
                record.image = image;
            }),
            // It is being removed, or the engine ends and the next one goes on.
            Err(NotMade::GivenUp) => {}
            Err(NotMade::Failed(reason, left)) => {
                let failed_step = match left {
                    Some(image) => self.keep_failed_step(&snapshot, *image).await,
                    None => None,
                };
                self.advance_snapshot(&snapshot.id, |record| {
                    record.state = failed;
                    record.error_reason = Some(reason);
                    record.failed_step = failed_step;
                });
            }
        }
        // Only now: until it is recorded nothing else keeps the image.
        drop(under_way);
        if self.snapshots.is_going(&snapshot.id) {
            // Its log may have been begun after it was deleted.
            self.build_logs.remove(&snapshot.id);
        }
    }

    /// Changes a snapshot that is being made, unless it is being removed, and tells subscribers. What is not stored the next
    /// engine does again.
    pub fn advance_snapshot(self: &Arc<Self>, id: &str, change: impl FnOnce(&mut Snapshot)) {
        let changed = self.snapshots.update(id, |record| {
            if record.state.is_in_between() {
                change(record);
            }
        });
        if let Some((before, after, _)) = changed
            && before.state != after.state
        {
            self.events.snapshot_state_updated(after.document(&self.identity), before.state, after.state);
            self.fill_pools();
        }
    }

    /// The snapshot with this id or name, which may be changed.
    fn changeable(&self, id_or_name: &str) -> ApiResult<Snapshot> {
        let snapshot = self.snapshots.find(id_or_name);
        let snapshot = snapshot.ok_or_else(|| ApiError::not_found(format!("Snapshot {id_or_name} not found")))?;
        match snapshot.general {
            false => Ok(snapshot),
            true => Err(ApiError::refused(format!("Snapshot {} is everybody's and cannot be changed", snapshot.name))),
        }
    }

    /// `POST /snapshots/{id}/activate`.
    pub async fn activate_snapshot(self: &Arc<Self>, id_or_name: &str) -> ApiResult<Value> {
        let Snapshot { id, state, .. } = self.changeable(id_or_name)?;
        match state {
            SnapshotState::Active => Err(ApiError::bad_request(format!("Snapshot {id_or_name} is already active"))),
            SnapshotState::Inactive => self.switch_snapshot(&id, state, SnapshotState::Active).await,
            other => {
                let text = format!("Snapshot {id_or_name} cannot be activated: it is in {} state", other.name());
                Err(ApiError::bad_request(text))
            }
        }
    }

    /// `POST /snapshots/{id}/deactivate`. Its sandboxes stay.
    pub async fn deactivate_snapshot(self: &Arc<Self>, id_or_name: &str) -> ApiResult<()> {
        let Snapshot { id, state, .. } = self.changeable(id_or_name)?;
        match state {
            SnapshotState::Inactive => Ok(()),
            SnapshotState::Active => self.switch_snapshot(&id, state, SnapshotState::Inactive).await.map(drop),
            other => {
                let text = format!("Snapshot {id_or_name} cannot be deactivated: it is in {} state", other.name());
                Err(ApiError::bad_request(text))
            }
        }
    }

    /// Changes the state and answers once that is stored; a change that could not be is not made.
    async fn switch_snapshot(self: &Arc<Self>, id: &str, from: SnapshotState, to: SnapshotState) -> ApiResult<Value> {
        let changed = self.snapshots.update(id, |record| {
            if record.state == from {
                record.state = to;
            }
        });
        let Some((before, after, stored)) = changed else {
            return Err(ApiError::not_found(format!("Snapshot {id} not found")));
        };
        if after.state != to {
            return Err(ApiError::operation_in_progress());
        }
        if let Err(error) = stored.wait().await {
            drop(self.snapshots.update(id, |record| {
                if record.state == to {
                    record.state = before.state;
                }
            }));
            return Err(ApiError::not_stored(&error));
        }
        let document = after.document(&self.identity);
        if before.state != after.state {
            self.events.snapshot_state_updated(document.clone(), before.state, after.state);
            self.fill_pools();
        }
        Ok(document)
    }

    /// `DELETE /snapshots/{id}`: answers when the removal is certain. Sandboxes made from it stay; a build is given up.
    pub async fn remove_snapshot(self: &Arc<Self>, id_or_name: &str) -> ApiResult<()> {
        let Snapshot { id, .. } = self.changeable(id_or_name)?;
        let engine = Arc::clone(self);
        to_the_end(async move {
            let changed = engine.snapshots.update(&id, |record| record.state = SnapshotState::Removing);
            let Some((before, after, stored)) = changed else {
                return Err(ApiError::not_found(format!("Snapshot {id} not found")));
            };
            if before.state == SnapshotState::Removing {
                return Ok(());
            }
            if let Err(error) = stored.wait().await {
                drop(engine.snapshots.update(&id, |record| record.state = before.state));
                return Err(ApiError::not_stored(&error));
            }
            engine.events.snapshot_state_updated(after.document(&engine.identity), before.state, after.state);
            engine.fill_pools();
            tokio::spawn(Arc::clone(&engine).forget_snapshot(id));
            Ok(())
        })
        .await
    }

    /// Removes everything that belongs to a snapshot, its record last.
    pub async fn forget_snapshot(self: Arc<Self>, id: String) {
        let Some(snapshot) = self.snapshots.find(&id) else { return };
        self.images.give_up(&id);
        for kept in self.failed_steps_of(&id) {
            drop(self.snapshots.remove(&kept));
        }
        self.backend.remove_snapshot(&id).await;
        let (engine, log) = (Arc::clone(&self), id.clone());
        let removed = off_the_runtime(move || engine.build_logs.remove(&log));
        if let Err(error) = removed.await {
            tracing::warn!(%error, snapshot = id, "the files of a snapshot are left");
        }
        if let Err(error) = self.snapshots.remove(&id).wait().await {
            // The next engine finds it `removing`.
            tracing::warn!(%error, snapshot = id, "the removal of a snapshot could not be stored");
        }
        self.events.snapshot_removed(snapshot.document(&self.identity));
    }
}
