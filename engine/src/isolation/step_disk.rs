//! Disks for the commands of builds, where the kernel lays nothing over directories of the machine's: the state directory is on
//! such layers itself, as in most containers.
//!
//! What a command has changed is read from its disk by a process of its own, which alone sees the disk mounted, and goes
//! through a pipe as an archive.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use daytona_images::{Cancel, Error, pack_layer, unpack_layer};

use super::image_root::ROOT_LAYER;
use super::mounts;
use super::spec::SANDBOX_ARGUMENT;
use crate::snapshots::images::RESERVE;

/// The size of such a disk. It takes room only as it is written to.
pub const GIB: u64 = 20;

/// The second hidden argument: the process only writes what is on the disk in its working directory to its standard output.
pub const ARGUMENT: &str = "read-step-disk";

/// Makes one layer at `target`, an empty directory, of what is on the disk in `directory`.
pub fn take_layer(directory: &Path, target: &Path, cancel: &Cancel) -> Result<()> {
    let mut reader = Command::new("/proc/self/exe")
        .args([SANDBOX_ARGUMENT, ARGUMENT])
        .env_clear()
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting the engine's program")?;
    let archive = reader.stdout.take().context("there is no pipe")?;
    let unpacked = unpack_layer(archive, target, RESERVE, cancel);
    // With its pipe closed the process ends, whatever it was at.
    let output = reader.wait_with_output()?;
    if let Err(error @ Error::NoRoom { .. }) = unpacked {
        return Err(error.into());
    }
    if !output.status.success() && !cancel.is_cancelled() {
        bail!("reading the disk of the command: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(unpacked?)
}

/// The work of the process started by [`take_layer`]; returns its exit status.
pub fn run() -> i32 {
    let read = || -> Result<()> {
        let directory = std::env::current_dir()?;
        std::fs::create_dir_all(directory.join("mounted"))?;
        let mounted = mounts::mount_alone(&directory)?;
        Ok(pack_layer(&mounted.join("upper").join(ROOT_LAYER), io::stdout().lock())?)
    };
    match read() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error:#}");
            1
        }
    }
}
