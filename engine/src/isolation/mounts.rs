//! Building the sandbox's file tree and making it the only one.
//!
//! Runs in the sandbox's first process, alone in its mount namespace. After [`enter_root`] nothing
//! of the machine's tree is reachable except what [`LaunchSpec::mounts`] and [`mount_devices`] put there.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::base;
use super::disk::Disk;
use super::disk_space;
use super::image_root;
use super::own_size::{self, Files};
use super::spec::{IsolationLevel, LaunchSpec, Mount, ShownGroup};
use super::users::{self, UserIds};
use super::volume_mounts;

/// The most terminals a sandbox may have open: the machine's kernel has some thousands for all.
const MAX_TERMINALS: u32 = 256;

const NONE: Option<&str> = None;

/// The flags of what the kernel shows.
const QUIET: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// Device nodes every program may expect.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Kernel interfaces under /proc that are shown empty.
const HIDDEN_FILES: [&str; 5] = ["kcore", "keys", "timer_list", "sched_debug", "kmsg"];

/// Kernel interfaces under /proc that an administrator inside must not write.
const READ_ONLY_PROC: [&str; 5] = ["sys", "sysrq-trigger", "irq", "bus", "fs"];

/// Limits of the sandbox's System V objects: pages of shared memory, message queues, and semaphores (of a set, of all, of a
/// call, sets).
const KEPT_WITHOUT_PROCESS: [(&str, &str); 3] = [("shmall", "65536"), ("msgmni", "512"), ("sem", "250 64000 500 1024")];

/// Mounts everything below the new root and makes it `/`. `namespace` is the one of [`LaunchSpec::ids`].
///
/// Returns the files that show the sandbox's own size, for the caller to serve.
pub fn enter_root(spec: &LaunchSpec, namespace: Option<&OwnedFd>) -> Result<Option<Files>> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).context("making mounts private")?;
    if let Some(disk) = &spec.disk {
        mount_disk(spec, disk)?;
    }
    let volumes = volume_mounts::open(spec, namespace)?;
    match spec.ids.zip(namespace) {
        None => build_root(spec, volumes),
        Some((ids, namespace)) => {
            translate_sources(spec, ids, namespace).context("giving the sandbox ids of its own")?;
            ids.as_inner_root(|| build_root(spec, volumes))?
        }
    }
}

/// Covers the sandbox's own directory with its disk.
fn mount_disk(spec: &LaunchSpec, disk: &Disk) -> Result<()> {
    let own = own_directory(spec)?;
    match &spec.mounted {
        Some(tree) => users::attach(tree, fs::File::open(own)?.as_fd()).context("attaching the disk")?,
        None => disk.mount(own)?,
    }
    if let Ok(room) = disk_space::room(&spec.state_dir)
        && room < disk.gib << 30
    {
        disk_space::limit(own, room).context("limiting the disk to the machine's room")?;
    }
    // A copy of another sandbox's disk has that one's name.
    let named = own.join("named");
    if fs::read_to_string(&named).is_ok_and(|id| id == spec.sandbox_id) {
        return Ok(());
    }
    if let Some(names) = image_root::names_directory(own) {
        base::name_host(&names, host_name(&spec.sandbox_id)).context("naming the sandbox")?;
    }
    fs::write(&named, &spec.sandbox_id).context("naming the disk")
}

/// The directory on the machine that holds the sandbox's files.
fn own_directory(spec: &LaunchSpec) -> Result<&Path> {
    spec.root.parent().context("the root is below the sandbox's own directory")
}

/// The host name of a sandbox.
pub fn host_name(sandbox_id: &str) -> &str {
    sandbox_id.get(..12).unwrap_or(sandbox_id)
}

/// Covers, in this mount namespace only, what the root is made of with mounts that translate ids.
fn translate_sources(spec: &LaunchSpec, ids: UserIds, namespace: &OwnedFd) -> Result<()> {
    ids.translate(own_directory(spec)?, namespace)?;
    let sources = spec.mounts.iter().flat_map(|entry| match entry {
        Mount::Overlay { lower, .. } | Mount::Layers { lower, .. } => lower.iter().collect(),
        Mount::Bind { source, .. } => vec![source],
    });
    let mut translated: Vec<&PathBuf> = Vec::new();
    for source in sources {
        // A directory in one that translates does so, too, and cannot be made to a second time.
        if translated.iter().any(|known| source.starts_with(known)) {
            continue;
        }
        ids.translate(&spec.state_dir.join(source), namespace)?;
        translated.push(source);
    }
    Ok(())
}

