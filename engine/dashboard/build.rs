//! Installs what the dashboard is made of, as its lock file says, and bundles it, to be put into the program.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let page = Path::new("page");
    let built = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("page");
    // Files that are gone must not be bundled from an earlier build.
    let _ = std::fs::remove_dir_all(built.join("src"));
    for name in ["package.json", "package-lock.json", "build.mjs", "src"] {
        println!("cargo::rerun-if-changed={}", page.join(name).display());
        copy(&page.join(name), &built.join(name));
    }
    npm(&built, &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
    npm(&built, &["run", "--silent", "build"]);
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in std::fs::read_dir(from).expect("the page's sources can be listed").flatten() {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
        return;
    }
    std::fs::create_dir_all(to.parent().expect("below the output directory")).expect("it can be written");
    std::fs::copy(from, to).unwrap_or_else(|error| panic!("{} cannot be copied: {error}", from.display()));
}

fn npm(directory: &Path, arguments: &[&str]) {
    match Command::new("npm").args(arguments).current_dir(directory).output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!(
            "npm {} for the dashboard failed:\n{}{}",
            arguments[0],
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => panic!("npm, which the dashboard is built with, cannot be run: {error}"),
    }
}
