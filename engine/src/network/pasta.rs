//! The way out of an ordinary user's engine: a network namespace of its own, which the program `pasta` (Debian package `passt`)
//! joins to the machine's network by a link whose packets become sockets of the user's.
//!
//! It carries connections outwards only: it forwards no port in either direction and stands for no address of the machine's.
//! What must not be reached is kept from it by the engine's firewall, which is in the same namespace.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use super::forwarding::has_routes;
use super::{links, own_namespace};
use crate::isolation;

/// The program.
pub const PROGRAM: &str = "pasta";

/// The name of its link.
const LINK: &str = "uplink";

/// Where it writes its process id once its link is there, below the state directory.
const READY: &str = "pasta.pid";

/// How long it may take for that on a machine with far more to do than it has processors.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long after its end another one is started, and at most when it ends at once again and again.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Forwarding in the namespace, of either family.
const FORWARDING: [&str; 2] = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"];

/// A namespace on the machine's network for as long as this is kept.
#[derive(Debug)]
pub struct Pasta {
    namespace: OwnedFd,
    running: Arc<Mutex<Running>>,
}

#[derive(Debug, Default)]
struct Running {
    pid: Option<Pid>,
    ending: bool,
    /// Why the first one ended.
    failed: Option<String>,
}

impl Pasta {
    /// Makes the namespace and joins it to the network of this thread. Blocks until it is; a machine without a network is
    /// joined once it has one.
    ///
    /// # Errors
    /// What is missing, as a sentence's end.
    pub fn start(state_dir: &Path) -> Result<Self> {
        let namespace = thread::scope(|scope| {
            let making = scope.spawn(|| {
                unshare(CloneFlags::CLONE_NEWNET).context("this user may make no networks")?;
                links::raise_loopback().context("raising the loopback interface")?;
                // A machine without IPv6 has no such setting.
                let _ = FORWARDING.map(|setting| fs::write(setting, "1"));
                Ok(own_namespace()?)
            });
            making.join().unwrap_or_else(|_| bail!("the thread panicked"))
        })?;
        let ready = state_dir.join(READY);
        let _ = fs::remove_file(&ready);
        let running = Arc::<Mutex<Running>>::default();
        let pasta = Self { namespace, running: Arc::clone(&running) };
        let command = pasta.command(&ready);
        let is_offline = !has_routes();
        // The program ends with the thread that started it.
        thread::Builder::new().name(PROGRAM.to_owned()).spawn(move || keep_running(command, &running))?;
        // Whether it runs here is seen then.
        if is_offline {
            tracing::warn!("the machine has no network: sandboxes have one once it has");
            return Ok(pasta);
        }
        let deadline = Instant::now() + PATIENCE;
        while fs::metadata(&ready).map_or(0, |found| found.len()) == 0 {
            if let Some(reason) = lock(&pasta.running).failed.take() {
                bail!("`{PROGRAM}` does not run here: {reason}");
            }
            if Instant::now() > deadline {
                bail!("`{PROGRAM}` was not ready after {} s", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(2));
        }
        let _ = fs::remove_file(&ready);
        Ok(pasta)
    }

    /// The namespace.
    pub fn namespace(&self) -> &OwnedFd {
        &self.namespace
    }

    fn command(&self, ready: &Path) -> Command {
        let namespace = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.namespace.as_raw_fd()));
        let mut command = Command::new(PROGRAM);
        command.args(["--foreground", "--quiet", "--config-net", "--netns-only", "--no-netns-quit"]);
        // Nothing of the machine's is reached by it, neither by a port nor by an address that stands for the machine.
        command.args(["-t", "none", "-u", "none", "-T", "none", "-U", "none", "--no-map-gw"]);
        command.args(["--no-dhcp", "--no-dhcpv6", "--no-ra", "--ns-ifname", LINK]);
        command.arg("--pid").arg(ready).arg("--netns").arg(namespace);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // SAFETY: only system calls between fork and exec.
        unsafe {
            command.pre_exec(|| {
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
                isolation::pass_on_network()
            });
        }
        command
    }
}

impl Drop for Pasta {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        running.ending = true;
        if let Some(pid) = running.pid {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the program while the machine has a network, and again when it ends, until it is to end.
fn keep_running(mut command: Command, running: &Mutex<Running>) {
    let mut pause = PAUSE;
    loop {
        while !has_routes() && !lock(running).ending {
            thread::sleep(PAUSE);
        }
        let begun = Instant::now();
        let ended = {
            let mut now = lock(running);
            if now.ending {
                return;
            }
            command.spawn().inspect(|child| now.pid = Some(Pid::from_raw(child.id().cast_signed())))
        };
        let reason = ended.and_then(|child| wait(child, running)).unwrap_or_else(|error| error.to_string());
        let mut now = lock(running);
        if now.ending {
            return;
        }
        tracing::error!(reason, "sandboxes have no network until `{PROGRAM}` runs again");
        now.failed = Some(reason);
        drop(now);
        thread::sleep(pause);
        pause = if begun.elapsed() < LONGEST_PAUSE { (pause * 2).min(LONGEST_PAUSE) } else { PAUSE };
    }
}

/// Waits for the program's end; what it said last.
fn wait(mut child: Child, running: &Mutex<Running>) -> io::Result<String> {
    let mut last = String::new();
    if let Some(said) = child.stderr.take() {
        // It also complains where there is no system log.
        let said = BufReader::new(said).lines().map_while(Result::ok);
        last = said.filter(|line| !line.trim().is_empty() && !line.contains("syslog")).last().unwrap_or_default();
    }
    let pid = Pid::from_raw(child.id().cast_signed());
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    // Until it is waited for, the id is its own.
    lock(running).pid = None;
    let status = child.wait()?;
    Ok(if last.is_empty() { status.to_string() } else { last })
}
