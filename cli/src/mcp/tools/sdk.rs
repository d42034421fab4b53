//! The package `daytona` in a sandbox, for programs that `run_code` runs: from beside this program, else from the index that the
//! sandbox's pip uses.
//!
//! No key comes with it. A program has one when its sandbox was made with one in `env`, or when it is in the code.

use std::path::{Path, PathBuf};

use daytona::model::{DirectoryOptions, ExecOptions, FileUpload, UploadOptions};
use daytona::{Error, ErrorKind, Sandbox};

use crate::mcp::reply::Refusal;
use crate::program::quoted;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The file by which this package is told from others of its name.
const NATIVE: &str = "_daytona.abi3.so";

/// Where the package comes from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A wheel on this machine.
    Wheel(PathBuf),
    /// The package as it is installed on this machine.
    Package(PathBuf),
    /// The index of the sandbox's pip.
    Index,
}

/// What a program in the sandbox finds the package with.
pub struct Found {
    /// The directory of the package's directory.
    pub directory: String,
    /// The value of `PYTHONPATH`.
    pub python_path: String,
}

/// Puts the package into the sandbox, unless it is there.
///
/// # Errors
/// When it can be had from nowhere, and when the sandbox's Python cannot import it.
pub async fn provide(sandbox: &Sandbox) -> Result<Found, Refusal> {
    let directory = format!("/tmp/daytona-sdk-{VERSION}");
    let process = sandbox.process();
    let machine = process.exec("printf '%s\\n%s' \"$(uname -m)\" \"$PYTHONPATH\"", ExecOptions::default()).await?;
    let (machine, python_path) = machine.result.split_once('\n').unwrap_or_default();
    let python_path =
        if python_path.is_empty() { directory.clone() } else { format!("{directory}:{}", python_path.trim_end()) };
    let found = Found { directory: directory.clone(), python_path };
    if import(sandbox, &directory).await?.is_none() {
        return Ok(found);
    }
    let program = std::env::current_exe().ok().and_then(|path| std::fs::canonicalize(path).ok());
    let source = program.as_deref().map_or(Source::Index, |program| source(program, machine));
    let new = format!("{directory}-{}", uuid::Uuid::new_v4().simple());
    let installed = install(sandbox, &source, &new).await;
    // It appears when it is whole; who made it first has made it.
    let script = match &installed {
        Ok(()) => format!("[ -d {directory} ] || mv {new} {directory}; rm -rf {new} {new}.whl"),
        Err(_) => format!("rm -rf {new} {new}.whl"),
    };
    process.exec(&script, ExecOptions::default()).await?;
    installed?;
    match import(sandbox, &directory).await? {
        None => Ok(found),
        Some(why) => {
            process.exec(&format!("rm -rf {directory}"), ExecOptions::default()).await?;
            let from = match source {
                Source::Index => "the index of the sandbox's pip has another package of this name, or it",
                _ => "it",
            };
            Err(failed(format!(
                "The package daytona {VERSION} cannot be used in this sandbox: {from} does not load: {why}"
            )))
        }
    }
}

/// Where the package is had from, for a sandbox with this kind of processor.
fn source(program: &Path, machine: &str) -> Source {
    let here = program.parent().unwrap_or(program);
    let prefix = format!("daytona-{VERSION}-");
    let is_ours = |name: &str| {
        let platform = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(&format!("_{machine}.whl")));
        // Most sandboxes have glibc; others say that it does not load.
        platform.is_some_and(|platform| platform.contains("linux") && !platform.contains("musllinux"))
    };
    let mut wheels: Vec<_> = std::fs::read_dir(here)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_ours))
        .collect();
    wheels.sort();
    if let Some(wheel) = wheels.pop() {
        return Source::Wheel(wheel);
    }
    // The program is in a package beside it.
    let package = here.parent().unwrap_or(here).join("daytona");
    let says_version = || {
        let text = std::fs::read_to_string(package.join("__init__.py")).unwrap_or_default();
        text.contains(&format!("__version__ = \"{VERSION}\""))
    };
    let fits = cfg!(target_os = "linux") && std::env::consts::ARCH == machine;
    if fits && package.join(NATIVE).is_file() && says_version() { Source::Package(package) } else { Source::Index }
}

