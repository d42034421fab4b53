//! A large file up and down, compared with curl doing the same.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use daytona::model::FileUpload;

use super::{Rows, Server, best, runtime, seconds};
use crate::row::Row;

const BYTES: u64 = 512 << 20;

pub(super) fn both(server: &Server, wanted: &dyn Fn(&str) -> bool) -> Rows {
    let mut rows = Vec::new();
    let directory = tempfile::tempdir()?;
    let speed = |seconds: f64| BYTES as f64 / 1e6 / seconds;
    if wanted("upload by path") {
        let file = directory.path().join("up");
        std::fs::File::create(&file)?.set_len(BYTES)?;
        let bare = speed(best(3, || upload_curl(server, &file))?);
        let core = speed(best(3, || upload(server, &file))?);
        rows.push(Row::new("rust core", "upload by path (bare: curl)", core, "MB/s").target(0.9 * bare).bare(bare));
        std::fs::remove_file(file)?;
    }
    if wanted("download by path") {
        let file = directory.path().join("down");
        let bare = speed(best(3, || download_curl(server, &file))?);
        let core = speed(best(3, || download(server, &file))?);
        rows.push(Row::new("rust core", "download by path (bare: curl)", core, "MB/s").target(0.9 * bare).bare(bare));
    }
    Ok(rows)
}

fn upload(server: &Server, file: &Path) -> Result<f64> {
    let runtime = runtime()?;
    let sandbox = runtime.block_on(server.sandbox())?;
    let file = FileUpload {
        destination: "/up".into(),
        local_path: Some(file.to_string_lossy().into_owned()),
        ..Default::default()
    };
    seconds(|| {
        runtime.block_on(runtime.spawn(async move { sandbox.fs().upload_file(file, Default::default()).await }))??;
        Ok(())
    })
}

fn download(server: &Server, file: &Path) -> Result<f64> {
    let runtime = runtime()?;
    let sandbox = runtime.block_on(server.sandbox())?;
    let local = file.to_string_lossy().into_owned();
    let time = seconds(|| {
        runtime.block_on(runtime.spawn(async move {
            sandbox.fs().download_to_path(&format!("/zeros/{BYTES}"), &local, Default::default()).await
        }))??;
        Ok(())
    })?;
    finish(file)?;
    Ok(time)
}

fn upload_curl(server: &Server, file: &Path) -> Result<f64> {
    let form = format!("files[0].file=@{}", file.display());
    curl(&["-F", &form, &format!("{}/sink", server.http)])
}

fn download_curl(server: &Server, file: &Path) -> Result<f64> {
    let time = curl(&["-o", &file.to_string_lossy(), &format!("{}/zeros/{BYTES}", server.http)])?;
    finish(file)?;
    Ok(time)
}

/// Checks a downloaded file and removes it, so that each run writes a new one.
fn finish(file: &Path) -> Result<()> {
    ensure!(std::fs::metadata(file)?.len() == BYTES);
    Ok(std::fs::remove_file(file)?)
}

fn curl(arguments: &[&str]) -> Result<f64> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]).args(arguments).stdout(Stdio::null());
    seconds(|| {
        ensure!(curl.status()?.success(), "curl failed");
        Ok(())
    })
}
