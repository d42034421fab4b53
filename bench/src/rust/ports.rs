//! Ports of a sandbox: how fast bytes come out of a server in it, by its preview URL and by a forwarded port, beside the same
//! server on this machine.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use daytona::Sandbox;
use daytona::model::{SpawnOptions, WaitOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::row::Row;

const SIZE: u64 = 256 << 20;
const RUNS: usize = 5;
const PORT: u16 = 8000;

/// What a preview should reach of the same server without it, in percent.
const SHARE: f64 = 90.0;

/// The server on this machine; ends when dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Measures both ways.
pub async fn run(sandbox: &Sandbox) -> Result<()> {
    let command = format!("truncate -s {SIZE} data && exec python3 -m http.server --bind 127.0.0.1 {PORT}");
    let server = sandbox.spawn(&command, SpawnOptions::default()).await?;
    sandbox.process().wait_for_port(PORT.into(), WaitOptions { timeout: Some(Duration::from_secs(30)) }).await?;
    let directory = tempfile::tempdir()?;
    let (_here, port) = here(directory.path()).await?;
    let bare = best(&format!("127.0.0.1:{port}"), "").await?;

    let link = sandbox.get_preview_link(PORT).await?;
    let host = link.url.strip_prefix("http://").context("the preview is not of the local engine")?;
    let token = format!("X-Daytona-Preview-Token: {}\r\n", link.token);
    let preview = best(host.trim_end_matches('/'), &token).await?;
    let forwarded = sandbox.forward_port(PORT, None).await?;
    let forward = best(&format!("127.0.0.1:{}", forwarded.local_port()), "").await?;
    for (name, value) in [("download by preview URL", preview), ("download by forwarded port", forward)] {
        Row::new("engine", &format!("{name}, 256 MiB"), value, "MB/s").bare(bare).emit()?;
        Row::new("engine", &format!("{name}: of the same server without it"), value / bare * 100.0, "%")
            .target(SHARE)
            .emit()?;
    }
    server.release().await?;
    Ok(())
}

/// The same server on this machine, and its port.
async fn here(directory: &Path) -> Result<(Server, u16)> {
    std::fs::File::create(directory.join("data"))?.set_len(SIZE)?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(directory);
    let server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok((server, port))
}

/// The best speed of several downloads, in MB/s.
async fn best(address: &str, header: &str) -> Result<f64> {
    let mut best = 0.0_f64;
    for _ in 0..RUNS {
        let start = Instant::now();
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /data HTTP/1.1\r\nHost: {address}\r\n{header}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut buffer = vec![0; 256 * 1024];
        let mut received = 0;
        loop {
            match stream.read(&mut buffer).await? {
                0 => break,
                count => received += count as u64,
            }
        }
        ensure!(received >= SIZE, "{address} sent {received} bytes");
        best = best.max(received as f64 / 1e6 / start.elapsed().as_secs_f64());
    }
    Ok(best)
}
