//! Trees of files for sandboxes to come, made ahead: a new sandbox then takes one rename, not some fifty new files.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use daytona_toolbox::remove_tree::{Locked, remove_tree};

use super::base;
use super::disk::{Disk, IMAGE};
use super::disk_images::{Contents, DiskImages};
use super::image_root;
use super::mounted::Mounted;
use super::step_disk;

/// Trees made ahead.
const READY: usize = 4;

/// What all trees of an engine have in common.
#[derive(Debug)]
pub struct Pattern {
    /// The system directories that get a writable layer, relative to the root; none where they are read-only.
    pub layers: Vec<PathBuf>,
    /// Whether homes belong to the sandbox's user and not to the engine's.
    pub owned: bool,
    /// Whether the writable layers hold the link that names Python; the home does otherwise.
    pub copy_on_write: bool,
    /// Makes the disks that hold the files; they are plain directories without.
    pub disks: Option<DiskImages>,
}

impl Pattern {
    /// Makes everything of a sandbox's files that does not depend on its id, on a disk of so many GiB where there are disks.
    /// A new home gets the snapshot's as a start.
    pub fn make(&self, directory: &Path, snapshot: Option<&Path>, disk_gib: u64) -> Result<()> {
        match &self.disks {
            Some(disks) => disks
                .make(directory, Contents::Default(identity(snapshot)), disk_gib, |tree| self.make_tree(tree, snapshot))
                .context("making the disk"),
            None => self.make_tree(directory, snapshot),
        }
    }

    /// The same for a sandbox whose root is an image, in which `/etc` is this directory.
    pub fn make_for_image(&self, directory: &Path, over_default: bool, etc: &Path, disk_gib: u64) -> Result<()> {
        match &self.disks {
            Some(disks) => disks
                .make(directory, Contents::Image { over_default, etc: etc.to_owned() }, disk_gib, |tree| {
                    self.make_layers(tree, over_default, etc)
                })
                .context("making the disk"),
            None => self.make_layers(directory, over_default, etc),
        }
    }

    /// Makes room for what a command of a build changes: plain directories, or a disk where the kernel lays nothing over
    /// directories of the machine's.
    pub fn make_for_step(&self, directory: &Path) -> Result<()> {
        match self.disks.as_ref().filter(|_| !self.copy_on_write) {
            Some(disks) => {
                let contents = |tree: &Path| Ok(image_root::make_step_files(tree)?);
                disks.make(directory, Contents::Step, step_disk::GIB, contents).context("making the disk")
            }
            None => Ok(image_root::make_step_files(directory)?),
        }
    }

    /// Makes room for what is changed of an image's root, in plain directories.
    pub fn make_layers(&self, directory: &Path, over_default: bool, etc: &Path) -> Result<()> {
        fs::create_dir_all(directory.join("upper"))?;
        fs::create_dir_all(directory.join("work"))?;
        base::make_directory(&directory.join("upper"), 0o755)?;
        image_root::make_layer(directory, over_default, etc)?;
        if over_default {
            for layer in &self.layers {
                base::make_directory(&directory.join("upper").join(layer), 0o755)?;
                base::make_directory(&directory.join("work").join(layer), 0o700)?;
            }
        }
        Ok(())
    }

    fn make_tree(&self, directory: &Path, snapshot: Option<&Path>) -> Result<()> {
        let upper = directory.join("upper");
        fs::create_dir_all(&upper)?;
        base::make_directory(&upper, 0o755)?;
        base::make_directory(&upper.join("etc"), 0o755)?;
        fs::create_dir_all(directory.join("work"))?;
        for layer in &self.layers {
            base::make_directory(&upper.join(layer), 0o755)?;
            base::make_directory(&directory.join("work").join(layer), 0o700)?;
        }
        let root = directory.join("root");
        base::create_root(&root, self.owned).context("creating the root")?;
        if let Some(snapshot) = snapshot {
            let home = root.join("home/daytona");
            base::copy_home(&snapshot.join("skel"), &home, self.owned).context("filling the home")?;
        }
        if self.copy_on_write {
            base::name_python(&upper.join("usr"), "local/bin")?;
        } else {
            base::name_python(&root.join("home/daytona"), ".local/bin")?;
        }
        Ok(())
    }
}

/// The trees of one engine.
#[derive(Debug)]
pub struct Ready {
    shared: Arc<Shared>,
    /// To the thread that makes more.
    work: Sender<Kind>,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    pattern: Pattern,
    trees: Mutex<Trees>,
    /// The disks of sandboxes that have their files and have not started yet, by their directories.
    mounted: Mutex<HashMap<PathBuf, Mounted>>,
}

/// Files made ahead.
#[derive(Debug)]
struct Tree {
    path: PathBuf,
    /// Its disk, where there are disks and the kernel mounts them ahead.
    mounted: Option<Mounted>,
}

impl Tree {
    fn remove(self) {
        if let Some(mounted) = self.mounted {
            mounted.give_up();
        }
        remove(&self.path);
    }
}

/// The snapshot and the size in GiB of trees to make.
type Kind = (Option<PathBuf>, u64);

#[derive(Debug, Default)]
struct Trees {
    ready: Vec<Tree>,
    /// The snapshot whose home they have, and their size.
    kind: (Option<u64>, u64),
    made: u64,
    ended: bool,
}

