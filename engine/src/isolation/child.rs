//! The process a sandbox is made of, from `execve` to the toolbox.
//!
//! Two short steps, each single-threaded: the *starter* enters the sandbox's control groups (as a clone of the process
//! that the engine has started, where there are those of version 2), leaves the machine's namespaces and clones
//! the *first process* (id 1 inside) as a sibling of itself, so the engine is its parent and can wait
//! for it; then the starter exits. The first process builds the root, forks the toolbox, gives up its
//! privileges, and from there on only reaps orphans, forwards the engine's wish to end, and dies with
//! the engine. When it dies, the kernel kills everything inside.

use std::io::{IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use daytona_toolbox::first_process::{Family, reap};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, setgroups, setresgid, setresuid};
use serde::de::DeserializeOwned;

use super::accounts;
use super::capabilities;
use super::cgroup::MAX_PROCESSES;
use super::commands;
use super::memory;
use super::mounts;
use super::own_size::{self, Files, OwnSize};
use super::spec::{IsolationLevel, LaunchSpec, RESIZE, Report, TERMINATE};
use super::system_calls::{self, ToolboxUser};
use super::users::{TOOLBOX_UID, UserIds};

/// How long processes get between `SIGTERM` and `SIGKILL`.
const TERMINATION_GRACE: Duration = Duration::from_secs(1);

/// How many of a sandbox's processes are for the toolbox alone.
const TOOLBOX_THREADS: u64 = 64;

/// How soon the OOM killer takes a process: -1000 is never.
const OOM_SCORE: &str = "/proc/self/oom_score_adj";

/// How many files a sandbox's process may open unless it raises the limit itself.
const OPEN_FILES: u64 = 65_536;

/// A sandbox's share of things the kernel counts by user, where that user is the engine's own.
const USER_LIMITS: [(&str, u32); 4] = [
    ("max_inotify_instances", 32),
    ("max_inotify_watches", 65_536),
    ("max_fanotify_groups", 8),
    ("max_fanotify_marks", 8_192),
];

/// Runs as a sandbox process; returns the exit status.
pub fn run() -> i32 {
    let (control, listener) = match take_sockets() {
        Ok(sockets) => sockets,
        Err(error) => {
            eprintln!("a sandbox process is started by the engine only: {error:#}");
            return 2;
        }
    };
    let started = receive(&control).context("reading the launch description").and_then(|spec| {
        // Its groups are the root of those that the namespaces below will see.
        if !spec.entrance.enter().context("entering the control groups")? {
            return Ok(None);
        }
        if spec.entrance.unified.is_some() {
            report(&control, &Report::Starter(Pid::this().as_raw()))?;
        }
        // Before the processes' ids are those of another namespace than /proc's.
        let namespace =
            spec.ids.map(UserIds::namespace).transpose().context("creating the sandbox's user namespace")?;
        leave_machine(&spec)?;
        Ok(Some((clone_sibling()?, spec, namespace)))
    });
    match started {
        Ok(None) => 0,
        Ok(Some((Some(first), ..))) => match report(&control, &Report::Init(first)) {
            Ok(()) => 0,
            Err(_) => 1,
        },
        Ok(Some((None, spec, namespace))) => first_process(spec, namespace, control, listener),
        Err(error) => fail(&control, &error),
    }
}

fn fail(control: &UnixStream, error: &anyhow::Error) -> i32 {
    let _ = report(control, &Report::Failed(crate::in_words(error)));
    1
}

