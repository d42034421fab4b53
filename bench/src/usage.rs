//! What a process has used so far.

use std::time::Duration;

use anyhow::Result;
use nix::sys::resource::{UsageWho, getrusage};

/// Processor time of all threads of this process, in the kernel and outside.
pub fn cpu_time() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let total = usage.user_time() + usage.system_time();
    Ok(Duration::from_secs(total.tv_sec().try_into()?) + Duration::from_micros(total.tv_usec().try_into()?))
}
