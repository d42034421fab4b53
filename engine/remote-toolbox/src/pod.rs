//! Being the first process of a pod.
//!
//! It starts the toolbox, which reads the secrets that it never has itself; reaps orphans; and when the pod is to end, tells the
//! programs, gives them the pod's grace, and ends. The toolbox serves until the last of them has ended, so that what they say
//! last is heard.

use std::collections::HashSet;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use daytona_toolbox::first_process::{Family, descendants, reap};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{ForkResult, Pid, fork};
use tokio::net::TcpListener;

use crate::bootstrap::{Bootstrap, Source};
use crate::door::Limits;
use crate::{call_home, confine, server};

/// How often programs that are ending are looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How long the toolbox itself has to end.
const TOOLBOX_GRACE: Duration = Duration::from_secs(1);

/// Variables with this prefix tell programs of the cluster, which is none of their business.
const CLUSTER: &str = "KUBERNETES_";

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the description of the start is.
    pub bootstrap: Source,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How long programs have to end when the pod does; less than the pod's own grace.
    pub grace: Duration,
    /// How long to call the control plane for.
    pub home_within: Duration,
}

/// Runs as the first process until the toolbox or the pod ends; the exit status.
///
/// # Errors
/// When the toolbox cannot be started or watched.
pub fn run(options: &Options) -> Result<i32> {
    let first = Pid::this().as_raw() == 1;
    let family = if first { Family::Namespace } else { Family::Descendants };
    if !first {
        nix::sys::prctl::set_child_subreaper(true).context("receiving orphans")?;
    }
    // Before there is a child, so that none of its signals is lost.
    let mut mask = SigSet::empty();
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT].into_iter().for_each(|signal| mask.add(signal));
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), Some(&mut before))?;
    // SAFETY: this process has one thread.
    let toolbox = match unsafe { fork() }.context("starting the toolbox")? {
        ForkResult::Child => {
            let outcome = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)
                .map_err(Into::into)
                .and_then(|()| toolbox(options, first));
            std::process::exit(match outcome {
                Ok(()) => 0,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the toolbox has ended");
                    1
                }
            })
        }
        ForkResult::Parent { child } => child,
    };
    confine::first_process()?;
    forget_input()?;
    let signals = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    supervise(&signals, toolbox, family, options.grace)
}

/// Puts nothing in the place of standard input, which may have held secrets.
fn forget_input() -> Result<()> {
    let null = std::fs::File::open("/dev/null").context("opening /dev/null")?;
    // SAFETY: both descriptors are open, and nobody reads standard input from here on.
    Errno::result(unsafe { libc::dup2(null.as_raw_fd(), 0) })?;
    Ok(())
}

fn toolbox(options: &Options, first: bool) -> Result<()> {
    confine::toolbox()?;
    let bootstrap = Bootstrap::take(&options.bootstrap)?;
    forget_input()?;
    let cluster: Vec<OsString> = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(|name| name.starts_with(CLUSTER)))
        .collect();
    for name in cluster {
        // SAFETY: this process has one thread.
        unsafe { std::env::remove_var(name) };
    }
    say_what_is_missing(first);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(options, bootstrap))
}

/// Says what works less well here than it could, and why.
fn say_what_is_missing(first: bool) {
    if !first {
        tracing::warn!(
            "not the first process of a process-id namespace: programs that leave the family of this one are not ended with it"
        );
    }
    let group = ["/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes"];
    if !group.iter().any(|file| Path::new(file).exists()) {
        tracing::warn!("no control group to be seen in /sys/fs/cgroup: metrics tell what the machine uses");
    }
}

async fn serve(options: &Options, bootstrap: Bootstrap) -> Result<()> {
    let listener = listen(options.listen).await?;
    let port = listener.local_addr()?.port();
    let Bootstrap { id, call_home: home, grant } = bootstrap;
    let grant = match (grant, home) {
        (Some(grant), None) => grant,
        (Some(grant), Some(home)) => {
            let within = options.home_within;
            tokio::spawn(async move {
                if let Err(error) = call_home::call(&id, &home, port, within).await {
                    // Whoever has the token finds it without.
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the control plane was not told that the toolbox listens"
                    );
                }
            });
            grant
        }
        (None, Some(home)) => {
            let grant = call_home::call(&id, &home, port, options.home_within).await?;
            grant.context("the control plane has nothing to give to this toolbox")?
        }
        (None, None) => bail!("nothing to serve, and nobody to call"),
    };
    server::serve(listener, grant, Limits::default()).await
}

/// Listens at an address; at all of IPv4 where it is all of IPv6 and the machine has none of that.
async fn listen(address: SocketAddr) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() => {
            let fallback = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            TcpListener::bind(fallback).await.with_context(|| format!("listening at {address} ({error}) or {fallback}"))
        }
        listening => listening.with_context(|| format!("listening at {address}")),
    }
}

