//! How much an organization may have at once.
//!
//! What is checked is taken before anybody else checks: [`within`] holds a lock from one to the other, and a [`Promise`] keeps room
//! for a change that takes longer. An organization that is not there (any more) may have nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::accounts::model::Organization;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::{Sandbox, State};
use crate::sandboxes::snapshot::MAX_RESOURCES;

/// Processors, GiB of memory and GiB of disk.
type Amounts = [i64; 3];

/// Sizes that sandboxes are about to have, by id.
type Promised = HashMap<String, Amounts>;

/// What is promised but in no record yet; locked while somebody checks and takes.
#[derive(Debug, Default)]
pub struct Quotas {
    promised: Mutex<Promised>,
}

impl Quotas {
    fn lock(&self) -> MutexGuard<'_, Promised> {
        self.promised.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room for a sandbox's new size, until dropped.
pub struct Promise {
    engine: Arc<Engine>,
    sandbox_id: String,
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.engine.quotas.lock().remove(&self.sandbox_id);
    }
}

/// The largest of the platform's tiers: the machine ends before that.
const TOTALS: [(&str, i64); 3] = [("totalCpuQuota", 500), ("totalMemoryQuota", 1000), ("totalDiskQuota", 5000)];

/// GiB of objects, which are contexts of builds.
const OBJECTS_GIB: i64 = 20;

/// A limit of an organization: its own, else the engine's.
pub fn of(organization: &Organization, name: &str) -> i64 {
    let engine = || {
        let maximum = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        match name {
            "maxCpuPerSandbox" => maximum(MAX_RESOURCES.cpu),
            "maxMemoryPerSandbox" => maximum(MAX_RESOURCES.memory),
            "maxDiskPerSandbox" => maximum(MAX_RESOURCES.disk),
            "snapshotQuota" | "volumeQuota" => 100,
            "objectStorageQuota" => OBJECTS_GIB,
            _ => TOTALS.iter().find(|(known, _)| *known == name).map_or(0, |(_, total)| *total),
        }
    };
    organization.quota.get(name).and_then(Value::as_i64).unwrap_or_else(engine)
}

/// Processors, GiB of memory and GiB of disk in use.
pub fn usage(engine: &Engine, organization_id: &str) -> Amounts {
    used(engine, organization_id, None, &engine.quotas.lock())
}

fn amounts(sandbox: &Sandbox) -> Amounts {
    [sandbox.cpu, sandbox.memory, sandbox.disk].map(|amount| i64::try_from(amount).unwrap_or(i64::MAX))
}

fn used(engine: &Engine, organization_id: &str, except: Option<&str>, promised: &Promised) -> Amounts {
    let mut used: Amounts = [0; 3];
    for entry in engine.registry.all() {
        entry.with_record(|record| {
            if engine.owner_of(record) != organization_id || Some(record.id.as_str()) == except {
                return;
            }
            let promised = promised.get(&record.id).copied().unwrap_or_default();
            let [cpu, memory, disk]: Amounts = std::array::from_fn(|what| amounts(record)[what].max(promised[what]));
            let rests = matches!(
                record.state,
                State::Stopped | State::Archived | State::Error | State::BuildFailed | State::Destroyed
            );
            if !rests {
                used[0] = used[0].saturating_add(cpu);
                used[1] = used[1].saturating_add(memory);
            }
            if !matches!(record.state, State::Archived | State::Destroyed) {
                used[2] = used[2].saturating_add(disk);
            }
        });
    }
    used
}

/// The organization, if it may begin something new.
///
/// # Errors
/// 403 while it is suspended and when it is gone.
pub fn active(engine: &Engine, organization_id: &str) -> ApiResult<Organization> {
    let organization = engine.accounts.organizations.get(organization_id).ok_or_else(ApiError::forbidden)?;
    match &organization.suspension {
        Some(suspension) => {
            Err(ApiError::forbidden_because(format!("Organization is suspended: {}", suspension.reason)))
        }
        None => Ok(organization),
    }
}

/// Takes what an organization may begin, such as a snapshot of `limit` ones, before it can be suspended or dissolved.
pub fn take<T>(
    engine: &Engine,
    organization_id: &str,
    take: impl FnOnce(&Organization) -> ApiResult<T>,
) -> ApiResult<T> {
    let _checked = engine.quotas.lock();
    take(&active(engine, organization_id)?)
}

