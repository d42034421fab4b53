//! Where generated files go, or what they are compared with.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Writes files below the repository, or only notes which would change.
pub struct Output {
    root: PathBuf,
    check: bool,
    stale: Vec<String>,
}

impl Output {
    pub fn new(root: &Path, check: bool) -> Self {
        Self { root: root.to_owned(), check, stale: Vec::new() }
    }

    /// Writes one file unless it is as it should be.
    pub fn write(&mut self, path: &str, content: String) -> Result<()> {
        let file = self.root.join(path);
        if fs::read_to_string(&file).is_ok_and(|current| current == content) {
            return Ok(());
        }
        if self.check {
            self.stale.push(path.to_owned());
            return Ok(());
        }
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&file, content).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
        Ok(())
    }

    /// Fails when a check found stale files.
    pub fn finish(self) -> Result<()> {
        if self.stale.is_empty() {
            return Ok(());
        }
        bail!("not up to date: {}. Run `cargo xtask codegen` and commit the result.", self.stale.join(", "))
    }
}
