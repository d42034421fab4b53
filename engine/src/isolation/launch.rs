//! The engine's side of a sandbox's start. What the sandbox process is told is in `description`, its files in `files`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader, IoSlice, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use daytona_toolbox::Compat;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;

use super::base::{self, Base};
use super::cgroup::{Cgroups, Enforced, Resources};
use super::commands::StepCommand;
use super::description::copy_certificates;
use super::disk_images::{self, DiskImages};
use super::disk_space;
use super::files::POOL;
use super::image_root::ImageRoot;
use super::instance::{Instance, Names, Range};
use super::mounted::Mounted;
use super::own_size::OwnSize;
use super::probe;
use super::processors::Processors;
use super::ready::{Pattern, Ready, remove};
use super::spec::{IsolationLevel, LaunchSpec, MemoryLimit, Report, SANDBOX_ARGUMENT, Volume};
use super::trust;
use super::users::{RANGES, Separation, UserIds};
use crate::backend::Refusal;
use crate::network::{Network, Reach, Secrets};
use crate::setup::desktop;

/// How long a sandbox process may take to set itself up before it counts as failed. It takes milliseconds; on a machine with
/// far more to do than it has processors it was seen to take 20 seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// Starts sandboxes; one per engine.
#[derive(Debug)]
pub struct Launcher {
    pub(super) state_dir: PathBuf,
    pub(super) level: IsolationLevel,
    pub(super) copy_on_write: bool,
    /// Whether directories of the state directory can be laid over those of the machine.
    pub(super) shows_layers: bool,
    /// Why sandboxes have no disks of their own.
    pub(super) no_disks: Option<String>,
    /// Why sandboxes see the machine's size.
    pub(super) no_sizes: Option<String>,
    processors: Processors,
    pub(super) base: Base,
    cgroups: Cgroups,
    users: Separation,
    pub(super) network: Option<Network>,
    pub(super) ready: Ready,
    /// The numbers of the ranges of user ids that running sandboxes have.
    ranges: Arc<Mutex<BTreeSet<u32>>>,
    /// Whether the layer of certificates has the authorities that the machine trusts.
    pub(super) has_certificates: bool,
    /// Whether this engine has written [`trust::LAYER`].
    has_authority: Mutex<bool>,
    /// Kept open so socket paths stay short: a Unix socket's path has 108 bytes at most.
    socket_dir: OwnedFd,
    pub(super) version: String,
    pub(super) compat: Compat,
}

