//! Warm pools: sandboxes that run already when they are created (additions 2.7).
//!
//! A pool's sandboxes belong to nobody: they have no record and are in no list, their files are below `pool/`, which each start
//! empties, and they end with the engine. A create that a pool serves gives one of them a record under its id and moves its
//! files to the others'. The pools themselves are kept, and filled again by the next engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lifecycle::{off_the_runtime, reach, spec_of};
use super::sandbox::{Sandbox, State, iso, now_millis};
use super::snapshot::{DEFAULT_RESOURCES, ResourceSizes};
use crate::backend::{Feature, Instance, Spec};
use crate::control::create;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult, in_words};
use crate::fault;
use crate::network::Reach;
use crate::setup::desktop;
use crate::snapshots::record::{Snapshot, SnapshotState};

/// The most sandboxes that a pool may hold.
pub const MOST: i64 = 100;

/// The setting that has all pools.
const SETTING: &str = "warm-pools";

/// How long a pool waits before it makes a sandbox in the place of one that was taken: whoever has it wants the processors now.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a pool that could not make a sandbox waits until it tries again.
const RETRY: Duration = Duration::from_secs(5);

/// What is kept of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// UUID v4.
    pub id: String,
    /// The snapshot's name.
    pub snapshot: String,
    /// The region.
    pub target: String,
    /// How many sandboxes it is to hold.
    pub pool: i64,
    /// UTC milliseconds since 1970.
    pub created_at: i64,
    /// The same.
    pub updated_at: i64,
}

/// A sandbox that waits.
struct Member {
    id: String,
    origin: Origin,
    instance: Arc<dyn Instance>,
}

impl Member {
    /// Whether it runs and is what a start would give now.
    fn is_usable(&self, origin: Option<&Origin>) -> bool {
        !self.instance.has_ended() && Some(&self.origin) == origin
    }
}

/// What a sandbox was made from, which may have been replaced since.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    /// The snapshot's id: another one may have its name by now.
    snapshot: String,
    /// What the engine has prepared for all sandboxes.
    prepared: Option<PathBuf>,
}

#[derive(Default)]
struct Known {
    pools: BTreeMap<String, Pool>,
    members: BTreeMap<String, Vec<Member>>,
    errors: BTreeMap<String, String>,
}

/// The pools of one engine.
#[derive(Default)]
pub struct Pools {
    known: Mutex<Known>,
    /// Held while they are changed, so that what is stored last was changed last.
    changing: tokio::sync::Mutex<()>,
    /// Whether somebody fills them right now.
    filling: AtomicBool,
    ended: AtomicBool,
}

impl Pools {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads pools as [`Self::write`] has written them; those that cannot be read are none.
    pub fn read(setting: Option<&str>) -> Self {
        let pools: Vec<Pool> = setting.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let pools = pools.into_iter().map(|pool| (pool.id.clone(), pool)).collect();
        Self { known: Mutex::new(Known { pools, ..Known::default() }), ..Self::default() }
    }

    /// Adds or replaces a pool of the engine's operator, which is kept only as long as the engine runs.
    pub fn configure(&self, size: i64, target: &str) {
        let now = now_millis();
        let id = uuid::Uuid::new_v4().to_string();
        let snapshot = super::snapshot::DEFAULT_NAME.to_owned();
        let mut known = self.lock();
        if let Some(same) = known.pools.values_mut().find(|pool| pool.snapshot == snapshot && pool.target == target) {
            same.pool = size;
            return;
        }
        let pool =
            Pool { id: id.clone(), snapshot, target: target.to_owned(), pool: size, created_at: now, updated_at: now };
        known.pools.insert(id, pool);
    }

    /// Takes a running sandbox of the pool that serves such a create.
    fn take(&self, wanted: &Sandbox, origin: &Origin) -> Option<(String, Member)> {
        let mut known = self.lock();
        let fits = |pool: &&Pool| Some(&pool.snapshot) == wanted.snapshot.as_ref() && pool.target == wanted.target;
        let pool = known.pools.values().find(fits)?.id.clone();
        let members = known.members.get_mut(&pool)?;
        let usable = members.iter().position(|member| member.is_usable(Some(origin)))?;
        Some((pool, members.remove(usable)))
    }

