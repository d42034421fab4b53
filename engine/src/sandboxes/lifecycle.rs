//! Starting, stopping and deleting sandboxes (wire 2.2), on request and by themselves.
//!
//! Every operation runs in a task of its own, so a client that disconnects does not leave a sandbox
//! half-way. As on the platform, create and start answer when the sandbox runs, create with the sandbox as it
//! was before the wait (`creating`); stop and delete answer at once with `stopping` and `destroying`, and until
//! the change is complete another one is refused with 409.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daytona_toolbox::remove_tree::{Locked, remove_tree};
use serde_json::Value;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::accounts::quota;
use crate::control::create;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::isolation::{Instance, IsolationLevel, Resources, Start, Volume, files_directory};
use crate::network::Reach;
use crate::sandboxes::cause::{self, Cause};
use crate::sandboxes::registry::{Entry, Operation, Updated};
use crate::sandboxes::sandbox::{self, BuildInfo, DesiredState, MountedVolume, Sandbox, State, now_millis};
use crate::sandboxes::snapshot;
use crate::sandboxes::store::Stored;
use crate::secret;
use crate::setup::desktop;
use crate::volumes::record as volume;

/// How long an engine that ends waits for changes under way, and how often it looks.
const END_LIMIT: Duration = Duration::from_secs(10);
const END_POLL: Duration = Duration::from_millis(5);

