//! The files of sandboxes: where they are, how they come to be, and how they go.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use daytona_images::Cancel;

use super::base;
use super::disk::IMAGE;
use super::image_root::{self, ImageRoot};
use super::launch::Launcher;
use super::mounts;
use super::ready::remove;
use super::spec::IsolationLevel;
use super::step_disk;

/// The directory of files that belong to no sandbox yet. Each start empties it.
pub(super) const POOL: &str = "pool";

/// The directory of a sandbox's files, relative to the state directory.
pub fn files_directory(sandbox_id: &str) -> PathBuf {
    Path::new("sandboxes").join(sandbox_id)
}

/// The same for a sandbox that waits in a pool.
pub fn pool_directory(sandbox_id: &str) -> PathBuf {
    Path::new(POOL).join(sandbox_id)
}

impl Launcher {
    /// Creates a sandbox's files, with a disk of so many GiB where the machine can; a new home gets the snapshot's as a start.
    pub fn create_files(
        &self,
        directory: &Path,
        sandbox_id: &str,
        snapshot: Option<&Path>,
        disk_gib: u64,
    ) -> Result<()> {
        let directory = self.state_dir.join(directory);
        self.ready.place(&directory, snapshot, disk_gib)?;
        if self.no_disks.is_none() {
            // The sandbox does it itself, on its disk.
            return Ok(());
        }
        Self::name_files(&directory, sandbox_id)
    }

    /// Creates the files of a sandbox whose root is an image.
    ///
    /// # Errors
    /// When the engine does not isolate sandboxes: an image needs a root of its own.
    pub fn create_image_files(
        &self,
        directory: &Path,
        sandbox_id: &str,
        image: &ImageRoot,
        disk_gib: u64,
    ) -> Result<()> {
        if self.level == IsolationLevel::None {
            bail!("images need isolation, which this engine was started without");
        }
        let directory = self.state_dir.join(directory);
        let etc = image.etc(&self.state_dir);
        self.ready.make_for_image(&directory, image.over_default, &etc, disk_gib)?;
        Self::name_files(&directory, sandbox_id)
    }

    /// Makes room for what a step of a build changes, in `directory`, which is relative to the state directory and not there
    /// yet.
    pub fn create_step_files(&self, directory: &Path) -> Result<()> {
        self.ready.make_for_step(&self.state_dir.join(directory)).context("making room for a step's files")
    }

    /// Makes one layer at `target`, an empty directory, of what a command has changed in the files of
    /// [`Launcher::create_step_files`]. The command has ended.
    pub fn take_layer(&self, directory: &Path, target: &Path, cancel: &Cancel) -> Result<()> {
        let directory = self.state_dir.join(directory);
        match directory.join(IMAGE).exists() {
            true => step_disk::take_layer(&directory, target, cancel),
            false => Ok(image_root::take_layer(&directory, target)?),
        }
    }

    /// Names a sandbox in its files, where these are plain directories. One with a disk does it itself at its start.
    pub fn name_files(directory: &Path, sandbox_id: &str) -> Result<()> {
        let Some(layer) = image_root::names_directory(directory) else { return Ok(()) };
        base::name_host(&layer, mounts::host_name(sandbox_id)).context("naming the sandbox")
    }

    /// Moves the files of a sandbox that waited in a pool to the others'.
    pub fn adopt_files(&self, sandbox_id: &str) -> io::Result<()> {
        let [from, to] =
            [pool_directory(sandbox_id), files_directory(sandbox_id)].map(|path| self.state_dir.join(path));
        fs::rename(from, to)
    }

    /// Removes the files of a sandbox that waited in a pool.
    pub fn discard_pooled(&self, sandbox_id: &str) {
        remove(&self.state_dir.join(pool_directory(sandbox_id)));
    }
}
