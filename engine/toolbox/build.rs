//! Installs what the page of the web terminal is made of, as its lock file says, to be put into the program.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let page = Path::new("src/web_terminal/page");
    let installed = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("page");
    std::fs::create_dir_all(&installed).expect("the output directory can be written");
    for name in ["package.json", "package-lock.json"] {
        println!("cargo::rerun-if-changed={}", page.join(name).display());
        std::fs::copy(page.join(name), installed.join(name)).expect("the page's packages are listed");
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]).current_dir(&installed);
    match npm.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("npm ci for the web terminal failed:\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("npm, which the web terminal's page is built with, cannot be run: {error}"),
    }
}