/// Time for processes to end, gentleness included, before they are killed from outside, and then until they are given up.
const KILL_AFTER: Duration = Duration::from_secs(15);
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);

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
        if from_default && sandbox.user == "root" && self.launcher.level() != IsolationLevel::Namespaces {
            return Err(ApiError::not_implemented("Running as root without root's isolation"));
        }
        if !sandbox.volumes.is_empty() && self.launcher.level() == IsolationLevel::None {
            return Err(ApiError::not_implemented("Mounting volumes without isolation"));
        }
        if sandbox.snapshot.as_deref() == Some(desktop::NAME) {
            self.launcher.check_desktop()?;
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
            let (maker, record) = (Arc::clone(&engine), operation.entry.record());
            let files = off_the_runtime(move || maker.make_files(&record, &files_directory(&record.id))).await?;
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

    /// Makes the files of a new sandbox in a directory relative to the state directory. Blocks.
    pub(super) fn make_files(&self, record: &Sandbox, directory: &Path) -> anyhow::Result<()> {
        if let Some(snapshot) = &record.template {
            return self.copy_from_snapshot(snapshot, &record.id, directory);
        }
        match self.image_root(record) {
            Some(image) => self.launcher.create_image_files(directory, &record.id, &image, record.disk),
            None => {
                let snapshot = self.snapshot_dir();
                self.launcher.create_files(directory, &record.id, snapshot.as_deref(), record.disk)
            }
        }
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
        let engine = Arc::clone(self);
        self.touch_volumes(&record.volumes);
        let started = off_the_runtime(move || {
            let (snapshot, image) = (engine.snapshot_dir(), engine.image_root(&record));
            let directory = files_directory(&record.id);
            let start = start_of(&engine, &record, &directory, snapshot.as_deref());
            engine.launcher.start(&Start { image: image.as_ref(), ..start })
        })
        .await?;
        let stored = stored.wait().await;
        fault::step("start.stored");
        let started = started.map(Arc::new);
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
        let (started, current) = (Arc::clone(&instance), Arc::clone(&entry));
        let engine = Arc::clone(self);
        let follow = move || {
            engine.give_secrets(&current);
            started.set_reach(|| current.with_record(reach))
        };
        if let Err(error) = off_the_runtime(follow).await? {
            end(&entry, true).await?;
            return Err(self.failed(operation, &error));
        }
        self.settle_started(operation, instance);
        Ok(())
    }

    /// Makes the last change of a start, after which the sandbox is watched.
    pub(super) fn settle_started(self: &Arc<Self>, operation: Operation, instance: Arc<Instance>) {
        let entry = Arc::clone(&operation.entry);
        entry.touch();
        fault::step("start.running");
        self.settle(operation, |record| {
            record.state = State::Started;
            record.stopped_at = None;
        });
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

    /// Notices when a sandbox ends without having been asked to.
    async fn watch(self: Arc<Self>, entry: Arc<Entry>, instance: Arc<Instance>) {
        instance.wait().await;
        // Before the sandbox may be started again: others may still look at this instance.
        let ended = Arc::clone(&instance);
        let out_of_memory = off_the_runtime(move || {
            let out_of_memory = ended.was_out_of_memory();
            ended.release();
            out_of_memory
        });
        let out_of_memory = out_of_memory.await.unwrap_or(false);
        let is_current = entry.instance().is_some_and(|current| Arc::ptr_eq(&current, &instance));
        if !is_current {
            return;
        }
        entry.set_instance(None);
        let (cause, reason) = match out_of_memory {
            true => (Cause::OUT_OF_MEMORY, "The sandbox reached its limit of memory, and the kernel ended it"),
            false => (Cause::EXITED, "The sandbox's processes ended unexpectedly"),
        };
        entry.set_cause(cause.clone());
        let (id, owner) = entry.with_record(|record| (record.id.clone(), self.owner_of(record)));
        self.audit.by_engine(&owner, "stop", &id, cause.reason());
        let stored = self.change(&entry, |record| {
            record.state = State::Error;
            record.error_reason = Some(reason.to_owned());
            record.recoverable = true;
            record.stopped_at = Some(now_millis());
        });
        self.keep(id, stored);
    }

    /// `POST /sandbox/{id}/stop`: answers with the sandbox `stopping`. An ephemeral sandbox is destroyed instead.
    pub fn stop(self: &Arc<Self>, entry: Arc<Entry>, force: bool) -> ApiResult<Change> {
        let operation = entry.begin()?;
        let (state, ephemeral) = entry.with_record(|record| (record.state, record.is_ephemeral()));
        match state {
            State::Started | State::Paused => {}
            State::Error | State::BuildFailed => return Err(ApiError::bad_request("Sandbox is in an errored state")),
            State::Stopped | State::Archived | State::Destroyed => {
                return Err(ApiError::bad_request("Sandbox is not in a stoppable state"));
            }
            _ => return Err(ApiError::state_change_in_progress()),
        }
        if ephemeral {
            return Ok(self.destroy_claimed(operation));
        }
        // Nothing is lost when this is not stored: after the engine's end the sandbox is stopped, too.
        drop(self.change(&entry, |record| {
            record.state = State::Stopping;
            record.desired_state = DesiredState::Stopped;
        }));
        let engine = Arc::clone(self);
        Ok(self.under_way(&entry, async move {
            fault::step("stop.begun");
            if let Err(error) = end(&operation.entry, force).await {
                return Err(engine.not_ended(operation, error));
            }
            fault::step("stop.ended");
            engine.settle(operation, |record| {
                record.state = State::Stopped;
                record.stopped_at = Some(now_millis());
            });
            Ok(())
        }))
    }

    /// Leaves a sandbox whose processes did not end; it can be deleted when they have.
    fn not_ended(self: &Arc<Self>, operation: Operation, error: ApiError) -> ApiError {
        self.settle(operation, |record| {
            record.state = State::Error;
            record.error_reason = Some(error.to_string());
            record.recoverable = false;
        });
        error
    }

    /// `DELETE /sandbox/{id}`: answers with the sandbox `destroying`.
    pub fn destroy(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<Change> {
        let operation = entry.begin()?;
        if entry.with_record(|record| record.state) == State::Destroyed {
            return Err(ApiError::sandbox_not_found(&entry.with_record(|record| record.id.clone())));
        }
        Ok(self.destroy_claimed(operation))
    }

    fn destroy_claimed(self: &Arc<Self>, operation: Operation) -> Change {
        let entry = Arc::clone(&operation.entry);
        let stored = self.change(&entry, |record| {
            record.name = format!("DESTROYED_{}_{}", record.name, now_millis());
            record.state = State::Destroying;
            record.desired_state = DesiredState::Destroyed;
        });
        let engine = Arc::clone(self);
        let change = self.under_way(&entry, async move { engine.remove(operation).await });
        Change { stored: Some(stored), ..change }
    }

    /// Carries on a change that was begun, whoever waits for it.
    pub(super) fn under_way(
        &self,
        entry: &Entry,
        rest: impl Future<Output = ApiResult<()>> + Send + 'static,
    ) -> Change {
        let reply = sandbox::changing(self.document(entry));
        let done = tokio::spawn(async move {
            let result = rest.await;
            if let Err(error) = &result {
                tracing::error!(%error, "a change of a sandbox's state was not completed");
            }
            result
        });
        Change { reply, stored: None, done }
    }

    /// Ends and removes a claimed sandbox; the files go while nobody waits.
    ///
    /// Files in the trash are what records a sandbox as destroyed: moving them there needs no room on the disk.
    pub(super) async fn remove(self: &Arc<Self>, operation: Operation) -> ApiResult<()> {
        let entry = Arc::clone(&operation.entry);
        fault::step("delete.begun");
        if let Err(error) = end(&entry, true).await {
            return Err(self.not_ended(operation, error));
        }
        fault::step("delete.ended");
        let id = entry.with_record(|record| record.id.clone());
        let launcher = Arc::clone(&self.launcher);
        let discarded = off_the_runtime({
            let id = id.clone();
            move || launcher.discard_files(&id)
        });
        let discarded = match discarded.await? {
            Ok(path) => path,
            Err(error) => return Err(self.failed(operation, &error.into())),
        };
        fault::step("delete.discarded");
        // Its removal says more.
        drop(self.change(&entry, |record| record.state = State::Destroyed));
        let removed = self.registry.remove(&id).wait().await;
        fault::step("delete.removed");
        self.close_previews(&id);
        let unstored = removed.is_err();
        let emptied = tokio::task::spawn_blocking({
            let discarded = discarded.clone();
            move || {
                if let Err(error) = remove_tree(&discarded, Locked::Unlock)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    tracing::warn!(%error, directory = %discarded.display(), "the files of a deleted sandbox are left");
                }
                if unstored {
                    // Until the removal is stored this says that the sandbox is gone, also to the next engine.
                    let _ = std::fs::create_dir_all(&discarded);
                }
            }
        });
        if unstored {
            let engine = Arc::clone(self);
            tokio::spawn(async move {
                // There is room when the files are gone; should that have failed, the removal is tried all the same.
                let _ = emptied.await;
                engine.stored_at_last(&id, engine.registry.store_again(&id)).await;
                let _ = std::fs::remove_dir(&discarded);
            });
        }
        Ok(())
    }

    /// Changes a record and answers once it is stored; a change that could not be is not made.
    pub async fn change_stored(self: &Arc<Self>, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> ApiResult<()> {
        fault::step("setting.begun");
        self.once_stored(entry, self.registry.update(entry, change)).await?;
        fault::step("setting.stored");
        Ok(())
    }

    pub(super) async fn once_stored(self: &Arc<Self>, entry: &Entry, updated: Updated) -> ApiResult<()> {
        let Updated { before, after, stored } = updated;
        if let Err(error) = stored.wait().await {
            let id = before.id.clone();
            self.registry.revert(entry, before, &after);
            if self.unstored.contains(&id) {
                // It may have been written again with the change in it.
                self.keep(id.clone(), self.registry.store_again(&id));
            }
            return Err(ApiError::not_stored(&error));
        }
        self.tell(&before, &after, &entry.cause());
        Ok(())
    }

    /// Changes a record's network settings. They hold, and connections end, while the record is on its way to the disk.
    pub async fn change_network(self: &Arc<Self>, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> ApiResult<()> {
        fault::step("limits.begun");
        let updated = self.registry.update(entry, change);
        let applied = apply_reach(entry);
        fault::step("limits.held");
        let stored = self.once_stored(entry, updated).await;
        fault::step("limits.stored");
        if stored.is_err() {
            // The record is as it was before.
            apply_reach(entry)?;
        }
        stored.and(applied)
    }

    /// Changes what is true whether it is stored or not, such as that a sandbox runs, and tells subscribers.
    #[must_use = "a change that is not stored has to be kept or taken back"]
    pub fn change(&self, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> Stored {
        let Updated { before, after, stored } = self.registry.update(entry, change);
        self.tell(&before, &after, &entry.cause());
        stored
    }

    /// Makes the last change of an operation, which another may follow at once, and tells subscribers.
    pub fn settle(self: &Arc<Self>, operation: Operation, change: impl FnOnce(&mut Sandbox)) {
        // Afterwards another operation may have begun.
        let cause = operation.entry.cause();
        let Updated { before, after, stored } = self.registry.settle(operation, change);
        self.tell(&before, &after, &cause);
        self.keep(after.id, stored);
    }

    pub(super) fn tell(&self, before: &Sandbox, after: &Sandbox, cause: &Cause) {
        self.ssh.live.follow(after);
        if before.desired_state != after.desired_state {
            let document = after.document(&self.identity);
            self.events.desired_state_updated(document, before.desired_state, after.desired_state, cause);
        }
        if before.state != after.state {
            self.events.state_updated(after.document(&self.identity), before.state, after.state, cause);
        }
    }

    /// Ends every sandbox's processes; records say `stopped` afterwards. Changes under way are completed first.
    pub async fn stop_all(self: &Arc<Self>) {
        let stopping: Vec<_> = self
            .registry
            .all()
            .into_iter()
            .map(|entry| {
                let engine = Arc::clone(self);
                tokio::spawn(cause::within(Cause::ENGINE_STOPPED, async move { engine.stop_at_end(entry).await }))
            })
            .collect();
        for task in stopping {
            if let Ok(Err(error)) = task.await {
                tracing::warn!(%error, "a sandbox was killed instead of stopped");
            }
        }
    }

    async fn stop_at_end(self: &Arc<Self>, entry: Arc<Entry>) -> ApiResult<()> {
        self.give_up(&entry).await;
        let deadline = tokio::time::Instant::now() + END_LIMIT;
        while entry.is_changing() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(END_POLL).await;
        }
        if entry.instance().is_none() {
            return Ok(());
        }
        self.stop(entry, false)?.completed().await
    }
}

/// The end of a sandbox whose start cannot be stored.
pub(super) enum Unless {
    /// It was never there.
    Remove,
    /// It is as it was before.
    Restore(Box<Sandbox>),
}

/// A change that is under way.
pub struct Change {
    /// The sandbox in the state in between, as clients are answered.
    reply: Value,
    /// That it is meant to happen, where that must survive the engine.
    stored: Option<Stored>,
    done: JoinHandle<ApiResult<()>>,
}

impl Change {
    /// The answer for clients, as soon as the change is certain to happen, even if the engine dies.
    pub async fn acknowledged(mut self) -> ApiResult<Value> {
        if let Some(stored) = self.stored.take()
            && stored.wait().await.is_err()
        {
            // A change that cannot be recorded has to be complete before it can be promised.
            self.done.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))?;
        }
        Ok(self.reply)
    }

    /// Waits until the new state is reached.
    pub async fn completed(self) -> ApiResult<()> {
        self.done.await.unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }
}

/// Makes the network of a running sandbox what its record says. One whose network cannot be limited is stopped.
fn apply_reach(entry: &Entry) -> ApiResult<()> {
    let Some(instance) = entry.instance() else { return Ok(()) };
    instance.set_reach(|| entry.with_record(reach)).map_err(|error| {
        instance.kill();
        ApiError::internal(&in_words(&error))
    })
}

/// The start of a sandbox whose files are in this directory.
pub(super) fn start_of<'a>(
    engine: &Engine,
    record: &'a Sandbox,
    directory: &'a Path,
    snapshot: Option<&'a Path>,
) -> Start<'a> {
    Start {
        sandbox_id: &record.id,
        directory,
        resources: Resources { cpu: record.cpu, memory_gib: record.memory, disk_gib: record.disk },
        as_root: record.user == "root",
        env: create::environment(engine, record),
        reach: reach(record),
        secrets: (!record.secrets.is_empty()).then(|| engine.mounted_secrets(record)),
        snapshot,
        image: None,
        has_desktop: record.snapshot.as_deref() == Some(desktop::NAME),
        volumes: record.volumes.iter().map(volume_of).collect(),
    }
}

