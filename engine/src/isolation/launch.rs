//! The engine's side of a sandbox's beginning: its files and its start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use daytona_images::Cancel;
use daytona_toolbox::Compat;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;

use super::base::{self, Base};
use super::cgroup::{Cgroups, Enforced, Resources};
use super::commands::StepCommand;
use super::disk::{Disk, IMAGE};
use super::disk_images::{self, DiskImages};
use super::disk_space;
use super::image_root::{self, ImageRoot, Inside};
use super::instance::{Instance, Names, Range};
use super::mounts;
use super::own_size::OwnSize;
use super::probe;
use super::processors::Processors;
use super::ready::{Pattern, Ready, remove};
use super::spec::{
    IsolationLevel, LaunchSpec, MemoryLimit, Mount, Report, SANDBOX_ARGUMENT, SANDBOX_UID, SandboxUser, Volume,
};
use super::step_disk;
use super::trust;
use super::users::{RANGES, Separation, UserIds};
use crate::errors::ApiError;
use crate::network::{self, Network, Reach, Secrets};
use crate::sandboxes::record_file;
use crate::setup::desktop;

/// How long a sandbox process may take to set itself up before it counts as failed. It takes milliseconds; on a machine with
/// far more to do than it has processors it was seen to take 20 seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Starts sandboxes; one per engine.
#[derive(Debug)]
pub struct Launcher {
    state_dir: PathBuf,
    level: IsolationLevel,
    copy_on_write: bool,
    /// Whether directories of the state directory can be laid over those of the machine.
    shows_layers: bool,
    /// Why sandboxes have no disks of their own.
    no_disks: Option<String>,
    /// Why sandboxes see the machine's size.
    no_sizes: Option<String>,
    processors: Processors,
    base: Base,
    cgroups: Cgroups,
    users: Separation,
    network: Option<Network>,
    ready: Ready,
    /// The numbers of the ranges of user ids that running sandboxes have.
    ranges: Arc<Mutex<BTreeSet<u32>>>,
    /// Whether [`CERTIFICATES_LAYER`] has the authorities that the machine trusts.
    has_certificates: bool,
    /// Whether this engine has written [`trust::LAYER`].
    has_authority: Mutex<bool>,
    /// Kept open so socket paths stay short: a Unix socket's path has 108 bytes at most.
    socket_dir: OwnedFd,
    version: String,
    compat: Compat,
}

/// The parameters of one start.
pub struct Start<'a> {
    /// The sandbox's id.
    pub sandbox_id: &'a str,
    /// Where its files are: [`files_directory`] or [`pool_directory`].
    pub directory: &'a Path,
    /// Limits.
    pub resources: Resources,
    /// Whether its processes run as root inside instead of as `daytona`.
    pub as_root: bool,
    /// The environment given by the user and the engine, on top of the basic one.
    pub env: BTreeMap<String, String>,
    /// What it reaches on the network.
    pub reach: Reach,
    /// What its requests are given on their way; none when it has no secrets, and then none can be given later.
    pub secrets: Option<Secrets>,
    /// The prepared snapshot to show at `/opt/daytona`.
    pub snapshot: Option<&'a Path>,
    /// The image that is the root; the machine's own system is when absent.
    pub image: Option<&'a ImageRoot>,
    /// The volumes to mount, parents of their paths before what is in them.
    pub volumes: Vec<Volume>,
    /// Whether the desktop is laid over it, where it has been prepared.
    pub has_desktop: bool,
}

/// The directory of a sandbox's files, relative to the state directory.
pub fn files_directory(sandbox_id: &str) -> PathBuf {
    Path::new("sandboxes").join(sandbox_id)
}

/// The same for a sandbox that waits in a pool.
pub fn pool_directory(sandbox_id: &str) -> PathBuf {
    Path::new(POOL).join(sandbox_id)
}

/// Where programs of images are, unless the image says otherwise.
const IMAGE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What programs in a sandbox with a desktop find in their environment: where windows are shown, and where programs talk to
/// each other and tell what they show.
const DESKTOP_VARIABLES: [(&str, &str); 5] = [
    ("DISPLAY", ":0"),
    ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/tmp/.daytona-desktop/bus"),
    ("GTK_A11Y", "atspi"),
    ("GTK_USE_PORTAL", "0"),
    ("QT_LINUX_ACCESSIBILITY_ALWAYS_ON", "1"),
];

