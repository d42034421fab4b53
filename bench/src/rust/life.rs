//! The life of a sandbox: how long it takes to pause it, go on, change its size or what it may reach, and copy it with its files.

use std::time::Instant;

use anyhow::{Result, ensure};
use daytona::model::{DeleteOptions, NetworkSettings, Resources};
use daytona::{Client, Sandbox};

use crate::row::Row;

/// Times that each is done.
const RUNS: usize = 20;

/// The time a copy may take, in milliseconds.
const FORK: f64 = 40.0;

/// The time until connections that are not allowed any more are cut, in milliseconds: they are when the call returns.
const CUT: f64 = 50.0;

/// Measures each by its best and its middle time.
pub async fn measure(client: &Client, sandbox: &Sandbox) -> Result<()> {
    let (sandboxes, id) = (client.sandboxes(), &sandbox.info().id);
    let (mut pauses, mut resumes, mut forks, mut cuts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        pauses.push(timed(sandboxes.pause(id, Default::default())).await?.0);
        resumes.push(timed(sandboxes.start(id, Default::default())).await?.0);
        let (time, copy) = timed(sandboxes.fork(id, Default::default())).await?;
        forks.push(time);
        ensure!(copy.id != *id, "the copy is another sandbox");
        sandboxes.delete(&copy.id, DeleteOptions::default()).await?;
        for block in [true, false] {
            let settings = NetworkSettings { network_block_all: Some(block), ..Default::default() };
            cuts.push(timed(sandboxes.update_network_settings(id, settings)).await?.0);
        }
    }
    rows("pause", pauses, None)?;
    rows("resume", resumes, None)?;
    rows("fork of a running sandbox", forks, Some(FORK))?;
    rows("change of what a running sandbox may reach", cuts, Some(CUT))?;
    let more = Resources { memory: Some(2), ..Default::default() };
    let resized = timed(sandboxes.resize(id, more, Default::default())).await?.0;
    Row::new("engine", "resize of a running sandbox", resized, "ms").emit()
}

/// Milliseconds until an operation has ended, and what it answered.
async fn timed<T>(operation: impl Future<Output = daytona::Result<T>>) -> Result<(f64, T)> {
    let start = Instant::now();
    let answer = operation.await?;
    Ok((start.elapsed().as_secs_f64() * 1e3, answer))
}

fn rows(what: &str, mut times: Vec<f64>, target: Option<f64>) -> Result<()> {
    times.sort_by(f64::total_cmp);
    let count = times.len();
    Row::new("engine", &format!("{what}: best of {count}"), times[0], "ms").emit()?;
    let middle = Row::new("engine", &format!("{what}: p50 of {count}"), times[count / 2], "ms");
    match target {
        Some(target) => middle.target(target).emit(),
        None => middle.emit(),
    }
}
