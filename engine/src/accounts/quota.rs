//! How much an organization may have at once.

use serde_json::{Map, Value, json};

use crate::accounts::model::Organization;
use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::sandboxes::sandbox::{Sandbox, State};
use crate::sandboxes::snapshot::MAX_RESOURCES;

/// The largest of the platform's tiers: the machine ends before that.
const TOTALS: [(&str, i64); 3] = [("totalCpuQuota", 500), ("totalMemoryQuota", 1000), ("totalDiskQuota", 5000)];

/// A limit of an organization: its own, else the engine's.
pub fn of(organization: &Organization, name: &str) -> i64 {
    let engine = || {
        let maximum = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
        match name {
            "maxCpuPerSandbox" => maximum(MAX_RESOURCES.cpu),
            "maxMemoryPerSandbox" => maximum(MAX_RESOURCES.memory),
            "maxDiskPerSandbox" => maximum(MAX_RESOURCES.disk),
            "snapshotQuota" | "volumeQuota" => 100,
            _ => TOTALS.iter().find(|(known, _)| *known == name).map_or(0, |(_, total)| *total),
        }
    };
    organization.quota.get(name).and_then(Value::as_i64).unwrap_or_else(engine)
}

/// Processors, GiB of memory and GiB of disk in use.
pub fn usage(engine: &Engine, organization_id: &str, except: Option<&str>) -> [i64; 3] {
    let mut used = [0; 3];
    for entry in engine.registry.all() {
        entry.with_record(|record| {
            if engine.owner_of(record) != organization_id || Some(record.id.as_str()) == except {
                return;
            }
            let amount = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
            if !matches!(record.state, State::Stopped | State::Archived | State::Error | State::Destroyed) {
                used[0] += amount(record.cpu);
                used[1] += amount(record.memory);
            }
            if !matches!(record.state, State::Archived | State::Destroyed) {
                used[2] += amount(record.disk);
            }
        });
    }
    used
}

/// Fails when a sandbox that is to run is more than its organization may have.
pub fn check(engine: &Engine, sandbox: &Sandbox) -> ApiResult<()> {
    let Some(organization) = engine.accounts.organizations.get(&engine.owner_of(sandbox)) else { return Ok(()) };
    if let Some(suspension) = &organization.suspension {
        return Err(ApiError::forbidden_because(format!("Organization is suspended: {}", suspension.reason)));
    }
    if organization.quota.is_empty() {
        return Ok(());
    }
    let used = usage(engine, &organization.id, Some(&sandbox.id));
    let wanted = [sandbox.cpu, sandbox.memory, sandbox.disk].map(|amount| i64::try_from(amount).unwrap_or(i64::MAX));
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
