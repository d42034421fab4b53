//! The commands of builds (`RUN`), isolated as sandboxes are.
//!
//! Each runs alone in the root of its step, with the sandboxes' limits and network. What it changes is the next layer.

use std::fs;
use std::io::{self, Read, pipe};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daytona_images::{Base, Cancel, Exit, Run, Runner};
use daytona_toolbox::remove_tree::{Locked, remove_tree};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::isolation::{ETC, ImageRoot, IsolationLevel, Launcher, Resources, STEP_GIB, Start, StepCommand, check_id};
use crate::network::{Cidr, Reach};
use crate::outgoing::Client;
use crate::snapshots::images::RESERVE;

/// Where the files of steps under way are, in the state directory. Each start empties it.
const STEPS: &str = "build-steps";

/// What every root but the engine's own is given besides its image: names to look up.
const NAMES: &str = "build-names";

/// How often is looked whether anybody still wants the build, in milliseconds.
const WATCH: u8 = 100;

/// How often is looked whether the machine's disk still has room.
const LOOK: Duration = Duration::from_secs(1);

/// Memory of one command.
const MEMORY_GIB: u64 = 4;

/// Runs the commands of builds.
#[derive(Debug)]
pub struct StepRunner {
    launcher: Arc<Launcher>,
    state_dir: PathBuf,
    names: PathBuf,
    allow_networks: Vec<Cidr>,
}

impl StepRunner {
    /// Prepares for builds below the state directory; removes what an earlier engine has left.
    ///
    /// # Errors
    /// The state directory cannot be written.
    pub fn new(launcher: Arc<Launcher>, state_dir: &Path, allow_networks: &[Cidr]) -> io::Result<Self> {
        let steps = state_dir.join(STEPS);
        match remove_tree(&steps, Locked::Unlock) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&steps)?,
        }
        let names = state_dir.join(NAMES);
        write_names(&names, Path::new(ETC))?;
        Ok(Self { launcher, state_dir: state_dir.to_owned(), names, allow_networks: allow_networks.to_vec() })
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.state_dir).map(Path::to_owned).unwrap_or_else(|_| path.to_owned())
    }

    /// Bytes that are free on the machine's disk.
    fn free(&self) -> io::Result<u64> {
        let room = nix::sys::statvfs::statvfs(&self.state_dir)?;
        Ok(room.blocks_available() * room.fragment_size())
    }

    /// Why a command may write no more, if it may not. `before` is what was free when it began.
    fn too_much(&self, directory: &Path, before: u64) -> io::Result<Option<String>> {
        let free = self.free()?;
        if free < RESERVE {
            return Ok(Some(format!("only {free} bytes are left on the machine's disk")));
        }
        // Others write too; to count takes a while and is rarely needed.
        let most = STEP_GIB << 30;
        let is_less = before.saturating_sub(free) <= most || written(&self.state_dir.join(directory)) <= most;
        Ok((!is_less).then(|| format!("it wrote more than {STEP_GIB} GiB")))
    }

    /// `names` is a directory that may be made for the step's names.
    fn root(&self, run: &Run<'_>, names: &Path) -> io::Result<ImageRoot> {
        let over_default = run.base == Base::Default;
        let layers = run.layers.iter().rev().map(|layer| self.relative(layer));
        let mut root = ImageRoot {
            over_default,
            layers: layers.collect(),
            env: Vec::new(),
            entrypoint: Vec::new(),
            user: String::new(),
            work_dir: String::new(),
        };
        if over_default {
            // The engine's own root has names already.
            return Ok(root);
        }
        let etc = root.etc(&self.state_dir);
        if etc == Path::new(ETC) {
            root.layers.insert(0, self.relative(&self.names));
        } else {
            // A link to there is not covered.
            write_names(&self.state_dir.join(names), &etc)?;
            root.layers.insert(0, names.to_owned());
        }
        Ok(root)
    }

    fn run_in(
        &self,
        id: &str,
        directory: &Path,
        run: &Run<'_>,
        output: &mut dyn FnMut(&[u8]),
        cancel: &Cancel,
    ) -> anyhow::Result<Exit> {
        check_id(run.uid)?;
        check_id(run.gid)?;
        self.launcher.create_step_files(directory)?;
        let image = self.root(run, &names_of(directory))?;
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let start = Start {
            sandbox_id: id,
            directory,
            resources: Resources { cpu: cpus as u64, memory_gib: MEMORY_GIB, disk_gib: STEP_GIB },
            as_root: run.uid == 0,
            env: Default::default(),
            reach: if run.network { Reach::All } else { Reach::Nothing },
            secrets: None,
            snapshot: None,
            has_desktop: false,
            image: Some(&image),
            volumes: Vec::new(),
        };
        let (mut reader, writer) = pipe()?;
        let mounts = run.mounts.iter().map(|mount| {
            let target = mount.target.trim_start_matches('/').into();
            (mount.source.clone(), target, mount.read_only)
        });
        let command = StepCommand {
            argv: run.argv.to_vec(),
            env: run.env.to_vec(),
            uid: run.uid,
            gid: run.gid,
            work_dir: run.workdir.into(),
            mounts: mounts.collect(),
            output: writer.into(),
        };
        let instance = self.launcher.start_command(&start, command)?;
        let mut buffer = [0; 1 << 14];
        let mut looked = Instant::now();
        let before = self.free()?;
        let mut killed = None;
        loop {
            let mut ready = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, PollTimeout::from(WATCH)).is_ok_and(|count| count > 0) {
                match reader.read(&mut buffer)? {
                    0 => break,
                    count => output(&buffer[..count]),
                }
            }
            if cancel.is_cancelled() {
                instance.kill();
            }
            if looked.elapsed() > LOOK {
                looked = Instant::now();
                if let Some(reason) = self.too_much(directory, before)? {
                    killed = Some(reason);
                    instance.kill();
                }
            }
        }
        let code = instance.wait_for_code();
        instance.release();
        if let Some(reason) = killed {
            anyhow::bail!("the command was killed: {reason}");
        }
        if run.network && code != Some(0) && self.launcher.level() == IsolationLevel::UserNamespaces {
            let lacks = match self.launcher.network() {
                Some(_) => "no user but root",
                None => "no network, and no user but root",
            };
            let said = format!("\n[commands of this engine have {lacks}: that takes an engine started by root]\n");
            output(said.as_bytes());
        }
        self.launcher.take_layer(directory, run.changes, cancel)?;
        Ok(code.map_or(Exit::Signal(nix::libc::SIGKILL), Exit::Code))
    }
}

