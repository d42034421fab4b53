//! Processes that the kernel killed because the sandbox reached its memory limit.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::Toolbox;
use crate::metrics::UNLIMITED;

/// The limit of a sandbox's memory, and the file in which the kernel counts what it enforced.
#[derive(Clone, Debug)]
pub struct MemoryLimit {
    events: Arc<File>,
    gib: u64,
}

impl MemoryLimit {
    /// `events` is an open `memory.events` (control groups version 2) or `memory.oom_control` (version 1).
    pub fn new(events: File, gib: u64) -> Self {
        Self { events: Arc::new(events), gib }
    }

    /// The limit of the control group that this process sees as its own; none where there is no limit or no such group to see.
    pub fn of_own_group() -> Option<Self> {
        const GIB: u64 = 1 << 30;
        let number = |file: &str| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
        let (limit, events) = match number("/sys/fs/cgroup/memory.max") {
            Some(limit) => (limit, "/sys/fs/cgroup/memory.events"),
            None => {
                let limit = number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
                (limit.filter(|limit| *limit < UNLIMITED)?, "/sys/fs/cgroup/memory/memory.oom_control")
            }
        };
        Some(Self::new(File::open(events).ok()?, limit.div_ceil(GIB)))
    }

    /// How many processes have been killed so far.
    fn kills(&self) -> u64 {
        let mut text = [0; 512];
        let length = self.events.read_at(&mut text, 0).unwrap_or_default();
        let text = String::from_utf8_lossy(&text[..length]);
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.parse().ok()).unwrap_or_default()
    }
}

/// Notices what is killed at the memory limit while a command runs.
pub(crate) struct MemoryWatch {
    limit: Option<MemoryLimit>,
    kills_before: u64,
}

impl Toolbox {
    /// Begins to watch, before a command starts.
    pub(crate) fn watch_memory(&self) -> MemoryWatch {
        MemoryWatch::begin(self.config.memory_limit.clone())
    }
}

impl MemoryWatch {
    pub(crate) fn begin(limit: Option<MemoryLimit>) -> Self {
        let kills_before = limit.as_ref().map_or(0, MemoryLimit::kills);
        Self { limit, kills_before }
    }

    /// A line that says so when something has been killed since, for the output of a command that failed.
    pub(crate) fn reason(&self) -> Option<String> {
        let limit = self.limit.as_ref().filter(|limit| limit.kills() > self.kills_before)?;
        let gib = limit.gib;
        Some(format!("out of memory: the sandbox reached its limit of {gib} GiB and a process in it was killed\n"))
    }

    /// Ends the output of a failed command with [`Self::reason`].
    pub(crate) fn explain(&self, output: &mut Vec<u8>) {
        let Some(reason) = self.reason() else { return };
        if output.last().is_some_and(|last| *last != b'\n') {
            output.push(b'\n');
        }
        output.extend_from_slice(reason.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kills(text: &str) -> u64 {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        MemoryLimit::new(file, 1).kills()
    }

    #[test]
    fn both_versions_of_control_groups_are_understood() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"), 3);
        assert_eq!(kills("low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\noom_group_kill 0\n"), 2);
        assert_eq!(kills(""), 0);
    }
}
