//! What sandboxes used lately (additions 5.2), as their control groups count it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock;
use crate::engine::Engine;
use crate::otlp;
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::{State, now_millis};

/// How often running sandboxes are measured.
const PERIOD: Duration = Duration::from_secs(10);

/// How many measurements are kept: an hour of them.
const KEPT: usize = 360;

/// The measurements of one sandbox, oldest first.
#[derive(Default)]
pub struct Samples(Mutex<Measured>);

#[derive(Default)]
struct Measured {
    samples: VecDeque<Sample>,
    /// When the processor time was read, and how much it was.
    last: Option<(i64, f64)>,
}

#[derive(Clone, Copy)]
struct Sample {
    at: i64,
    cpu: u32,
    cpu_used: f32,
    memory_gib: u32,
    memory: u64,
    cache: u64,
    disk_gib: u32,
    disk: Option<u64>,
}

/// Reads one value of a sample.
type Reading = fn(&Sample) -> Option<f64>;

/// The wire's names, and the values they have in a sample.
const SERIES: [(&str, Reading); 10] = [
    ("daytona.sandbox.cpu.utilization", |sample| Some(sample.cpu_used.into())),
    ("daytona.sandbox.cpu.limit", |sample| Some(sample.cpu.into())),
    ("daytona.sandbox.memory.utilization", |sample| percent(sample.memory as f64, sample.memory_limit())),
    ("daytona.sandbox.memory.usage", |sample| Some(sample.memory as f64)),
    ("daytona.sandbox.memory.limit", |sample| Some(sample.memory_limit())),
    ("daytona.sandbox.memory.cache", |sample| Some(sample.cache as f64)),
    ("daytona.sandbox.filesystem.utilization", |sample| percent(sample.disk? as f64, sample.disk_limit())),
    ("daytona.sandbox.filesystem.usage", |sample| sample.disk.map(|used| used as f64)),
    ("daytona.sandbox.filesystem.available", |sample| Some((sample.disk_limit() - sample.disk? as f64).max(0.0))),
    ("daytona.sandbox.filesystem.total", |sample| Some(sample.disk_limit())),
];

impl Sample {
    /// In bytes.
    fn memory_limit(&self) -> f64 {
        f64::from(self.memory_gib) * GIB
    }

    /// In bytes.
    fn disk_limit(&self) -> f64 {
        f64::from(self.disk_gib) * GIB
    }
}

fn percent(used: f64, limit: f64) -> Option<f64> {
    (limit > 0.0).then(|| used / limit * 100.0)
}

const GIB: f64 = (1u64 << 30) as f64;

impl Samples {
    /// The answer of `GET /sandbox/{id}/telemetry/metrics`: those of these names, or all, from one moment to another.
    pub fn document(&self, from: i64, to: i64, names: &[&str]) -> Value {
        let measured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let within: Vec<&Sample> =
            measured.samples.iter().filter(|sample| from <= sample.at && sample.at <= to).collect();
        let series = SERIES.iter().filter(|(name, _)| names.is_empty() || names.contains(name)).map(|(name, value)| {
            let point = |sample: &&Sample| {
                let timestamp = clock::iso(clock::from_millis(sample.at));
                Some(json!({ "timestamp": timestamp, "value": value(sample)? }))
            };
            json!({ "metricName": name, "dataPoints": within.iter().filter_map(point).collect::<Vec<_>>() })
        });
        json!({ "series": series.collect::<Vec<_>>() })
    }
}

impl Engine {
    /// Measures running sandboxes until dropped.
    pub async fn measure(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let engine = Arc::clone(&self);
            let runtime = tokio::runtime::Handle::current();
            // Where reading what is used blocks, that holds up nobody.
            let measured = tokio::task::spawn_blocking(move || {
                runtime.block_on(async {
                    for entry in engine.registry.all() {
                        let sample = measure(&engine, &entry).await;
                        sample.inspect(|sample| pass_on(&engine, &entry, sample));
                    }
                });
            });
            let _ = measured.await;
        }
    }

    /// The same of one sandbox right now, so that an answer is never without.
    pub async fn measure_now(&self, entry: &Entry) {
        measure(self, entry).await;
    }
}

/// Tells the server of its organization what a sandbox uses.
fn pass_on(engine: &Engine, entry: &Entry, sample: &Sample) {
    for (name, value) in SERIES {
        if let (Some(value), Some(target)) = (value(sample), engine.otlp.target(engine, entry)) {
            engine.otlp.send(target, otlp::Record::Value(name, sample.at, value));
        }
    }
}

async fn measure(engine: &Engine, entry: &Entry) -> Option<Sample> {
    let usage = entry.instance()?.usage().await?;
    let (id, state, cpu, memory, disk) =
        entry.with_record(|record| (record.id.clone(), record.state, record.cpu, record.memory, record.disk));
    if !matches!(state, State::Started | State::Paused) {
        return None;
    }
    let disk_used = engine.backend.disk_used(&id).await;
    let at = now_millis();
    let mut measured = entry.samples.0.lock().unwrap_or_else(PoisonError::into_inner);
    let used = usage.cpu_seconds.unwrap_or_default();
    let last = measured.last.replace((at, used));
    let cpu_used = match last {
        // A sandbox that was started anew counts anew.
        Some((then, before)) if at > then && used >= before => {
            (used - before) / ((at - then) as f64 / 1e3) / cpu as f64 * 100.0
        }
        _ => 0.0,
    };
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    if measured.samples.len() == KEPT {
        measured.samples.pop_front();
    }
    let sample = Sample {
        at,
        cpu: small(cpu),
        cpu_used: cpu_used as f32,
        memory_gib: small(memory),
        memory: usage.memory_bytes,
        cache: usage.cache_bytes,
        disk_gib: small(disk),
        disk: disk_used,
    };
    measured.samples.push_back(sample);
    Some(sample)
}
