//! What a sandbox uses, as its first process finds it: from its control groups, and where there are none from its processes.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Where the sandbox's control groups are shown inside, versions 2 and 1.
const GROUPS: [&str; 3] = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpuacct"];

/// Memory in bytes.
#[derive(Default)]
pub struct Memory {
    used: u64,
    anonymous: [u64; 2],
    file: [u64; 2],
    cached: u64,
    shared: u64,
    mapped: u64,
    dirty: u64,
    writeback: u64,
    unevictable: u64,
    slab: [u64; 2],
}

impl Memory {
    /// What is used now.
    pub fn now() -> Self {
        Self::of_group().unwrap_or_else(Self::of_processes)
    }

    fn of_group() -> Option<Self> {
        let [second, first, _] = GROUPS;
        let number = |directory: &str, name: &str| -> Option<u64> {
            fs::read_to_string(format!("{directory}/{name}")).ok()?.trim().parse().ok()
        };
        let (used, directory, version) = match number(second, "memory.current") {
            Some(used) => (used, second, 0),
            None => (number(first, "memory.usage_in_bytes")?, first, 1),
        };
        let statistics = fs::read_to_string(format!("{directory}/memory.stat")).ok()?;
        let value = |names: [&str; 2]| field(&statistics, names[version]).unwrap_or_default();
        Some(Self {
            used,
            anonymous: [value(["active_anon", "total_active_anon"]), value(["inactive_anon", "total_inactive_anon"])],
            file: [value(["active_file", "total_active_file"]), value(["inactive_file", "total_inactive_file"])],
            cached: value(["file", "total_cache"]),
            shared: value(["shmem", "total_shmem"]),
            mapped: value(["file_mapped", "total_mapped_file"]),
            dirty: value(["file_dirty", "total_dirty"]),
            writeback: value(["file_writeback", "total_writeback"]),
            unevictable: value(["unevictable", "total_unevictable"]),
            slab: [value(["slab_reclaimable", ""]), value(["slab_unreclaimable", ""])],
        })
    }

    fn of_processes() -> Self {
        const PAGE: u64 = 4096;
        let mut used = 0;
        for process in numbered(Path::new("/proc")) {
            let Ok(text) = fs::read_to_string(format!("/proc/{process}/statm")) else { continue };
            let pages: Vec<u64> = text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
            if let [_, resident, shared, ..] = pages[..] {
                used += resident.saturating_sub(shared) * PAGE;
            }
        }
        Self { used, anonymous: [used, 0], ..Self::default() }
    }

    /// As `/proc/meminfo`, for a sandbox with so many kilobytes.
    pub fn describe(&self, total: u64) -> String {
        let kilobytes = |bytes: u64| (bytes >> 10).min(total);
        let free = total.saturating_sub(self.used >> 10);
        let [active, inactive] = [0, 1].map(|part| self.anonymous[part] + self.file[part]);
        let reclaimable = self.file[0] + self.file[1] + self.slab[0];
        let lines = [
            ("MemTotal", total),
            ("MemFree", free),
            ("MemAvailable", free.saturating_add(reclaimable >> 10).min(total)),
            ("Buffers", 0),
            ("Cached", kilobytes(self.cached)),
            ("SwapCached", 0),
            ("Active", kilobytes(active)),
            ("Inactive", kilobytes(inactive)),
            ("Active(anon)", kilobytes(self.anonymous[0])),
            ("Inactive(anon)", kilobytes(self.anonymous[1])),
            ("Active(file)", kilobytes(self.file[0])),
            ("Inactive(file)", kilobytes(self.file[1])),
            ("Unevictable", kilobytes(self.unevictable)),
            ("Mlocked", 0),
            ("SwapTotal", 0),
            ("SwapFree", 0),
            ("Dirty", kilobytes(self.dirty)),
            ("Writeback", kilobytes(self.writeback)),
            ("AnonPages", kilobytes((self.anonymous[0] + self.anonymous[1]).saturating_sub(self.shared))),
            ("Mapped", kilobytes(self.mapped)),
            ("Shmem", kilobytes(self.shared)),
            ("KReclaimable", kilobytes(self.slab[0])),
            ("Slab", kilobytes(self.slab[0] + self.slab[1])),
            ("SReclaimable", kilobytes(self.slab[0])),
            ("SUnreclaim", kilobytes(self.slab[1])),
        ];
        let mut text = String::new();
        for (name, value) in lines {
            let _ = writeln!(text, "{:<16}{value:>8} kB", format!("{name}:"));
        }
        text
    }
}

