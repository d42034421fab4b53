//! The file systems in which builds failed, kept for a while: each is a snapshot that no list shows, and from which sandboxes
//! are made as from any other.

use std::sync::Arc;
use std::time::Duration;

use daytona_images::Image;

use crate::clock;
use crate::engine::Engine;
use crate::sandboxes::sandbox::now_millis;
use crate::snapshots::record::{self, Snapshot, SnapshotState};

/// How long one is kept.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// How many of an organization are kept at a time: they count for no quota.
const MOST: usize = 10;

impl Engine {
    /// Keeps what the failed command of a snapshot's build has left; answers by which name.
    pub(super) async fn keep_failed_step(self: &Arc<Self>, of: &Snapshot, image: Image) -> Option<String> {
        if self.snapshots.is_going(&of.id) {
            return None;
        }
        let is_one = |known: &&Snapshot| known.failed_step_of.is_some() && known.organization_id == of.organization_id;
        if self.snapshots.all().iter().filter(is_one).count() >= MOST {
            tracing::info!(snapshot = of.id, "the file system of a failed step is not kept: there are {MOST}");
            return None;
        }
        let kept = Snapshot {
            organization_id: of.organization_id.clone(),
            image_name: Some(of.name.clone()),
            size: Some(image.size),
            image: Some(image),
            failed_step_of: Some(of.id.clone()),
            state: SnapshotState::Active,
            cpu: of.cpu,
            memory: of.memory,
            disk: of.disk,
            ..record::new(format!("failed-step-{}", of.id))
        };
        let stored = match self.snapshots.insert(kept.clone(), i64::MAX) {
            Ok(stored) => stored.wait().await.map_err(|error| error.to_string()),
            Err(error) => Err(error.message),
        };
        if let Err(error) = stored {
            tracing::warn!(error, snapshot = of.id, "the file system of a failed step is not kept");
            drop(self.snapshots.remove(&kept.id));
            return None;
        }
        let name = kept.name.clone();
        tokio::spawn(Arc::clone(self).forget_failed_step(kept));
        Some(name)
    }

    /// Removes one when its time is over.
    pub(super) async fn forget_failed_step(self: Arc<Self>, kept: Snapshot) {
        let age = u64::try_from(now_millis() - kept.created_at).unwrap_or_default();
        clock::sleep(KEPT.saturating_sub(Duration::from_millis(age))).await;
        self.forget_snapshot(kept.id).await;
    }

    /// The ids of those that a snapshot's build has left.
    pub(super) fn failed_steps_of(&self, id: &str) -> Vec<String> {
        let of_it = |kept: &Snapshot| kept.failed_step_of.as_deref() == Some(id);
        self.snapshots.all().into_iter().filter(of_it).map(|kept| kept.id).collect()
    }
}
