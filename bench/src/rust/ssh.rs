//! Bytes over SSH, with OpenSSH's client and the local engine's gateway.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use daytona::Sandbox;

use crate::row::Row;

/// Bytes each way: past the point where keys are exchanged anew by themselves.
const BYTES: u64 = 2 << 30;

/// Measures bytes to and from a sandbox, and how long one command takes with its connection.
pub async fn measure(sandbox: &Sandbox) -> Result<()> {
    let access = sandbox.create_ssh_access(None).await?;
    let command = access.ssh_command.strip_prefix("ssh ").context("an ssh command")?.to_owned();
    tokio::task::spawn_blocking(move || rows(&command)).await?
}

fn rows(destination: &str) -> Result<()> {
    let start = Instant::now();
    ensure!(run(destination, &[], "true", Stdio::null())?.is_empty());
    Row::new("engine", "ssh: a command with its connection", start.elapsed().as_secs_f64() * 1e3, "ms").emit()?;
    for cipher in ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com"] {
        let options = ["-o", &format!("Ciphers={cipher}")];
        let speed = |start: Instant| BYTES as f64 / 1e6 / start.elapsed().as_secs_f64();
        let name = cipher.split('@').next().unwrap_or(cipher);

        let start = Instant::now();
        let counted = pipe(destination, &options, &format!("head -c {BYTES} /dev/zero"), true)?;
        ensure!(counted == BYTES, "{counted} bytes came");
        Row::new("engine", &format!("ssh: 2 GiB from a sandbox, {name}"), speed(start), "MB/s").emit()?;

        let start = Instant::now();
        let counted = pipe(destination, &options, "wc -c", false)?;
        ensure!(counted == BYTES, "{counted} bytes arrived");
        Row::new("engine", &format!("ssh: 2 GiB to a sandbox, {name}"), speed(start), "MB/s").emit()?;
    }
    Ok(())
}

fn ssh(destination: &str, options: &[&str], command: &str) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
    ssh.args(["-o", "LogLevel=ERROR", "-o", "BatchMode=yes"]).args(options).args(destination.split(' ')).arg(command);
    ssh
}

fn run(destination: &str, options: &[&str], command: &str, input: Stdio) -> Result<Vec<u8>> {
    let output = ssh(destination, options, command).stdin(input).output()?;
    ensure!(output.status.success(), "ssh: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// Bytes from a command of the sandbox, counted here, or to one that counts them.
fn pipe(destination: &str, options: &[&str], command: &str, from: bool) -> Result<u64> {
    let counted = if from {
        let mut sender = ssh(destination, options, command).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = sender.stdout.take().context("piped")?;
        let counted = Command::new("wc").arg("-c").stdin(output).output()?.stdout;
        ensure!(sender.wait()?.success(), "ssh failed");
        counted
    } else {
        let mut source =
            Command::new("head").args(["-c", &BYTES.to_string(), "/dev/zero"]).stdout(Stdio::piped()).spawn()?;
        let input = source.stdout.take().context("piped")?;
        let counted = run(destination, options, command, input.into())?;
        source.wait()?;
        counted
    };
    Ok(String::from_utf8(counted)?.trim().parse()?)
}