async fn install(sandbox: &Sandbox, source: &Source, to: &str) -> Result<(), Refusal> {
    let script = match source {
        Source::Package(package) => {
            let options = DirectoryOptions { exclude: Some(vec!["__pycache__".to_owned()]), ..Default::default() };
            let local = package.to_string_lossy();
            sandbox.fs().upload_dir(&local, &format!("{to}/daytona"), options).await?.finish().await?;
            return Ok(());
        }
        Source::Wheel(wheel) => {
            let local_path = Some(wheel.to_string_lossy().into_owned());
            let file = FileUpload { destination: format!("{to}.whl"), content: None, local_path };
            sandbox.fs().upload_file(file, UploadOptions::default()).await?;
            // Not all sandboxes have pip, and a wheel without scripts is its files.
            let unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
            format!("python3 -c {} {to}.whl {to}", quoted(unpack))
        }
        Source::Index => format!(
            "python3 -m pip install --quiet --disable-pip-version-check --retries 1 --no-deps --only-binary :all: --target {to} \
             daytona=={VERSION} </dev/null"
        ),
    };
    let done = sandbox.process().exec(&format!("{script} 2>&1"), ExecOptions::default()).await?;
    if done.exit_code == 0 {
        return Ok(());
    }
    let why = last_line(&done.result);
    Err(failed(match source {
        Source::Index => format!(
            "The package daytona {VERSION} is not beside this program, and pip cannot install it in the sandbox: {why} A sandbox \
             with network and pip can; or put daytona-{VERSION}-….whl beside the program."
        ),
        _ => format!("The package daytona {VERSION} cannot be unpacked in the sandbox: {why}"),
    }))
}

/// Why the package in a directory cannot be imported; nothing, when it can.
async fn import(sandbox: &Sandbox, directory: &str) -> Result<Option<String>, Refusal> {
    let look = "import os, sys; sys.path.insert(0, sys.argv[1]); import daytona; \
                d = os.path.dirname(daytona.__file__); \
                sys.exit(0 if os.path.dirname(d) == sys.argv[1] and daytona.__version__ == sys.argv[2] \
                and daytona.Daytona else 'it is another one')";
    // Imported only when it looks like ours: an index may have anybody's package of this name.
    let script = format!(
        "if [ -f {directory}/daytona/{NATIVE} ]; then python3 -c {} {directory} {VERSION} 2>&1; else echo 'it is another one'; exit 1; fi",
        quoted(look)
    );
    let done = sandbox.process().exec(&script, ExecOptions::default()).await?;
    Ok((done.exit_code != 0).then(|| last_line(&done.result)))
}

fn last_line(text: &str) -> String {
    text.trim_end().rsplit('\n').next().unwrap_or_default().chars().take(300).collect()
}

fn failed(message: String) -> Refusal {
    Refusal::Failed(Error::new(ErrorKind::Unknown, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_the_program_comes_first_if_it_fits() {
        let place = tempfile::tempdir().unwrap();
        let (own, package) = (place.path().join("daytona_local"), place.path().join("daytona"));
        let machine = std::env::consts::ARCH;
        let found = || source(&own.join("daytona"), machine);
        for directory in [&own, &package] {
            std::fs::create_dir(directory).unwrap();
        }
        assert_eq!(found(), Source::Index);
        std::fs::write(package.join("__init__.py"), "__version__ = \"0.0.0\"\n").unwrap();
        std::fs::write(package.join(NATIVE), "").unwrap();
        assert_eq!(found(), Source::Index);
        std::fs::write(package.join("__init__.py"), format!("__version__ = \"{VERSION}\"\n")).unwrap();
        assert_eq!(found(), Source::Package(package.clone()));
        assert_eq!(source(&own.join("daytona"), "mips"), Source::Index);
        for other in [
            format!("daytona-{VERSION}-cp310-abi3-macosx_11_0_{machine}.whl"),
            format!("daytona-{VERSION}-cp310-abi3-manylinux_2_17_mips.whl"),
            format!("daytona_local-{VERSION}-py3-none-manylinux_2_17_{machine}.whl"),
        ] {
            std::fs::write(own.join(other), "").unwrap();
        }
        assert_eq!(found(), Source::Package(package));
        let wheel = own.join(format!("daytona-{VERSION}-cp310-abi3-manylinux_2_17_{machine}.whl"));
        std::fs::write(&wheel, "").unwrap();
        assert_eq!(found(), Source::Wheel(wheel));
    }
}