/// Where the names of a step are, whose image has a link at `/etc`.
fn names_of(step: &Path) -> PathBuf {
    step.with_extension("names")
}

/// Writes a layer with names to look up, in which `/etc` is this directory.
fn write_names(layer: &Path, etc: &Path) -> io::Result<()> {
    let directory = layer.join(etc);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("resolv.conf"), "nameserver 127.0.0.53\noptions edns0\n")?;
    fs::write(directory.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")
}

/// Bytes that the files below a directory take on the disk, as far as they can be counted while they change.
fn written(directory: &Path) -> u64 {
    let mut waiting = vec![directory.to_owned()];
    let mut bytes = 0;
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(found) = entry.metadata() else { continue };
            bytes += found.blocks() * 512;
            if found.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    bytes
}

impl Runner for StepRunner {
    fn run(&self, run: &Run<'_>, output: &mut dyn FnMut(&[u8]), cancel: &Cancel) -> io::Result<Exit> {
        let id = format!("build-{}", uuid::Uuid::new_v4().simple());
        let directory = Path::new(STEPS).join(&id);
        let done = self.run_in(&id, &directory, run, output, cancel);
        for made in [names_of(&directory), directory] {
            if let Err(error) = remove_tree(&self.state_dir.join(made), Locked::Unlock)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, step = id, "the files of a build's step are left to the next start");
            }
        }
        done.map_err(|error| io::Error::other(crate::in_words(&error)))
    }

    fn fetch(&self, url: &str, target: &Path, limit: u64, cancel: &Cancel) -> io::Result<Option<i64>> {
        let client = Client::new(Some(self.allow_networks.clone()));
        let fetched = {
            let given_up = async {
                loop {
                    if cancel.is_cancelled() {
                        return "the build was given up".to_owned();
                    }
                    if let Ok(free) = self.free()
                        && free < RESERVE
                    {
                        return format!("only {free} bytes are left on the machine's disk");
                    }
                    tokio::time::sleep(Duration::from_millis(WATCH.into())).await;
                }
            };
            // Builds run on threads of the runtime that may block.
            tokio::runtime::Handle::current().block_on(async {
                tokio::select! {
                    fetched = client.fetch(url, target, limit) => fetched,
                    reason = given_up => anyhow::bail!(reason),
                }
            })
        };
        fetched.map_err(|error| io::Error::other(crate::in_words(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_of_files_count_for_nothing() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/b")).unwrap();
        let before = written(directory.path());
        fs::File::create(directory.path().join("a/sparse")).unwrap().set_len(64 << 30).unwrap();
        fs::write(directory.path().join("a/b/file"), vec![1; 1 << 20]).unwrap();
        let more = written(directory.path()) - before;
        assert!((1 << 20..2 << 20).contains(&more), "{more}");
    }
}
