//! Sandboxes whose image has to be built first (wire 2.2): `pending_build`, `building_snapshot`, and then like any other.

use std::sync::Arc;

use serde_json::Value;

use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::fault;
use crate::sandboxes::lifecycle::{Unless, spec_of};
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::sandbox::{self, BuildInfo, Sandbox, State};
use crate::snapshots::images::{NotMade, user_of};

impl Engine {
    /// Records a sandbox and answers, `pending_build`, while its image is built.
    pub(super) async fn create_with_build(self: &Arc<Self>, sandbox: Sandbox, info: BuildInfo) -> ApiResult<Value> {
        let (operation, stored) = self.insert(Sandbox { state: State::PendingBuild, ..sandbox })?;
        if let Err(error) = stored.wait().await {
            self.remove(operation).await?;
            return Err(ApiError::not_stored(&error));
        }
        fault::step("build.pending");
        let created = self.document(&operation.entry);
        self.events.created(created.clone(), &operation.entry.cause());
        let engine = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = engine.build_and_run(operation, &info).await {
                tracing::warn!(%error, "a sandbox did not start after its build");
            }
        });
        Ok(sandbox::just_created(created))
    }

    async fn build_and_run(self: &Arc<Self>, operation: Operation, info: &BuildInfo) -> ApiResult<()> {
        let entry = Arc::clone(&operation.entry);
        let id = entry.with_record(|record| record.id.clone());
        let under_way = self.images.begin(&id);
        let owner = entry.with_record(|record| record.organization_id.clone());
        let built = self.build(&under_way, info, owner.as_deref(), || {
            drop(self.change(&entry, |record| record.state = State::BuildingSnapshot));
            fault::step("build.begun");
        });
        let built = built.await;
        fault::step("build.ended");
        match built {
            Ok(image) => {
                drop(self.change(&entry, |record| {
                    record.state = State::Creating;
                    if record.user.is_empty() {
                        record.user = image.as_ref().map_or_else(|| "daytona".to_owned(), user_of);
                    }
                    record.image = image;
                }));
                // Only now: until it is recorded nothing else keeps the image.
                drop(under_way);
                self.make_and_run(operation).await
            }
            Err(not_made) => {
                let reason = match not_made {
                    NotMade::GivenUp => "The build was given up".to_owned(),
                    NotMade::Failed(reason, _) => reason,
                };
                self.settle(operation, |record| {
                    record.state = State::BuildFailed;
                    record.error_reason = Some(reason);
                });
                Ok(())
            }
        }
    }

    /// Makes a claimed sandbox's files and starts it.
    async fn make_and_run(self: &Arc<Self>, operation: Operation) -> ApiResult<()> {
        let spec = spec_of(self, &operation.entry.record());
        if let Err(error) = self.backend.create(spec).await {
            return Err(self.failed(operation, &error));
        }
        let stored = self.registry.store_as(&operation.entry, State::Starting);
        self.run(operation, stored, Unless::Remove).await
    }

    /// Gives up putting files away, or building an image, so that something else can begin.
    pub async fn give_up(&self, entry: &Entry) {
        let (id, state) = entry.with_record(|record| (record.id.clone(), record.state));
        if matches!(state, State::PendingBuild | State::BuildingSnapshot) {
            self.images.give_up(&id);
        }
        entry.give_up_change().await;
    }
}
