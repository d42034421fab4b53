//! Images and snapshots of the local engine: builds of what is there already, sandboxes made from them, and copies of a running one.

use std::time::Instant;

use anyhow::{Context, Result};
use daytona::model::{CreateSandboxParams, CreateSnapshotParams, ForkOptions, WaitOptions};
use daytona::{Client, Sandbox};

use crate::row::Row;

const ROUNDS: usize = 15;

/// What is built: a root of its own, and over it what a command changed.
const DOCKERFILE: &str = "FROM default AS tools\nFROM scratch\nCOPY --from=tools /usr/bin/busybox /bin/\n\
                          RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nRUN echo built > /made\n";

/// Measures with a sandbox that runs.
pub(super) async fn measure(client: &Client, running: &Sandbox) -> Result<()> {
    build(client, "first").await?;
    let mut rebuilt = Times::default();
    for round in 0..ROUNDS {
        let begun = Instant::now();
        build(client, &format!("again-{round}")).await?;
        rebuilt.add(begun);
        client.snapshots().delete(&format!("again-{round}")).await?;
    }
    rebuilt.emit("build with everything cached", 100.0)?;

    let (mut created, mut forked, mut copied) = (Times::default(), Times::default(), Times::default());
    for round in 0..ROUNDS {
        let begun = Instant::now();
        let params = CreateSandboxParams { snapshot: Some("first".into()), ..Default::default() };
        let sandbox = client.create(params).await?;
        created.add(begun);
        let begun = Instant::now();
        let copy = sandbox.fork(ForkOptions::default()).await?;
        forked.add(begun);
        copy.delete().await?;
        sandbox.delete().await?;

        let name = format!("copy-{round}");
        let begun = Instant::now();
        client.sandboxes().create_snapshot(&running.info().id, &name, WaitOptions::default()).await?;
        copied.add(begun);
        client.snapshots().delete(&name).await?;
    }
    created.emit("create from the snapshot of an image", 40.0)?;
    forked.emit("fork of a running sandbox of an image", 40.0)?;
    copied.emit("snapshot of a running sandbox", 50.0)?;
    client.snapshots().delete("first").await.context("deleting the snapshot")
}

async fn build(client: &Client, name: &str) -> Result<()> {
    let dockerfile = Some(DOCKERFILE.to_owned());
    let params = CreateSnapshotParams { name: name.to_owned(), dockerfile, ..Default::default() };
    client.snapshots().create(params, Default::default()).await.context("building")?;
    Ok(())
}

/// Times in milliseconds.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn add(&mut self, begun: Instant) {
        self.0.push(begun.elapsed().as_secs_f64() * 1e3);
    }

    fn emit(mut self, what: &str, target: f64) -> Result<()> {
        self.0.sort_by(f64::total_cmp);
        let median = self.0[self.0.len() / 2];
        Row::new("engine", &format!("{what}: p50 of {ROUNDS}"), median, "ms").target(target).emit()
    }
}
