//! A running sandbox, as the engine holds it: what is asked of its processes, and what is taken back when they have ended.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use tokio::io::unix::AsyncFd;

use super::cgroup::{Resources, SandboxCgroup, Usage};
use super::disk_space;
use super::own_size::OwnSize;
use super::processors::Taken;
use super::spec::{RESIZE, TERMINATE, TOOLBOX_KILLED};
use super::standstill;
use crate::network::{self, Joined, Reach, Secrets};

/// How long it is tried to let frozen processes go on.
const THAW_LIMIT: Duration = Duration::from_secs(5);

/// A running sandbox. Dropping it kills the sandbox, because its lifeline closes.
#[derive(Debug)]
pub struct Instance {
    pub(super) pid: i32,
    pub(super) exit: AsyncFd<OwnedFd>,
    pub(super) control: UnixStream,
    pub(super) has_disk: bool,
    /// Whether its processes stand still.
    pub(super) frozen: AtomicBool,
    /// Whether its toolbox was killed, and the first process has ended for that.
    pub(super) toolbox_killed: AtomicBool,
    /// How many processes the kernel had killed at the limit of memory when the sandbox was last seen to go on.
    pub(super) survived_kills: AtomicU64,
    /// Resources that the next start of the sandbox makes anew under the same names.
    pub(super) names: Mutex<Option<Names>>,
}

#[derive(Debug)]
pub(super) struct Names {
    pub(super) socket: PathBuf,
    pub(super) cgroup: SandboxCgroup,
    pub(super) range: Option<Range>,
    pub(super) network: Option<Joined>,
    pub(super) processors: Option<Taken>,
}

/// A range of user ids in use; free again when dropped.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) number: u32,
    pub(super) taken: Arc<Mutex<BTreeSet<u32>>>,
}

impl Drop for Range {
    fn drop(&mut self) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Instance {
    /// The first process's id on the machine.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until the first process has ended, and with it everything inside.
    pub async fn wait(&self) {
        // A process descriptor becomes readable when the process ends.
        let _ = self.exit.readable().await;
        let pidfd = self.exit.get_ref().as_fd();
        loop {
            match waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Ok(WaitStatus::Exited(_, TOOLBOX_KILLED)) => return self.toolbox_killed.store(true, Ordering::Release),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Blocks until the first process has ended, and with it everything inside; answers its exit code, or none where a signal
    /// ended it.
    pub fn wait_for_code(&self) -> Option<i32> {
        let pidfd = self.exit.get_ref().as_fd();
        loop {
            match waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED) {
                Ok(WaitStatus::Exited(_, code)) => return Some(code),
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                Ok(_) | Err(_) => return None,
            }
        }
    }

    /// Asks the processes to end and gives them a moment; kills what is left.
    pub fn terminate(&self) {
        let mut control = &self.control;
        if control.write_all(&[TERMINATE]).is_err() {
            self.kill();
        }
    }

    /// Changes what the sandbox reaches on the network to what `reach` says once it is this change's turn. Blocks briefly.
    ///
    /// # Errors
    /// When the kernel refuses; then nothing is promised.
    pub fn set_reach(&self, reach: impl FnOnce() -> Reach) -> Result<()> {
        match &*self.names.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Names { network: Some(network), .. }) => network.set(reach),
            _ => Ok(()),
        }
    }

    /// Gives the sandbox's requests the secrets that `secrets` says once it is this change's turn. Without effect where it
    /// started without any.
    pub fn set_secrets(&self, secrets: impl FnOnce() -> Secrets) {
        if let Some(Names { network: Some(network), .. }) = &*self.names.lock().unwrap_or_else(PoisonError::into_inner)
        {
            network.set_secrets(secrets());
        }
    }

