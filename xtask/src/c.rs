//! The C header, from the binding crate's sources.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

/// The text of `bindings/c/include/daytona.h`. The contract at its top is the crate's documentation.
pub fn header(root: &Path) -> Result<String> {
    let directory = root.join("bindings/c");
    let library = fs::read_to_string(directory.join("src/lib.rs")).context("bindings/c/src/lib.rs")?;
    let contract: String =
        library.lines().map_while(|line| line.strip_prefix("//!")).map(|line| format!("//{line}\n")).collect();
    let mut config = cbindgen::Config::from_file(directory.join("cbindgen.toml")).map_err(|e| anyhow!("{e}"))?;
    config.header = Some(contract.trim_end().to_owned());
    let mut text = Vec::new();
    // From its first file on: a crate by its name would need cargo, and with it the whole workspace.
    let builder = cbindgen::Builder::new().with_src(directory.join("src/lib.rs"));
    builder.with_config(config).generate()?.write(&mut text);
    Ok(String::from_utf8(text)?.replace("# Safety", "Safety:"))
}
