//! `daytona local setup --desktop`: the snapshot [`NAME`], a desktop over the default one.
//!
//! Debian's packages are downloaded by apt into the state directory and unpacked, never installed:
//!
//! | directory | inside a sandbox |
//! |---|---|
//! | `layer/usr/`, `layer/etc/` | laid over `/usr` and `/etc`, and over what the default snapshot lays there |
//!
//! Only what the machine itself lacks is downloaded, because sandboxes show the machine's own programs. What packages make when
//! they are installed (caches of fonts, schemas and libraries) is made in the same view that sandboxes have: the machine's
//! directories with the layer over them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::{FINISHED, Outcome, run_command};

/// The snapshot's name, by which clients ask for it.
pub const NAME: &str = "daytona-desktop";

/// Bumped when the layout below changes.
const LAYOUT: &str = "1";

/// What the desktop is made of.
const PACKAGES: [&str; 16] = [
    "at-spi2-core",
    "dbus-daemon",
    "ffmpeg",
    "fonts-dejavu-core",
    "fonts-noto-color-emoji",
    "gir1.2-atspi-2.0",
    "gir1.2-gtk-3.0",
    "mousepad",
    "novnc",
    "openbox",
    "python3-gi",
    "websockify",
    "x11-xserver-utils",
    "x11vnc",
    "xterm",
    "xvfb",
];

/// Packages that come with those and are left out: Python's, which would hide the snapshot's own, and what only prints.
const LEFT_OUT: [&str; 5] = ["fonts-urw-base35", "libgs10", "libgs10-common", "poppler-data", "python3-"];

/// Packages for Python that stay.
const KEPT: [&str; 2] = ["python3-gi", "python3-websockify"];

/// Makes, in the view that sandboxes have, what packages make when they are installed. `$1` is the layer, `$2` a directory beside
/// it, `$3` further options of the mounts. What a package lacks here, a desktop can do without.
const FINISH: &str = r#"
set -e
mkdir -p "$2/usr" "$2/etc"
for part in usr etc; do
    mount -t overlay overlay -o "lowerdir=/$part,upperdir=$1/$part,workdir=$2/$part$3" "/$part"
done
libraries=$(dirname "$(ls -d /usr/lib/*-linux-gnu/libX11.so.6 /usr/lib/libX11.so.6 2>/dev/null | head -1)")
for library in blas lapack; do
    [ ! -e "$libraries/$library/lib$library.so.3" ] || [ -e "$libraries/lib$library.so.3" ] ||
        ln -s "$library/lib$library.so.3" "$libraries/lib$library.so.3"
done
ldconfig
"$libraries/glib-2.0/glib-compile-schemas" /usr/share/glib-2.0/schemas || true
"$libraries/gdk-pixbuf-2.0/gdk-pixbuf-query-loaders" --update-cache || true
"$libraries/libgtk-3-0/gtk-query-immodules-3.0" --update-cache || true
update-mime-database /usr/share/mime 2>/dev/null || true
fc-cache --system-only 2>/dev/null || true
"#;

/// Resources of the terminal that sandboxes find.
const TERMINAL: &str = "\n*VT100.utf8: 2\n*VT100.faceName: DejaVu Sans Mono\n*VT100.faceSize: 10\n";

/// The mark of a finished snapshot; another text means it is out of date.
fn mark() -> String {
    let contents = [FINISH, TERMINAL, &PACKAGES.join("\n"), &LEFT_OUT.join("\n"), &KEPT.join("\n")].concat();
    let hash: String = Sha256::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("desktop {LAYOUT}\n{hash}\n")
}

/// The prepared desktop of a state directory, if there is one.
pub fn finished(state_dir: &Path) -> Option<std::path::PathBuf> {
    let snapshot = state_dir.join("snapshots").join(NAME);
    snapshot.join(FINISHED).exists().then_some(snapshot)
}