    /// The first pool that lacks a sandbox, if one does, and the sandboxes that are too many or of no use any more. `origins`
    /// has what they are made from, by the ids of the pools for which there is something.
    fn next(&self, failed: &[String], origins: &BTreeMap<String, Origin>) -> (Option<Pool>, Vec<Member>) {
        let mut known = self.lock();
        let known = &mut *known;
        let mut surplus = Vec::new();
        known.members.retain(|id, members| {
            let size = known.pools.get(id).map_or(0, |pool| usize::try_from(pool.pool).unwrap_or_default());
            surplus.extend(members.extract_if(.., |member| !member.is_usable(origins.get(id))));
            surplus.extend(members.drain(size.min(members.len())..));
            size > 0
        });
        let lacks = |pool: &&Pool| {
            let held = known.members.get(&pool.id).map_or(0, Vec::len);
            let may_hold = origins.contains_key(&pool.id) && !failed.contains(&pool.id);
            may_hold && held < usize::try_from(pool.pool).unwrap_or_default()
        };
        (known.pools.values().find(lacks).cloned(), surplus)
    }

    /// Whether there is nothing to fill or to empty.
    fn are_none(&self) -> bool {
        let known = self.lock();
        known.pools.is_empty() && known.members.is_empty()
    }

    fn setting(&self) -> String {
        json!(self.lock().pools.values().collect::<Vec<_>>()).to_string()
    }
}

/// Whether a pool may serve this create: with the snapshot's user and size and nothing that only a start can give.
fn is_plain(wanted: &Sandbox, snapshot: &Snapshot) -> bool {
    wanted.user == create::user_of_snapshot(snapshot)
        && wanted.image == snapshot.image
        && wanted.template.as_ref() == snapshot.has_files.then_some(&snapshot.id)
        && wanted.env.is_empty()
        && wanted.outbound_proxy_url.is_none()
        && wanted.otel_endpoint_override.is_none()
        // Those that wait have the identity of the engine's own organization.
        && wanted.organization_id.is_none()
        && wanted.build_info.is_none()
        && wanted.volumes.is_empty()
        && wanted.secrets.is_empty()
        && (wanted.cpu, wanted.memory, wanted.disk) == (snapshot.cpu, snapshot.memory, snapshot.disk)
}

impl Engine {
    /// Serves a create from a pool, if one can: the answer shows a started sandbox.
    pub(super) async fn create_from_pool(self: &Arc<Self>, wanted: &Sandbox) -> ApiResult<Option<Value>> {
        let snapshot = wanted.snapshot.as_ref().and_then(|name| self.pooled_snapshot(name).ok());
        let Some(snapshot) = snapshot.filter(|snapshot| is_plain(wanted, snapshot)) else { return Ok(None) };
        let Some((pool, member)) = self.pools.take(wanted, &self.origin(&snapshot)) else { return Ok(None) };
        fault::step("pool.taken");
        self.fill_pools();
        let name = if wanted.name == wanted.id { &member.id } else { &wanted.name };
        let (id, name) = (member.id.clone(), name.clone());
        let sandbox = Sandbox { id, name, state: State::Starting, warm_pool_id: Some(pool.clone()), ..wanted.clone() };
        let (operation, stored) = match self.insert(sandbox) {
            Ok(inserted) => inserted,
            Err(error) => {
                self.pools.lock().members.entry(pool).or_default().push(member);
                return Err(error);
            }
        };
        let entry = Arc::clone(&operation.entry);
        self.snapshots.touch(&snapshot.name, &self.identity.organization_id);
        self.events.created(self.document(&entry), &entry.cause());
        let Member { instance, .. } = member;
        entry.set_instance(Some(Arc::clone(&instance)));
        let limited = self.limit_reach(wanted, &instance).await;
        // Files that are a sandbox's before its record is stored would be nobody's if the engine were killed now.
        let stored = stored.wait().await;
        fault::step("pool.stored");
        let adopted = self.backend.adopt(spec_of(self, &entry.record())).await.and(limited);
        fault::step("pool.adopted");
        if let Err(error) = stored {
            self.remove(operation).await?;
            return Err(ApiError::not_stored(&error));
        }
        if let Err(error) = adopted {
            self.remove(operation).await?;
            return Err(ApiError::internal(&in_words(&error)));
        }
        self.settle_started(operation, instance);
        Ok(Some(self.document(&entry)))
    }

    /// Has a pool's sandbox reach what the new one may.
    async fn limit_reach(&self, wanted: &Sandbox, instance: &Arc<dyn Instance>) -> anyhow::Result<()> {
        let (reach, instance) = (reach(wanted), Arc::clone(instance));
        if reach == Reach::default() {
            return Ok(());
        }
        instance.set_reach(Box::new(move || reach)).await
    }

