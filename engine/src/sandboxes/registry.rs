//! The sandboxes the engine knows, in memory, written through to the store.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use anyhow::Result;
use tokio::sync::Notify;

use crate::accounts::caller;
use crate::backend::Instance;
use crate::clock::steady_millis;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::cause::Cause;
use crate::sandboxes::loading::{self, Found};
use crate::sandboxes::logs::Logs;
use crate::sandboxes::metrics::Samples;
use crate::sandboxes::sandbox::{Sandbox, State, now_millis};
use crate::sandboxes::traces::Spans;
use crate::store::{Store, StoreError, Stored, Table};

/// One sandbox.
pub struct Entry {
    record: Mutex<Sandbox>,
    instance: Mutex<Option<Arc<dyn Instance>>>,
    /// Set while an operation changes its state.
    busy: AtomicBool,
    /// Held while its network settings change.
    network_settings: tokio::sync::Mutex<()>,
    /// In the engine's steady time.
    last_activity: AtomicI64,
    /// The same on the wall clock. Not computed from the other: the two clocks tick apart, and lists are sorted by it.
    last_activity_at: AtomicI64,
    /// When it stopped, or last changed, in the engine's steady time.
    resting_since: AtomicI64,
    /// Requests being proxied right now.
    open_requests: AtomicUsize,
    /// Told when an operation has ended.
    ended: Notify,
    /// Tells a change under way that it is not wanted any more.
    unwanted: Arc<AtomicBool>,
    /// Why it changed last.
    cause: Mutex<Cause>,
    /// What it used lately.
    pub samples: Samples,
    /// Requests to it that were traced.
    pub spans: Spans,
    /// What its entrypoint printed.
    pub logs: Logs,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    fn new(sandbox: Sandbox) -> Self {
        // Of times from before the engine's start only the clock on the wall knows.
        let steadily = |at: i64| steady_millis() - now_millis().saturating_sub(at).max(0);
        Self {
            last_activity: AtomicI64::new(steadily(sandbox.last_activity_at)),
            last_activity_at: AtomicI64::new(sandbox.last_activity_at),
            resting_since: AtomicI64::new(steadily(sandbox.stopped_at.unwrap_or(sandbox.updated_at))),
            record: Mutex::new(sandbox),
            instance: Mutex::new(None),
            busy: AtomicBool::new(false),
            network_settings: tokio::sync::Mutex::default(),
            open_requests: AtomicUsize::new(0),
            ended: Notify::new(),
            unwanted: Arc::default(),
            cause: Mutex::new(Cause::current()),
            samples: Samples::default(),
            spans: Spans::default(),
            logs: Logs::default(),
        }
    }

    /// A copy of the record as it is now.
    pub fn record(&self) -> Sandbox {
        let mut record = lock(&self.record).clone();
        record.last_activity_at = self.last_activity_at();
        record
    }

    /// When it was last used, on the wall clock.
    fn last_activity_at(&self) -> i64 {
        self.last_activity_at.load(Ordering::Relaxed)
    }

    /// Reads a part of the record without copying all of it.
    pub fn with_record<T>(&self, read: impl FnOnce(&Sandbox) -> T) -> T {
        read(&lock(&self.record))
    }

    /// The running processes, if any.
    pub fn instance(&self) -> Option<Arc<dyn Instance>> {
        lock(&self.instance).clone()
    }

    /// Replaces the running processes, returning what was there.
    pub fn set_instance(&self, instance: Option<Arc<dyn Instance>>) -> Option<Arc<dyn Instance>> {
        std::mem::replace(&mut *lock(&self.instance), instance)
    }

