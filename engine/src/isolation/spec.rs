//! The description that the engine sends to a new sandbox process.
//!
//! The engine starts its own executable again as `<exe> __sandbox`, with the control socket as
//! standard input and the toolbox's listening socket as standard output, and writes one
//! [`LaunchSpec`] as a length-prefixed JSON document on the control socket. The sandbox answers
//! with [`Report`]s, one JSON object a line. When the engine's end of the control socket closes,
//! the sandbox dies: no sandbox outlives its engine.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use daytona_toolbox::Compat;
use serde::{Deserialize, Serialize};

use super::commands::Program;
use super::disk::Disk;
use super::entrance::Entrance;
use super::image_root::Inside;
use super::own_size::OwnSize;
use super::users::UserIds;

/// The hidden first argument that turns the executable into a sandbox process.
pub const SANDBOX_ARGUMENT: &str = "__sandbox";

/// The byte on the control socket that asks the sandbox to end its processes with `SIGTERM`.
pub const TERMINATE: u8 = b'T';

/// The byte on the control socket that a sandbox's new size follows: the length of a JSON document, and [`OwnSize`].
pub const RESIZE: u8 = b'R';

/// How the first process ends when its toolbox was killed by `SIGKILL`: 128 and the signal's number.
pub const TOOLBOX_KILLED: i32 = 137;

/// The unprivileged user of every sandbox.
pub const SANDBOX_UID: u32 = 1000;

/// How a sandbox is separated from the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationLevel {
    /// All namespaces, a copy-on-write root, cgroup limits; the engine runs as root.
    Namespaces,
    /// All namespaces inside a user namespace; system directories are read-only.
    UserNamespaces,
    /// An ordinary process of the engine's user. Chosen explicitly, never a fallback.
    None,
}

impl IsolationLevel {
    /// The name shown at start, in `engine.json` and by `GET /api/health`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespaces => "namespaces",
            Self::UserNamespaces => "user-namespaces",
            Self::None => "none",
        }
    }
}

/// One mount inside the new root. `target` is relative to the root.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Mount {
    /// A writable copy-on-write view. All paths but absolute lower ones are relative to the state directory.
    Overlay {
        /// Read-only layers, topmost first.
        lower: Vec<PathBuf>,
        /// Where writes go.
        upper: PathBuf,
        /// overlayfs' scratch directory, on the same file system as `upper`.
        work: PathBuf,
        /// Where it appears.
        target: PathBuf,
    },
    /// A read-only view of several directories, the topmost first. Relative paths are those of the state directory.
    Layers {
        /// The directories.
        lower: Vec<PathBuf>,
        /// Where they appear.
        target: PathBuf,
    },
    /// A directory or file of the machine.
    Bind {
        /// The absolute path outside.
        source: PathBuf,
        /// Where it appears.
        target: PathBuf,
        /// Whether writes are refused.
        read_only: bool,
    },
}

/// A volume to mount.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Volume {
    /// Where its files are, relative to the state directory.
    pub data: PathBuf,
    /// The directory in it that is mounted instead of all of it.
    pub subpath: Option<PathBuf>,
    /// Where it appears, as the sandbox sees it.
    pub target: PathBuf,
}

/// A control group of the sandbox's, shown read-only where programs look for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShownGroup {
    /// The group's directory on the machine.
    pub source: PathBuf,
    /// Its names below `/sys/fs/cgroup`, the first one its own; none for the only hierarchy.
    pub names: Vec<String>,
}

/// The users of a sandbox's processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxUser {
    /// User id inside the sandbox.
    pub uid: u32,
    /// Group id inside the sandbox.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// A memory limit that the kernel enforces.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MemoryLimit {
    /// The control group's file that counts what was killed at the limit.
    pub events: PathBuf,
    /// The limit in GiB.
    pub gib: u64,
}

/// Everything a sandbox process needs to set itself up.
#[derive(Serialize, Deserialize)]
pub struct LaunchSpec {
    /// The sandbox's id.
    pub sandbox_id: String,
    /// The separation to set up.
    pub level: IsolationLevel,
    /// The engine's state directory; the child's working directory while it mounts.
    pub state_dir: PathBuf,
    /// The new root, an absolute directory outside.
    pub root: PathBuf,
    /// The file system that holds the root and what is changed of system directories, mounted over the sandbox's directory;
    /// plain directories do otherwise.
    pub disk: Option<Disk>,
    /// That file system, where it is mounted already and attached nowhere yet. It travels beside this document.
    #[serde(skip)]
    pub mounted: Option<OwnedFd>,
    /// The mounts inside it, in order.
    pub mounts: Vec<Mount>,
    /// The volumes to mount when everything else is, in order.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// The users of its processes.
    pub user: SandboxUser,
    /// The ids of a user namespace of its own, where the engine runs as root and the machine has them.
    pub ids: Option<UserIds>,
    /// The memory limit, where the machine enforces one.
    pub memory_limit: Option<MemoryLimit>,
    /// Its processors and memory, which its processes run on and see.
    pub own_size: Option<OwnSize>,
    /// Whether files of `/proc` and `/sys` are covered to show them.
    pub shows_size: bool,
    /// How its first process gets into its control groups.
    pub entrance: Entrance,
    /// Its control groups, as its processes see them.
    pub groups: Vec<ShownGroup>,
    /// Whether it is started in a network namespace made for it; else it makes one with loopback only.
    pub has_network: bool,
    /// What the root is made from, if that is an image: user, home and working directory are then found in the root.
    pub image: Option<Inside>,
    /// Home as the sandbox sees it.
    pub home: PathBuf,
    /// Working directory as the sandbox sees it; the home when absent.
    pub work_dir: Option<PathBuf>,
    /// The program that runs instead of the toolbox, for commands of builds.
    pub program: Option<Program>,
    /// The program that runs in the entrypoint session.
    pub entrypoint: Vec<String>,
    /// The complete environment of the toolbox and what it starts.
    pub env: BTreeMap<String, String>,
    /// The engine's version, reported by the toolbox.
    pub version: String,
    /// The server whose answers the toolbox gives.
    pub compat: Compat,
}

/// A message from a sandbox process to the engine.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// The process that goes on in the place of the one that the engine has started, and is its child, too.
    Starter(i32),
    /// The sandbox's first process, in the engine's process-id namespace.
    Init(i32),
    /// The root is in place and the toolbox is starting; its socket already queues connections.
    Ready,
    /// Setting up failed; the process exits after saying why.
    Failed(String),
}
