//! Creating and starting sandboxes (wire 2.2). How they end is told in `ending`.
//!
//! Every operation runs in a task of its own, so a client that disconnects does not leave a sandbox
//! half-way. As on the platform, create and start answer when the sandbox runs, create with the sandbox as it
//! was before the wait (`creating`); stop and delete answer at once with `stopping` and `destroying`, and until
//! the change is complete another one is refused with 409.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tracing::Instrument as _;

use crate::accounts::quota;
use crate::backend::{Feature, Instance, Resources, Spec, VolumeMount};
use crate::control::create;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::network::Reach;
use crate::sandboxes::cause::{self, Cause};
use crate::sandboxes::ending::end;
use crate::sandboxes::registry::{Entry, Operation};
use crate::sandboxes::sandbox::{self, BuildInfo, DesiredState, MountedVolume, Sandbox, State};
use crate::sandboxes::snapshot;
use crate::secret;
use crate::setup::desktop;
use crate::snapshots::images;
use crate::store::Stored;

/// Runs an operation to its end even when nobody waits for it any more.
pub async fn to_the_end<T: Send + 'static>(work: impl Future<Output = ApiResult<T>> + Send + 'static) -> ApiResult<T> {
    let work = cause::within(Cause::current(), work).in_current_span();
    tokio::spawn(work).await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
}

/// Runs what blocks where it holds up nobody.
pub async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))
}

impl Engine {
    /// `POST /sandbox`: answers once the sandbox runs, with the sandbox as it was before.
    pub async fn create(self: &Arc<Self>, mut sandbox: Sandbox) -> ApiResult<Value> {
        let builds = sandbox.build_info.clone().filter(|build| !snapshot::is_plain_copy(&build.dockerfile));
        drop(sandbox.build_info.as_mut().map(BuildInfo::take_secrets));
        let from_default = sandbox.image.is_none() && builds.is_none();
        if from_default && sandbox.user == "root" {
            self.backend.check(Feature::Root)?;
        }
        if !sandbox.volumes.is_empty() {
            self.backend.check(Feature::Volumes)?;
        }
        if sandbox.snapshot.as_deref() == Some(desktop::NAME) {
            self.backend.check(Feature::Desktop)?;
        }
        // Also one that does not hold while all is blocked.
        if Reach::of(false, None, sandbox.domain_allow_list.as_deref()).is_by_name() {
            self.backend.check(Feature::Domains)?;
        }
        let engine = Arc::clone(self);
        to_the_end(async move {
            if let Some(info) = builds {
                return engine.create_with_build(sandbox, info).await;
            }
            if let Some(created) = engine.create_from_pool(&sandbox).await? {
                return Ok(created);
            }
            // The record goes to the disk while the sandbox starts.
            let mut mounts = sandbox.volumes.clone();
            let (operation, stored) = engine.insert(sandbox)?;
            // One of them may have been deleted just before the sandbox was there to forbid it.
            if let Err(error) = engine.volumes.resolve(&mut mounts) {
                engine.remove(operation).await?;
                return Err(error);
            }
            fault::step("create.begun");
            let (name, owner) =
                operation.entry.with_record(|record| (record.snapshot.clone(), engine.owner_of(record)));
            if let Some(name) = name {
                engine.snapshots.touch(&name, &owner);
            }
            let created = engine.document(&operation.entry);
            engine.events.created(created.clone(), &operation.entry.cause());
            let files = engine.backend.create(spec_of(&engine, &operation.entry.record())).await;
            fault::step("create.files");
            match files {
                Ok(()) => {
                    let stored = engine.registry.store_as(&operation.entry, State::Starting);
                    engine.run(operation, stored, Unless::Remove).await?;
                }
                Err(error) => {
                    if let Err(error) = stored.wait().await {
                        engine.remove(operation).await?;
                        return Err(ApiError::not_stored(&error));
                    }
                    return Err(engine.failed(operation, &error));
                }
            }
            Ok(sandbox::just_created(created))
        })
        .await
    }

    /// Records a new sandbox and claims it, if its organization may have it.
    pub(super) fn insert(&self, sandbox: Sandbox) -> ApiResult<(Operation, Stored)> {
        let wanted = sandbox.clone();
        quota::within(self, &wanted, || self.registry.insert(sandbox))
    }

