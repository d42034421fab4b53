//! A large file up and down, compared with curl doing the same.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use daytona::model::FileUpload;
use daytona::{Client, Config};

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
        for (address, name) in addresses(server, "upload by path") {
            let bare = speed(best(3, || upload_curl(&address, &file))?);
            let core = speed(best(3, || upload(&address, &file))?);
            rows.push(Row::new("rust core", &name, core, "MB/s").target(0.9 * bare).bare(bare));
        }
        std::fs::remove_file(file)?;
    }
    if wanted("download by path") {
        let file = directory.path().join("down");
        for (address, name) in addresses(server, "download by path") {
            let bare = speed(best(3, || download_curl(&address, &file))?);
            let core = speed(best(3, || download(&address, &file))?);
            rows.push(Row::new("rust core", &name, core, "MB/s").target(0.9 * bare).bare(bare));
        }
    }
    Ok(rows)
}

fn addresses(server: &Server, what: &str) -> [(Config, String); 2] {
    [
        (server.config(), format!("{what} (bare: curl)")),
        (server.tls_config(), format!("{what}, TLS and HTTP/2 (bare: curl)")),
    ]
}

fn upload(config: &Config, file: &Path) -> Result<f64> {
    let runtime = runtime()?;
    let sandbox = runtime.block_on(Client::new(config.clone())?.create(Default::default()))?;
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

fn download(config: &Config, file: &Path) -> Result<f64> {
    let runtime = runtime()?;
    let sandbox = runtime.block_on(Client::new(config.clone())?.create(Default::default()))?;
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

fn upload_curl(config: &Config, file: &Path) -> Result<f64> {
    curl(config, &["-F", &format!("files[0].file=@{}", file.display())], "/sink")
}

fn download_curl(config: &Config, file: &Path) -> Result<f64> {
    let time = curl(config, &["-o", &file.to_string_lossy()], &format!("/zeros/{BYTES}"))?;
    finish(file)?;
    Ok(time)
}

/// Checks a downloaded file and removes it, so that each run writes a new one.
fn finish(file: &Path) -> Result<()> {
    ensure!(std::fs::metadata(file)?.len() == BYTES);
    Ok(std::fs::remove_file(file)?)
}

fn curl(config: &Config, arguments: &[&str], path: &str) -> Result<f64> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]).args(arguments).stdout(Stdio::null());
    if let Some(authority) = &config.ca_cert {
        curl.args(["--cacert", authority]);
    }
    curl.arg(format!("{}{path}", config.api_url.as_deref().unwrap_or_default()));
    seconds(|| {
        ensure!(curl.status()?.success(), "curl failed");
        Ok(())
    })
}
