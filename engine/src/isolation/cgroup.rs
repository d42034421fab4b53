//! Resource limits through control groups, versions 1 and 2.
//!
//! Each engine owns one group per hierarchy, named after its state directory, and gives every started
//! sandbox a group below it. What the machine cannot enforce is told by [`Cgroups::enforced`], never
//! pretended. On version 1 the engine's group lies below the engine's own, so limits it already
//! stands under keep holding.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;

use super::entrance::Entrance;
use super::spec::ShownGroup;

/// The most processes and threads one sandbox may have.
pub const MAX_PROCESSES: u64 = 4096;

/// The group of the first processes of sandboxes that have been frozen.
const AWAKE: &str = "awake";

/// How long processes may take to stand still.
const FREEZE_LIMIT: Duration = Duration::from_secs(5);

/// The scheduler period in microseconds that processor limits refer to.
const CPU_PERIOD_US: u64 = 100_000;

/// The limits of one sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Resources {
    /// Processors.
    pub cpu: u64,
    /// Memory in GiB.
    pub memory_gib: u64,
    /// Disk in GiB. Takes effect when the sandbox starts; less than before changes nothing.
    pub disk_gib: u64,
}

/// A resource the kernel limits per group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Controller {
    Cpu,
    /// Only counts.
    CpuTime,
    Memory,
    Pids,
    Disk,
    /// Makes processes stand still.
    Freezer,
}

/// Controllers and their names in versions 1 and 2. Every group of version 2 can be frozen: that has no name there.
const CONTROLLERS: [(Controller, [&str; 2]); 6] = [
    (Controller::Cpu, ["cpu"; 2]),
    (Controller::CpuTime, ["cpuacct", "cpu"]),
    (Controller::Memory, ["memory"; 2]),
    (Controller::Pids, ["pids"; 2]),
    (Controller::Disk, ["blkio", "io"]),
    (Controller::Freezer, ["freezer", ""]),
];

/// Files that set a group's share of the disks' time, with their default: the kernel's I/O schedulers give groups equal
/// shares once each has its own. A machine without such a scheduler has none of them.
const DISK_SHARES: [&str; 4] = ["io.bfq.weight", "io.weight", "blkio.bfq.weight", "blkio.weight"];

/// A sandbox's share of the disks' time where the machine's other groups have 100.
const DISK_SHARE: u64 = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// One directory under which sandbox groups are made, and what it limits.
#[derive(Debug)]
struct Hierarchy {
    version: Version,
    mount_point: PathBuf,
    directory: PathBuf,
    controllers: Vec<Controller>,
}

/// Which limits hold on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Enforced {
    /// Processor time.
    pub cpu: bool,
    /// Memory.
    pub memory: bool,
    /// The number of processes.
    pub processes: bool,
    /// Room for files.
    pub disk: bool,
    /// A share of the disks' time.
    pub disk_time: bool,
    /// Standing still while paused. Elsewhere processes are stopped one by one.
    pub freezing: bool,
}

/// The engine's groups.
#[derive(Debug, Default)]
pub struct Cgroups {
    hierarchies: Vec<Hierarchy>,
}

impl Cgroups {
    /// Finds what the machine offers and creates the engine's groups, called `daytona-<name>`.
    ///
    /// Groups a killed engine left under the same name are removed, wherever it was started from.
    pub fn prepare(name: &str) -> Self {
        let name = format!("daytona-{name}");
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mut cgroups = Self::default();
        for mut hierarchy in find_hierarchies(&mounts, &own) {
            if hierarchy.version == Version::V2 {
                hierarchy.controllers.retain(|controller| enable(&hierarchy.directory, *controller).is_ok());
            }
            remove_leftovers(&hierarchy.mount_point, &name);
            hierarchy.directory.push(&name);
            if hierarchy.controllers.is_empty() || fs::create_dir_all(&hierarchy.directory).is_err() {
                continue;
            }
            if hierarchy.version == Version::V2 {
                hierarchy.controllers.retain(|controller| enable(&hierarchy.directory, *controller).is_ok());
            }
            hierarchy.controllers.retain(|controller| !cgroups.limits(*controller));
            cgroups.hierarchies.push(hierarchy);
        }
        cgroups
    }

