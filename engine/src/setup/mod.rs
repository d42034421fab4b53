//! `daytona local setup`: what sandboxes find beyond the machine's own programs.
//!
//! Everything goes to `<state>/snapshots/default/`, never to the machine's own Python or Node:
//!
//! | directory | inside a sandbox |
//! |---|---|
//! | `opt/` | `/opt/daytona`, read-only: `python/` packages, `node/` packages, `bin/` |
//! | `layer/usr/` | laid over `/usr`: a `.pth` file for Python, links that `npx` finds |
//! | `skel/` | copied into a new home: matplotlib's font list, which takes seconds to make |
//!
//! Running it again does nothing when the pinned versions are there. It needs the network once.

pub mod desktop;
mod pins;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use daytona_toolbox::remove_tree::{Locked, remove_tree};
use nix::fcntl::{Flock, FlockArg};

/// Where the snapshot appears inside a sandbox.
const INSIDE: &str = "/opt/daytona";

/// The file that marks a complete snapshot.
const FINISHED: &str = "finished";

/// The Python every sandbox has: the machine's own, because only `/usr` is shown inside.
const PYTHON: &str = "/usr/bin/python3";

/// The prepared snapshot of a state directory, if there is one.
pub fn finished(state_dir: &Path) -> Option<PathBuf> {
    let snapshot = state_dir.join("snapshots/default");
    snapshot.join(FINISHED).exists().then_some(snapshot)
}

/// Removes a state directory that no engine has, as far as that is possible.
pub fn remove_state_dir(state_dir: &Path) {
    if let Err(error) = remove_tree(state_dir, Locked::Unlock)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, directory = %state_dir.display(), "files of an engine are left");
    }
}

/// The outcome of [`run`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The snapshot was there with the pinned versions.
    AlreadyDone,
    /// The snapshot has been made.
    Prepared,
}

/// Prepares the snapshot below `state_dir`, telling `progress` what it is doing. Blocks for a minute or so.
///
/// # Errors
/// When Python, pip, Node or npm is missing or an installation fails; an earlier snapshot then stays.
pub fn run(state_dir: &Path, progress: &mut dyn FnMut(&str)) -> Result<Outcome> {
    let state_dir =
        daytona_discovery::prepare_state_dir(state_dir).with_context(|| format!("creating {}", state_dir.display()))?;
    let snapshots = state_dir.join("snapshots");
    fs::create_dir_all(&snapshots)?;
    let _lock = lock(&snapshots)?;
    let snapshot = snapshots.join("default");
    if fs::read_to_string(snapshot.join(FINISHED)).is_ok_and(|mark| mark == pins::mark()) {
        return Ok(Outcome::AlreadyDone);
    }
    let unfinished = snapshots.join("default.unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(unfinished.join("opt/bin"))?;
    progress(&format!("installing for {PYTHON}: matplotlib, numpy, pandas, ty, ruff"));
    install_python(&unfinished, pins::PYTHON)?;
    point_python_at_packages(&unfinished)?;
    show_python_programs(&unfinished)?;
    progress("installing for Node: ts-node, typescript, typescript-language-server");
    install_node(&unfinished, pins::NODE, pins::NODE_LOCK)?;
    show_node_programs(&unfinished)?;
    progress("preparing matplotlib's font list");
    list_fonts(&unfinished)?;
    run_command(Command::new("chmod").args(["-R", "a+rX,go-w"]).arg(&unfinished))?;
    fs::write(unfinished.join(FINISHED), pins::mark())?;

    replace(&snapshots, "default")?;
    Ok(Outcome::Prepared)
}

/// Keeps others from preparing anything at the same time.
fn lock(snapshots: &Path) -> Result<Flock<fs::File>> {
    let lock = fs::File::create(snapshots.join("setup.lock"))?;
    Ok(Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, error)| error)?)
}

/// Puts a new snapshot in the place of the one of this name.
fn replace(snapshots: &Path, name: &str) -> Result<()> {
    let (snapshot, replaced) = (snapshots.join(name), snapshots.join(format!("{name}.replaced")));
    let _ = fs::remove_dir_all(&replaced);
    if snapshot.exists() {
        // Started sandboxes keep showing the files they have open; new ones get the new snapshot.
        fs::rename(&snapshot, &replaced)?;
    }
    fs::rename(snapshots.join(format!("{name}.unfinished")), &snapshot)?;
    let _ = fs::remove_dir_all(&replaced);
    Ok(())
}

