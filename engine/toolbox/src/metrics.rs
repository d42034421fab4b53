//! `GET /system/metrics` (additions 4.5): what the sandbox uses of the machine, as its own `/proc` and cgroup tell it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{State, Toolbox};

/// Remembers the CPU time of the last look, so that the next one can tell the use in between.
#[derive(Default)]
pub(crate) struct CpuMeter(Mutex<Option<(Instant, f64)>>);

impl CpuMeter {
    /// Percent of `cpus` used since the last call; 0 at the first.
    fn used_percent(&self, cpus: f64) -> f64 {
        let now = (Instant::now(), busy_seconds());
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
        let Some((then, busy)) = before else { return 0.0 };
        let passed = now.0.duration_since(then).as_secs_f64();
        if passed <= 0.0 { 0.0 } else { ((now.1 - busy) / passed / cpus * 100.0).clamp(0.0, 100.0) }
    }
}

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/system/metrics", get(metrics))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    cpu_count: f64,
    cpu_used_pct: f64,
    mem_total: u64,
    mem_used: u64,
    mem_cache: u64,
    disk_total: u64,
    disk_used: u64,
    disk_free: u64,
    timestamp: String,
    timestamp_unix: i64,
}

async fn metrics(toolbox: State) -> axum::Json<Metrics> {
    let cpus = std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64);
    let now = OffsetDateTime::now_utc();
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = |name: &str| {
        let line = memory.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    let disk = nix::sys::statvfs::statvfs(&toolbox.config.work_dir).ok();
    let blocks = |count: Option<u64>| count.unwrap_or(0) * disk.as_ref().map_or(0, |disk| disk.fragment_size());
    let disk_total = blocks(disk.as_ref().map(|disk| disk.blocks()));
    let disk_free = blocks(disk.as_ref().map(|disk| disk.blocks_available()));
    axum::Json(Metrics {
        cpu_count: cpus,
        cpu_used_pct: toolbox.cpu.used_percent(cpus),
        mem_total: kib("MemTotal"),
        mem_used: kib("MemTotal").saturating_sub(kib("MemAvailable")),
        mem_cache: kib("Cached"),
        disk_total,
        disk_used: disk_total.saturating_sub(disk_free),
        disk_free,
        timestamp: now.format(&Rfc3339).unwrap_or_default(),
        timestamp_unix: now.unix_timestamp(),
    })
}

/// CPU seconds used so far by the processes that can be seen.
fn busy_seconds() -> f64 {
    let ticks_per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0.0 };
    let ticks: u64 = processes
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            name.to_str()?.parse::<u32>().ok()?;
            let stat = std::fs::read(format!("/proc/{}/stat", name.to_str()?)).ok()?;
            let after_name = memchr::memrchr(b')', &stat)? + 2;
            let fields: Vec<_> = std::str::from_utf8(stat.get(after_name..)?).ok()?.split_ascii_whitespace().collect();
            Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
        })
        .sum();
    ticks as f64 / ticks_per_second as f64
}