    /// Which limits hold.
    pub fn enforced(&self) -> Enforced {
        Enforced {
            cpu: self.limits(Controller::Cpu),
            memory: self.limits(Controller::Memory),
            processes: self.limits(Controller::Pids),
            disk: false,
            disk_time: self.hierarchies.iter().any(Hierarchy::shares_disks),
            freezing: self.limits(Controller::Freezer),
        }
    }

    fn limits(&self, controller: Controller) -> bool {
        self.hierarchies.iter().any(|hierarchy| hierarchy.controllers.contains(&controller))
    }

    /// Creates a sandbox's group with its limits. It disappears when the returned value is dropped.
    pub fn create(&self, sandbox_id: &str, resources: Resources) -> io::Result<SandboxCgroup> {
        let mut group = SandboxCgroup { parts: Vec::new() };
        for hierarchy in &self.hierarchies {
            let directory = hierarchy.directory.join(sandbox_id);
            fs::create_dir_all(&directory)?;
            let (version, controllers) = (hierarchy.version, hierarchy.controllers.clone());
            for controller in &controllers {
                limit(&directory, version, *controller, resources)?;
            }
            group.parts.push(Part { directory, version, controllers });
        }
        Ok(group)
    }

    /// A sandbox's groups as it sees them.
    pub fn shown(&self, sandbox_id: &str) -> Vec<ShownGroup> {
        let only_second = self.hierarchies.iter().all(|hierarchy| hierarchy.version == Version::V2);
        let show = |hierarchy: &Hierarchy| ShownGroup {
            source: hierarchy.directory.join(sandbox_id),
            names: if only_second { Vec::new() } else { hierarchy.shown_names() },
        };
        self.hierarchies.iter().map(show).collect()
    }

    /// Removes the engine's groups; all sandboxes must have ended.
    pub fn remove(&self) {
        for hierarchy in &self.hierarchies {
            hierarchy.remove_children();
            let _ = fs::remove_dir(&hierarchy.directory);
        }
    }
}

impl Hierarchy {
    /// Its directory's name below `/sys/fs/cgroup`, and others by which programs look for its controllers.
    fn shown_names(&self) -> Vec<String> {
        let own = self.mount_point.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let others: Vec<String> = own.split(',').filter(|name| *name != own).map(str::to_owned).collect();
        std::iter::once(own).chain(others).collect()
    }

    /// Whether groups here have shares of the disks' time.
    fn shares_disks(&self) -> bool {
        self.controllers.contains(&Controller::Disk)
            && DISK_SHARES.iter().any(|file| self.directory.join(file).exists())
    }

    fn remove_children(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
            remove_group(&entry.path());
        }
    }
}

/// One sandbox's group in every hierarchy.
#[derive(Debug)]
pub struct SandboxCgroup {
    parts: Vec<Part>,
}

/// A sandbox's group in one hierarchy.
#[derive(Debug)]
struct Part {
    directory: PathBuf,
    version: Version,
    controllers: Vec<Controller>,
}

impl SandboxCgroup {
    /// The way in, for the sandbox's first process.
    pub fn entrance(&self) -> Entrance {
        let of = |version| self.parts.iter().filter(move |part| part.version == version).map(|part| &part.directory);
        Entrance {
            tasks: of(Version::V1).map(|directory| directory.join("tasks")).collect(),
            unified: of(Version::V2).next().cloned(),
        }
    }

    /// The file that counts what the kernel killed at the memory limit, where that limit holds.
    pub fn memory_events(&self) -> Option<PathBuf> {
        ["memory.events", "memory.oom_control"].into_iter().find_map(|file| self.file(file))
    }