/// Prepares the desktop below `state_dir`, telling `progress` what it is doing. Blocks for half a minute or so.
///
/// # Errors
/// When the machine is not Debian's, when it lets an ordinary user lay no directories over others, or when a package cannot be
/// downloaded; an earlier desktop then stays.
pub fn run(state_dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Outcome> {
    let state_dir =
        daytona_discovery::prepare_state_dir(state_dir).with_context(|| format!("creating {}", state_dir.display()))?;
    let snapshots = state_dir.join("snapshots");
    fs::create_dir_all(&snapshots)?;
    let _lock = super::lock(&snapshots)?;
    let snapshot = snapshots.join(NAME);
    if fs::read_to_string(snapshot.join(FINISHED)).is_ok_and(|found| found == mark()) {
        return Ok(Outcome::AlreadyDone);
    }
    let unfinished = snapshots.join(format!("{NAME}.unfinished"));
    let _ = fs::remove_dir_all(&unfinished);
    let downloads = unfinished.join("downloads");
    fs::create_dir_all(&downloads)?;
    progress("downloading Debian's packages of the desktop");
    download(&downloads)?;
    progress("unpacking the desktop");
    let layer = unfinished.join("layer");
    unpack(&downloads.join("archives"), &layer)?;
    progress("preparing fonts, schemas and libraries of the desktop");
    finish(&layer, &unfinished.join("work"))?;
    fs::remove_dir_all(&downloads)?;
    let _ = fs::remove_dir_all(unfinished.join("work"));
    run_command(Command::new("chmod").args(["-R", "a+rX,go-w"]).arg(&unfinished))?;
    fs::write(unfinished.join(FINISHED), mark())?;
    super::replace(&snapshots, NAME)?;
    Ok(Outcome::Prepared)
}

/// apt with directories of its own; the machine's record of what is installed is only read.
fn apt(downloads: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let place = |option: &str, directory: &str| format!("{option}={}", downloads.join(directory).display());
    for option in [
        place("Dir::State::lists", "lists"),
        place("Dir::Cache", "cache"),
        place("Dir::Cache::archives", "archives"),
        "Debug::NoLocking=1".to_owned(),
        "APT::Sandbox::User=root".to_owned(),
        "APT::Install-Recommends=false".to_owned(),
        "Acquire::Retries=3".to_owned(),
    ] {
        command.args(["-o", &option]);
    }
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

fn download(downloads: &Path) -> Result<()> {
    for directory in ["lists/partial", "cache", "archives/partial"] {
        fs::create_dir_all(downloads.join(directory))?;
    }
    run_command(apt(downloads).args(["-qq", "update"])).context("the desktop is made of Debian's packages")?;
    // What is installed is as good as it is.
    let arguments = ["-qq", "--yes", "--download-only", "--no-upgrade", "install"];
    run_command(apt(downloads).args(arguments).args(PACKAGES))?;
    Ok(())
}

/// Unpacks all packages, without running anything of theirs.
fn unpack(archives: &Path, layer: &Path) -> Result<()> {
    fs::create_dir_all(layer)?;
    for entry in fs::read_dir(archives)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".deb")) else {
            continue;
        };
        let package = name.split('_').next().unwrap_or(name);
        let is_left_out = LEFT_OUT.iter().any(|left| match left.strip_suffix('-') {
            Some(_) => package.starts_with(left),
            None => package == *left,
        });
        if !is_left_out || KEPT.contains(&package) {
            run_command(Command::new("dpkg-deb").arg("-x").arg(&path).arg(layer))?;
        }
    }
    // Where the machine has /lib in /usr, so has the layer.
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let (own, merged) = (layer.join(name), layer.join("usr").join(name));
        let is_merged = fs::symlink_metadata(Path::new("/").join(name)).is_ok_and(|found| found.is_symlink());
        if is_merged && own.is_dir() {
            fs::create_dir_all(&merged)?;
            run_command(Command::new("cp").arg("-a").arg(own.join(".")).arg(&merged))?;
            fs::remove_dir_all(&own)?;
        }
    }
    for name in ["var", "run", "opt", "srv"] {
        let _ = fs::remove_dir_all(layer.join(name));
    }
    for name in ["usr", "etc"] {
        fs::create_dir_all(layer.join(name))?;
    }
    let resources = layer.join("etc/X11/app-defaults/XTerm");
    if resources.exists() {
        fs::OpenOptions::new().append(true).open(resources)?.write_all(TERMINAL.as_bytes())?;
    }
    Ok(())
}

/// Runs [`FINISH`] among mounts of its own.
fn finish(layer: &Path, work: &Path) -> Result<()> {
    let mut command = Command::new("unshare");
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--propagation", "private", "bash", "-c", FINISH, "finish"]).arg(layer).arg(work);
    command.arg(if is_root { "" } else { ",userxattr" });
    run_command(command.stdin(Stdio::null()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_choice_of_packages_is_another_desktop() {
        assert!(mark().starts_with("desktop 1\n"));
        assert!(PACKAGES.is_sorted() && LEFT_OUT.is_sorted());
        assert!(KEPT.iter().all(|name| name.starts_with("python3-")));
    }
}