/// The parameters of one start.
pub struct Start<'a> {
    /// The sandbox's id.
    pub sandbox_id: &'a str,
    /// Where its files are: [`super::files_directory`] or [`super::pool_directory`].
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
        let spec = LaunchSpec {
            ids,
            memory_limit,
            has_network: network.is_some(),
            own_size,
            groups,
            entrance: cgroup.entrance(),
            ..self.spec(start)?
        };
        let spec = match &command {
            Some(command) => command.describe(spec, self.certificates(start)),
            None => spec,
        };
        let spec = self.with_disk(spec, start.directory)?;
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
        let launched = hand_over(&spec, &ours);
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

    /// Takes the sandbox's disk as it was mounted ahead, or has it grow to its size.
    fn with_disk(&self, spec: LaunchSpec, directory: &Path) -> Result<LaunchSpec> {
        let Some(disk) = &spec.disk else { return Ok(spec) };
        let mounted = self.ready.take_mounted(&self.state_dir.join(directory));
        let mounted = mounted.filter(|mounted| mounted.gib == disk.gib);
        if mounted.is_none() {
            disk.grow().context("growing the disk")?;
        }
        Ok(LaunchSpec { mounted: mounted.map(Mounted::into_tree), ..spec })
    }

    /// Lets go of a disk that was mounted ahead for a sandbox that has not started: it can be read and removed then.
    pub fn let_go(&self, directory: &Path) {
        drop(self.ready.take_mounted(directory));
    }

    /// Fails where sandboxes cannot have secrets, and says why.
    pub fn check_secrets(&self) -> Result<(), Refusal> {
        let missing = |what: &str| Err(Refusal::Missing(what.to_owned()));
        if self.network.is_none() {
            return missing("Mounting secrets where sandboxes have no network of their own");
        }
        if !self.shows_layers {
            return missing("Mounting secrets where nothing can be laid over system directories");
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

    /// Fails where sandboxes cannot have a desktop, and says what to do.
    pub fn check_desktop(&self) -> Result<(), Refusal> {
        if !self.shows_layers {
            return Err(Refusal::Impossible(
                "Sandboxes of this engine cannot have a desktop: it does not isolate them, or the kernel refuses to lay \
                 directories over the machine's (Linux 5.11 or newer does it for every user)"
                    .to_owned(),
            ));
        }
        match desktop::finished(&self.state_dir) {
            Some(_) => Ok(()),
            None => Err(Refusal::Unprepared(format!(
                "Snapshot {} is not prepared on this machine: run `daytona local setup --desktop` first",
                desktop::NAME
            ))),
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

/// Sends the launch description and waits until the root is in place.
fn hand_over(spec: &LaunchSpec, control: &UnixStream) -> Result<(i32, OwnedFd)> {
    control.set_read_timeout(Some(START_TIMEOUT))?;
    send(spec, control)?;
    let Reports { starter, first, outcome } = read_reports(control);
    if let Some(starter) = starter {
        // It is our child and not waited for, so the id is still its own. It ends by itself once all is well.
        if outcome.is_err() {
            let _ = nix::sys::signal::kill(starter, Signal::SIGKILL);
        }
        let _ = waitid(Id::Pid(starter), WaitPidFlag::WEXITED);
    }
    let Some((pid, pidfd)) = first else {
        outcome?;
        bail!("the sandbox process did not say its process id");
    };
    if let Err(error) = outcome {
        // As above.
        let _ = nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL);
        let _ = waitid(Id::PIDFd(pidfd.as_fd()), WaitPidFlag::WEXITED);
        return Err(error);
    }
    Ok((pid, pidfd))
}

/// Writes the launch description, with the disk that is mounted already.
fn send(spec: &LaunchSpec, mut control: &UnixStream) -> Result<()> {
    let document = serde_json::to_vec(spec)?;
    let length = u32::try_from(document.len())?.to_be_bytes();
    let tree = spec.mounted.as_ref().map(AsRawFd::as_raw_fd);
    let rights = [ControlMessage::ScmRights(tree.as_slice())];
    let rights = if tree.is_some() { &rights[..] } else { &[] };
    // Nothing else is in the socket, so there is room for all of it.
    sendmsg::<()>(control.as_raw_fd(), &[IoSlice::new(&length)], rights, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(control.write_all(&document)?)
}

/// What a sandbox's processes have said.
struct Reports {
    /// Who goes on in the place of the process that was started, if another one does.
    starter: Option<Pid>,
    /// The first process, once it exists.
    first: Option<(i32, OwnedFd)>,
    /// Whether it became ready.
    outcome: Result<()>,
}

/// The starter tells the one, the first process the other, in either order.
fn read_reports(control: &UnixStream) -> Reports {
    let (mut starter, mut first, mut outcome) = (None, None, None);
    for line in BufReader::new(control).lines() {
        let report = line.map_err(anyhow::Error::from).and_then(|line| Ok(serde_json::from_str(&line)?));
        match report {
            Ok(Report::Starter(pid)) => starter = Some(Pid::from_raw(pid)),
            Ok(Report::Init(pid)) => match open_pidfd(pid) {
                Ok(pidfd) => first = Some((pid, pidfd)),
                Err(error) => return Reports { starter, first, outcome: Err(error.into()) },
            },
            Ok(Report::Ready) => outcome = Some(Ok(())),
            Ok(Report::Failed(reason)) => outcome = Some(Err(anyhow!("{reason}"))),
            Err(error) if error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::WouldBlock) => {
                let seconds = START_TIMEOUT.as_secs();
                let late = anyhow!("the sandbox process was not ready after {seconds} s: the machine is too busy");
                return Reports { starter, first, outcome: Err(late) };
            }
            Err(error) => {
                let outcome = Err(error.context("waiting for the sandbox process"));
                return Reports { starter, first, outcome };
            }
        }
        if first.is_some() && outcome.is_some() {
            break;
        }
    }
    let ended = || Err(anyhow!("the sandbox process ended before it was ready; its log is in the state directory"));
    Reports { starter, first, outcome: outcome.unwrap_or_else(ended) }
}

pub(super) fn open_pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes integers; the result is a descriptor that only we own.
    unsafe {
        let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid, 0))?;
        Ok(OwnedFd::from_raw_fd(fd as i32))
    }
}