fn run_command(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("running {program}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let tail: Vec<&str> = text.lines().rev().take(12).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        bail!("{program} failed ({}):\n{tail}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Installs what a requirements file names; only files with its hashes are taken.
fn install_python(snapshot: &Path, requirements: &str) -> Result<()> {
    if !Path::new(PYTHON).exists() {
        bail!("{PYTHON} is missing: install the system's Python 3 first");
    }
    let target = snapshot.join("opt/python");
    let list = snapshot.join("requirements.txt");
    fs::write(&list, requirements)?;
    let mut refusals = Vec::new();
    // The system's Python often comes without pip; any newer pip can work for it.
    let pips: [&[&str]; 4] = [
        &[PYTHON, "-m", "pip"],
        &["pip", "--python", PYTHON],
        &["pip3", "--python", PYTHON],
        &["python3", "-m", "pip", "--python", PYTHON],
    ];
    for pip in pips {
        let _ = fs::remove_dir_all(&target);
        let mut command = Command::new(pip[0]);
        command.args(&pip[1..]).args(["install", "--quiet", "--only-binary=:all:", "--no-warn-script-location"]);
        command.arg("--target").arg(&target).arg("--require-hashes").arg("--requirement").arg(&list);
        match run_command(&mut command) {
            Ok(_) => return Ok(fs::remove_file(&list)?),
            Err(error) => refusals.push(format!("{}: {error:#}", pip.join(" "))),
        }
    }
    bail!("no pip could install the Python packages:\n{}", refusals.join("\n"))
}

fn point_python_at_packages(snapshot: &Path) -> Result<()> {
    let site = run_command(Command::new(PYTHON).args(["-I", "-c", "import site; print(site.getsitepackages()[0])"]))?;
    let Some(site) = site.strip_prefix('/').filter(|site| site.starts_with("usr/")) else {
        bail!("{PYTHON} looks for packages in {site}, which sandboxes do not show");
    };
    let site = snapshot.join("layer").join(site);
    fs::create_dir_all(&site)?;
    fs::write(site.join("daytona.pth"), format!("{INSIDE}/python\n"))?;
    Ok(())
}

/// Puts the Python packages' programs where shells look for them.
fn show_python_programs(snapshot: &Path) -> Result<()> {
    for program in pins::PYTHON_PROGRAMS {
        let installed = Path::new("../python/bin").join(program);
        if !snapshot.join("opt/bin").join(&installed).exists() {
            bail!("{program} was installed without its program");
        }
        symlink(installed, snapshot.join("opt/bin").join(program))?;
    }
    Ok(())
}

/// Installs what a lock file names; only packages with its hashes are taken.
fn install_node(snapshot: &Path, packages: &str, lock: &str) -> Result<()> {
    let directory = snapshot.join("opt/node");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("package.json"), packages)?;
    fs::write(directory.join("package-lock.json"), lock)?;
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"]);
    run_command(command.current_dir(&directory))?;
    Ok(())
}

/// Puts the Node packages' programs where shells and `npx` look for them.
fn show_node_programs(snapshot: &Path) -> Result<()> {
    let node = run_command(Command::new("node").args(["-p", "require('fs').realpathSync(process.execPath)"]))
        .context("Node 20 or newer is needed")?;
    let Some(node) = node.strip_prefix('/').filter(|node| node.starts_with("usr/")) else {
        bail!("node is {node}; sandboxes show /usr only, so Node has to be installed below /usr");
    };
    // npx looks beside node itself for programs before it asks the registry.
    let beside_node = snapshot.join("layer").join(Path::new(node).parent().context("node has no directory")?);
    fs::create_dir_all(&beside_node)?;
    for program in pins::NODE_PROGRAMS {
        let inside = format!("{INSIDE}/node/node_modules/.bin/{program}");
        symlink(&inside, snapshot.join("opt/bin").join(program))?;
        symlink(&inside, beside_node.join(program))?;
    }
    Ok(())
}

fn list_fonts(snapshot: &Path) -> Result<()> {
    let cache = snapshot.join("skel/.cache/matplotlib");
    fs::create_dir_all(&cache)?;
    run_command(
        Command::new(PYTHON)
            .args(["-c", "import matplotlib.font_manager, matplotlib.pyplot, numpy, pandas"])
            .env("MPLBACKEND", "Agg")
            .env("MPLCONFIGDIR", &cache)
            .env("PYTHONPATH", snapshot.join("opt/python")),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_with_other_contents_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let other = "0".repeat(64);
        let requirements = format!("six==1.17.0 --hash=sha256:{other}\n");
        let refusal = install_python(directory.path(), &requirements).unwrap_err().to_string();
        assert!(refusal.contains("DO NOT MATCH THE HASHES"), "{refusal}");
        assert!(!directory.path().join("opt/python/six.py").exists());
        let refusal = install_python(directory.path(), "six==1.17.0\n").unwrap_err().to_string();
        assert!(refusal.contains("--require-hashes"), "{refusal}");

        let packages = r#"{"private": true, "dependencies": {"arg": "4.1.3"}}"#;
        let integrity = format!("sha512-{}==", "A".repeat(86));
        let lock = format!(
            r#"{{"lockfileVersion": 3, "requires": true, "packages": {{"": {{"dependencies": {{"arg": "4.1.3"}}}},
               "node_modules/arg": {{"version": "4.1.3", "integrity": "{integrity}"}}}}}}"#
        );
        let refusal = install_node(directory.path(), packages, &lock).unwrap_err().to_string();
        assert!(refusal.contains("EINTEGRITY"), "{refusal}");
        assert!(!directory.path().join("opt/node/node_modules/arg/index.js").exists());
    }
}