    /// Claims the right to change the state; 409 while another operation has it.
    pub fn begin(self: &Arc<Self>) -> ApiResult<Operation> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(ApiError::state_change_in_progress());
        }
        self.unwanted.store(false, Ordering::Release);
        self.set_cause(Cause::current());
        Ok(Operation { entry: Arc::clone(self) })
    }

    /// Why it changed last.
    pub fn cause(&self) -> Cause {
        lock(&self.cause).clone()
    }

    /// Says why it changes from now on.
    pub fn set_cause(&self, cause: Cause) {
        *lock(&self.cause) = cause;
    }

    /// Claims the right to change the network settings; 409 while another request has it.
    pub fn begin_network_settings(&self) -> ApiResult<tokio::sync::MutexGuard<'_, ()>> {
        self.network_settings.try_lock().map_err(|_| ApiError::operation_in_progress())
    }

    /// Becomes true when the operation under way should be given up, if that is possible.
    pub fn unwanted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.unwanted)
    }

    /// Gives up what need not be completed, so that something else can begin.
    pub async fn give_up_change(&self) {
        let may_be = |state| matches!(state, State::Archiving | State::PendingBuild | State::BuildingSnapshot);
        while self.is_changing() && self.with_record(|record| may_be(record.state)) {
            let ended = self.ended.notified();
            self.unwanted.store(true, Ordering::Release);
            if self.is_changing() {
                ended.await;
            }
        }
    }

    /// Whether an operation is changing its state.
    pub fn is_changing(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Notes that somebody used the sandbox.
    pub fn touch(&self) {
        self.last_activity.store(steady_millis(), Ordering::Relaxed);
        self.last_activity_at.store(now_millis(), Ordering::Relaxed);
    }

    /// Milliseconds since it was last used; 0 while a request is open.
    pub fn idle_millis(&self) -> i64 {
        if self.open_requests.load(Ordering::Relaxed) > 0 {
            self.touch();
        }
        steady_millis() - self.last_activity.load(Ordering::Relaxed)
    }

    /// Milliseconds since it stopped running; meaningless while it runs.
    pub fn resting_millis(&self) -> i64 {
        steady_millis() - self.resting_since.load(Ordering::Relaxed)
    }

    /// Counts a proxied request as activity until the returned value is dropped.
    pub fn open_request(self: &Arc<Self>) -> OpenRequest {
        self.touch();
        self.open_requests.fetch_add(1, Ordering::Relaxed);
        OpenRequest { entry: Arc::clone(self) }
    }
}

/// The exclusive right to change one sandbox's state.
pub struct Operation {
    /// The sandbox.
    pub entry: Arc<Entry>,
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.entry.busy.store(false, Ordering::Release);
        self.entry.ended.notify_waiters();
    }
}

/// A proxied request in flight.
pub struct OpenRequest {
    entry: Arc<Entry>,
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.entry.open_requests.fetch_sub(1, Ordering::Relaxed);
        self.entry.touch();
    }
}

/// The sandboxes of a store.
pub struct Loaded {
    /// The sandboxes.
    pub registry: Registry,
    /// Notes for users, as sentences.
    pub notes: Vec<String>,
    /// Records that were missing in the database and are being written, by id.
    pub writing: Vec<(String, Stored)>,
}

/// All sandboxes.
pub struct Registry {
    store: Arc<dyn Store>,
    entries: RwLock<HashMap<String, Arc<Entry>>>,
    /// The organization of sandboxes that name none.
    organization_id: String,
}

impl Registry {
    /// Reads the sandboxes of a store, and those of whom there is only the record beside their files.
    pub fn load(store: Arc<dyn Store>, state_dir: &Path, organization_id: &str) -> Result<Loaded> {
        let Found { sandboxes, notes, writing } = loading::load(&*store, state_dir)?;
        let entries = sandboxes.into_iter().map(|sandbox| (sandbox.id.clone(), Arc::new(Entry::new(sandbox))));
        let entries = RwLock::new(entries.collect());
        let registry = Self { entries, store, organization_id: organization_id.to_owned() };
        Ok(Loaded { registry, notes, writing })
    }

    /// The value of a setting, if it has one that can be read.
    pub fn known_setting(&self, name: &str) -> Option<String> {
        self.store.setting(name).unwrap_or_default()
    }

    /// Stores a setting. Blocks until it is on the disk.
    pub fn set(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.store.set(name, value)
    }

    /// Everything changed before is stored when this is.
    pub fn flush(&self) -> Stored {
        self.store.flush()
    }

    /// Whether this request may know of a sandbox.
    fn is_seen(&self, entry: &Entry) -> bool {
        entry.with_record(|record| caller::sees(record.organization_id.as_ref().unwrap_or(&self.organization_id)))
    }