/// Moves the two sockets away from standard input and output, which become /dev/null.
fn take_sockets() -> Result<(UnixStream, UnixListener)> {
    // The engine may have inherited descriptors of any kind; none may reach the sandbox.
    // SAFETY: nothing in this process owns a descriptor but the standard ones yet.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) })
        .context("closing inherited descriptors")?;
    let duplicate = |fd: i32| -> Result<OwnedFd> {
        // SAFETY: fcntl on a number; the result is a new descriptor that only we own.
        let copy = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 3) };
        Ok(unsafe { OwnedFd::from_raw_fd(Errno::result(copy)?) })
    };
    let control = UnixStream::from(duplicate(0)?);
    let listener = UnixListener::from(duplicate(1)?);
    listener.local_addr().context("standard output is not a socket")?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for target in [0, 1] {
        // SAFETY: both descriptors are open.
        Errno::result(unsafe { libc::dup2(null.as_raw_fd(), target) })?;
    }
    Ok((control, listener))
}

fn read_document<T: DeserializeOwned>(mut control: &UnixStream) -> Result<T> {
    let mut length = [0u8; 4];
    control.read_exact(&mut length)?;
    read_body(control, length)
}

fn read_body<T: DeserializeOwned>(mut control: &UnixStream, length: [u8; 4]) -> Result<T> {
    let mut body = vec![0u8; u32::from_be_bytes(length) as usize];
    control.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

/// Reads the launch description, with the disk that may travel beside it.
fn receive(control: &UnixStream) -> Result<LaunchSpec> {
    let mut length = [0u8; 4];
    let mut tree = None;
    {
        let mut space = nix::cmsg_space!([RawFd; 1]);
        let mut buffers = [IoSliceMut::new(&mut length)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC | MsgFlags::MSG_WAITALL;
        let message = recvmsg::<()>(control.as_raw_fd(), &mut buffers, Some(&mut space), flags)?;
        for rights in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(descriptors) = rights {
                // SAFETY: the kernel made them for this message; nobody else owns them.
                tree = descriptors.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }).next();
            }
        }
        if message.bytes < 4 {
            bail!("the engine has ended");
        }
    }
    Ok(LaunchSpec { mounted: tree, ..read_body(control, length)? })
}

fn report(mut control: &UnixStream, report: &Report) -> Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    control.write_all(&line)?;
    Ok(())
}

/// Leaves the namespaces the level asks for; only children enter the new process-id namespace.
fn leave_machine(spec: &LaunchSpec) -> Result<()> {
    let namespaces = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWCGROUP;
    let namespaces = if spec.has_network { namespaces } else { namespaces | CloneFlags::CLONE_NEWNET };
    match spec.level {
        IsolationLevel::Namespaces => unshare(namespaces).context("leaving the machine's namespaces"),
        IsolationLevel::UserNamespaces => enter_user_namespace(spec, namespaces),
        IsolationLevel::None => Ok(()),
    }
}

/// Maps the engine's user to the sandbox's user, and only that one.
fn enter_user_namespace(spec: &LaunchSpec, namespaces: CloneFlags) -> Result<()> {
    let (uid, gid) = (Uid::effective(), Gid::effective());
    if spec.has_network {
        // While this process is an administrator of it, which the sandbox is not.
        mounts::show_network().context("showing the sandbox's network")?;
    }
    unshare(CloneFlags::CLONE_NEWUSER | namespaces).context("creating a user namespace")?;
    std::fs::write("/proc/self/setgroups", "deny").context("denying setgroups")?;
    std::fs::write("/proc/self/uid_map", format!("{} {uid} 1\n", spec.user.uid)).context("mapping the user")?;
    std::fs::write("/proc/self/gid_map", format!("{} {gid} 1\n", spec.user.gid)).context("mapping the group")?;
    // The sandbox's use counts for its user on the machine too, who needs some for other things.
    for (name, limit) in USER_LIMITS {
        let _ = std::fs::write(format!("/proc/sys/user/{name}"), limit.to_string());
    }
    Ok(())
}

/// `fork`, but the child's parent is our parent. `None` in the child.
fn clone_sibling() -> Result<Option<i32>> {
    // SAFETY: without CLONE_VM this is a fork, and this process has one thread.
    let result = unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_PARENT, 0, 0, 0, 0) };
    let pid = Errno::result(result).context("cloning the first process")?;
    Ok((pid != 0).then(|| i32::try_from(pid).expect("process ids fit 32 bits")))
}