/// The layer over an image's own, in the state directory, with the authorities that the machine trusts: behind a proxy that looks
/// into TLS, nothing else would let programs in there fetch anything.
const CERTIFICATES_LAYER: &str = "certificates";

/// The file in it.
const CERTIFICATES: &str = "/.daytona-certificates.crt";

/// The directory of files that belong to no sandbox yet. Each start empties it.
const POOL: &str = "pool";

impl Launcher {
    /// Prepares the machine-wide parts below `state_dir`.
    pub fn new(
        state_dir: &Path,
        level: IsolationLevel,
        network: Option<Network>,
        name: &str,
        version: &str,
        compat: Compat,
    ) -> Result<Self> {
        let base = Base::prepare(state_dir, level == IsolationLevel::Namespaces)?;
        let cgroups = match level {
            IsolationLevel::Namespaces => Cgroups::prepare(name),
            IsolationLevel::UserNamespaces | IsolationLevel::None => Cgroups::default(),
        };
        let sockets = state_dir.join("run");
        let _ = fs::remove_dir_all(&sockets);
        fs::create_dir_all(&sockets)?;
        fs::create_dir_all(state_dir.join("sandboxes"))?;
        remove(&state_dir.join(POOL));
        fs::create_dir_all(state_dir.join(POOL))?;
        // Now, while there is room for it.
        fs::create_dir_all(state_dir.join("trash"))?;
        let socket_dir = fs::File::open(&sockets)?.into();
        let copy_on_write = level == IsolationLevel::Namespaces && probe::can_copy_on_write(state_dir);
        let shows_layers = copy_on_write || probe::can_show_layers(state_dir, level);
        let users = match level {
            IsolationLevel::Namespaces => probe::users(state_dir),
            IsolationLevel::UserNamespaces | IsolationLevel::None => Separation::None,
        };
        let disks = match level {
            IsolationLevel::Namespaces => disk_images::try_out(state_dir),
            IsolationLevel::UserNamespaces => Err(anyhow!(
                "an ordinary user may mount no disk that is a file, and set no quotas; that takes an engine started by root"
            )),
            IsolationLevel::None => Err(anyhow!("that takes an engine started by root")),
        };
        let no_disks = disks.err().map(|error| crate::in_words(&error));
        let sizes = match level {
            IsolationLevel::None => Err(anyhow!("they are not separated from it")),
            IsolationLevel::Namespaces | IsolationLevel::UserNamespaces => probe::size(state_dir),
        };
        let no_sizes = sizes.err().map(|error| crate::in_words(&error));
        let disks = no_disks.is_none().then(|| DiskImages::new(state_dir.join("ready/disks")));
        let layers = if copy_on_write { base::layers() } else { Vec::new() };
        let owned = level == IsolationLevel::Namespaces;
        let ready =
            Ready::new(state_dir, Pattern { layers, owned, copy_on_write, disks }).context("preparing files")?;
        Ok(Self {
            state_dir: state_dir.to_owned(),
            level,
            copy_on_write,
            shows_layers,
            no_disks,
            no_sizes,
            processors: Processors::of_machine(),
            base,
            cgroups,
            users,
            network,
            ready,
            ranges: Arc::default(),
            has_certificates: copy_certificates(state_dir).context("copying the machine's certificates")?,
            has_authority: Mutex::default(),
            socket_dir,
            version: version.to_owned(),
            compat,
        })
    }

    /// What the default root is made of: where directories of the machine appear, the root itself first, and the directories.
    pub fn default_root(&self) -> Vec<(PathBuf, PathBuf)> {
        let system = base::shared_directories().into_iter().map(|source| {
            let target = source.strip_prefix("/").expect("system directories are absolute").to_owned();
            (target, source)
        });
        let own = [("", &self.base.default_root), ("etc", &self.base.etc)];
        let own = own.map(|(target, source)| (PathBuf::from(target), self.state_dir.join(source)));
        own.into_iter().chain(system).collect()
    }

    /// The level in force.
    pub fn level(&self) -> IsolationLevel {
        self.level
    }

    /// Whether sandboxes have system directories of their own that they may write; read-only ones otherwise.
    pub fn copy_on_write(&self) -> bool {
        self.copy_on_write
    }