    /// Takes the first step of a start, if its organization may have the sandbox running.
    #[must_use = "a change that is not stored has to be kept or taken back"]
    pub(super) fn change_within_quota(&self, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> ApiResult<Stored> {
        quota::within(self, &entry.record(), || Ok(self.change(entry, change)))
    }

    /// `POST /sandbox/{id}/start`.
    pub async fn start(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<Value> {
        let state = || entry.with_record(|record| record.state);
        if state() == State::Started {
            return Ok(self.document(&entry));
        }
        self.give_up(&entry).await;
        let operation = entry.begin()?;
        match state() {
            State::Started => Ok(self.document(&entry)),
            State::Stopped => self.start_stopped(operation, entry.record()).await,
            State::Archived => self.start_archived(operation).await,
            State::Paused => self.resume(operation).await,
            State::Error | State::BuildFailed | State::Destroyed => {
                Err(ApiError::bad_request("Sandbox is not in valid state"))
            }
            _ => Err(ApiError::state_change_in_progress()),
        }
    }

    /// `POST /sandbox/{id}/recover`.
    pub async fn recover(self: &Arc<Self>, entry: Arc<Entry>, skip_start: bool) -> ApiResult<Value> {
        let operation = entry.begin()?;
        fault::step("recover.begun");
        let (state, recoverable) = entry.with_record(|record| (record.state, record.recoverable));
        if state != State::Error || !recoverable {
            return Err(ApiError::bad_request("Sandbox is not in a recoverable state"));
        }
        quota::active(self, &entry.with_record(|record| self.owner_of(record)))?;
        if skip_start {
            self.settle(operation, |record| {
                record.state = State::Stopped;
                record.desired_state = DesiredState::Stopped;
                record.error_reason = None;
                record.recoverable = false;
            });
            return Ok(self.document(&entry));
        }
        self.start_stopped(operation, entry.record()).await
    }

    /// Starts a sandbox that has its files. If that cannot be stored, it is as `before` says.
    pub(super) async fn start_stopped(self: &Arc<Self>, operation: Operation, before: Sandbox) -> ApiResult<Value> {
        let engine = Arc::clone(self);
        to_the_end(async move {
            let entry = Arc::clone(&operation.entry);
            let stored = engine.change_within_quota(&entry, |record| {
                record.state = State::Starting;
                record.desired_state = DesiredState::Started;
                record.error_reason = None;
                record.recoverable = false;
                record.auth_token = secret::token(32);
            });
            let stored = match stored {
                Ok(stored) => stored,
                Err(error) => {
                    // It may have been brought back from an archive on the way here.
                    engine.settle(operation, |record| *record = before);
                    return Err(error);
                }
            };
            engine.run(operation, stored, Unless::Restore(Box::new(before))).await?;
            Ok(engine.document(&entry))
        })
        .await
    }

    /// Starts the processes of a claimed sandbox, which runs once it is also on the disk that it starts. If that cannot be
    /// stored, it is as it was before.
    pub(super) async fn run(self: &Arc<Self>, operation: Operation, stored: Stored, unless: Unless) -> ApiResult<()> {
        let entry = Arc::clone(&operation.entry);
        let record = entry.record();
        self.testing.delay_start().await;
        self.touch_volumes(&record.volumes);
        let spec = spec_of(self, &record);
        let has_secrets = spec.secrets.is_some();
        let started = self.backend.start(spec).await;
        let stored = stored.wait().await;
        fault::step("start.stored");
        entry.set_instance(started.as_ref().ok().map(Arc::clone));
        if let Err(error) = stored {
            match unless {
                Unless::Remove => self.remove(operation).await?,
                Unless::Restore(before) => {
                    end(&entry, true).await?;
                    self.settle(operation, |record| *record = *before);
                }
            }
            return Err(ApiError::not_stored(&error));
        }
        let instance = match started {
            Ok(instance) => instance,
            Err(error) => return Err(self.failed(operation, &error)),
        };
        // The settings may have been changed while it started.
        if has_secrets {
            let (engine, current) = (Arc::clone(self), Arc::clone(&entry));
            off_the_runtime(move || engine.give_secrets(&current)).await?;
        }
        let current = Arc::clone(&entry);
        let followed = Arc::clone(&instance).set_reach(Box::new(move || current.with_record(reach))).await;
        if let Err(error) = followed {
            end(&entry, true).await?;
            return Err(self.failed(operation, &error));
        }
        self.settle_started(operation, instance);
        Ok(())
    }

    /// Makes the last change of a start, after which the sandbox is watched.
    pub(super) fn settle_started(self: &Arc<Self>, operation: Operation, instance: Arc<dyn Instance>) {
        let entry = Arc::clone(&operation.entry);
        entry.touch();
        fault::step("start.running");
        self.settle(operation, |record| {
            record.state = State::Started;
            record.stopped_at = None;
        });
        self.follow(entry, instance);
    }

    /// Follows what a running sandbox says, and notices its end.
    pub fn follow(self: &Arc<Self>, entry: Arc<Entry>, instance: Arc<dyn Instance>) {
        tokio::spawn(Arc::clone(self).follow_log(Arc::clone(&entry)));
        tokio::spawn(Arc::clone(self).watch(entry, instance));
    }

    pub(super) fn failed(self: &Arc<Self>, operation: Operation, error: &anyhow::Error) -> ApiError {
        let reason = in_words(error);
        tracing::error!(reason, "a sandbox failed to start");
        self.settle(operation, |record| {
            record.state = State::Error;
            record.error_reason = Some(reason.clone());
            record.recoverable = true;
        });
        ApiError::bad_request(format!("Sandbox failed to start: {reason}"))
    }
}

/// The end of a sandbox whose start cannot be stored.
pub(super) enum Unless {
    /// It was never there.
    Remove,
    /// It is as it was before.
    Restore(Box<Sandbox>),
}

/// What a sandbox is to be, as its record says.
pub(super) fn spec_of(engine: &Engine, record: &Sandbox) -> Spec {
    Spec {
        id: record.id.clone(),
        organization_id: engine.owner_of(record),
        resources: Resources { cpu: record.cpu, memory_gib: record.memory, disk_gib: record.disk },
        user: record.user.clone(),
        env: create::environment(engine, record),
        image: record.image.clone(),
        template: record.template.clone(),
        entrypoint: images::entrypoint(record),
        reach: reach(record),
        secrets: (!record.secrets.is_empty()).then(|| engine.mounted_secrets(record)),
        volumes: record.volumes.iter().map(mount_of).collect(),
        has_desktop: record.snapshot.as_deref() == Some(desktop::NAME),
        waiting: false,
    }
}

fn mount_of(mount: &MountedVolume) -> VolumeMount {
    VolumeMount {
        id: mount.volume_id.clone(),
        subpath: mount.subpath.as_ref().map(PathBuf::from),
        target: PathBuf::from(&mount.mount_path),
    }
}

/// What a sandbox may reach on the network.
pub(super) fn reach(record: &Sandbox) -> Reach {
    let (networks, domains) = (record.network_allow_list.as_deref(), record.domain_allow_list.as_deref());
    Reach::of(record.network_block_all, networks, domains)
}