    /// How many processes the kernel has killed at the memory limit.
    pub fn memory_kills(&self) -> u64 {
        let counted = self.memory_events().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let count = counted.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
    }

    /// A file of the group, in whichever hierarchy has it.
    fn file(&self, name: &str) -> Option<PathBuf> {
        self.parts.iter().map(|part| part.directory.join(name)).find(|path| path.exists())
    }

    /// Changes the limits of what runs.
    pub fn resize(&self, resources: Resources) -> io::Result<()> {
        for part in &self.parts {
            for controller in &part.controllers {
                // A limit with swap may not be below the one without, whichever way both are changed.
                let _ = limit_swap(&part.directory, part.version, *controller, resources);
                limit(&part.directory, part.version, *controller, resources)?;
            }
        }
        Ok(())
    }

    fn freezer(&self) -> Option<&Part> {
        self.parts.iter().find(|part| part.controllers.contains(&Controller::Freezer))
    }

    /// Whether the group can be frozen.
    pub fn can_freeze(&self) -> bool {
        self.freezer().is_some()
    }

    /// Makes every process but `first` stand still: that one must notice the engine's end. `false` where groups cannot be
    /// frozen.
    pub fn freeze(&self, first: i32) -> io::Result<bool> {
        let Some(part) = self.freezer() else { return Ok(false) };
        let awake = part.directory.with_file_name(AWAKE);
        fs::create_dir_all(&awake)?;
        // It stays there: each move takes the kernel some milliseconds, in which nothing on the machine can start.
        if part.has(first)? {
            fs::write(awake.join("cgroup.procs"), first.to_string())?;
        }
        part.set_frozen(true)?;
        let deadline = std::time::Instant::now() + FREEZE_LIMIT;
        while !part.is_frozen()? {
            if std::time::Instant::now() > deadline {
                part.set_frozen(false)?;
                return Err(io::Error::new(io::ErrorKind::TimedOut, "its processes do not stand still"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(true)
    }

    /// Lets the processes go on. Those that are not frozen are not disturbed.
    pub fn thaw(&self) -> io::Result<()> {
        self.freezer().map_or(Ok(()), |part| part.set_frozen(false))
    }

    /// Seconds of processor time used so far, bytes of memory in use, and how many of these hold files.
    pub fn usage(&self) -> Usage {
        let number = |name| fs::read_to_string(self.file(name)?).ok()?.trim().parse::<u64>().ok();
        let field = |name: &str, key: &str| {
            // Both versions may have a file of the name.
            let texts = self.parts.iter().filter_map(|part| fs::read_to_string(part.directory.join(name)).ok());
            texts.into_iter().find_map(|text| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok()))
        };
        let memory = number("memory.current").or_else(|| number("memory.usage_in_bytes")).unwrap_or_default();
        let cache = field("memory.stat", "total_cache ").or_else(|| field("memory.stat", "file ")).unwrap_or_default();
        let nanoseconds = || number("cpuacct.usage").map(|used| used as f64 / 1e9);
        let cpu_seconds = field("cpu.stat", "usage_usec ").map(|used: u64| used as f64 / 1e6).or_else(nanoseconds);
        Usage { cpu_seconds, memory_bytes: memory.saturating_sub(cache), cache_bytes: cache }
    }
}

/// What a sandbox's processes use.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Processor time since its start, where the machine tells.
    pub cpu_seconds: Option<f64>,
    /// Memory, without what only holds files.
    pub memory_bytes: u64,
    /// Memory that holds files.
    pub cache_bytes: u64,
}

impl Part {
    fn set_frozen(&self, frozen: bool) -> io::Result<()> {
        match self.version {
            Version::V1 => fs::write(self.directory.join("freezer.state"), if frozen { "FROZEN" } else { "THAWED" }),
            Version::V2 => fs::write(self.directory.join("cgroup.freeze"), if frozen { "1" } else { "0" }),
        }
    }

    /// Whether a process is in the group.
    fn has(&self, process: i32) -> io::Result<bool> {
        let process = process.to_string();
        Ok(fs::read_to_string(self.directory.join("cgroup.procs"))?.lines().any(|line| line == process))
    }

    fn is_frozen(&self) -> io::Result<bool> {
        Ok(match self.version {
            Version::V1 => fs::read_to_string(self.directory.join("freezer.state"))?.trim() == "FROZEN",
            Version::V2 => {
                let events = fs::read_to_string(self.directory.join("cgroup.events"))?;
                events.lines().any(|line| line == "frozen 1")
            }
        })
    }
}

impl Drop for SandboxCgroup {
    fn drop(&mut self) {
        for part in &self.parts {
            remove_group(&part.directory);
        }
    }
}

/// Removes every group called `name` below `directory`, with what still runs in it.
fn remove_leftovers(directory: &Path, name: &str) {
    for group in groups_below(directory) {
        if group.file_name().is_some_and(|found| found == name) {
            end_group(&group);
        } else {
            remove_leftovers(&group, name);
        }
    }
}

/// Kills what runs in a group and in those below it, and removes them.
fn end_group(group: &Path) {
    groups_below(group).iter().for_each(|below| end_group(below));
    // Frozen processes of version 1 do not die.
    let _ = fs::write(group.join("freezer.state"), "THAWED");
    let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines().filter_map(|line| line.parse().ok()).filter(|process| *process > 0) {
        // One that ended by itself is as good.
        let _ = kill(Pid::from_raw(process), Signal::SIGKILL);
    }
    remove_group(group);
}

fn groups_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}

/// Removes a group whose processes have ended or are about to; the kernel may need a moment to notice.
fn remove_group(directory: &Path) {
    for _ in 0..500 {
        match fs::remove_dir(directory) {
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(group = %directory.display(), %error, "a control group could not be removed");
                return;
            }
            _ => return,
        }
    }
    tracing::warn!(group = %directory.display(), "a control group stays busy");
}

