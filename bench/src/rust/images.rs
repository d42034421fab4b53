//! Images and snapshots of the local engine: builds of what is there already, sandboxes made from them, and copies of a running one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use daytona::model::{
    CreateSandboxParams, CreateSnapshotParams, ForkOptions, PushAccessCredentials, UploadContextOptions, WaitOptions,
};
use daytona::{Client, Sandbox};

use crate::row::Row;

const ROUNDS: usize = 15;

/// Bytes of the context of a build.
const CONTEXT: u64 = 1 << 30;

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
    client.snapshots().delete("first").await.context("deleting the snapshot")?;
    upload(client).await
}

/// A context of a build on its way to the object storage, which curl takes there without looking at it before.
async fn upload(client: &Client) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("context");
    std::fs::File::create(&file)?.set_len(CONTEXT)?;
    let access = client.snapshots().push_access().await?;
    let speed = |begun: Instant| CONTEXT as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let (mut ours, mut bare) = (0.0f64, 0.0f64);
    for round in 0..3 {
        // Each is another context: the same would not be sent again.
        let options = UploadContextOptions { archive_base_path: Some(format!("context-{round}")) };
        let begun = Instant::now();
        client.snapshots().upload_context(access.clone(), &file.to_string_lossy(), options).await?;
        ours = ours.max(speed(begun));
        let begun = Instant::now();
        curl(&access, &file, round)?;
        bare = bare.max(speed(begun));
    }
    let row = Row::new("engine", "upload of a context of 1 GiB (bare: curl)", ours, "MB/s");
    row.target(0.9 * bare).bare(bare).emit()
}

fn curl(access: &PushAccessCredentials, file: &Path, round: usize) -> Result<()> {
    let PushAccessCredentials { storage_url, bucket, organization_id, access_key, secret, session_token, .. } = access;
    let url = format!("{storage_url}/{bucket}/{organization_id}/bench/{round}");
    let mut curl =
        Command::new("curl").args(["-sSf", "-K", "-", "-T"]).arg(file).arg(url).stdin(Stdio::piped()).spawn()?;
    // Not where everybody sees it.
    let settings = format!(
        "aws-sigv4 = \"aws:amz:us-east-1:s3\"\nuser = \"{access_key}:{secret}\"\n\
         header = \"x-amz-security-token: {session_token}\"\nheader = \"x-amz-content-sha256: UNSIGNED-PAYLOAD\"\n"
    );
    curl.stdin.take().context("the input of curl")?.write_all(settings.as_bytes())?;
    ensure!(curl.wait()?.success(), "curl failed");
    Ok(())
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