/// Waits for whatever happens first: an orphan to reap, the toolbox's end, the pod's.
fn supervise(signals: &SignalFd, toolbox: Pid, family: Family, grace: Duration) -> Result<i32> {
    loop {
        if let Some(status) = reap(toolbox)? {
            family.end();
            return Ok(status);
        }
        let mut events = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        match poll(&mut events, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => bail!(error),
        }
        while let Some(signal) = signals.read_signal()? {
            let ends = [Signal::SIGTERM, Signal::SIGINT].iter().any(|end| *end as u32 == signal.ssi_signo);
            // A sender outside of the namespace has no id inside: the pod's end is not the programs' to begin.
            let from_outside = family == Family::Descendants || signal.ssi_pid == 0;
            if ends && from_outside {
                tracing::info!(grace = grace.as_secs_f64(), "ending");
                end(toolbox, family, grace)?;
                tracing::info!("ended");
                return Ok(0);
            }
        }
    }
}

/// Asks every program to end, waits for them, and ends.
fn end(toolbox: Pid, family: Family, grace: Duration) -> Result<()> {
    let deadline = Instant::now() + grace;
    let mut ending = Ending { toolbox, family, told: HashSet::new(), held: Vec::new() };
    let mut served = true;
    let mut left = ending.tell();
    while served && !left.is_empty() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
        served = reap(toolbox)?.is_none();
        left = ending.tell();
    }
    if !left.is_empty() {
        let names: Vec<String> = left.iter().map(|status| status.name.clone()).collect();
        tracing::warn!(programs = names.join(" "), "killing what has not ended");
    }
    let deadline = Instant::now() + TOOLBOX_GRACE;
    if served && kill(toolbox, Signal::SIGTERM).is_ok() {
        while reap(toolbox)?.is_none() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }
    family.end();
    Ok(())
}

/// Names of shells.
const SHELLS: [&str; 6] = ["ash", "bash", "busybox", "dash", "sh", "zsh"];

/// Programs that are asked to end.
struct Ending {
    toolbox: Pid,
    family: Family,
    told: HashSet<i32>,
    /// Shells of the toolbox's that wait for a command. They stand still until their commands have ended: they would go on to the
    /// next one, or end first and take from it whom it writes to.
    held: Vec<Pid>,
}

impl Ending {
    /// Tells those that were not told yet, and answers who runs besides this process and the toolbox.
    fn tell(&mut self) -> Vec<Status> {
        let begins = self.told.is_empty();
        let found = programs(self.toolbox, self.family);
        for program in &found {
            let pid = Pid::from_raw(program.pid);
            let of_toolbox = program.parent == self.toolbox.as_raw();
            let is_new = self.told.insert(program.pid);
            let waits = of_toolbox
                && !program.leads_terminal
                && SHELLS.contains(&program.name.as_str())
                && found.iter().any(|other| other.parent == program.pid);
            if is_new && waits {
                let _ = kill(pid, Signal::SIGSTOP);
                self.held.push(pid);
            } else if is_new && (begins || of_toolbox) {
                // What another program starts now may be what it ends with; the toolbox's own were about to start.
                let _ = kill(pid, Signal::SIGTERM);
            }
            if program.leads_terminal {
                // A shell at a terminal ends when the terminal does, and not for the other; once it has begun to listen.
                let _ = kill(pid, Signal::SIGHUP);
            }
        }
        if found.iter().all(|program| self.held.contains(&Pid::from_raw(program.pid))) {
            for shell in self.held.drain(..) {
                let _ = kill(shell, Signal::SIGTERM);
                let _ = kill(shell, Signal::SIGCONT);
            }
        }
        found
    }
}

/// The processes that run but this one and the toolbox.
fn programs(toolbox: Pid, family: Family) -> Vec<Status> {
    let all: Vec<i32> = match family {
        Family::Descendants => descendants(Pid::this()).into_iter().map(Pid::as_raw).collect(),
        Family::Namespace => {
            let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
        }
    };
    let own = [Pid::this().as_raw(), toolbox.as_raw()];
    let others = all.into_iter().filter(|pid| !own.contains(pid));
    others.filter_map(status).filter(|status| status.runs).collect()
}

struct Status {
    pid: i32,
    name: String,
    parent: i32,
    /// Whether it does more than wait to be reaped.
    runs: bool,
    /// Whether it is the first process of a terminal's session.
    leads_terminal: bool,
}

/// What `/proc` says of a process. Its name may hold anything, so what follows its last parenthesis counts.
fn status(pid: i32) -> Option<Status> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = text.rsplit_once(')')?;
    let name = name.split_once('(')?.1.to_owned();
    // state, parent, group, session, terminal
    let words: Vec<&str> = rest.split_ascii_whitespace().take(5).collect();
    let &[state, parent, _, session, terminal] = words.as_slice() else { return None };
    let leads_terminal = session.parse() == Ok(pid) && terminal != "0";
    Some(Status { pid, name, parent: parent.parse().ok()?, runs: !matches!(state, "Z" | "X"), leads_terminal })
}

/// Copies this program into a directory that other containers of the pod see; where it is then.
///
/// # Errors
/// When it cannot be read or written.
pub fn install(directory: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;

    let target = directory.join("daytona-toolbox");
    let part = directory.join(".daytona-toolbox.part");
    let copied = std::fs::copy("/proc/self/exe", &part)
        .and_then(|_| std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o555)))
        .and_then(|()| std::fs::rename(&part, &target));
    copied.with_context(|| format!("copying this program to {}", target.display()))?;
    Ok(target)
}