    /// The snapshot of this name that a pool may be of.
    ///
    /// # Errors
    /// Why no sandboxes are made from it now.
    fn pooled_snapshot(&self, name: &str) -> Result<Snapshot, String> {
        let found = self.snapshots.find_in(name, &self.identity.organization_id);
        match found {
            None => Err(format!("Snapshot {name} not found")),
            Some(found) if found.state != SnapshotState::Active => {
                Err(format!("Snapshot {name} is {}", found.state.name()))
            }
            Some(found) => Ok(found),
        }
    }

    fn origin(&self, snapshot: &Snapshot) -> Origin {
        Origin { snapshot: snapshot.id.clone(), prepared: self.snapshot_dir() }
    }

    /// What the sandboxes of pools are made from, by the pools' ids.
    fn origins(&self) -> BTreeMap<String, Origin> {
        let pools: Vec<Pool> = self.pools.lock().pools.values().cloned().collect();
        let origin = |pool: Pool| Some((pool.id, self.origin(&self.pooled_snapshot(&pool.snapshot).ok()?)));
        pools.into_iter().filter_map(origin).collect()
    }

    /// Sees to it that pools hold what they are to hold. Returns at once.
    pub fn fill_pools(self: &Arc<Self>) {
        if self.pools.are_none() || self.backend.check(Feature::Pools).is_err() {
            return;
        }
        if !self.pools.filling.swap(true, Ordering::AcqRel) {
            tokio::spawn(Arc::clone(self).fill());
        }
    }

    async fn fill(self: Arc<Self>) {
        tokio::time::sleep(PAUSE).await;
        let mut failed = Vec::new();
        loop {
            if self.pools.ended.load(Ordering::Acquire) {
                return;
            }
            let (lacking, surplus) = self.pools.next(&failed, &self.origins());
            for member in surplus {
                self.discard_member(member).await;
            }
            let Some(pool) = lacking else { break };
            match self.make_member(&pool).await {
                Ok(member) => {
                    tokio::spawn(Arc::clone(&self).replace_ended(Arc::clone(&member.instance)));
                    let mut known = self.pools.lock();
                    known.errors.remove(&pool.id);
                    known.members.entry(pool.id).or_default().push(member);
                }
                Err(error) => {
                    let reason = in_words(&error);
                    tracing::warn!(reason, "a warm pool cannot be filled");
                    self.pools.lock().errors.insert(pool.id.clone(), reason);
                    failed.push(pool.id);
                }
            }
        }
        if !failed.is_empty() {
            tokio::time::sleep(RETRY).await;
        }
        self.pools.filling.store(false, Ordering::Release);
        // What was taken while this was about to end.
        let (lacking, surplus) = self.pools.next(&[], &self.origins());
        for member in surplus {
            self.discard_member(member).await;
        }
        if !self.pools.ended.load(Ordering::Acquire) && lacking.is_some() {
            self.fill_pools();
        }
    }

    async fn make_member(self: &Arc<Self>, pool: &Pool) -> anyhow::Result<Member> {
        let wanted = json!({"snapshot": pool.snapshot, "target": pool.target});
        let wanted = create::read(wanted.as_object().expect("an object"), &|name| {
            self.snapshots.find_in(name, &self.identity.organization_id)
        });
        let wanted = wanted.map_err(|error| anyhow::anyhow!("{error}"))?;
        if pool.snapshot == desktop::NAME {
            self.backend.check(Feature::Desktop)?;
        }
        let origin = self.origin(&self.pooled_snapshot(&pool.snapshot).map_err(anyhow::Error::msg)?);
        let spec = Spec { waiting: true, ..spec_of(self, &wanted) };
        let started = async {
            self.backend.create(spec.clone()).await?;
            self.backend.start(spec).await
        };
        match started.await {
            Ok(instance) => Ok(Member { id: wanted.id, origin, instance }),
            Err(error) => {
                // The next try is soon, and has files of its own.
                self.backend.discard_waiting(&wanted.id).await;
                Err(error)
            }
        }
    }

    /// Fills pools again when a sandbox ends that may still be in one.
    async fn replace_ended(self: Arc<Self>, instance: Arc<dyn Instance>) {
        instance.wait().await;
        self.fill_pools();
    }

    async fn discard_member(&self, member: Member) {
        member.instance.kill();
        member.instance.wait().await;
        member.instance.release().await;
        self.backend.discard_waiting(&member.id).await;
    }

