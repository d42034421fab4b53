//! The local engine: how fast sandboxes are there, what they weigh, and how fast work goes in one. Started by root, every
//! sandbox has the network and a disk with a limit.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use daytona::model::DeleteOptions;
use daytona::{Client, Config, Sandbox};
use serde::Deserialize;

use super::runtime;
use crate::row::Row;

/// Sandboxes that are created at the same time, for the rate.
const AT_ONCE: usize = 4;

/// Sandboxes that the pool keeps.
const POOL: usize = 4;

/// Sandboxes taken from the pool.
const FROM_POOL: usize = 200;

/// How long a pool needs to be full again, amply.
const REFILL: Duration = Duration::from_millis(400);

/// Measures a new engine of `program`: creates `count` sandboxes one after the other and keeps them until the end.
pub fn run(program: &Path, count: usize) -> Result<()> {
    let state = tempfile::tempdir()?;
    let runtime = runtime()?;
    let client = Client::new(Config {
        local_binary: Some(program.to_string_lossy().into_owned()),
        local_state_dir: Some(state.path().to_string_lossy().into_owned()),
        ..Config::local()
    })?;
    let measured = runtime.block_on(measure(&client, state.path(), count));
    end_engine(state.path())?;
    measured?;
    runtime.block_on(from_a_pool(program))
}

fn end_engine(state: &Path) -> Result<()> {
    if let Ok(pid) = engine_pid(state) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGTERM)?;
    }
    Ok(())
}

/// Creates sandboxes that run already, each when the pool is full again.
async fn from_a_pool(program: &Path) -> Result<()> {
    let state = tempfile::tempdir()?;
    let mut engine = std::process::Command::new(program)
        .args(["local", "--state-dir"])
        .arg(state.path())
        .args(["serve", "--warm-pool", &POOL.to_string()])
        .stderr(std::process::Stdio::null())
        .spawn()
        .context("starting an engine with a pool")?;
    let measured = measure_pool(program, state.path()).await;
    end_engine(state.path())?;
    engine.wait()?;
    measured
}

async fn measure_pool(program: &Path, state: &Path) -> Result<()> {
    while !state.join("engine.json").exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let client = Client::new(Config {
        local_binary: Some(program.to_string_lossy().into_owned()),
        local_state_dir: Some(state.to_string_lossy().into_owned()),
        ..Config::local()
    })?;
    let mut times = Vec::new();
    for _ in 0..=FROM_POOL {
        tokio::time::sleep(REFILL).await;
        let start = Instant::now();
        let sandbox = create(&client).await?;
        times.push(millis(start));
        sandbox.delete().await?;
    }
    // The first one opens the client's connection.
    times.remove(0);
    times.sort_by(f64::total_cmp);
    let name = |part: &str| format!("create from a pool to first exec result: {part} of {FROM_POOL}");
    Row::new("engine", &name("p50"), share(&times, 0.5), "ms").target(8.0).emit()?;
    Row::new("engine", &name("p99"), share(&times, 0.99), "ms").target(25.0).emit()
}

/// The time below which this part of the sorted times is.
fn share(times: &[f64], part: f64) -> f64 {
    times[((times.len() - 1) as f64 * part) as usize]
}

async fn measure(client: &Client, state: &Path, count: usize) -> Result<()> {
    let start = Instant::now();
    let first = create(client).await?;
    Row::new("engine", "start of the engine to first result", millis(start), "ms").emit()?;
    super::life::measure(client, &first).await?;
    super::work::both(&first).await?;
    super::ports::run(&first).await?;
    super::ssh::measure(&first).await?;
    super::images::measure(client, &first).await?;
    first.delete().await?;

    let engine = engine_pid(state)?;
    let (before, kernel_before) = (weight(engine)?, kernel_memory()?);
    let mut times = Vec::new();
    let mut sandboxes = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        sandboxes.push(create(client).await?);
        times.push(millis(start));
    }
    let each = (weight(engine)? - before) / count as f64;
    times.sort_by(f64::total_cmp);
    Row::new("engine", "create to first exec result: best", times[0], "ms").target(20.0).emit()?;
    Row::new("engine", &format!("create to first exec result: p50 of {count}"), share(&times, 0.5), "ms")
        .target(15.0)
        .emit()?;
    Row::new("engine", &format!("create to first exec result: p99 of {count}"), share(&times, 0.99), "ms")
        .target(40.0)
        .emit()?;
    Row::new("engine", "memory of an idle sandbox", each, "MB").target(3.0).emit()?;
    let kernel = (kernel_memory()? - kernel_before) / count as f64;
    Row::new("engine", "memory of the kernel for an idle sandbox", kernel, "MB").emit()?;
    let begun = Instant::now();
    let more = futures_util::future::try_join_all((0..AT_ONCE).map(|_| several(client, count / 10))).await?;
    let rate = (AT_ONCE * (count / 10)) as f64 / begun.elapsed().as_secs_f64();
    let name = format!("sandboxes with network created in a second, {AT_ONCE} at a time");
    Row::new("engine", &name, rate, "/s").emit()?;
    for sandbox in sandboxes.into_iter().chain(more.into_iter().flatten()) {
        client.sandboxes().delete(&sandbox.info().id, DeleteOptions::default()).await?;
    }
    Ok(())
}

async fn several(client: &Client, count: usize) -> Result<Vec<Sandbox>> {
    let mut sandboxes = Vec::new();
    for _ in 0..count {
        sandboxes.push(create(client).await?);
    }
    Ok(sandboxes)
}

async fn create(client: &Client) -> Result<Sandbox> {
    let sandbox = client.create(Default::default()).await?;
    let answer = sandbox.process().exec("echo hello", Default::default()).await?;
    ensure!(answer.result == "hello\n", "the command answered {answer:?}");
    Ok(sandbox)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn engine_pid(state: &Path) -> Result<u32> {
    #[derive(Deserialize)]
    struct Engine {
        pid: u32,
    }
    let text = std::fs::read(state.join("engine.json")).context("the engine has not announced itself")?;
    Ok(serde_json::from_slice::<Engine>(&text)?.pid)
}

/// What the kernel keeps for itself in MB: objects, stacks, counters, page tables. On a machine that does something else too,
/// it counts that as well.
fn kernel_memory() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let kib = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
    };
    let kinds = ["Slab:", "KernelStack:", "Percpu:", "PageTables:"];
    Ok(kinds.into_iter().map(kib).sum::<f64>() * 1024.0 / 1e6)
}

/// Memory of a process and everything below it in MB, shared pages counted in parts.
fn weight(root: u32) -> Result<f64> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // A process may end while we look.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // After the name, which is in parentheses and may contain anything: state, parent.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(pid);
    }
    let mut total = 0.0;
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        open.extend(children.remove(&pid).unwrap_or_default());
        let Ok(rollup) = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib: f64 = pss.and_then(|pss| pss.trim_end_matches("kB").trim().parse().ok()).unwrap_or(0.0);
        total += kib * 1024.0 / 1e6;
    }
    Ok(total)
}