    /// Why sandboxes may write as much as the machine's disk holds, if they may.
    pub fn no_disks(&self) -> Option<&str> {
        self.no_disks.as_deref()
    }

    /// Why sandboxes see the machine's numbers of processors and sizes of memory, if they do.
    pub fn no_sizes(&self) -> Option<&str> {
        self.no_sizes.as_deref()
    }

    /// Which resource limits hold.
    pub fn enforced(&self) -> Enforced {
        let groups = self.cgroups.enforced();
        // Elsewhere a limit of the sandbox's user does.
        Enforced {
            processes: groups.processes || self.level != IsolationLevel::None,
            disk: self.no_disks.is_none(),
            ..groups
        }
    }

    /// Whether each sandbox has user ids of its own on the machine.
    pub fn own_users(&self) -> bool {
        self.users == Separation::Ids
    }

    /// What sandboxes reach other machines by, if they do.
    pub fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }

    /// The address of a sandbox's toolbox socket, valid in this process only.
    pub fn socket_path(&self, sandbox_id: &str) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{sandbox_id}", self.socket_dir.as_raw_fd()))
    }

    /// Creates a sandbox's files, with a disk of so many GiB where the machine can; a new home gets the snapshot's as a start.
    pub fn create_files(
        &self,
        directory: &Path,
        sandbox_id: &str,
        snapshot: Option<&Path>,
        disk_gib: u64,
    ) -> Result<()> {
        let directory = self.state_dir.join(directory);
        self.ready.place(&directory, snapshot, disk_gib)?;
        if self.no_disks.is_none() {
            // The sandbox does it itself, on its disk.
            return Ok(());
        }
        Self::name_files(&directory, sandbox_id)
    }

    /// Creates the files of a sandbox whose root is an image.
    ///
    /// # Errors
    /// When the engine does not isolate sandboxes: an image needs a root of its own.
    pub fn create_image_files(
        &self,
        directory: &Path,
        sandbox_id: &str,
        image: &ImageRoot,
        disk_gib: u64,
    ) -> Result<()> {
        if self.level == IsolationLevel::None {
            bail!("images need isolation, which this engine was started without");
        }
        let directory = self.state_dir.join(directory);
        let etc = image.etc(&self.state_dir);
        self.ready.make_for_image(&directory, image.over_default, &etc, disk_gib)?;
        Self::name_files(&directory, sandbox_id)
    }

    /// Makes room for what a step of a build changes, in `directory`, which is relative to the state directory and not there
    /// yet.
    pub fn create_step_files(&self, directory: &Path) -> Result<()> {
        self.ready.make_for_step(&self.state_dir.join(directory)).context("making room for a step's files")
    }

    /// Makes one layer at `target`, an empty directory, of what a command has changed in the files of
    /// [`Launcher::create_step_files`]. The command has ended.
    pub fn take_layer(&self, directory: &Path, target: &Path, cancel: &Cancel) -> Result<()> {
        let directory = self.state_dir.join(directory);
        match directory.join(IMAGE).exists() {
            true => step_disk::take_layer(&directory, target, cancel),
            false => Ok(image_root::take_layer(&directory, target)?),
        }
    }

    /// Names a sandbox in its files, where these are plain directories. One with a disk does it itself at its start.
    pub fn name_files(directory: &Path, sandbox_id: &str) -> Result<()> {
        let Some(layer) = image_root::names_directory(directory) else { return Ok(()) };
        base::name_host(&layer, mounts::host_name(sandbox_id)).context("naming the sandbox")
    }

    /// Moves the files of a sandbox that waited in a pool to the others'.
    pub fn adopt_files(&self, sandbox_id: &str) -> io::Result<()> {
        let [from, to] =
            [pool_directory(sandbox_id), files_directory(sandbox_id)].map(|path| self.state_dir.join(path));
        fs::rename(from, to)
    }

    /// Removes the files of a sandbox that waited in a pool.
    pub fn discard_pooled(&self, sandbox_id: &str) {
        remove(&self.state_dir.join(pool_directory(sandbox_id)));
    }

    /// Moves a sandbox's files out of the way; the returned directory is then removed at leisure.
    pub fn discard_files(&self, sandbox_id: &str) -> io::Result<PathBuf> {
        record_file::discard(&self.state_dir, sandbox_id)
    }

    /// Starts a sandbox whose files exist. Blocks for some milliseconds: call it off the runtime's threads.
    pub fn start(&self, start: &Start<'_>) -> Result<Instance> {
        self.launch(start, None)
    }

    /// Starts a sandbox, or a command in its place.
    pub(super) fn launch(&self, start: &Start<'_>, command: Option<StepCommand>) -> Result<Instance> {
        let socket = self.socket_path(start.sandbox_id);
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).context("creating the toolbox's socket")?;
        let cgroup = self.cgroups.create(start.sandbox_id, start.resources).context("creating control groups")?;
        let range = self.take_range()?;
        let (ids, memory_limit) = (
            range.as_ref().map(|range| UserIds::of_range(range.number, self.own_users())),
            cgroup.memory_events().map(|events| MemoryLimit { events, gib: start.resources.memory_gib }),
        );
        if start.secrets.is_some() {
            self.stand_in_for_hosts()?;
        }
        let join = |network: &Network| network.join(start.reach.clone(), start.secrets.clone());
        let network = self.network.as_ref().map(join).transpose()?;
        let processors = (self.level != IsolationLevel::None).then(|| self.processors.take(start.resources.cpu, &[]));
        let own_size = processors.as_ref().map(|taken| OwnSize::of(&taken.numbers, start.resources.memory_gib));
        let groups = self.cgroups.shown(start.sandbox_id);
        let spec =
            LaunchSpec { ids, memory_limit, has_network: network.is_some(), own_size, groups, ..self.spec(start)? };
        let spec = match &command {
            Some(command) => command.describe(spec, self.certificates(start)),
            None => spec,
        };
        spec.disk.as_ref().map_or(Ok(()), Disk::grow).context("growing the disk")?;
        let (ours, theirs) = UnixStream::pair()?;
        let log = match command {
            Some(command) => command.output,
            None => {
                let path = self.state_dir.join(start.directory).join("log");
                fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?.into()
            }
        };
        let mut starter = Command::new("/proc/self/exe");
        starter.arg(SANDBOX_ARGUMENT).env_clear().current_dir("/");
        starter
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(OwnedFd::from(listener)))
            .stderr(Stdio::from(log));
        let started = match &network {
            Some(joined) => joined.run_inside(|| starter.spawn()),
            None => starter.spawn().map_err(anyhow::Error::from),
        };
        // Only the sandbox has the other ends.
        drop(starter);
        let mut starter = started.context("starting the sandbox process")?;
        let launched =
            cgroup.add(starter.id()).context("entering the control groups").and_then(|()| hand_over(&spec, &ours));
        if launched.is_err() {
            let _ = starter.kill();
        }
        let _ = starter.wait();
        let (pid, pidfd) = launched?;
        ours.set_read_timeout(None)?;
        // SAFETY: the descriptor is owned by the AsyncFd and never replaced.
        let exit =
            unsafe { AsyncFd::register(pidfd) }.map_err(|error| anyhow::anyhow!("watching the sandbox: {error}"))?;
        let has_disk = spec.disk.is_some();
        Ok(Instance {
            pid,
            exit,
            control: ours,
            has_disk,
            frozen: AtomicBool::new(false),
            toolbox_killed: AtomicBool::new(false),
            survived_kills: AtomicU64::new(0),
            names: Mutex::new(Some(Names { socket, cgroup, range, network, processors })),
        })
    }

    /// Fails where sandboxes cannot have secrets, and says why.
    pub fn check_secrets(&self) -> Result<(), ApiError> {
        if self.network.is_none() {
            return Err(ApiError::not_implemented("Mounting secrets where sandboxes have no network of their own"));
        }
        if !self.copy_on_write {
            return Err(ApiError::not_implemented(
                "Mounting secrets where sandboxes cannot write their system directories",
            ));
        }
        Ok(())
    }

    /// Has the engine ready to stand in for the hosts of secrets.
    fn stand_in_for_hosts(&self) -> Result<()> {
        let network = self.network.as_ref().context("secrets need a network")?;
        let mut is_written = self.has_authority.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_written {
            trust::write_layer(&self.state_dir, &*network.interceptor()?).context("writing certificates")?;
            *is_written = true;
        }
        Ok(())
    }

    /// A range of user ids that no other running sandbox of this engine has; none where the machine has none to give.
    fn take_range(&self) -> Result<Option<Range>> {
        if self.users == Separation::None {
            return Ok(None);
        }
        let mut taken = self.ranges.lock().unwrap_or_else(PoisonError::into_inner);
        // Other engines of this machine begin elsewhere.
        let mut seed = [0; 4];
        getrandom::fill(&mut seed).map_err(|error| anyhow!("choosing user ids: {error}"))?;
        let first = u32::from_ne_bytes(seed);
        let number = (0..RANGES).map(|step| first.wrapping_add(step) % RANGES).find(|number| !taken.contains(number));
        let number = number.with_context(|| format!("{RANGES} sandboxes are running; stop one first"))?;
        taken.insert(number);
        Ok(Some(Range { number, taken: Arc::clone(&self.ranges) }))
    }

    fn spec(&self, start: &Start<'_>) -> Result<LaunchSpec> {
        let directory = self.state_dir.join(start.directory);
        let root = directory.join("root");
        // Of an image's root the sandbox process finds out more.
        let as_root = start.as_root || start.image.is_some_and(|image| !image.over_default);
        let (mounts, home) = match self.level {
            IsolationLevel::None => (Vec::new(), root.join("home/daytona")),
            _ => (self.mounts(start)?, PathBuf::from(if as_root { "/root" } else { "/home/daytona" })),
        };
        let id = if as_root { 0 } else { SANDBOX_UID };
        let user = if as_root { "root" } else { "daytona" };
        let mut env = match start.image {
            Some(image) if !image.over_default => {
                BTreeMap::from([("PATH".to_owned(), IMAGE_PATH.to_owned()), ("LANG".to_owned(), "C.UTF-8".to_owned())])
            }
            _ => basic_environment(user, &home),
        };
        if self.network.is_some() {
            env.extend(match start.image {
                Some(image) if !image.over_default => network::image_environment(self.certificates(start)),
                _ => network::machine_environment(),
            });
        }
        if start.secrets.is_some() {
            env.remove("SSL_CERT_DIR");
            env.extend(trust::environment());
        }
        if let Some(snapshot) = start.snapshot {
            self.show_snapshot(snapshot, &mut env);
        }
        if self.desktop(start).is_some() {
            env.extend(DESKTOP_VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let given = start.image.iter().flat_map(|image| image.env.iter().cloned()).chain(start.env.clone());
        let given: BTreeMap<_, _> = given.collect();
        let image = start.image.map(|image| Inside {
            over_default: image.over_default,
            user: image.user.clone(),
            work_dir: image.work_dir.clone(),
            fixed: given.keys().cloned().collect(),
        });
        env.extend(given);
        Ok(LaunchSpec {
            sandbox_id: start.sandbox_id.to_owned(),
            level: self.level,
            state_dir: self.state_dir.clone(),
            root,
            disk: Disk::of(&directory, start.resources.disk_gib),
            mounts,
            volumes: start.volumes.clone(),
            user: SandboxUser { uid: id, gid: id, groups: Vec::new() },
            ids: None,
            memory_limit: None,
            own_size: None,
            shows_size: self.no_sizes.is_none(),
            groups: Vec::new(),
            has_network: false,
            image,
            home,
            work_dir: None,
            program: None,
            entrypoint: start.image.map_or_else(
                || crate::sandboxes::snapshot::ENTRYPOINT.map(str::to_owned).to_vec(),
                |image| image.entrypoint.clone(),
            ),
            env,
            version: self.version.clone(),
            compat: self.compat,
        })
    }

    fn mounts(&self, start: &Start<'_>) -> Result<Vec<Mount>> {
        let mut mounts = Vec::new();
        let own = start.directory;
        match start.image {
            Some(image) if image.over_default => mounts.push(image.mount(own, self.base.default_root.clone())),
            Some(image) => {
                let certificates = self.has_certificates.then(|| PathBuf::from(CERTIFICATES_LAYER));
                let etc = image.etc(&self.state_dir);
                let authority = start.secrets.as_ref().map(|_| trust::layer(&self.state_dir, &etc)).transpose()?;
                let over = authority.into_iter().chain(certificates);
                let layers = over.chain(image.layers.iter().cloned()).collect();
                let image = ImageRoot { layers, ..image.clone() };
                return Ok(vec![image.mount(own, self.base.empty_root.clone())]);
            }
            None => {}
        }
        let etc = (self.base.etc.clone(), PathBuf::from("etc"));
        // A bound directory would tell in the mount table where the engine keeps its files; a layer does not.
        let relative = |path: PathBuf| path.strip_prefix(&self.state_dir).map(Path::to_owned).unwrap_or(path);
        let covered = |lower: Vec<PathBuf>, target: PathBuf| {
            let name = base::layer_name(&target);
            let (upper, work) = (own.join("upper").join(&name), own.join("work").join(&name));
            Mount::Overlay { lower: lower.into_iter().map(relative).collect(), upper, work, target }
        };
        let over = |target: &Path| start.image.map_or_else(Vec::new, |image| image.over(&self.state_dir, target));
        let system = base::shared_directories().into_iter().map(|source| {
            let target = source.strip_prefix("/").expect("system directories are absolute").to_owned();
            (source, target)
        });
        for (lower, target) in system.chain([etc]) {
            let layers = over(&target);
            let part_of = |snapshot: PathBuf| Some(snapshot.join("layer").join(&target)).filter(|path| path.is_dir());
            let authority = start.secrets.as_ref().and_then(|_| trust::over(&self.state_dir, &target));
            if !self.copy_on_write && layers.is_empty() {
                let source = self.state_dir.join(&lower);
                mounts.push(match self.desktop(start).and_then(part_of) {
                    Some(desktop) => Mount::Layers { lower: [desktop, source].map(relative).to_vec(), target },
                    None => Mount::Bind { source, target, read_only: true },
                });
                continue;
            }
            let prepared = start.snapshot.map(Path::to_owned).into_iter().chain(self.desktop(start));
            let prepared = prepared.filter_map(part_of);
            let between = start.image.map(|_| self.base.between.join(&target));
            let between = between.filter(|path| self.state_dir.join(path).is_dir());
            let over = authority.into_iter().chain(layers).chain(prepared).chain(between);
            mounts.push(covered(over.chain([lower]).collect(), target));
        }
        if let Some(snapshot) = start.snapshot {
            let (source, target) = (snapshot.join("opt"), PathBuf::from("opt/daytona"));
            let layers = over(&target);
            mounts.push(match self.copy_on_write || !layers.is_empty() {
                true => covered(layers.into_iter().chain([source]).collect(), target),
                false => Mount::Bind { source, target, read_only: true },
            });
        }
        Ok(mounts)
    }

    /// The prepared desktop, for a sandbox that is to have one.
    fn desktop(&self, start: &Start<'_>) -> Option<PathBuf> {
        start.has_desktop.then(|| desktop::finished(&self.state_dir)).flatten().filter(|_| self.shows_layers)
    }

    /// Fails where sandboxes cannot have a desktop, and says what to do.
    pub fn check_desktop(&self) -> Result<(), ApiError> {
        if !self.shows_layers {
            return Err(ApiError::not_possible(
                "Sandboxes of this engine cannot have a desktop: it does not isolate them, or the kernel refuses to lay \
                 directories over the machine's (Linux 5.11 or newer does it for every user)",
            ));
        }
        match desktop::finished(&self.state_dir) {
            Some(_) => Ok(()),
            None => Err(ApiError::bad_request(format!(
                "Snapshot {} is not prepared on this machine: run `daytona local setup --desktop` first",
                desktop::NAME
            ))),
        }
    }

    /// The file with the authorities that the machine trusts, in a root that is an image; none elsewhere.
    fn certificates(&self, start: &Start<'_>) -> Option<&'static str> {
        let is_image = start.image.is_some_and(|image| !image.over_default);
        (is_image && self.has_certificates).then_some(CERTIFICATES)
    }

    /// Puts the snapshot's programs and packages where programs look for them.
    fn show_snapshot(&self, snapshot: &Path, env: &mut BTreeMap<String, String>) {
        let shown = match self.level {
            IsolationLevel::None => snapshot.join("opt").to_string_lossy().into_owned(),
            IsolationLevel::Namespaces | IsolationLevel::UserNamespaces => "/opt/daytona".to_owned(),
        };
        if let Some(path) = env.get_mut("PATH") {
            *path = format!("{shown}/bin:{path}");
        }
        env.insert("NODE_PATH".to_owned(), format!("{shown}/node/node_modules"));
        env.insert("NPM_CONFIG_UPDATE_NOTIFIER".to_owned(), "false".to_owned());
        if !self.copy_on_write {
            // Without a layer over /usr there is no .pth file that says so.
            env.insert("PYTHONPATH".to_owned(), format!("{shown}/python"));
        }
    }

    /// Bytes that sandboxes with disks may still write together, where that is less than a disk may hold.
    pub fn little_room(&self) -> Option<u64> {
        let room = self.no_disks.is_none().then(|| disk_space::room(&self.state_dir).ok())??;
        (room < disk_space::LARGEST).then_some(room)
    }

    /// Removes the engine's groups. Call it when all sandboxes have ended.
    pub fn clean_up(&self) {
        self.ready.clean_up();
        self.cgroups.remove();
        if let Some(network) = &self.network {
            network.clean_up();
        }
    }
}

/// Makes the layer with the authorities that the machine trusts; answers whether its variables name any.
fn copy_certificates(state_dir: &Path) -> io::Result<bool> {
    let layer = state_dir.join(CERTIFICATES_LAYER);
    let Some(file) = network::certificates() else { return Ok(false) };
    base::make_directory(&layer, 0o755)?;
    // Engines before kept it in there, where it covered an image's /etc that is a link.
    let _ = fs::remove_dir_all(layer.join("etc"));
    let copy = layer.join(CERTIFICATES.trim_start_matches('/'));
    fs::copy(file, &copy)?;
    fs::set_permissions(copy, fs::Permissions::from_mode(0o644))?;
    Ok(true)
}

/// The environment of every process inside, before the sandbox's own variables.
fn basic_environment(user: &str, home: &Path) -> BTreeMap<String, String> {
    let home = home.to_string_lossy();
    let path = format!("{home}/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let variables = [
        ("HOME", home.as_ref()),
        ("USER", user),
        ("LOGNAME", user),
        ("SHELL", "/bin/bash"),
        ("LANG", "C.UTF-8"),
        ("PATH", &path),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Sends the launch description and waits until the root is in place.
fn hand_over(spec: &LaunchSpec, control: &UnixStream) -> Result<(i32, OwnedFd)> {
    control.set_read_timeout(Some(START_TIMEOUT))?;
    let spec = serde_json::to_vec(spec)?;
    let mut writer = control;
    writer.write_all(&u32::try_from(spec.len())?.to_be_bytes())?;
    writer.write_all(&spec)?;
    let (first, outcome) = read_reports(control);
    let Some((pid, pidfd)) = first else {
        outcome?;
        bail!("the sandbox process did not say its process id");
    };
    if let Err(error) = outcome {
        // It is our child and not waited for, so the id is still its own.
        let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        let _ = waitid(Id::PIDFd(pidfd.as_fd()), WaitPidFlag::WEXITED);
        return Err(error);
    }
    Ok((pid, pidfd))
}

/// The first process, once it exists, and whether it became ready.
///
/// The starter tells the one, the first process the other, in either order.
fn read_reports(control: &UnixStream) -> (Option<(i32, OwnedFd)>, Result<()>) {
    let mut first = None;
    let mut outcome = None;
    for line in BufReader::new(control).lines() {
        let report = line.map_err(anyhow::Error::from).and_then(|line| Ok(serde_json::from_str(&line)?));
        match report {
            Ok(Report::Init(pid)) => match open_pidfd(pid) {
                Ok(pidfd) => first = Some((pid, pidfd)),
                Err(error) => return (None, Err(error.into())),
            },
            Ok(Report::Ready) => outcome = Some(Ok(())),
            Ok(Report::Failed(reason)) => outcome = Some(Err(anyhow!("{reason}"))),
            Err(error) if error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::WouldBlock) => {
                let seconds = START_TIMEOUT.as_secs();
                return (
                    first,
                    Err(anyhow!("the sandbox process was not ready after {seconds} s: the machine is too busy")),
                );
            }
            Err(error) => return (first, Err(error.context("waiting for the sandbox process"))),
        }
        if first.is_some() && outcome.is_some() {
            break;
        }
    }
    let ended = || Err(anyhow!("the sandbox process ended before it was ready; its log is in the state directory"));
    (first, outcome.unwrap_or_else(ended))
}

pub(super) fn open_pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes integers; the result is a descriptor that only we own.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}
