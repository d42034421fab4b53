//! `GET /system/metrics`: what the sandbox uses (additions 4.5).
//!
//! Numbers come from the cgroup that limits the sandbox where there is one (versions 1 and 2), else from the machine.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::routing::get;
use axum::{Json, Router};
use nix::sys::statvfs::statvfs;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{State, Toolbox};

/// Memory limits above this many bytes mean "no limit".
pub(crate) const UNLIMITED: u64 = 1 << 60;

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/system/metrics", get(latest))
}

/// Wire name `SystemMetrics`; memory and disk in bytes, CPU use in percent of the CPU limit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    cpu_count: u32,
    cpu_used_pct: f64,
    disk_free: u64,
    disk_total: u64,
    disk_used: u64,
    mem_cache: u64,
    mem_total: u64,
    mem_used: u64,
    timestamp: String,
    timestamp_unix: i64,
}

/// Remembers the previous reading: CPU use is measured between two requests.
#[derive(Default)]
pub(crate) struct CpuMeter(Mutex<Option<(Instant, f64)>>);

impl CpuMeter {
    /// Percent of `cpus` used since the previous call; 0 at the first.
    fn percent(&self, used_seconds: f64, cpus: f64) -> f64 {
        let now = Instant::now();
        let previous = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace((now, used_seconds));
        let Some((then, used_then)) = previous else { return 0.0 };
        let elapsed = now.duration_since(then).as_secs_f64();
        if elapsed <= 0.0 { 0.0 } else { ((used_seconds - used_then) / elapsed / cpus * 100.0).max(0.0) }
    }
}

async fn latest(toolbox: State) -> Json<Metrics> {
    let cpus = cpu_limit();
    let memory = Memory::read();
    let disk = statvfs(&toolbox.config.work_dir).ok();
    let blocks = |count: fn(&nix::sys::statvfs::Statvfs) -> u64| {
        disk.as_ref().map_or(0, |disk| count(disk) * disk.fragment_size())
    };
    let (disk_total, unused) = (blocks(|disk| disk.blocks()), blocks(|disk| disk.blocks_free()));
    let now = OffsetDateTime::now_utc();
    Json(Metrics {
        // A whole number by the contract; a part of a CPU counts as one.
        cpu_count: cpus.ceil() as u32,
        cpu_used_pct: toolbox.cpu.percent(cpu_seconds(), cpus),
        disk_free: blocks(|disk| disk.blocks_available()),
        disk_total,
        disk_used: disk_total.saturating_sub(unused),
        mem_cache: memory.cache,
        mem_total: memory.total,
        mem_used: memory.used,
        timestamp: now.format(&Rfc3339).unwrap_or_default(),
        timestamp_unix: now.unix_timestamp(),
    })
}

fn number(file: &str) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The value of `key` in a file of `key value` lines.
fn field(file: &str, key: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == key).then(|| words.next()?.parse().ok())?
    })
}

fn cpu_limit() -> f64 {
    let machine = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
    let from_v2 = || {
        let text = fs::read_to_string("/sys/fs/cgroup/cpu.max").ok()?;
        let mut words = text.split_ascii_whitespace().map(str::parse::<f64>);
        Some(words.next()?.ok()? / words.next()?.ok()?)
    };
    let from_v1 = || {
        let quota: f64 = fs::read_to_string("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").ok()?.trim().parse().ok()?;
        Some(quota / number("/sys/fs/cgroup/cpu/cpu.cfs_period_us")? as f64)
    };
    from_v2().or_else(from_v1).filter(|cpus| *cpus > 0.0).unwrap_or(machine)
}

/// CPU seconds used so far.
fn cpu_seconds() -> f64 {
    let from_v2 = || Some(field("/sys/fs/cgroup/cpu.stat", "usage_usec")? as f64 / 1e6);
    let from_v1 = || Some(number("/sys/fs/cgroup/cpuacct/cpuacct.usage")? as f64 / 1e9);
    from_v2().or_else(from_v1).or_else(machine_cpu_seconds).unwrap_or_default()
}

fn machine_cpu_seconds() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> = stat.lines().next()?.split_ascii_whitespace().skip(1).flat_map(str::parse).collect();
    // user, nice, system, idle, iowait, irq, softirq, …
    let busy: f64 = ticks.iter().enumerate().filter(|(index, _)| !matches!(index, 3 | 4 | 8 | 9)).map(|(_, t)| t).sum();
    Some(busy / TICKS_PER_SECOND)
}

fn machine_memory() -> u64 {
    field("/proc/meminfo", "MemTotal:").unwrap_or_default() * 1024
}

struct Memory {
    total: u64,
    used: u64,
    cache: u64,
}

impl Memory {
    fn read() -> Self {
        Self::of_cgroup().unwrap_or_else(Self::of_machine)
    }

    fn of_cgroup() -> Option<Self> {
        let v2 = "/sys/fs/cgroup";
        let v1 = "/sys/fs/cgroup/memory";
        // The machine's own group has no such file, and one without a limit may have all of the machine's memory.
        let (total, used, cache) = match number(&format!("{v2}/memory.current")) {
            Some(used) => {
                let limit = number(&format!("{v2}/memory.max"));
                (limit.unwrap_or_else(machine_memory), used, field(&format!("{v2}/memory.stat"), "file")?)
            }
            None => (
                number(&format!("{v1}/memory.limit_in_bytes")).filter(|limit| *limit < UNLIMITED)?,
                number(&format!("{v1}/memory.usage_in_bytes"))?,
                field(&format!("{v1}/memory.stat"), "total_cache")?,
            ),
        };
        Some(Self { total, used: used.saturating_sub(cache), cache })
    }

    fn of_machine() -> Self {
        let kilobytes = |key| field("/proc/meminfo", key).unwrap_or_default() * 1024;
        let total = machine_memory();
        let cache = kilobytes("Cached:");
        Self { total, used: total.saturating_sub(kilobytes("MemAvailable:")), cache }
    }
}