    /// Ends all sandboxes of pools.
    pub async fn end_pools(&self) {
        self.pools.ended.store(true, Ordering::Release);
        let members: Vec<Member> = std::mem::take(&mut self.pools.lock().members).into_values().flatten().collect();
        for member in members {
            self.discard_member(member).await;
        }
    }

    /// A pool as clients see it.
    fn pool_document(&self, known: &Known, pool: &Pool) -> Value {
        let snapshot = self.pooled_snapshot(&pool.snapshot);
        let (reason, snapshot) = (snapshot.as_ref().err(), snapshot.as_ref().ok());
        let (user, ResourceSizes { cpu, memory, disk }) = match snapshot {
            Some(found) => (
                create::user_of_snapshot(found),
                ResourceSizes { cpu: found.cpu, memory: found.memory, disk: found.disk },
            ),
            None => ("daytona".to_owned(), DEFAULT_RESOURCES),
        };
        json!({
            "id": pool.id,
            "organizationId": self.identity.organization_id,
            "snapshot": pool.snapshot,
            "target": pool.target,
            "pool": pool.pool,
            "currentSize": known.members.get(&pool.id).map_or(0, Vec::len),
            "cpu": cpu,
            "mem": memory,
            "disk": disk,
            "osUser": user,
            "env": {},
            "errorReason": reason.or_else(|| known.errors.get(&pool.id)),
            "createdAt": iso(pool.created_at),
            "updatedAt": iso(pool.updated_at),
        })
    }

    /// `GET /warm-pools`.
    pub fn list_pools(&self) -> Value {
        let known = self.pools.lock();
        known.pools.values().map(|pool| self.pool_document(&known, pool)).collect()
    }

    /// `POST /warm-pools`.
    pub async fn add_pool(self: &Arc<Self>, snapshot: String, target: String, size: i64) -> ApiResult<Value> {
        self.backend.check(Feature::Pools)?;
        let now = now_millis();
        let id = uuid::Uuid::new_v4().to_string();
        let pool = Pool { id: id.clone(), snapshot, target, pool: size, created_at: now, updated_at: now };
        self.change_pools(&id, |pools| {
            if pools.values().any(|known| known.snapshot == pool.snapshot && known.target == pool.target) {
                let Pool { snapshot, target, .. } = &pool;
                return Err(ApiError::conflict(format!(
                    "Warm pool for snapshot {snapshot} in region {target} already exists"
                )));
            }
            pools.insert(pool.id.clone(), pool);
            Ok(())
        })
        .await
    }

    /// `PATCH /warm-pools/{id}`.
    pub async fn resize_pool(self: &Arc<Self>, id: &str, size: i64) -> ApiResult<Value> {
        self.change_pools(id, |pools| {
            let pool = pools.get_mut(id).ok_or_else(|| no_pool(id))?;
            (pool.pool, pool.updated_at) = (size, now_millis());
            Ok(())
        })
        .await
    }

    /// `DELETE /warm-pools/{id}`. Sandboxes that were taken from it stay.
    pub async fn remove_pool(self: &Arc<Self>, id: &str) -> ApiResult<()> {
        self.change_pools(id, |pools| pools.remove(id).map(drop).ok_or_else(|| no_pool(id))).await.map(drop)
    }

    /// Changes pools and answers with one of them once that is stored; a change that could not be is not made.
    async fn change_pools(
        self: &Arc<Self>,
        id: &str,
        change: impl FnOnce(&mut BTreeMap<String, Pool>) -> ApiResult<()>,
    ) -> ApiResult<Value> {
        let _changing = self.pools.changing.lock().await;
        let before = self.pools.lock().pools.clone();
        change(&mut self.pools.lock().pools)?;
        let (engine, setting) = (Arc::clone(self), self.pools.setting());
        let stored = off_the_runtime(move || engine.registry.set(SETTING, &setting)).await?;
        if let Err(error) = stored {
            self.pools.lock().pools = before;
            return Err(ApiError::not_stored(&error));
        }
        self.fill_pools();
        let known = self.pools.lock();
        Ok(known.pools.get(id).map_or(Value::Null, |pool| self.pool_document(&known, pool)))
    }
}

fn no_pool(id: &str) -> ApiError {
    ApiError::not_found(format!("Warm pool with ID {id} not found"))
}

/// The pools that an earlier engine kept.
pub fn kept(registry: &super::registry::Registry) -> Pools {
    Pools::read(registry.known_setting(SETTING).as_deref())
}
