//! Single commands of builds: started like a sandbox, with a program in the toolbox's place.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setresgid, setresuid};
use serde::{Deserialize, Serialize};

use super::instance::Instance;
use super::launch::{Launcher, Start};
use super::spec::{IsolationLevel, LaunchSpec, Mount, SandboxUser};
use crate::network;

/// The exit code of a command whose program is not there, as shells have it.
const NOT_FOUND: i32 = 127;

/// The exit code of a command whose program cannot be started.
const NOT_STARTED: i32 = 126;

/// A command and what it is given.
#[derive(Debug)]
pub struct StepCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Its variables.
    pub env: Vec<(String, String)>,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its working directory.
    pub work_dir: PathBuf,
    /// What is mounted for it: absolute sources, and targets relative to the root, to which no link leads.
    pub mounts: Vec<(PathBuf, PathBuf, bool)>,
    /// Where it writes, both streams.
    pub output: OwnedFd,
}

/// The part of it that the sandbox process needs besides [`LaunchSpec`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Program {
    /// See [`StepCommand::argv`].
    pub argv: Vec<String>,
}

impl StepCommand {
    /// Makes the description of a sandbox that of this command. `certificates` is the file in its root with the authorities that
    /// the machine trusts, if there is one.
    pub(super) fn describe(&self, mut spec: LaunchSpec, certificates: Option<&str>) -> LaunchSpec {
        for (source, target, read_only) in &self.mounts {
            let (source, target) = (source.clone(), target.clone());
            spec.mounts.push(Mount::Bind { source, target, read_only: *read_only });
        }
        spec.user = SandboxUser { uid: self.uid, gid: self.gid, groups: Vec::new() };
        spec.work_dir = Some(self.work_dir.clone());
        spec.env = self.env.iter().cloned().collect();
        if spec.has_network {
            for (name, value) in network::image_environment(certificates) {
                spec.env.entry(name).or_insert(value);
            }
        }
        spec.program = Some(Program { argv: self.argv.clone() });
        spec
    }
}

impl Launcher {
    /// Starts a command in the root that `start` describes, whose files are plain directories. It has ended when the instance
    /// has, with the instance's exit code. Blocks for some milliseconds.
    ///
    /// # Errors
    /// Without isolation there are no images, and no commands in them.
    pub fn start_command(&self, start: &Start<'_>, command: StepCommand) -> Result<Instance> {
        if self.level() == IsolationLevel::None {
            bail!("builds run commands isolated only, and this engine was started without isolation");
        }
        self.launch(start, Some(command))
    }
}

/// Becomes the command, in a process that is the sandbox's user already.
pub(super) fn execute(spec: &LaunchSpec, program: &Program, oom_score: i32, process_limit: Option<u64>) -> i32 {
    let error = match prepare(spec, oom_score, process_limit) {
        Ok(()) => match program.argv.split_first() {
            Some((name, arguments)) => Command::new(name).args(arguments).env_clear().envs(&spec.env).exec(),
            None => io::Error::other("the command is empty"),
        },
        Err(error) => io::Error::other(format!("{error:#}")),
    };
    let name = program.argv.first().map_or("", String::as_str);
    if error.kind() == io::ErrorKind::NotFound {
        eprintln!("{name}: the image has no such program, or not what it is run by");
        return NOT_FOUND;
    }
    eprintln!("{name}: {error}");
    NOT_STARTED
}

fn prepare(spec: &LaunchSpec, oom_score: i32, process_limit: Option<u64>) -> Result<()> {
    nix::unistd::dup2_stdout(io::stderr())?;
    // What cannot be traced cannot write there either. A machine that allows no such score has none to lose.
    nix::sys::prctl::set_dumpable(true)?;
    let _ = std::fs::write("/proc/self/oom_score_adj", oom_score.to_string());
    nix::sys::prctl::set_dumpable(false)?;
    if let Some(limit) = process_limit {
        setrlimit(Resource::RLIMIT_NPROC, limit, limit)?;
    }
    if spec.level == IsolationLevel::Namespaces {
        // The toolbox's real id is another one; nothing is left of it here.
        let (uid, gid) = (Uid::from_raw(spec.user.uid), Gid::from_raw(spec.user.gid));
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
    }
    Ok(())
}