/// Lays the working directory's `upper` over the first of the machine's directories as a sandbox would with ids of its own.
pub fn try_translation(ids: UserIds, namespace: &OwnedFd, directories: &[PathBuf]) -> Result<()> {
    let own = std::env::current_dir()?;
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).context("leaving the machine's mounts")?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    for directory in directories.iter().chain([&own]) {
        ids.translate(directory, namespace)?;
    }
    std::env::set_current_dir(&own)?;
    let lower = directories.first().context("the machine has no system directories")?;
    let (upper, work, merged) = (Path::new("upper"), Path::new("work"), Path::new("merged"));
    ids.as_inner_root(|| {
        overlay(std::slice::from_ref(lower), upper, work, merged, IsolationLevel::Namespaces, Overlay::System)?;
        fs::write(merged.join("file"), "").context("writing through the layers")
    })?
}

/// Covers the working directory, out of everybody's sight, with files that show a size.
pub fn try_size() -> Result<()> {
    use nix::sched::{CloneFlags, unshare};

    if nix::unistd::geteuid().is_root() {
        unshare(CloneFlags::CLONE_NEWNS)?;
    } else {
        let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1\n"))?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1\n"))?;
    }
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    own_size::try_out(&std::env::current_dir()?)
}

/// Mounts the disk that [`super::disk_images::try_out`] has made and writes to it.
pub fn try_disk(directory: &Path) -> Result<()> {
    let mounted = mount_alone(directory)?;
    fs::write(mounted.join("file"), "").context("writing to the disk")
}

/// Mounts the disk in a directory at `mounted` in there, out of everybody's sight, and answers where. The process must have one
/// thread and end soon: the mount lasts as long.
pub fn mount_alone(directory: &Path) -> Result<PathBuf> {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).context("leaving the machine's mounts")?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    let mounted = directory.join("mounted");
    let disk = Disk::of(directory, 0).context("there is no disk")?;
    disk.mount(&mounted)?;
    Ok(mounted)
}

fn build_root(spec: &LaunchSpec, volumes: Vec<volume_mounts::Opened<'_>>) -> Result<Option<Files>> {
    let root = &spec.root;
    bind(root, root, false).context("binding the root")?;
    // Overlay paths are relative to the state directory: they need no escaping and don't tell its place.
    std::env::set_current_dir(&spec.state_dir).context("entering the state directory")?;
    // The engine's own root has a /run of its own, over which some are mounted.
    let has_run = spec.image.as_ref().is_none_or(|image| image.over_default);
    let (late, mounts): (Vec<_>, Vec<_>) =
        spec.mounts.iter().partition(|entry| has_run && target_of(entry).starts_with("run"));
    for entry in mounts {
        if spec.image.is_some() {
            check_point(root, entry)?;
        }
        mount_entry(root, entry, spec).with_context(|| format!("mounting /{}", target_of(entry).display()))?;
    }
    if spec.image.is_some() {
        image_root::check_mount_points(root)?;
    }
    mount_devices(root).context("preparing /dev")?;
    mount_kernel_interfaces(root, spec).context("preparing /proc and /sys")?;
    if has_run {
        mount_run(root).context("preparing /run")?;
    }
    // All of them before anything is mounted there: what a cache has may be links to places of the machine.
    for entry in &late {
        make_point(root, entry).with_context(|| format!("making /{}", target_of(entry).display()))?;
    }
    for entry in late {
        check_point(root, entry)?;
        mount_entry(root, entry, spec).with_context(|| format!("mounting /{}", target_of(entry).display()))?;
    }
    show_groups(root, &spec.groups).context("preparing /sys/fs/cgroup")?;
    let own_size = spec.own_size.as_ref().filter(|_| spec.shows_size);
    let files = own_size.map(|own| own_size::prepare(root, own)).transpose().context("preparing the sandbox's size")?;

    std::env::set_current_dir(root).context("entering the root")?;
    // The old root ends up stacked on "." and is detached from there; no directory for it is needed.
    nix::unistd::pivot_root(".", ".").context("pivot_root")?;
    umount2(".", MntFlags::MNT_DETACH).context("detaching the old root")?;
    std::env::set_current_dir("/").context("entering /")?;
    volume_mounts::attach(volumes)?;
    Ok(files)
}

/// Fails where a link would lead what is mounted to another place.
fn check_point(root: &Path, entry: &Mount) -> Result<()> {
    match entry {
        Mount::Bind { source, target, .. } if source.is_file() => image_root::check_file_point(root, target),
        _ => image_root::check_mount_point(root, target_of(entry)),
    }
}

