//! Small calls: one after the other, and all at once.

use std::path::Path;

use anyhow::{Result, ensure};
use clap::ValueEnum;
use daytona::{Client, Config};
use daytona_bridge::Completion;
use serde_json::json;
use tokio::task::JoinSet;

use super::{Bridged, Rows, Server, bare, best, runtime, seconds, wait};
use crate::row::{Row, SEQUENTIAL_CPU};
use crate::usage::cpu_time;

const SEQUENTIAL: u32 = 3_000;
const BURST: u32 = 2_000;
const SLEEP: &str = "sleep 0.1";

/// What makes the calls.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Layer {
    /// The Rust client.
    Core,
    /// What language bindings call.
    Bridge,
    /// `reqwest` alone.
    Bare,
}

/// Makes `calls` calls one after the other.
pub fn profile(server: &Path, layer: Layer, calls: u32) -> Result<()> {
    let (cpu, wall) = in_a_row(&Server::read(server)?, layer, calls)?;
    println!("{cpu:.1} us CPU, {wall:.1} us");
    Ok(())
}

/// Microseconds of processor and of wall-clock time per call.
fn in_a_row(server: &Server, layer: Layer, calls: u32) -> Result<(f64, f64)> {
    let mut cpu = 0.0;
    let mut measured = |run: &mut dyn FnMut(u32) -> Result<()>| -> Result<f64> {
        // Connections and caches first.
        run(50)?;
        let before = cpu_time()?;
        let wall = seconds(|| run(calls))?;
        cpu = (cpu_time()? - before).as_secs_f64() * 1e6 / f64::from(calls);
        Ok(wall * 1e6 / f64::from(calls))
    };
    let wall = match layer {
        Layer::Core => {
            let runtime = runtime()?;
            let sandbox = runtime.block_on(server.sandbox())?;
            measured(&mut |n| {
                runtime.block_on(async {
                    for _ in 0..n {
                        let answer = sandbox.process().exec("echo hello", Default::default()).await?;
                        ensure!(answer.result == "hello\n");
                    }
                    Ok(())
                })
            })?
        }
        Layer::Bridge => {
            let sandbox = Bridged::new(server)?;
            measured(&mut |n| {
                for _ in 0..n {
                    sandbox.call("process.exec", json!({ "command": "echo hello", "options": {} }))?;
                }
                Ok(())
            })?
        }
        Layer::Bare => {
            let runtime = runtime()?;
            let client = bare(&server.config())?;
            let url = format!("{}/toolbox/x/process/execute", server.http);
            measured(&mut |n| {
                runtime.block_on(async {
                    for _ in 0..n {
                        exec_bare(&client, &url, "echo hello").await?;
                    }
                    Ok(())
                })
            })?
        }
    };
    Ok((cpu, wall))
}

/// Calls one after the other.
pub(super) fn sequential(server: &Server, wanted: &dyn Fn(&str) -> bool) -> Rows {
    if !wanted("exec, one after the other") {
        return Ok(Vec::new());
    }
    let measure = |layer| best(5, || in_a_row(server, layer, SEQUENTIAL));
    let (bare, core, bridge) = (measure(Layer::Bare)?, measure(Layer::Core)?, measure(Layer::Bridge)?);
    Ok(vec![
        Row::new("rust core", SEQUENTIAL_CPU, core.0, "us").bare(bare.0),
        Row::new("rust core", "exec, one after the other: time", core.1, "us").bare(bare.1),
        Row::new("bridge", SEQUENTIAL_CPU, bridge.0, "us").bare(bare.0),
        Row::new("bridge", "exec, one after the other: time", bridge.1, "us").bare(bare.1),
    ])
}

/// 2,000 calls of 100 ms at once, on a client that has no connection yet.
pub(super) fn burst(server: &Server, wanted: &dyn Fn(&str) -> bool) -> Rows {
    let mut rows = Vec::new();
    let clear = "2,000 concurrent execs of 100 ms";
    if wanted(clear) {
        let bare = best(3, || burst_bare(&server.config()))?;
        let core = best(3, || burst_core(&server.config()))?;
        let bridge = best(3, || burst_bridge(server))?;
        rows.push(Row::new("rust core", clear, core, "s").target(0.35).bare(bare));
        rows.push(Row::new("bridge", clear, bridge, "s").target(0.35).bare(bare));
    }
    let secure = "the same over TLS, 100 streams a connection";
    if wanted(secure) {
        let bare = best(3, || burst_bare(&server.tls_config()))?;
        let core = best(3, || burst_core(&server.tls_config()))?;
        rows.push(Row::new("rust core", secure, core, "s").target(0.35).bare(bare));
    }
    Ok(rows)
}

fn burst_core(config: &Config) -> Result<f64> {
    let runtime = runtime()?;
    let client = Client::new(config.clone())?;
    let sandbox = runtime.block_on(client.create(Default::default()))?;
    seconds(|| {
        runtime.block_on(async {
            let mut calls = JoinSet::new();
            for _ in 0..BURST {
                let sandbox = sandbox.clone();
                calls.spawn(async move { sandbox.process().exec(SLEEP, Default::default()).await });
            }
            while let Some(answer) = calls.join_next().await {
                answer??;
            }
            Ok(())
        })
    })
}

fn burst_bridge(server: &Server) -> Result<f64> {
    let sandbox = Bridged::new(server)?;
    seconds(|| {
        let args = json!({ "command": SLEEP, "options": {} });
        let calls: Vec<_> = (0..BURST).map(|_| sandbox.start("process.exec", args.clone())).collect();
        for (_call, waiter) in calls {
            ensure!(matches!(wait(&waiter)?, Completion::Ok(_)));
        }
        Ok(())
    })
}

fn burst_bare(config: &Config) -> Result<f64> {
    let runtime = runtime()?;
    let client = bare(config)?;
    let url = format!("{}/toolbox/x/process/execute", config.api_url.as_deref().unwrap_or_default());
    seconds(|| {
        runtime.block_on(async {
            let mut calls = JoinSet::new();
            for _ in 0..BURST {
                let (client, url) = (client.clone(), url.clone());
                calls.spawn(async move { exec_bare(&client, &url, SLEEP).await });
            }
            while let Some(answer) = calls.join_next().await {
                answer??;
            }
            Ok(())
        })
    })
}

async fn exec_bare(client: &reqwest::Client, url: &str, command: &str) -> Result<()> {
    let body = json!({ "command": command }).to_string();
    let request = client.post(url).header("content-type", "application/json").body(body);
    let answer: serde_json::Value = serde_json::from_slice(&request.send().await?.bytes().await?)?;
    ensure!(answer["exitCode"] == 0);
    Ok(())
}