fn enable(directory: &Path, controller: Controller) -> io::Result<()> {
    if controller == Controller::Freezer {
        return Ok(());
    }
    let name = CONTROLLERS.iter().find(|(known, _)| *known == controller).map_or("", |(_, names)| names[1]);
    let file = directory.join("cgroup.subtree_control");
    if fs::read_to_string(&file)?.split_ascii_whitespace().any(|word| word == name) {
        return Ok(());
    }
    fs::write(file, format!("+{name}"))
}

fn limit(directory: &Path, version: Version, controller: Controller, resources: Resources) -> io::Result<()> {
    let set = |file: &str, value: String| fs::write(directory.join(file), value);
    let memory = resources.memory_gib.saturating_mul(1 << 30);
    let quota = resources.cpu.saturating_mul(CPU_PERIOD_US);
    match (version, controller) {
        (Version::V1, Controller::Cpu) => {
            set("cpu.cfs_period_us", CPU_PERIOD_US.to_string())?;
            set("cpu.cfs_quota_us", quota.to_string())
        }
        (Version::V1, Controller::Memory) => {
            set("memory.limit_in_bytes", memory.to_string())?;
            // Absent where swap is not accounted; memory alone is limited then.
            let _ = limit_swap(directory, version, controller, resources);
            Ok(())
        }
        (Version::V2, Controller::Cpu) => set("cpu.max", format!("{quota} {CPU_PERIOD_US}")),
        (Version::V2, Controller::Memory) => {
            set("memory.max", memory.to_string())?;
            let _ = set("memory.swap.max", "0".to_owned());
            Ok(())
        }
        (_, Controller::CpuTime | Controller::Freezer) => Ok(()),
        (_, Controller::Pids) => set("pids.max", MAX_PROCESSES.to_string()),
        (_, Controller::Disk) => {
            for file in DISK_SHARES.iter().filter(|file| directory.join(file).exists()) {
                // Values that a scheduler refuses stay at their defaults.
                let _ = set(file, DISK_SHARE.to_string());
            }
            Ok(())
        }
    }
}