fn first_process(mut spec: LaunchSpec, namespace: Option<OwnedFd>, control: UnixStream, listener: UnixListener) -> i32 {
    // Opened while it can be: inside there are no control groups. A machine that does not count kills names none.
    let memory_limit = spec.memory_limit.as_ref().and_then(|limit| {
        let events = std::fs::File::open(&limit.events).ok()?;
        Some(daytona_toolbox::MemoryLimit::new(events, limit.gib))
    });
    let entered = enter_sandbox(&spec, namespace.as_ref());
    // It is in its place, and nobody inside is to have it.
    drop(spec.mounted.take());
    let settle = |spec: &mut LaunchSpec| if spec.program.is_some() { Ok(()) } else { accounts::settle(spec) };
    let files = match entered.and_then(|files| settle(&mut spec).map(|()| files)) {
        Ok(files) => files,
        Err(error) => return fail(&control, &error),
    };
    let inside = Inside { namespace, memory_limit, process_oom_score: last_in_line() };
    // SAFETY: this process has one thread.
    let toolbox = match unsafe { fork() } {
        Ok(ForkResult::Child) => {
            // The control socket belongs to the first process alone.
            drop(control);
            if files.is_some() {
                // Whoever has a copy of the connection keeps it open.
                drop(files);
                show_size();
            }
            std::process::exit(toolbox_process(&spec, listener, inside))
        }
        Ok(ForkResult::Parent { child }) => child,
        Err(error) => return fail(&control, &anyhow::Error::new(error).context("forking the toolbox")),
    };
    drop((listener, inside));
    never_in_line();
    let level = spec.level;
    drop(spec);
    let supervised = give_up_privileges(level)
        .and_then(|()| report(&control, &Report::Ready))
        .and_then(|()| supervise(&control, toolbox, level, files));
    supervised.unwrap_or_else(|error| fail(&control, &error))
}

/// Makes this process, alone in its namespaces, see the sandbox instead of the machine.
fn enter_sandbox(spec: &LaunchSpec, namespace: Option<&OwnedFd>) -> Result<Option<Files>> {
    let _ = nix::unistd::setsid();
    let mut files = None;
    if spec.level == IsolationLevel::None {
        // Orphans come to us instead of the machine's init, so that stopping finds them.
        nix::sys::prctl::set_child_subreaper(true)?;
    } else {
        // Everything is created with the modes it asks for.
        umask(Mode::empty());
        nix::unistd::sethostname(mounts::host_name(&spec.sandbox_id)).context("setting the host name")?;
        if !spec.has_network {
            raise_loopback().context("raising the loopback interface")?;
        }
        files = mounts::enter_root(spec, namespace)?;
        if let Some(own) = &spec.own_size {
            own_size::run_on(&own.cpus).context("choosing processors")?;
        }
    }
    umask(Mode::from_bits_truncate(0o022));
    Ok(files)
}

/// Covers what tells the machine's size, while the first process already serves what is shown instead.
fn show_size() {
    if let Err(error) = own_size::show() {
        eprintln!("the sandbox sees the machine's size: {error}");
    }
}

/// The first process needs only these capabilities from here on: to signal the sandbox's processes, and to move them to other
/// processors.
fn give_up_privileges(level: IsolationLevel) -> Result<()> {
    match level {
        IsolationLevel::Namespaces => capabilities::drop_all_but(&[capabilities::KILL, capabilities::SYS_NICE])?,
        IsolationLevel::UserNamespaces => capabilities::drop_all_but(&[])?,
        IsolationLevel::None => capabilities::no_new_privileges()?,
    }
    nix::sys::prctl::set_dumpable(false)?;
    memory::give_back_code();
    Ok(())
}

fn raise_loopback() -> Result<()> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: a zeroed ifreq is a valid one, and the name fits with its terminator.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (slot, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *slot = *byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: the kernel reads one ifreq.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) })?;
    Ok(())
}

