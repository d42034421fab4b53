//! Keeping sandboxes' disks from promising more room than the machine's disk has.
//!
//! A sandbox's disk is a sparse file. If the machine's disk ran full below it, what the sandbox has written already would be
//! lost. So the room that a sandbox sees ends a little before that of the machine, and writing fails while it can still
//! be told. It is looked at when a sandbox starts, and from time to time while there is little room.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::sys::stat::{major, minor};
use nix::sys::statvfs::statvfs;

use super::disk::BLOCK;
use crate::sandboxes::snapshot::MAX_RESOURCES;

/// The most that is left to the machine, in bytes: what several sandboxes may write between two looks.
const MOST_SPARED: u64 = 256 << 20;

/// The part of the machine's disk that is left to it at least, as a divisor.
const SPARED_PART: u64 = 50;

/// What the kernel itself keeps back of a file system, in blocks: so many at most, and this part.
const KERNEL_RESERVE: (u64, u64) = (4096, 50);

/// No disk is larger than this, in bytes: with more room on the machine there is nothing to limit.
pub const LARGEST: u64 = MAX_RESOURCES.disk << 30;

/// Bytes that sandboxes may still write on the machine's disk that holds a directory.
pub fn room(directory: &Path) -> Result<u64> {
    let disk = statvfs(directory).context("asking for room on the machine's disk")?;
    let [total, free] = [disk.blocks(), disk.blocks_available()].map(|blocks| blocks * disk.fragment_size());
    Ok(free.saturating_sub((total / SPARED_PART).min(MOST_SPARED)))
}

/// Has the disk that holds a directory end where this room does.
pub fn limit(directory: &Path, room: u64) -> Result<()> {
    let disk = statvfs(directory)?;
    let reserve = disk.blocks_free().saturating_sub(room / BLOCK);
    let (most, part) = KERNEL_RESERVE;
    let reserve = reserve.max((disk.blocks() / part).min(most)).min(disk.blocks().saturating_sub(1));
    let number = fs::metadata(directory)?.dev();
    let device = fs::canonicalize(format!("/sys/dev/block/{}:{}", major(number), minor(number)))?;
    let name = device.file_name().context("the disk's device has no name")?;
    // The directory may be reached by the id of a process that has ended, and lead to somebody else's disk by now.
    if !name.as_encoded_bytes().starts_with(b"loop") {
        bail!("{} is no sandbox's disk", directory.display());
    }
    let file = Path::new("/sys/fs/ext4").join(name).join("reserved_clusters");
    fs::write(&file, reserve.to_string()).with_context(|| format!("writing {}", file.display()))
}