impl Ready {
    /// Removes what an earlier engine left. Nothing is made before the first sandbox.
    pub fn new(state_dir: &Path, pattern: Pattern) -> io::Result<Self> {
        let directory = state_dir.join("ready");
        remove(&directory);
        fs::create_dir_all(&directory)?;
        let shared = Arc::new(Shared { directory, pattern, trees: Mutex::default(), mounted: Mutex::default() });
        let (work, arriving) = mpsc::channel::<Kind>();
        thread::Builder::new().name("files".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || {
                while let Ok((snapshot, disk_gib)) = arriving.recv() {
                    shared.refill(snapshot.as_deref(), disk_gib);
                }
            }
        })?;
        Ok(Self { shared, work })
    }

    /// Puts a new sandbox's files at `directory`, which is not there yet.
    pub fn place(&self, directory: &Path, snapshot: Option<&Path>, disk_gib: u64) -> Result<()> {
        let ready = self.shared.take(snapshot, disk_gib);
        let placed = ready.is_some_and(|tree| {
            let placed = fs::rename(&tree.path, directory).is_ok();
            if let (true, Some(mounted)) = (placed, tree.mounted) {
                self.shared.keep(directory, mounted);
            }
            placed
        });
        if !placed {
            self.shared.pattern.make(directory, snapshot, disk_gib)?;
        }
        // Without the thread each sandbox's files are made when they are needed.
        let _ = self.work.send((snapshot.map(Path::to_owned), disk_gib));
        Ok(())
    }

    /// The disk in this directory, if it was mounted ahead. Only the first one who asks has it.
    pub fn take_mounted(&self, directory: &Path) -> Option<Mounted> {
        self.shared.mounted().remove(directory)
    }

    /// Makes the files of a sandbox whose root is an image.
    pub fn make_for_image(&self, directory: &Path, over_default: bool, etc: &Path, disk_gib: u64) -> Result<()> {
        self.shared.pattern.make_for_image(directory, over_default, etc, disk_gib)
    }

    /// Makes room for what a command of a build changes.
    pub fn make_for_step(&self, directory: &Path) -> Result<()> {
        self.shared.pattern.make_for_step(directory)
    }

    /// Makes no more, and removes those that are there. What is being made right now is removed by the next start.
    pub fn clean_up(&self) {
        let mut trees = self.shared.lock();
        trees.ended = true;
        let ready = std::mem::take(&mut trees.ready);
        drop(trees);
        ready.into_iter().for_each(Tree::remove);
        self.shared.mounted().clear();
        remove(&self.shared.directory);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Trees> {
        self.trees.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mounted(&self) -> MutexGuard<'_, HashMap<PathBuf, Mounted>> {
        self.mounted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a disk until its sandbox starts.
    fn keep(&self, directory: &Path, disk: Mounted) {
        let mut mounted = self.mounted();
        // Sandboxes that were removed before they started.
        let gone: Vec<_> = mounted.extract_if(|directory, _| !directory.join(IMAGE).exists()).collect();
        mounted.insert(directory.to_owned(), disk);
        drop(mounted);
        gone.into_iter().for_each(|(_, disk)| disk.give_up());
    }

    /// The size counts only where it is that of a disk.
    fn kind(&self, snapshot: Option<&Path>, disk_gib: u64) -> (Option<u64>, u64) {
        (identity(snapshot), if self.pattern.disks.is_some() { disk_gib } else { 0 })
    }

    fn take(&self, snapshot: Option<&Path>, disk_gib: u64) -> Option<Tree> {
        let mut trees = self.lock();
        if trees.kind == self.kind(snapshot, disk_gib) { trees.ready.pop() } else { None }
    }

    fn refill(&self, snapshot: Option<&Path>, disk_gib: u64) {
        let current = self.kind(snapshot, disk_gib);
        let outdated = {
            let mut trees = self.lock();
            if trees.kind == current {
                Vec::new()
            } else {
                trees.kind = current;
                std::mem::take(&mut trees.ready)
            }
        };
        outdated.into_iter().for_each(Tree::remove);
        loop {
            let tree = {
                let mut trees = self.lock();
                if trees.ended || trees.ready.len() >= READY {
                    return;
                }
                trees.made += 1;
                self.directory.join(trees.made.to_string())
            };
            if let Err(error) = self.pattern.make(&tree, snapshot, disk_gib) {
                // Sandboxes that are created meet the same and say so.
                tracing::debug!(error = format!("{error:#}"), "no files could be made ahead");
                remove(&tree);
                return;
            }
            let mounted = Disk::of(&tree, disk_gib).and_then(|disk| {
                // Its sandbox then does it.
                let failed = |error| tracing::debug!(error = format!("{error:#}"), "a disk was not mounted ahead");
                Mounted::new(&disk).map_err(failed).ok()
            });
            let tree = Tree { path: tree, mounted };
            let mut trees = self.lock();
            if trees.ended {
                drop(trees);
                return tree.remove();
            }
            trees.ready.push(tree);
        }
    }
}

/// Tells snapshots apart: each is a directory of its own.
fn identity(snapshot: Option<&Path>) -> Option<u64> {
    fs::metadata(snapshot?).ok().map(|found| found.ino())
}

/// Removes a tree that is no sandbox's, if it is there; one that cannot be removed is left to the next start.
pub fn remove(tree: &Path) {
    match remove_tree(tree, Locked::Unlock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, directory = %tree.display(), "files made ahead are left");
        }
        _ => {}
    }
}
