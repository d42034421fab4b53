//! A live log as fast as it comes.

use anyhow::{Result, bail, ensure};
use daytona_bridge::Completion;
use serde_json::json;

use super::{Bridged, Rows, Server, best, runtime, seconds, wait};
use crate::row::Row;

const BYTES: usize = 256 << 20;
/// Of every frame of 1 KiB three bytes are the marker.
const CONTENT: usize = BYTES / 1024 * 1021;
const BATCH: usize = 256 * 1024;

pub(super) fn logs(server: &Server, wanted: &dyn Fn(&str) -> bool) -> Rows {
    let name = "log stream in frames of 1 KiB";
    if !wanted(name) {
        return Ok(Vec::new());
    }
    let megabytes = BYTES as f64 / 1e6;
    let bare = megabytes / best(3, || bare(server))?;
    let core = megabytes / best(3, || core(server))?;
    let bridge = megabytes / best(3, || bridge(server))?;
    Ok(vec![
        Row::new("rust core", name, core, "MB/s").target(700.0).bare(bare),
        Row::new("bridge", name, bridge, "MB/s").target(700.0).bare(bare),
    ])
}

fn core(server: &Server) -> Result<f64> {
    let runtime = runtime()?;
    let sandbox = runtime.block_on(server.sandbox())?;
    seconds(|| {
        let reading = runtime.spawn(async move {
            let mut stream = sandbox.process().stream_session_command_logs("s", &BYTES.to_string()).await?;
            let mut read = 0;
            while let Some(chunk) = stream.next().await? {
                read += chunk.data.len();
            }
            anyhow::Ok(read)
        });
        ensure!(runtime.block_on(reading)?? == CONTENT);
        Ok(())
    })
}

fn bridge(server: &Server) -> Result<f64> {
    let sandbox = Bridged::new(server)?;
    seconds(|| {
        let args = json!({ "sessionId": "s", "commandId": BYTES.to_string() });
        let Completion::Stream(stream, _) = sandbox.call("process.stream_session_command_logs", args)? else {
            bail!("no stream was opened");
        };
        let mut read = 0;
        loop {
            let waiter = daytona_bridge::Waiter::new();
            let _call = stream.read(BATCH, "bytes", waiter.sink());
            let Completion::Ok(batch) = wait(&waiter)? else { bail!("the stream broke") };
            let Some(mut frames) = batch.claim().1.into_iter().next() else { break };
            while frames.len() >= 5 {
                let length = u32::from_le_bytes([frames[1], frames[2], frames[3], frames[4]]) as usize;
                read += length;
                let _ = frames.split_to(5 + length);
            }
        }
        ensure!(read == CONTENT);
        Ok(())
    })
}

/// As many bytes as the body of a response.
fn bare(server: &Server) -> Result<f64> {
    let runtime = runtime()?;
    let client = super::bare(&server.config())?;
    let url = format!("{}/zeros/{BYTES}", server.http);
    seconds(|| {
        runtime.block_on(async {
            let mut response = client.get(url).send().await?;
            let mut read = 0;
            while let Some(chunk) = response.chunk().await? {
                read += chunk.len();
            }
            ensure!(read == BYTES);
            Ok(())
        })
    })
}