/// Does what must not happen while somebody checks or takes.
pub fn exclusively<T>(engine: &Engine, work: impl FnOnce() -> ApiResult<T>) -> ApiResult<T> {
    let _checked = engine.quotas.lock();
    work()
}

/// Takes what a sandbox that is to run needs, if its organization may have that. `take` must record it.
pub fn within<T>(engine: &Engine, sandbox: &Sandbox, take: impl FnOnce() -> ApiResult<T>) -> ApiResult<T> {
    let promised = engine.quotas.lock();
    check(engine, sandbox, &promised)?;
    take()
}

/// Keeps room for a size that a sandbox is to have.
pub fn promise(engine: &Arc<Engine>, sandbox: &Sandbox) -> ApiResult<Promise> {
    let mut promised = engine.quotas.lock();
    check(engine, sandbox, &promised)?;
    promised.insert(sandbox.id.clone(), amounts(sandbox));
    Ok(Promise { engine: Arc::clone(engine), sandbox_id: sandbox.id.clone() })
}

/// Fails when a sandbox that is to run is more than its organization may have.
fn check(engine: &Engine, sandbox: &Sandbox, promised: &Promised) -> ApiResult<()> {
    let organization = active(engine, &engine.owner_of(sandbox))?;
    if organization.quota.is_empty() {
        return Ok(());
    }
    let used = used(engine, &organization.id, Some(&sandbox.id), promised);
    let wanted = amounts(sandbox);
    let largest = ["maxCpuPerSandbox", "maxMemoryPerSandbox", "maxDiskPerSandbox"];
    for ((name, what), wanted) in largest.into_iter().zip(["CPU", "Memory", "Disk"]).zip(wanted) {
        let most = of(&organization, name);
        if wanted > most {
            let text = format!("{what} request {wanted} exceeds maximum allowed per sandbox ({most})");
            return Err(ApiError::forbidden_because(text));
        }
    }
    for (((name, _), what), (used, wanted)) in
        TOTALS.iter().zip(["CPU", "memory", "disk"]).zip(used.into_iter().zip(wanted))
    {
        let most = of(&organization, name);
        if used.saturating_add(wanted) > most {
            return Err(ApiError::forbidden_because(format!(
                "Total {what} limit exceeded. Maximum allowed: {most}, in use: {used}, requested: {wanted}."
            )));
        }
    }
    Ok(())
}

/// The use of a region, as the wire shows it.
pub fn region_usage(organization: &Organization, region: &str, used: [i64; 3]) -> Value {
    let maximum = |name: &str| json!(of(organization, name));
    json!({
        "regionId": region,
        "sandboxClass": "container",
        "totalCpuQuota": maximum("totalCpuQuota"),
        "currentCpuUsage": used[0],
        "totalMemoryQuota": maximum("totalMemoryQuota"),
        "currentMemoryUsage": used[1],
        "totalDiskQuota": maximum("totalDiskQuota"),
        "currentDiskUsage": used[2],
        "totalGpuQuota": 0,
        "currentGpuUsage": 0,
        "allowedGpuTypes": [],
        "maxCpuPerSandbox": maximum("maxCpuPerSandbox"),
        "maxMemoryPerSandbox": maximum("maxMemoryPerSandbox"),
        "maxDiskPerSandbox": maximum("maxDiskPerSandbox"),
        "maxDiskPerNonEphemeralSandbox": null,
        "maxCpuPerGpu": null,
        "maxMemoryPerGpu": null,
        "maxDiskPerGpu": null,
        "maxCpuPerGpuSandbox": null,
        "maxMemoryPerGpuSandbox": null,
        "maxDiskPerGpuSandbox": null,
    })
}

/// Reads limits that a request sets; `null` takes a limit back.
pub fn read(body: &Map<String, Value>, names: &[&str]) -> ApiResult<Map<String, Value>> {
    let mut limits = Map::new();
    for name in names {
        let Some(value) = body.get(*name) else { continue };
        if !value.is_null() && value.as_i64().is_none_or(|limit| limit < 0) {
            return Err(ApiError::bad_request(format!("{name} must not be less than 0")));
        }
        limits.insert((*name).to_owned(), value.clone());
    }
    Ok(limits)
}
