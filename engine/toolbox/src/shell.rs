//! Which shell runs commands (wire section 9), and how programs are started.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{geteuid, getuid};

use crate::Toolbox;
use crate::environment::{self, Variables};
use crate::errors::reason;

/// Shells in order of preference.
const PREFERRED: [&str; 4] = ["/usr/bin/zsh", "/bin/zsh", "/usr/bin/bash", "/bin/bash"];

/// The shell where none is found.
const LAST: &str = "/bin/sh";

impl Toolbox {
    /// The first preferred shell listed in `/etc/shells`, else `$SHELL`, else `sh`.
    pub(crate) fn shell(&self) -> PathBuf {
        let listed = std::fs::read_to_string("/etc/shells").unwrap_or_default();
        let lines = || listed.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        PREFERRED
            .into_iter()
            .find(|shell| lines().any(|line| line.contains(shell)) && Path::new(shell).exists())
            .map(PathBuf::from)
            .or_else(|| self.environment.get("SHELL").map(PathBuf::from).filter(|shell| shell.exists()))
            .or_else(|| self.environment.which("sh"))
            .unwrap_or_else(|| PathBuf::from(LAST))
    }

    /// A command that will run `program` with the toolbox's environment plus `variables`, in `cwd` (the work directory when
    /// absent or empty).
    pub(crate) fn command(&self, program: &Path, cwd: Option<&str>, variables: &Variables) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment.snapshot())
            .envs(variables)
            .current_dir(self.resolve(cwd.unwrap_or_default()));
        step_down(&mut command, self.config.process_oom_score, self.config.process_limit, Real::SandboxUser);
        command
    }

    /// A command of the system's, with an empty environment, that keeps the toolbox's own real user where it has one: what the
    /// sandbox's user runs can then neither trace it nor look into its memory and descriptors.
    pub(crate) fn guarded(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        step_down(&mut command, self.config.process_oom_score, self.config.process_limit, Real::Own);
        command
    }
}

/// Why `command` could not be started: the system's error names neither the directory nor the program.
pub(crate) fn start_failure(command: &Command, error: &io::Error) -> io::Error {
    let message = match command.get_current_dir() {
        Some(directory) if !directory.exists() => format!("working directory not found: {}", directory.display()),
        Some(directory) if !directory.is_dir() => {
            format!("working directory is not a directory: {}", directory.display())
        }
        Some(directory) if !environment::may_execute(directory) => {
            format!("working directory may not be entered: {}", directory.display())
        }
        _ if error.kind() == io::ErrorKind::NotFound && is_missing_shell(Path::new(command.get_program())) => {
            format!(
                "the sandbox has no shell: there is no {}; `spawn` with a list of arguments runs programs without one",
                Path::new(command.get_program()).display()
            )
        }
        _ => format!("{}: {}", Path::new(command.get_program()).display(), reason(error)),
    };
    io::Error::new(error.kind(), message)
}

/// Whether a program is the shell that is taken for granted where no other is found, and is not there.
fn is_missing_shell(program: &Path) -> bool {
    program == Path::new(LAST) && !program.exists()
}

/// The real user of a command; the effective one is the sandbox's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Real {
    SandboxUser,
    Own,
}

/// Makes `command` run as the sandbox's user alone (unless told otherwise), be killed for want of memory before the toolbox is, and leave some of
/// the processes that may be to the toolbox.
fn step_down(command: &mut Command, oom_score: Option<i32>, process_limit: Option<u64>, real: Real) {
    let user = geteuid().as_raw();
    // The toolbox may have another real user, which keeps the sandbox's user from signalling it.
    let foreign = getuid() != geteuid() && real == Real::SandboxUser;
    if oom_score.is_none() && process_limit.is_none() && !foreign {
        return;
    }
    let oom_score = oom_score.map(|score| score.to_string());
    let step = move || {
        if let Some(score) = &oom_score {
            // What cannot be traced cannot write there either; for this moment the new process, not the toolbox, can be.
            set_dumpable(true)?;
            // A machine that allows no such score has none to lose.
            let _ = write(c"/proc/self/oom_score_adj", score.as_bytes());
            set_dumpable(false)?;
        }
        if let Some(limit) = process_limit {
            setrlimit(Resource::RLIMIT_NPROC, limit, limit)?;
        }
        if foreign {
            // SAFETY: a system call on integers.
            Errno::result(unsafe { libc::syscall(libc::SYS_setresuid, user, user, user) })?;
        }
        Ok(())
    };
    // SAFETY: only system calls happen between fork and exec, and nothing is allocated.
    unsafe { command.pre_exec(step) };
}

fn set_dumpable(dumpable: bool) -> io::Result<()> {
    Ok(nix::sys::prctl::set_dumpable(dumpable)?)
}

fn write(path: &std::ffi::CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: the path ends in NUL, the bytes are as many as said, and the descriptor is closed by nobody else.
    unsafe {
        let file = Errno::result(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = Errno::result(libc::write(file, text.as_ptr().cast(), text.len()));
        libc::close(file);
        written?;
    }
    Ok(())
}