/// Limits memory and swap together, where version 1 does.
fn limit_swap(directory: &Path, version: Version, controller: Controller, resources: Resources) -> io::Result<()> {
    match (version, controller) {
        (Version::V1, Controller::Memory) => {
            let bytes = resources.memory_gib.saturating_mul(1 << 30);
            fs::write(directory.join("memory.memsw.limit_in_bytes"), bytes.to_string())
        }
        _ => Ok(()),
    }
}

/// Reads `/proc/self/mountinfo` and `/proc/self/cgroup`.
fn find_hierarchies(mounts: &str, own: &str) -> Vec<Hierarchy> {
    let mut found = Vec::new();
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let before: Vec<&str> = before.split(' ').collect();
        let after: Vec<&str> = after.split(' ').collect();
        let (Some(root), Some(mount_point), Some(kind), Some(options)) =
            (before.get(3), before.get(4), after.first(), after.get(2))
        else {
            continue;
        };
        match *kind {
            "cgroup" => {
                let names: Vec<&str> = options.split(',').collect();
                let controllers: Vec<Controller> =
                    CONTROLLERS.iter().filter(|(_, [name, _])| names.contains(name)).map(|(known, _)| *known).collect();
                let Some((_, [name, _])) = CONTROLLERS.iter().find(|(_, [name, _])| names.contains(name)) else {
                    continue;
                };
                let Some(group) = own_group(own, name) else { continue };
                // In a container the mount shows only a part of the hierarchy.
                let inside = group.strip_prefix(root).unwrap_or(group).trim_start_matches('/');
                found.push(Hierarchy {
                    version: Version::V1,
                    mount_point: PathBuf::from(mount_point),
                    directory: Path::new(mount_point).join(inside),
                    controllers,
                });
            }
            "cgroup2" => {
                let available = fs::read_to_string(Path::new(mount_point).join("cgroup.controllers"));
                let available = available.unwrap_or_default();
                let controllers = CONTROLLERS
                    .iter()
                    .filter(|(known, [_, name])| {
                        *known == Controller::Freezer || available.split_ascii_whitespace().any(|word| word == *name)
                    })
                    .map(|(known, _)| *known)
                    .collect();
                // A group with processes cannot hand out controllers, so the engine's own will not do.
                let mount_point = PathBuf::from(mount_point);
                found.push(Hierarchy {
                    version: Version::V2,
                    directory: mount_point.clone(),
                    mount_point,
                    controllers,
                });
            }
            _ => {}
        }
    }
    // Of frozen processes only those of version 2 can be killed.
    if found.iter().any(|hierarchy| hierarchy.version == Version::V2) {
        for hierarchy in found.iter_mut().filter(|hierarchy| hierarchy.version == Version::V1) {
            hierarchy.controllers.retain(|controller| *controller != Controller::Freezer);
        }
    }
    found
}

/// The engine's own group in the hierarchy of a version 1 controller.
fn own_group<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        let group = fields.next()?;
        controllers.split(',').any(|name| name == controller).then_some(group)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID_MOUNTS: &str = "\
32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
34 30 0:30 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
";
    const HYBRID_OWN: &str = "4:memory:/outer/ours\n1:cpu,cpuacct:/\n0::/\n";

    #[test]
    fn version_one_groups_lie_below_the_engines_own() {
        let found = find_hierarchies(HYBRID_MOUNTS, HYBRID_OWN);
        let directories: Vec<_> = found.iter().map(|hierarchy| hierarchy.directory.display().to_string()).collect();
        assert_eq!(directories, ["/sys/fs/cgroup/cpu,cpuacct/", "/sys/fs/cgroup/memory/outer/ours"]);
        assert_eq!(found[0].controllers, [Controller::Cpu, Controller::CpuTime]);
    }

    #[test]
    fn a_machine_without_groups_enforces_nothing() {
        assert!(find_hierarchies("", "").is_empty());
        assert_eq!(Cgroups::default().enforced(), Enforced::default());
    }
}
