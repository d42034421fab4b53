//! How much the kernel has written to the disk of a running sandbox.
//!
//! The kernel counts for each loop device what it has done there. As long as the counts stay the same, so does the image.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the kernel counts of a loop device. Devices are equal when nothing was written or discarded in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    device: PathBuf,
    /// Sectors that were written, and that were discarded.
    sectors: [u64; 2],
}

impl Written {
    /// Of the device that shows this image; `None` where there is none, something is being written right now, or the kernel was
    /// told not to count.
    pub fn to(image: &Path) -> Option<Self> {
        let device = device_of(image)?;
        let counts_at_all = fs::read_to_string(device.join("queue/iostats")).ok()?.trim() == "1";
        if !counts_at_all || !is_at_rest(&fields(&device)?) {
            return None;
        }
        // What was under way a moment before is counted only now.
        let fields = fields(&device)?;
        // Kernels before 4.18 do not count what was discarded: there nothing is known.
        let sectors = [*fields.get(WRITTEN)?, *fields.get(DISCARDED)?];
        is_at_rest(&fields).then_some(Self { device, sectors })
    }
}

/// Where a device's statistics have the sectors that were written. The number of writes has flushes in it, too.
const WRITTEN: usize = 6;

/// Where they have those that were discarded.
const DISCARDED: usize = 13;

/// Where they have the number of requests under way.
const UNDER_WAY: usize = 8;

fn is_at_rest(fields: &[u64]) -> bool {
    fields.get(UNDER_WAY) == Some(&0)
}

fn fields(device: &Path) -> Option<Vec<u64>> {
    let text = fs::read_to_string(device.join("stat")).ok()?;
    text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

/// The loop device of an image, as a directory of the kernel's.
fn device_of(image: &Path) -> Option<PathBuf> {
    let wanted = fs::metadata(image).ok()?;
    let is_it = |device: &PathBuf| {
        let file = fs::read_to_string(device.join("loop/backing_file")).ok();
        let found = file.and_then(|file| fs::metadata(file.trim_end_matches('\n')).ok());
        found.is_some_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
    };
    let devices = fs::read_dir("/sys/block").ok()?.flatten();
    devices.map(|device| device.path()).find(is_it)
}