/// What the sandbox's processes do.
#[derive(Default)]
pub struct Processes {
    /// Those that run or could.
    pub running: u64,
    /// Those that wait for a disk.
    pub blocked: u64,
    /// Threads of all of them.
    pub threads: u64,
    /// Processor time in user mode and in the kernel, of them and of those that have ended, in ticks.
    ticks: [u64; 2],
}

impl Processes {
    /// What they do now.
    pub fn now() -> Self {
        let mut found = Self::default();
        for process in numbered(Path::new("/proc")) {
            let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            found.add(&text);
        }
        found
    }

    /// The name may hold anything, so what follows its parenthesis counts.
    fn add(&mut self, stat: &str) {
        let Some((_, rest)) = stat.rsplit_once(')') else { return };
        let words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        match words.first() {
            Some(&"R") => self.running += 1,
            Some(&"D") => self.blocked += 1,
            _ => {}
        }
        self.threads += number(17);
        self.ticks[0] += number(11) + number(13);
        self.ticks[1] += number(12) + number(14);
    }
}

/// Processor time used so far, in user mode and in the kernel, in ticks of a hundredth of a second.
pub fn ticks(processes: &Processes) -> [u64; 2] {
    let [second, _, first] = GROUPS;
    let read = |path: String, names: [&str; 2], divisor: u64| -> Option<[u64; 2]> {
        let text = fs::read_to_string(path).ok()?;
        let [user, system] = names.map(|name| field(&text, name));
        Some([user? / divisor, system? / divisor])
    };
    read(format!("{second}/cpu.stat"), ["user_usec", "system_usec"], 10_000)
        .or_else(|| read(format!("{first}/cpuacct.stat"), ["user", "system"], 1))
        .unwrap_or(processes.ticks)
}

/// Ticks since the machine started.
pub fn uptime_ticks() -> u64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split_ascii_whitespace().next().and_then(|word| word.parse::<f64>().ok()).unwrap_or_default();
    (seconds * 100.0) as u64
}

/// The entries of a directory whose names are numbers.
pub fn numbered(directory: &Path) -> impl Iterator<Item = i32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The number after a line's first word, as in `MemTotal: 1024 kB`.
pub fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next()? == name).then(|| words.next()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_counted_whatever_their_names_are() {
        let mut found = Processes::default();
        found.add("7 (a) R 1 (b)) S 1 7 7 0 -1 4194560 100 0 0 0 11 12 13 14 20 0 3 0 100 0 0\n");
        found.add("8 (x) R 1 7 7 0 -1 4194560 100 0 0 0 1 2 3 4 20 0 1 0 100 0 0\n");
        found.add("nothing");
        assert_eq!((found.running, found.blocked, found.threads, found.ticks), (1, 0, 4, [28, 32]));
    }

    #[test]
    fn more_than_there_is_is_not_shown() {
        let memory = Memory { used: 5 << 30, cached: 3 << 30, ..Memory::default() };
        let text = memory.describe(1 << 20);
        assert_eq!(kilobytes(&text, "MemTotal:"), Some(1 << 20));
        assert_eq!(kilobytes(&text, "MemFree:"), Some(0));
        assert_eq!(kilobytes(&text, "Cached:"), Some(1 << 20));
    }
}