/// Makes what something is mounted on, where only this process has made anything yet.
fn make_point(root: &Path, entry: &Mount) -> Result<()> {
    let target = root.join(target_of(entry));
    match entry {
        Mount::Bind { source, .. } if source.is_file() => {
            fs::create_dir_all(target.parent().unwrap_or(root))?;
            fs::File::create(target)?;
        }
        _ => fs::create_dir_all(target)?,
    }
    Ok(())
}

/// Shows the sandbox's control groups where runtimes of languages look for their limits.
fn show_groups(root: &Path, groups: &[ShownGroup]) -> Result<()> {
    let directory = root.join("sys/fs/cgroup");
    if groups.is_empty() || !directory.is_dir() {
        return Ok(());
    }
    if let [only] = groups
        && only.names.is_empty()
    {
        return Ok(bind(&only.source, &directory, true)?);
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let options = Some("mode=755,size=4k,nr_inodes=64");
    mount(Some("tmpfs"), &directory, Some("tmpfs"), flags, options)?;
    for group in groups {
        let Some((name, links)) = group.names.split_first() else { continue };
        fs::create_dir(directory.join(name))?;
        bind(&group.source, &directory.join(name), true)?;
        links.iter().try_for_each(|link| symlink(name, directory.join(link)))?;
    }
    Ok(mount(NONE, &directory, NONE, flags | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, options)?)
}

fn target_of(entry: &Mount) -> &Path {
    match entry {
        Mount::Overlay { target, .. } | Mount::Layers { target, .. } | Mount::Bind { target, .. } => target,
    }
}

fn mount_entry(root: &Path, entry: &Mount, spec: &LaunchSpec) -> Result<()> {
    match entry {
        Mount::Bind { source, target, read_only } => Ok(bind(source, &root.join(target), *read_only)?),
        Mount::Layers { lower, target } => Ok(show_layers(lower, &root.join(target), spec.level)?),
        Mount::Overlay { lower, upper, work, target } => {
            // The machine may have got another system directory since the sandbox was made.
            for (directory, mode) in [(upper, 0o755), (work, 0o700)] {
                if !directory.exists() {
                    base::make_directory(directory, mode)?;
                }
            }
            let kind = match spec.image.is_some() {
                // The root itself is what is synchronized with the disk.
                true => Overlay::Whole { synchronized: spec.disk.is_some() && target.as_os_str().is_empty() },
                false => Overlay::System,
            };
            let laid = overlay(lower, upper, work, &root.join(target), spec.level, kind);
            laid.map_err(|error| if is_layered(upper) { error.context(NO_LAYERS) } else { error })
        }
    }
}

/// Why the kernel refuses to lay a directory over others.
const NO_LAYERS: &str = "the engine's state directory is on an overlay file system, as the files of most containers are, and nothing \
                         can be laid over others there: start the engine with a state directory on a disk or a volume";

/// Whether a directory is on an overlay file system itself.
fn is_layered(directory: &Path) -> bool {
    nix::sys::statfs::statfs(directory)
        .is_ok_and(|found| found.filesystem_type() == nix::sys::statfs::OVERLAYFS_SUPER_MAGIC)
}

/// What directories are laid over one another for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlay {
    /// Changes of the machine's system directories.
    System,
    /// An image, of which every change is to be whole in the upper directory: it may become a layer itself.
    Whole {
        /// Whether `syncfs` reaches the file system below.
        synchronized: bool,
    },
}

/// Shows several directories as one that nobody can write to.
fn show_layers(lower: &[PathBuf], target: &Path, level: IsolationLevel) -> nix::Result<()> {
    let of_user = if level == IsolationLevel::UserNamespaces { ",userxattr" } else { "" };
    let layers = format!("lowerdir={}{of_user}", joined(lower));
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_RDONLY;
    mount(Some("overlay"), target, Some("overlay"), flags, Some(layers.as_str()))
}

/// Layers as overlayfs takes them.
fn joined(lower: &[PathBuf]) -> String {
    lower.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>().join(":")
}

fn overlay(
    lower: &[PathBuf],
    upper: &Path,
    work: &Path,
    target: &Path,
    level: IsolationLevel,
    kind: Overlay,
) -> Result<()> {
    let layers = format!("lowerdir={},upperdir={},workdir={}", joined(lower), upper.display(), work.display());
    let layers = match level {
        IsolationLevel::UserNamespaces => format!("{layers},userxattr"),
        IsolationLevel::Namespaces | IsolationLevel::None if kind != Overlay::System => {
            format!("{layers},redirect_dir=off,metacopy=off")
        }
        IsolationLevel::Namespaces | IsolationLevel::None => layers,
    };
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    if kind == (Overlay::Whole { synchronized: true }) {
        return Ok(mount(Some("overlay"), target, Some("overlay"), flags, Some(layers.as_str()))?);
    }
    // A volatile overlay doesn't sync the whole file system when it is unmounted, which would make
    // stopping a sandbox wait for everybody's dirty pages. It leaves a marker that refuses the next mount.
    let _ = fs::remove_dir_all(work.join("work/incompat"));
    let volatile = format!("{layers},volatile");
    match mount(Some("overlay"), target, Some("overlay"), flags, Some(volatile.as_str())) {
        Err(nix::Error::EINVAL) => Ok(mount(Some("overlay"), target, Some("overlay"), flags, Some(layers.as_str()))?),
        other => Ok(other?),
    }
}