fn volume_of(mount: &MountedVolume) -> Volume {
    Volume {
        data: volume::data(&mount.volume_id),
        subpath: mount.subpath.as_ref().map(PathBuf::from),
        target: PathBuf::from(&mount.mount_path),
    }
}

/// What a sandbox may reach on the network.
pub(super) fn reach(record: &Sandbox) -> Reach {
    let (networks, domains) = (record.network_allow_list.as_deref(), record.domain_allow_list.as_deref());
    Reach::of(record.network_block_all, networks, domains)
}

/// Ends the processes, gently or not, and waits for it, though not for ever.
async fn end(entry: &Entry, force: bool) -> ApiResult<()> {
    let Some(instance) = entry.set_instance(None) else { return Ok(()) };
    if instance.is_frozen() {
        let frozen = Arc::clone(&instance);
        if let Err(error) = off_the_runtime(move || frozen.thaw()).await? {
            tracing::warn!(error = in_words(&error), "a paused sandbox is killed");
            instance.kill();
        }
    }
    if force {
        instance.kill();
    } else {
        instance.terminate();
    }
    if tokio::time::timeout(KILL_AFTER, instance.wait()).await.is_err() {
        instance.kill_from_outside();
        if tokio::time::timeout(GIVE_UP_AFTER, instance.wait()).await.is_err() {
            // The kernel keeps them, in a broken disk or driver. They are still this sandbox's.
            entry.set_instance(Some(instance));
            let pending = "Sandbox's processes do not end: the machine's kernel keeps them. Try again later";
            return Err(ApiError::bad_request(pending));
        }
    }
    // Before the sandbox may be started again, whoever else still looks at this instance.
    off_the_runtime(move || instance.release()).await
}