/// Resources that the first process has prepared for the toolbox.
struct Inside {
    namespace: Option<OwnedFd>,
    memory_limit: Option<daytona_toolbox::MemoryLimit>,
    process_oom_score: i32,
}

/// Has the kernel's OOM killer end this process and the toolbox after all others; the score of what the user runs.
fn last_in_line() -> i32 {
    let own: i32 =
        std::fs::read_to_string(OOM_SCORE).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default();
    match std::fs::write(OOM_SCORE, (own - 900).max(-999).to_string()) {
        Ok(()) => own,
        // Only an administrator goes to the end of the line; everybody may send others to its head.
        Err(_) => (own + 300).min(1000),
    }
}

/// Has the OOM killer never end this process: the toolbox holds more, and goes first, and with it this one ends too. So what kills
/// this one is somebody outside. Without effect where the engine may not ask for that (`CAP_SYS_RESOURCE`).
fn never_in_line() {
    let _ = std::fs::write(OOM_SCORE, "-1000");
}

/// The toolbox: becomes the sandbox's user, then serves until it is killed. In a build, the command in its place.
fn toolbox_process(spec: &LaunchSpec, listener: UnixListener, inside: Inside) -> i32 {
    if let Some(program) = &spec.program {
        drop(listener);
        let ready = become_user(spec, inside.namespace.as_ref()).and_then(|()| process_limit(spec.level));
        return match ready {
            Ok(limit) => commands::execute(spec, program, inside.process_oom_score, limit),
            Err(error) => {
                eprintln!("the command could not be started: {error:#}");
                1
            }
        };
    }
    match become_user(spec, inside.namespace.as_ref()).and_then(|()| serve_toolbox(spec, listener, inside)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("toolbox: {error:#}");
            1
        }
    }
}

fn become_user(spec: &LaunchSpec, namespace: Option<&OwnedFd>) -> Result<()> {
    match spec.level {
        IsolationLevel::Namespaces => {
            if spec.user.uid == u32::MAX || spec.user.gid == u32::MAX {
                bail!("{} is not the number of a user or a group", u32::MAX);
            }
            let (uid, gid) = (Uid::from_raw(spec.user.uid), Gid::from_raw(spec.user.gid));
            if let Some(namespace) = namespace {
                setns(namespace, CloneFlags::CLONE_NEWUSER).context("entering the sandbox's user namespace")?;
            }
            let own = if namespace.is_some() { Uid::from_raw(TOOLBOX_UID) } else { uid };
            let keep = if uid.is_root() { capabilities::SANDBOX_ROOT } else { &[] };
            capabilities::bound(keep)?;
            let groups = spec.user.groups.iter().copied().map(Gid::from_raw);
            setgroups(&[gid].into_iter().chain(groups).collect::<Vec<_>>())?;
            setresgid(gid, gid, gid)?;
            setresuid(own, uid, own)?;
            capabilities::set_current(keep)?;
            capabilities::no_new_privileges()?;
        }
        IsolationLevel::UserNamespaces => {
            capabilities::drop_all_but(&[])?;
        }
        IsolationLevel::None => capabilities::no_new_privileges()?,
    }
    if spec.level != IsolationLevel::None {
        // An administrator inside may signal whomever they can see.
        let own_user = namespace.is_some() && spec.user.uid != 0;
        system_calls::restrict(if own_user { ToolboxUser::Own } else { ToolboxUser::Shared })?;
    }
    nix::sys::prctl::set_dumpable(false)?;
    limit_open_files();
    let work_dir = spec.work_dir.as_ref().unwrap_or(&spec.home);
    std::env::set_current_dir(work_dir).with_context(|| format!("entering {}", work_dir.display()))?;
    // The environment starts empty: the engine cleared it at execve.
    for (name, value) in &spec.env {
        // SAFETY: this process has one thread.
        unsafe { std::env::set_var(name, value) };
    }
    Ok(())
}