/// Binds `source` onto `target`, without device files and set-user-id programs.
fn bind(source: &Path, target: &Path, read_only: bool) -> nix::Result<()> {
    mount(Some(source), target, NONE, MsFlags::MS_BIND, NONE)?;
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    if read_only {
        flags |= MsFlags::MS_RDONLY;
    }
    mount(NONE, target, NONE, flags, NONE)
}

fn mount_devices(root: &Path) -> Result<()> {
    let dev = root.join("dev");
    mount(
        Some("tmpfs"),
        &dev,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC,
        Some("mode=755,size=64k,nr_inodes=1024"),
    )?;
    for name in DEVICES {
        let node = dev.join(name);
        fs::File::create(&node)?;
        let source = Path::new("/dev").join(name);
        mount(Some(&source), &node, NONE, MsFlags::MS_BIND, NONE).with_context(|| source.display().to_string())?;
    }
    for directory in ["pts", "shm"] {
        fs::create_dir(dev.join(directory))?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = format!("newinstance,ptmxmode=0666,mode=620,max={MAX_TERMINALS}");
    mount(Some("devpts"), &dev.join("pts"), Some("devpts"), flags, Some(options.as_str()))?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), &dev.join("shm"), Some("tmpfs"), flags, Some("mode=1777,size=256m,nr_inodes=65536"))?;
    symlink("pts/ptmx", dev.join("ptmx"))?;
    symlink("/proc/self/fd", dev.join("fd"))?;
    for (number, name) in ["stdin", "stdout", "stderr"].iter().enumerate() {
        symlink(format!("/proc/self/fd/{number}"), dev.join(name))?;
    }
    Ok(())
}

/// Mounts what tells about this process's network over the machine's `/sys`, in a mount namespace of its own. The sandbox, in a
/// user namespace below, can no longer do that.
pub fn show_network() -> Result<()> {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).context("leaving the machine's mounts")?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    Ok(mount(Some("sysfs"), "/sys", Some("sysfs"), QUIET | MsFlags::MS_RDONLY, NONE)?)
}

fn mount_kernel_interfaces(root: &Path, spec: &LaunchSpec) -> Result<()> {
    let proc = root.join("proc");
    mount(Some("proc"), &proc, Some("proc"), QUIET, NONE)?;
    // System V memory belongs to no process, so the OOM killer could not free it.
    for (name, limit) in KEPT_WITHOUT_PROCESS {
        let _ = fs::write(proc.join("sys/kernel").join(name), limit);
    }
    // The network is the sandbox's alone, and nobody inside is an administrator of it: any program may listen anywhere.
    let _ = fs::write(proc.join("sys/net/ipv4/ip_unprivileged_port_start"), "0");
    for name in HIDDEN_FILES {
        let path = proc.join(name);
        if path.exists() {
            mount(Some("/dev/null"), &path, NONE, MsFlags::MS_BIND, NONE)?;
        }
    }
    for name in READ_ONLY_PROC {
        let path = proc.join(name);
        if path.exists() {
            mount(Some(&path), &path, NONE, MsFlags::MS_BIND, NONE)?;
            mount(NONE, &path, NONE, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | QUIET, NONE)?;
        }
    }
    let sys = root.join("sys");
    match (spec.level, spec.has_network) {
        (IsolationLevel::UserNamespaces, true) => mount(Some("/sys"), &sys, NONE, MsFlags::MS_BIND, NONE)?,
        _ => mount(Some("sysfs"), &sys, Some("sysfs"), QUIET | MsFlags::MS_RDONLY, NONE)?,
    }
    for name in ["firmware", "kernel/security"] {
        let path = sys.join(name);
        if path.is_dir() {
            mount(Some("tmpfs"), &path, Some("tmpfs"), QUIET | MsFlags::MS_RDONLY, Some("size=0,mode=555"))?;
        }
    }
    Ok(())
}

/// Images have files of their own there.
fn mount_run(root: &Path) -> Result<()> {
    mount(
        Some("tmpfs"),
        &root.join("run"),
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some("mode=755,size=64m,nr_inodes=16384"),
    )?;
    Ok(())
}
