//! What a sandbox sees of the machine's size: its own.
//!
//! Files of `/proc` and `/sys` that tell numbers of processors and sizes of memory are covered with others, made by the
//! sandbox's first process when they are read: from its limits, its control groups, and its processes. Numbers of
//! processors stay the machine's, so that they agree with what the scheduler says.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::fuse::{Server, Texts};
use super::load::Load;
use super::usage::{self, Memory, Processes};

/// The limits of a sandbox as it sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSize {
    /// The numbers of its processors.
    pub cpus: Vec<usize>,
    /// Bytes of memory.
    pub memory: u64,
}

impl OwnSize {
    /// These processors, and so many GiB of memory.
    pub fn of(cpus: &[usize], memory_gib: u64) -> Self {
        Self { cpus: cpus.to_vec(), memory: memory_gib << 30 }
    }
}

/// The files, and where each appears.
const NAMES: [&str; 7] = ["meminfo", "cpuinfo", "stat", "loadavg", "online", "possible", "present"];

/// The first of them that tells numbers of processors.
const PROCESSORS: usize = 4;

/// Where the directory is mounted until each file has got its place.
const STAGE: &str = "dev/.sizes";

/// The files of a sandbox.
pub type Files = Server<Sizes>;

/// Makes the files' texts.
pub struct Sizes {
    own: OwnSize,
    machine: Machine,
    load: Load,
}

/// The machine's own files, opened before they are covered.
struct Machine([File; PROCESSORS]);

impl Machine {
    fn open(proc: &Path) -> io::Result<Self> {
        let [memory, processors, stat, load, ..] = NAMES;
        let open = |name| File::open(proc.join(name));
        Ok(Self([open(memory)?, open(processors)?, open(stat)?, open(load)?]))
    }

    fn text(&self, file: usize) -> String {
        let mut text = Vec::new();
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = self.0[file].read_at(&mut part, text.len() as u64) {
            text.extend_from_slice(&part[..count]);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Prepares the files below the new root, where `/dev` and `/proc` are mounted already.
pub fn prepare(root: &Path, own: &OwnSize) -> anyhow::Result<Files> {
    let stage = root.join(STAGE);
    fs::create_dir(&stage)?;
    let machine = Machine::open(&root.join("proc"))?;
    Server::mount(&stage, Sizes { own: own.clone(), machine, load: Load::default() })
}

/// Mounts the files at a directory of the machine, which only this process sees.
pub fn try_out(target: &Path) -> anyhow::Result<()> {
    let own = OwnSize { cpus: Vec::new(), memory: 0 };
    Server::mount(target, Sizes { own, machine: Machine::open(Path::new("/proc"))?, load: Load::default() }).map(drop)
}

/// Puts the files where programs look for them. Not for the process that serves them, which would wait for itself.
pub fn show() -> io::Result<()> {
    let none = None::<&str>;
    let stage = Path::new("/").join(STAGE);
    for (index, name) in NAMES.iter().enumerate() {
        let place = if index < PROCESSORS { "/proc" } else { "/sys/devices/system/cpu" };
        let target = Path::new(place).join(name);
        if target.exists() {
            mount(Some(&stage.join(name)), &target, none, MsFlags::MS_BIND, none)?;
        }
    }
    umount2(&stage, MntFlags::MNT_DETACH)?;
    fs::remove_dir(&stage)
}

/// Has this process, and all it will start, run on these processors only.
pub fn run_on(cpus: &[usize]) -> nix::Result<()> {
    pin(Pid::from_raw(0), cpus)
}

fn pin(process: Pid, cpus: &[usize]) -> nix::Result<()> {
    let mut set = CpuSet::new();
    cpus.iter().try_for_each(|cpu| set.set(*cpu))?;
    sched_setaffinity(process, &set)
}

/// Has every process of the sandbox run on these processors only. Called by its first process.
pub fn run_all_on(cpus: &[usize]) {
    // Twice, for what was started meanwhile by what had not been reached yet.
    for _ in 0..2 {
        for process in usage::numbered(Path::new("/proc")) {
            for thread in usage::numbered(&Path::new("/proc").join(process.to_string()).join("task")) {
                // It may have ended.
                let _ = pin(Pid::from_raw(thread), cpus);
            }
        }
    }
}

impl Sizes {
    /// Shows another size from now on.
    pub fn resize(&mut self, own: OwnSize) {
        self.own = own;
    }

    fn memory(&self) -> String {
        let machine = self.machine.text(0);
        let total = usage::kilobytes(&machine, "MemTotal:").unwrap_or(u64::MAX).min(self.own.memory >> 10);
        Memory::now().describe(total)
    }

    fn processors(&self) -> String {
        let machine = self.machine.text(1);
        let number = |block: &str| {
            let line = block.lines().find(|line| line.starts_with("processor"))?;
            line.rsplit(':').next()?.trim().parse::<usize>().ok()
        };
        let is_own = |block: &&str| number(block).is_none_or(|number| self.own.cpus.contains(&number));
        machine.split_inclusive("\n\n").filter(is_own).collect()
    }

    fn statistics(&mut self) -> String {
        let machine = self.machine.text(2);
        let processes = Processes::now();
        let [user, system] = usage::ticks(&processes);
        self.load.note(user + system);
        let count = self.own.cpus.len().max(1) as u64;
        let idle = usage::uptime_ticks().saturating_mul(count).saturating_sub(user + system);
        let line =
            |name: &str, part: u64| format!("{name} {} 0 {} {} 0 0 0 0 0 0\n", user / part, system / part, idle / part);
        let mut text = line("cpu ", 1);
        self.own.cpus.iter().for_each(|cpu| text += &line(&format!("cpu{cpu}"), count));
        // Programs add it to the times at which processes began, which count from the machine's boot.
        text.extend(machine.lines().filter(|line| line.starts_with("btime")).map(|line| format!("{line}\n")));
        text + &format!(
            "processes {}\nprocs_running {}\nprocs_blocked {}\n",
            self.last_process(),
            processes.running,
            processes.blocked
        )
    }

    /// The number given to a process last.
    fn last_process(&self) -> u64 {
        let machine = self.machine.text(3);
        machine.split_ascii_whitespace().next_back().and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    fn load(&mut self) -> String {
        let processes = Processes::now();
        self.load.note(usage::ticks(&processes).iter().sum());
        let [one, five, fifteen] = self.load.averages();
        let (running, threads) = (processes.running, processes.threads);
        format!("{one:.2} {five:.2} {fifteen:.2} {running}/{threads} {}\n", self.last_process())
    }
}

impl Texts for Sizes {
    fn names(&self) -> &'static [&'static str] {
        &NAMES
    }

    fn text(&mut self, file: usize) -> String {
        match file {
            0 => self.memory(),
            1 => self.processors(),
            2 => self.statistics(),
            3 => self.load(),
            _ => format!("{}\n", ranges(&self.own.cpus)),
        }
    }
}

/// Ascending numbers as the kernel writes them: `0-2,5`.
fn ranges(numbers: &[usize]) -> String {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match found.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => found.push((*number, *number)),
        }
    }
    let write =
        |(first, last): &(usize, usize)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    found.iter().map(write).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_written_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 5]), "0-2,5");
        assert_eq!(ranges(&[3]), "3");
        assert_eq!(ranges(&[]), "");
    }
}
