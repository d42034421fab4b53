//! Choosing the isolation level this machine allows.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use anyhow::{Result, bail};

use super::base;
use super::mounts;
use super::spec::{IsolationLevel, SANDBOX_ARGUMENT};
use super::users::{Separation, UserIds};

/// The level the user asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IsolationChoice {
    /// The strongest level the machine allows; an error where there is none.
    #[default]
    Auto,
    /// Namespaces, as root or in a user namespace; an error where the machine refuses.
    Namespaces,
    /// No separation at all, on the user's own responsibility.
    None,
}

impl FromStr for IsolationChoice {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "namespaces" => Ok(Self::Namespaces),
            "none" => Ok(Self::None),
            other => bail!("unknown isolation `{other}`: expected auto, namespaces or none"),
        }
    }
}

impl fmt::Display for IsolationChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::Namespaces => "namespaces",
            Self::None => "none",
        })
    }
}

/// The level in force for a choice on this machine.
///
/// # Errors
/// When namespaces are refused and `none` was not asked for.
pub fn choose(choice: IsolationChoice) -> Result<IsolationLevel> {
    if choice == IsolationChoice::None {
        return Ok(IsolationLevel::None);
    }
    if nix::unistd::geteuid().is_root() && can_unshare(&["-m", "-p", "-u", "-i", "-n", "-f"]) {
        return Ok(IsolationLevel::Namespaces);
    }
    if can_unshare(&["-U", "-m", "-p", "-u", "-i", "-n", "-f"]) {
        return Ok(IsolationLevel::UserNamespaces);
    }
    bail!(
        "this machine allows no sandbox isolation (neither root nor user namespaces). \
         Start with `--isolation=none` to run sandboxes as ordinary, unprotected processes"
    )
}

/// Whether the kernel lets a process of ours leave these namespaces, asked by doing it.
fn can_unshare(namespaces: &[&str]) -> bool {
    Command::new("unshare").args(namespaces).arg("true").output().is_ok_and(|output| output.status.success())
}

/// Whether this machine's kernel lays a writable layer from `state_dir` over `/usr`, asked by doing it.
///
/// It does not where the state directory is itself on such a layer, as in most containers.
pub fn can_copy_on_write(state_dir: &Path) -> bool {
    let probe = state_dir.join("overlay-probe");
    let _ = fs::remove_dir_all(&probe);
    let prepared = ["upper", "work", "merged"].iter().try_for_each(|name| fs::create_dir_all(probe.join(name)));
    let mounted = prepared.is_ok()
        && Command::new("unshare")
            .args(["-m", "mount", "-t", "overlay", "overlay"])
            .args(["-o", "lowerdir=/usr,upperdir=upper,workdir=work", "merged"])
            .current_dir(&probe)
            .output()
            .is_ok_and(|output| output.status.success());
    let _ = fs::remove_dir_all(&probe);
    mounted
}

/// Whether this machine's kernel shows a directory of `state_dir` and `/usr` as one, asked by doing it.
pub fn can_show_layers(state_dir: &Path, level: IsolationLevel) -> bool {
    let (namespaces, options): (&[&str], _) = match level {
        IsolationLevel::Namespaces => (&["-m"], "lowerdir=lower:/usr"),
        IsolationLevel::UserNamespaces => (&["-U", "-r", "-m"], "lowerdir=lower:/usr,userxattr"),
        IsolationLevel::None => return false,
    };
    let probe = state_dir.join("layers-probe");
    let _ = fs::remove_dir_all(&probe);
    let prepared = ["lower", "merged"].iter().try_for_each(|name| fs::create_dir_all(probe.join(name)));
    let mounted = prepared.is_ok()
        && Command::new("unshare")
            .args(namespaces)
            .args(["mount", "-t", "overlay", "overlay", "-o", options, "merged"])
            .current_dir(&probe)
            .output()
            .is_ok_and(|output| output.status.success());
    let _ = fs::remove_dir_all(&probe);
    mounted
}

/// The second hidden argument: the process only tries what [`users`] asks for, in its working directory.
pub const PROBE_ARGUMENT: &str = "probe-users";

/// The exit status that says mounts cannot translate ids.
const NO_TRANSLATION: i32 = 3;

/// The second hidden argument: the process only mounts the disk in its working directory and writes to it.
pub const DISK_ARGUMENT: &str = "probe-disk";

/// Mounts the disk in `directory` in a process that ends at once.
pub fn disk(directory: &Path) -> Result<()> {
    let output = Command::new("/proc/self/exe")
        .args([SANDBOX_ARGUMENT, DISK_ARGUMENT])
        .env_clear()
        .current_dir(directory)
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The work of the process started by [`disk`]; returns its exit status.
pub fn run_disk() -> i32 {
    let tried = std::env::current_dir().map_err(anyhow::Error::from).and_then(|directory| mounts::try_disk(&directory));
    match tried {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error:#}");
            1
        }
    }
}

/// The second hidden argument: the process only tries to cover its working directory with files that show a size.
pub const SIZE_ARGUMENT: &str = "probe-size";

/// Whether sandboxes can be shown their own size here, asked by doing it. `state_dir` is not changed.
///
/// # Errors
/// Why they cannot.
pub fn size(state_dir: &Path) -> Result<()> {
    let output = Command::new("/proc/self/exe")
        .args([SANDBOX_ARGUMENT, SIZE_ARGUMENT])
        .env_clear()
        .current_dir(state_dir)
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// The work of the process started by [`size`]; returns its exit status.
pub fn run_size() -> i32 {
    match mounts::try_size() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error:#}");
            1
        }
    }
}

/// How far this machine can give sandboxes with files below `state_dir` users of their own, asked by doing it.
pub fn users(state_dir: &Path) -> Separation {
    let probe = state_dir.join("users-probe");
    let _ = fs::remove_dir_all(&probe);
    let prepared = ["upper", "work", "merged"].iter().try_for_each(|name| fs::create_dir_all(probe.join(name)));
    let ended = prepared.and_then(|()| {
        Command::new("/proc/self/exe").args([SANDBOX_ARGUMENT, PROBE_ARGUMENT]).env_clear().current_dir(&probe).output()
    });
    let _ = fs::remove_dir_all(&probe);
    match ended {
        Ok(output) if output.status.success() => Separation::Ids,
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr);
            tracing::info!(reason = reason.trim(), "sandboxes have the machine's user ids");
            match output.status.code() {
                Some(NO_TRANSLATION) => Separation::Namespace,
                _ => Separation::None,
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the engine's program cannot be started again");
            Separation::None
        }
    }
}

/// The work of the process started by [`users`]; returns its exit status.
pub fn run() -> i32 {
    let ids = UserIds::of_range(0, true);
    let failed = |status: i32| {
        move |error: anyhow::Error| {
            eprintln!("{error:#}");
            status
        }
    };
    let tried = ids.namespace().map_err(failed(1)).and_then(|namespace| {
        mounts::try_translation(ids, &namespace, &base::shared_directories()).map_err(failed(NO_TRANSLATION))
    });
    tried.err().unwrap_or(0)
}