    /// Finds by id, whosever it is.
    pub fn by_id(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Finds by id, whosever it is, else by name among those of an organization, else of the engine's own.
    pub fn find_in(&self, id_or_name: &str, organization_id: Option<&str>) -> Option<Arc<Entry>> {
        let organization_id = organization_id.unwrap_or(&self.organization_id);
        let of = |record: &Sandbox| record.organization_id.as_ref().unwrap_or(&self.organization_id) == organization_id;
        self.by_id(id_or_name).or_else(|| self.named(id_or_name, |entry| entry.with_record(of)))
    }

    fn named(&self, name: &str, wanted: impl Fn(&Entry) -> bool) -> Option<Arc<Entry>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |entry: &&Arc<Entry>| entry.with_record(|record| record.name == name) && wanted(entry);
        entries.values().find(is_it).cloned()
    }

    /// Finds by id, else by name, among those that the request may know of, else 404.
    pub fn get(&self, id_or_name: &str) -> ApiResult<Arc<Entry>> {
        let by_id = self.by_id(id_or_name).filter(|entry| self.is_seen(entry));
        let found = by_id.or_else(|| self.named(id_or_name, |entry| self.is_seen(entry)));
        found.ok_or_else(|| ApiError::sandbox_not_found(id_or_name))
    }

    /// Every sandbox, in no order.
    pub fn all(&self) -> Vec<Arc<Entry>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Adds a new sandbox and claims it; 409 when its name is taken.
    pub fn insert(&self, sandbox: Sandbox) -> ApiResult<(Operation, Stored)> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let name = &sandbox.name;
        let taken = |entry: &Arc<Entry>| {
            entry.with_record(|known| {
                (known.name == *name && known.organization_id == sandbox.organization_id) || known.id == *name
            })
        };
        if entries.values().any(taken) {
            return Err(ApiError::conflict(format!("Sandbox with name {name} already exists")));
        }
        let stored = self.save(&sandbox);
        let id = sandbox.id.clone();
        let entry = Arc::new(Entry::new(sandbox));
        entries.insert(id, Arc::clone(&entry));
        Ok((entry.begin()?, stored))
    }

    /// Changes a record and writes it.
    pub fn update(&self, entry: &Entry, change: impl FnOnce(&mut Sandbox)) -> Updated {
        self.write(entry, None, change)
    }

    /// Makes the last change of an operation and ends it: whoever sees the new state may begin the next one.
    pub fn settle(&self, operation: Operation, change: impl FnOnce(&mut Sandbox)) -> Updated {
        let entry = Arc::clone(&operation.entry);
        self.write(&entry, Some(operation), change)
    }

    fn write(&self, entry: &Entry, ended: Option<Operation>, change: impl FnOnce(&mut Sandbox)) -> Updated {
        let mut record = lock(&entry.record);
        let before = record.clone();
        change(&mut record);
        record.last_activity_at = entry.last_activity_at();
        record.updated_at = now_millis();
        if record.stopped_at != before.stopped_at || record.state != before.state {
            entry.resting_since.store(steady_millis(), Ordering::Relaxed);
        }
        let after = record.clone();
        // While the record is locked, so that changes are stored in the order they were made in.
        let stored = self.save(&after);
        drop(ended);
        Updated { before, after, stored }
    }

    /// Stores a sandbox in another state than clients are shown: the one the next engine is to find, should this one be killed
    /// in the middle of a change.
    pub fn store_as(&self, entry: &Entry, state: State) -> Stored {
        let record = lock(&entry.record);
        self.save(&Sandbox { state, ..record.clone() })
    }

    /// Takes a change back that could not be stored, unless the record has changed again since.
    pub fn revert(&self, entry: &Entry, before: Sandbox, after: &Sandbox) {
        let mut record = lock(&entry.record);
        if *record == *after {
            *record = before;
        }
    }

    /// Writes a sandbox as it is now, or that there is none.
    pub fn store_again(&self, id: &str) -> Stored {
        let entry = self.entries.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        match entry {
            // While the record is locked, so that no later change is stored before this one.
            Some(entry) => self.save(&lock(&entry.record)),
            None => self.store.remove(Table::Sandboxes, id),
        }
    }

    /// Forgets a sandbox.
    pub fn remove(&self, id: &str) -> Stored {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.store.remove(Table::Sandboxes, id)
    }

    fn save(&self, sandbox: &Sandbox) -> Stored {
        self.store.save(Table::Sandboxes, &sandbox.id, sandbox.written())
    }
}

/// A record before and after a change.
pub struct Updated {
    /// As it was.
    pub before: Sandbox,
    /// As it is.
    pub after: Sandbox,
    /// When the change is on the disk.
    pub stored: Stored,
}
