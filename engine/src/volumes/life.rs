//! Creating and deleting volumes.
//!
//! A sandbox is in the registry before its volumes are looked at a last time, and a volume is `pending_delete` before the
//! sandboxes are: one of the two sees the other, so no sandbox starts with a volume that goes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use daytona_toolbox::remove_tree::{Locked, remove_tree};

use super::record::{self, Volume, VolumeState};
use super::table::Volumes;
use crate::accounts::quota;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::fault;
use crate::sandboxes::lifecycle::off_the_runtime;
use crate::sandboxes::registry::{Entry, Registry};
use crate::sandboxes::reserve;
use crate::sandboxes::sandbox::{DesiredState, MountedVolume, Sandbox, now_millis};
use crate::store::Stored;

/// How often a volume that goes is looked at while sandboxes that have it go.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Engine {
    /// `POST /volumes`: answers with the volume as it was before its directory was made.
    pub async fn create_volume(self: &Arc<Self>, organization_id: String, name: String) -> ApiResult<Volume> {
        let volume = Volume::new(organization_id, name);
        quota::take(self, &volume.organization_id, |organization| {
            self.volumes.insert(volume.clone(), quota::of(organization, "volumeQuota"))
        })?;
        self.events.volume_created(volume.document());
        let (state_dir, id) = (self.state_dir.clone(), volume.id.clone());
        fault::step("volume.begun");
        let made = off_the_runtime(move || record::make(&state_dir, &id)).await?;
        fault::step("volume.made");
        let stored = match made {
            Ok(()) => match self.change_volume(&volume.id, |record| record.state = VolumeState::Ready) {
                Some(stored) => stored.wait().await.map_err(|error| ApiError::not_stored(&error)),
                None => Err(ApiError::internal(&"a volume that is being created is gone")),
            },
            Err(error) => Err(ApiError::not_stored(&reserve::explain(&self.state_dir, &error))),
        };
        if let Err(error) = stored {
            drop(self.volumes.remove(&volume.id));
            let directory = record::directory(&self.state_dir, &volume.id);
            let _ = off_the_runtime(move || remove_tree(&directory, Locked::Unlock)).await;
            return Err(error);
        }
        Ok(volume)
    }

    /// `DELETE /volumes/{id}`: the files go while nobody waits.
    ///
    /// # Errors
    /// 400 unless it is ready, 409 while a sandbox has it that is not being deleted, running or not.
    pub async fn delete_volume(self: &Arc<Self>, id: &str) -> ApiResult<()> {
        let volume = self.volumes.get(id)?;
        if volume.state != VolumeState::Ready {
            let state = volume.state.name();
            return Err(ApiError::bad_request(format!(
                "Volume must be in 'ready' or 'error' state in order to be deleted. Current state: {state}"
            )));
        }
        let stored = self.change_volume(id, |record| record.state = VolumeState::PendingDelete);
        let stays = |entry: &Arc<Entry>| entry.with_record(|record| record.desired_state != DesiredState::Destroyed);
        if let Some(user) = self.users_of(id).into_iter().find(stays) {
            let user = user.with_record(|record| record.name.clone());
            drop(self.change_volume(id, |record| record.state = VolumeState::Ready));
            return Err(ApiError::conflict(format!(
                "Volume cannot be deleted because it is in use by one or more sandboxes (e.g. {user})"
            )));
        }
        if let Some(stored) = stored
            && let Err(error) = stored.wait().await
        {
            drop(self.change_volume(id, |record| record.state = VolumeState::Ready));
            return Err(ApiError::not_stored(&error));
        }
        fault::step("volume.doomed");
        let (engine, id) = (Arc::clone(self), id.to_owned());
        tokio::spawn(async move {
            // Sandboxes that are being deleted may still write to it.
            while !engine.users_of(&id).is_empty() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            engine.forget_volume(&id).await;
        });
        Ok(())
    }

    /// Removes the files of a volume that no sandbox has, and its record. What is left after a failure goes with the next start.
    pub async fn forget_volume(&self, id: &str) {
        let directory = record::directory(&self.state_dir, id);
        match off_the_runtime(move || remove_tree(&directory, Locked::Unlock)).await {
            Ok(Ok(())) => drop(self.volumes.remove(id)),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => drop(self.volumes.remove(id)),
            other => tracing::warn!(?other, volume = id, "the files of a deleted volume are left"),
        }
    }

    /// Goes on with what an engine has left when it ended.
    pub fn go_on_with_volumes(self: &Arc<Self>) {
        for volume in self.volumes.all() {
            if volume.state == VolumeState::PendingDelete {
                let engine = Arc::clone(self);
                tokio::spawn(async move { engine.forget_volume(&volume.id).await });
            }
        }
    }

    /// Notes that a sandbox starts with volumes.
    pub fn touch_volumes(&self, mounts: &[MountedVolume]) {
        for mount in mounts {
            let now = now_millis();
            let used = self.volumes.update(&mount.volume_id, |record| record.last_used_at = Some(now));
            if let Some((volume, stored)) = used {
                // Not worth waiting for.
                drop(stored);
                self.events.volume_used(volume.document());
            }
        }
    }

    /// The sandboxes that have a volume, in whatever state they are.
    fn users_of(&self, id: &str) -> Vec<Arc<Entry>> {
        let mut entries = self.registry.all();
        entries.retain(|entry| entry.with_record(|record| record.volumes.iter().any(|mount| mount.volume_id == id)));
        entries
    }

    fn change_volume(&self, id: &str, change: impl FnOnce(&mut Volume)) -> Option<Stored> {
        let before = self.volumes.get(id).ok()?;
        let (after, stored) = self.volumes.update(id, change)?;
        self.events.volume_state_updated(after.document(), before.state, after.state);
        Some(stored)
    }
}

/// Looks at what an engine that was killed has begun, and removes directories without files that no volume has. A volume that a
/// sandbox keeps was only looked at when the engine ended: its deletion was about to be refused.
pub fn settle(volumes: &Volumes, registry: &Registry, state_dir: &Path) {
    for volume in volumes.all() {
        if volume.state != VolumeState::PendingDelete {
            continue;
        }
        let has = |record: &Sandbox| record.volumes.iter().any(|mount| mount.volume_id == volume.id);
        let keeps = |record: &Sandbox| has(record) && record.desired_state != DesiredState::Destroyed;
        if registry.all().iter().any(|entry| entry.with_record(keeps)) {
            drop(volumes.update(&volume.id, |record| record.state = VolumeState::Ready));
        }
    }
    for entry in std::fs::read_dir(state_dir.join("volumes")).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_none_or(|id| volumes.get(id).is_err()) {
            // Only empty ones go: files that belong to nobody known are kept.
            let _ = std::fs::remove_dir(entry.path().join("data"));
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}