/// The engine allows itself as many files as it can; programs that close "all" of them should not have to.
fn limit_open_files() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(OPEN_FILES), hard);
    }
}

/// How many processes what the toolbox starts may have; some more are for the toolbox's own threads.
///
/// Counted for the sandbox's user namespace alone (kernel 5.14), so this holds where there are no control groups.
fn process_limit(level: IsolationLevel) -> Result<Option<u64>> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC)?;
    let limit = hard.min(MAX_PROCESSES);
    Ok((level != IsolationLevel::None).then(|| limit - TOOLBOX_THREADS.min(limit / 4)))
}

fn serve_toolbox(spec: &LaunchSpec, listener: UnixListener, inside: Inside) -> Result<()> {
    let config = daytona_toolbox::ToolboxConfig {
        sandbox_id: spec.sandbox_id.clone(),
        home: spec.home.clone(),
        work_dir: spec.work_dir.clone().unwrap_or_else(|| spec.home.clone()),
        version: spec.version.clone(),
        variables: Default::default(),
        entrypoint: Some(spec.entrypoint.clone()),
        process_oom_score: Some(inside.process_oom_score),
        process_limit: process_limit(spec.level)?,
        memory_limit: inside.memory_limit,
        compat: spec.compat,
        own_port: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(daytona_toolbox::serve(config, listener))
}

/// Waits for whatever happens first: an orphan to reap, the toolbox's end, the engine's wish or end.
fn supervise(control: &UnixStream, toolbox: Pid, level: IsolationLevel, mut files: Option<Files>) -> Result<i32> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None)?;
    let children = SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    loop {
        if let Some(status) = reap(toolbox)? {
            family(level).end();
            return Ok(status);
        }
        let mut events =
            vec![PollFd::new(children.as_fd(), PollFlags::POLLIN), PollFd::new(control.as_fd(), PollFlags::POLLIN)];
        events.extend(files.as_ref().map(|files| PollFd::new(files.device(), PollFlags::POLLIN)));
        match poll(&mut events, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => bail!(error),
        }
        let [wished, asked] =
            [1, 2].map(|index| events.get(index).and_then(PollFd::revents).is_some_and(|seen| !seen.is_empty()));
        drop(events);
        let _ = children.read_signal();
        if asked && files.as_mut().is_some_and(|files| files.serve().is_err()) {
            files = None;
        }
        if !wished {
            continue;
        }
        let mut wish = [0u8; 1];
        let mut reader = control;
        match reader.read(&mut wish) {
            Ok(1) if wish[0] == RESIZE => {
                let own: OwnSize = read_document(control).context("reading the sandbox's new size")?;
                resize(own, files.as_mut());
                continue;
            }
            Ok(1) if wish[0] == TERMINATE => terminate(level, files.as_mut()),
            _ => {}
        }
        family(level).end();
        return Ok(0);
    }
}

/// Gives the sandbox another size.
fn resize(own: OwnSize, files: Option<&mut Files>) {
    own_size::run_all_on(&own.cpus);
    if let Some(files) = files {
        files.texts().resize(own);
    }
}

/// Without a process-id namespace, nothing but this process ends the others.
fn family(level: IsolationLevel) -> Family {
    if level == IsolationLevel::None { Family::Descendants } else { Family::Namespace }
}

/// Asks every process to end and waits a moment for it.
fn terminate(level: IsolationLevel, mut files: Option<&mut Files>) {
    family(level).signal(Signal::SIGTERM);
    let deadline = Instant::now() + TERMINATION_GRACE;
    while Instant::now() < deadline {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => {
                // Who looks at the sandbox's size meanwhile cannot end before it is answered.
                let _ = files.as_mut().map(|files| files.serve());
                std::thread::sleep(Duration::from_millis(2));
            }
            _ => {}
        }
    }
}
