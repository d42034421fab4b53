//! Work in a sandbox of the local engine: a directory of many files, the output of a process.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use daytona::Sandbox;
use daytona::model::{DirectoryOptions, OutputOptions};

use crate::row::Row;

const FILES: usize = 20_000;
/// Bytes of output that a spawned process writes.
const OUTPUT: u64 = 1 << 30;
const ROUNDS: usize = 3;

/// Measures both.
pub(super) async fn both(sandbox: &Sandbox) -> Result<()> {
    let local = tempfile::tempdir()?;
    let source = local.path().join("source");
    make(&source)?;
    let (mut sent, mut fetched, mut bare) = (f64::MAX, f64::MAX, f64::MAX);
    for round in 0..ROUNDS {
        let (to, back) = (local.path().join(format!("tar-{round}")), local.path().join(format!("back-{round}")));
        bare = bare.min(tar_to_tar(&source, &to)?);
        let remote = format!("many-{round}");
        let start = Instant::now();
        let transfer = sandbox.fs().upload_dir(text(&source)?, &remote, DirectoryOptions::default()).await?;
        ensure!(transfer.finish().await?.files == FILES as i64, "files were left out");
        sent = sent.min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let transfer = sandbox.fs().download_dir(&remote, text(&back)?, DirectoryOptions::default()).await?;
        ensure!(transfer.finish().await?.files == FILES as i64, "files were left out");
        fetched = fetched.min(start.elapsed().as_secs_f64());
    }
    let row = |name: &str, value: f64| Row::new("engine", name, value, "s").bare(bare);
    row("upload of a directory of 20,000 files", sent).target(3.0 * bare).emit()?;
    row("download of a directory of 20,000 files", fetched).emit()?;

    let mut speed: f64 = 0.0;
    for _ in 0..ROUNDS {
        speed = speed.max(output(sandbox).await?);
    }
    Row::new("engine", "output of a spawned process, lines of 1 KiB", speed, "MB/s").target(300.0).emit()
}

/// Files of 0 to 4 KiB in 200 directories.
fn make(root: &Path) -> Result<()> {
    let content: Vec<u8> = (0..4096u32).map(|n| b'a' + (n * n % 23) as u8).collect();
    for n in 0..FILES {
        let directory = root.join(format!("directory-{}", n % 200));
        if n < 200 {
            fs::create_dir_all(&directory)?;
        }
        fs::write(directory.join(format!("file-{n}.txt")), &content[..n * 37 % 4096])?;
    }
    Ok(())
}

fn tar_to_tar(from: &Path, to: &Path) -> Result<f64> {
    fs::create_dir(to)?;
    let start = Instant::now();
    let command = "tar -C \"$1\" -cf - . | tar -C \"$2\" -xf -";
    let status = Command::new("sh").args(["-c", command, "sh", text(from)?, text(to)?]).status()?;
    ensure!(status.success(), "tar ended with {status}");
    Ok(start.elapsed().as_secs_f64())
}

async fn output(sandbox: &Sandbox) -> Result<f64> {
    let process = sandbox.process();
    let command = format!("yes \"$(head -c 1023 /dev/zero | tr '\\0' x)\" | head -c {OUTPUT}");
    let info = process.spawn(&command, Default::default()).await?;
    let start = Instant::now();
    let mut stream = process.stream_output(info.clone(), OutputOptions::default()).await?;
    let mut read = 0;
    while let Some(chunk) = stream.next().await? {
        read += chunk.data.len() as u64;
    }
    let speed = read as f64 / 1e6 / start.elapsed().as_secs_f64();
    ensure!(read == OUTPUT, "{read} bytes came");
    process.release_spawned(info).await?;
    Ok(speed)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is not UTF-8")
}