    /// Has the sandbox's disk, if it has one, end where this room of the machine's does. Blocks briefly.
    pub fn limit_disk(&self, room: u64) {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid));
        if self.has_disk
            && let Err(error) = disk_space::limit(&root, room)
        {
            // It may be about to end.
            tracing::debug!(error = format!("{error:#}"), "the room of a disk was not limited");
        }
    }

    /// Has the sandbox see, and use, other numbers of processors and sizes of memory. Blocks briefly.
    ///
    /// # Errors
    /// When the sandbox is about to end.
    pub fn show_size(&self, resources: Resources) -> Result<()> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Names { processors: Some(taken), .. }) = names.as_mut() else { return Ok(()) };
        let other = taken.others(resources.cpu);
        let own_size = serde_json::to_vec(&OwnSize::of(&other.numbers, resources.memory_gib))?;
        let length = u32::try_from(own_size.len())?.to_be_bytes();
        let message = [&[RESIZE], length.as_slice(), &own_size].concat();
        (&self.control).write_all(&message).context("telling the sandbox its size")?;
        *taken = other;
        Ok(())
    }

    /// Writes what the sandbox has written to the file that holds its disk, where it has one. With its processes frozen, a copy of
    /// the file is then a copy of the disk. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When the machine's disk is full or broken.
    pub fn sync_disk(&self) -> Result<()> {
        if !self.has_disk {
            return Ok(());
        }
        let root = fs::File::open(format!("/proc/{}/root", self.pid)).context("finding the sandbox's disk")?;
        // SAFETY: the call takes an open descriptor.
        Errno::result(unsafe { libc::syncfs(root.as_raw_fd()) }).context("writing the sandbox's disk")?;
        Ok(())
    }

    /// What the sandbox tried on the network since it started, where it has one.
    pub fn tried(&self) -> Option<network::Tried> {
        match &*self.names.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Names { network: Some(network), .. }) => Some(network.tried()),
            _ => None,
        }
    }

    /// Whether its processes have ended.
    pub fn has_ended(&self) -> bool {
        let mut ended = [PollFd::new(self.exit.get_ref().as_fd(), PollFlags::POLLIN)];
        poll(&mut ended, PollTimeout::ZERO).is_ok_and(|count| count > 0)
    }

    /// Changes the limits of what runs. Blocks briefly.
    ///
    /// # Errors
    /// When the kernel refuses; then any of them may hold.
    pub fn resize(&self, resources: Resources) -> Result<()> {
        match &*self.names.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Names { cgroup, .. }) => cgroup.resize(resources).context("changing the limits")?,
            None => return Ok(()),
        }
        self.show_size(resources)
    }

    /// Makes all processes stand still. They can still be killed, and the engine's end ends them. Blocks for milliseconds.
    ///
    /// # Errors
    /// When they do not; then they go on.
    pub fn freeze(&self) -> Result<()> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let frozen = names.as_ref().map_or(Ok(false), |names| names.cgroup.freeze(self.pid));
        if !frozen.context("freezing the control group")? {
            standstill::stop_all(self.pid)?;
        }
        self.frozen.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether its processes stand still.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    /// Lets the processes go on that [`Instance::freeze`] has stopped. Blocks briefly.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn thaw(&self) -> Result<()> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        match names.as_ref().filter(|names| names.cgroup.can_freeze()) {
            Some(names) => names.cgroup.thaw().context("thawing the control group")?,
            None => standstill::continue_all(self.pid),
        }
        self.frozen.store(false, Ordering::Release);
        Ok(())
    }

    /// The same, and again for some time while the kernel refuses. Processes that nothing lets go on are killed: their sandbox
    /// would only seem to run. Blocks as long.
    ///
    /// # Errors
    /// When they were killed.
    pub fn thaw_or_kill(&self) -> Result<()> {
        let deadline = Instant::now() + THAW_LIMIT;
        loop {
            match self.thaw() {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    self.kill();
                    return Err(error);
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// What the processes use, where control groups count it.
    pub fn usage(&self) -> Option<Usage> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let cgroup = &names.as_ref()?.cgroup;
        let kills = cgroup.memory_kills();
        if !self.has_ended() {
            self.survived_kills.store(kills, Ordering::Release);
        }
        Some(cgroup.usage())
    }

    /// Whether it has ended because the kernel killed its toolbox at the limit of memory. Blocks briefly.
    ///
    /// The kernel takes the toolbox after all other processes, and never the first one: who killed that did so from outside.
    /// Kills that the sandbox has survived before ([`Instance::usage`] looks) say nothing about its end.
    pub fn was_out_of_memory(&self) -> bool {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let kills = names.as_ref().map_or(0, |names| names.cgroup.memory_kills());
        self.toolbox_killed.load(Ordering::Acquire) && kills > self.survived_kills.load(Ordering::Acquire)
    }

    /// Kills the first process, and with it all, from outside: for one that does not listen any more.
    pub fn kill_from_outside(&self) {
        let pidfd = self.exit.get_ref().as_raw_fd();
        // SAFETY: the call takes an open descriptor, integers, and no further information.
        let killed = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd, libc::SIGKILL, 0, 0) };
        // It may just have ended.
        let _ = Errno::result(killed);
    }

    /// Kills every process at once.
    pub fn kill(&self) {
        let _ = self.control.shutdown(std::net::Shutdown::Both);
    }

    /// Removes the socket and the control groups of an instance that has ended. Whoever still holds it cannot remove those
    /// of the next one, which have the same names. Blocks briefly; may be called any number of times, and each call returns
    /// when all is removed.
    pub fn release(&self) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Names { socket, cgroup, range, network, processors }) = names.take() {
            let _ = fs::remove_file(socket);
            drop((cgroup, range, network, processors));
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.release();
    }
}
