//! Images for new sandboxes' disks, made from a tree of files: one for each size and contents, which sandboxes get copies of.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

use super::disk::{self, BLOCK, IMAGE};
use super::image_root::ETC;
use super::probe;

/// What every kernel knows that sandboxes' disks can be had with, whatever the machine's own defaults are.
const FEATURES: &str = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,\
                        large_file,huge_file,dir_nlink,extra_isize,metadata_csum";

/// Blocks that a disk can grow to: 64 GiB.
const MOST_BLOCKS: u64 = (64 << 30) / BLOCK;

/// Makes disks.
#[derive(Debug)]
pub struct DiskImages {
    directory: PathBuf,
    made: Mutex<Vec<Template>>,
}

/// What a new disk holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// A root, with the home of a snapshot of the default one.
    Default(Option<u64>),
    /// Nothing but room for changes of an image's root, which lies over the machine's system or over nothing.
    Image {
        /// Whether it lies over the machine's system.
        over_default: bool,
        /// The directory that `/etc` is in the image.
        etc: PathBuf,
    },
    /// The same for a command of a build.
    Step,
}

impl Contents {
    fn name(&self) -> String {
        match self {
            Self::Default(snapshot) => snapshot.unwrap_or_default().to_string(),
            Self::Image { over_default: true, .. } => "over-default".to_owned(),
            Self::Image { etc, .. } if etc != Path::new(ETC) => "linked-image".to_owned(),
            Self::Image { .. } => "image".to_owned(),
            Self::Step => "step".to_owned(),
        }
    }

    /// Whether disks with these contents are made no more once those with the others are.
    fn is_replaced_by(&self, other: &Self) -> bool {
        let is_linked = |etc: &Path| etc != Path::new(ETC);
        match (self, other) {
            (Self::Default(_), Self::Default(_)) => self != other,
            // There may be any number of them.
            (Self::Image { etc, .. }, Self::Image { etc: others, .. }) => {
                is_linked(etc) && is_linked(others) && etc != others
            }
            _ => false,
        }
    }
}

#[derive(Debug)]
struct Template {
    contents: Contents,
    gib: u64,
    image: PathBuf,
}

impl DiskImages {
    /// Keeps images below `directory`, which goes with the engine.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, made: Mutex::default() }
    }

    /// Puts a new disk of this size into `target`. `make_tree` fills a directory with what it holds at first, if no disk of
    /// this size was made with the same contents before.
    pub fn make(
        &self,
        target: &Path,
        contents: Contents,
        gib: u64,
        make_tree: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<()> {
        let template = self.template(contents, gib, make_tree)?;
        fs::create_dir_all(target)?;
        disk::copy_sparse(&template, &target.join(IMAGE)).context("copying a disk")
    }

    fn template(&self, contents: Contents, gib: u64, make_tree: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        // Locked until it is made: many sandboxes may be created at once.
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = made.iter().find(|found| (&found.contents, found.gib) == (&contents, gib)) {
            return Ok(found.image.clone());
        }
        for outdated in made.extract_if(.., |found| found.contents.is_replaced_by(&contents)) {
            let _ = fs::remove_file(outdated.image);
        }
        fs::create_dir_all(&self.directory)?;
        let image = self.directory.join(format!("{gib}-{}.img", contents.name()));
        let tree = self.directory.join("tree");
        let _ = fs::remove_dir_all(&tree);
        make_tree(&tree)?;
        let formatted = format(&image, gib << 30, Some(&tree));
        let _ = fs::remove_dir_all(&tree);
        formatted?;
        made.push(Template { contents, gib, image: image.clone() });
        Ok(image)
    }
}

/// Whether sandboxes can have disks of their own here, asked by making one.
///
/// # Errors
/// Why they cannot.
pub fn try_out(state_dir: &Path) -> Result<()> {
    let probe = state_dir.join("disk-probe");
    let _ = fs::remove_dir_all(&probe);
    fs::create_dir_all(probe.join("mounted"))?;
    let tried = format(&probe.join(IMAGE), 16 << 20, None).and_then(|()| probe::disk(&probe));
    let _ = fs::remove_dir_all(&probe);
    tried
}

/// Makes an empty file system of so many bytes, or one with the content of a directory.
fn format(image: &Path, bytes: u64, content: Option<&Path>) -> Result<()> {
    let file = File::create(image)?;
    file.set_len(bytes)?;
    let extended = format!("lazy_itable_init=1,lazy_journal_init=1,nodiscard,resize={MOST_BLOCKS}");
    let block = BLOCK.to_string();
    let mut arguments = vec!["-q", "-F", "-t", "ext4", "-b", &block, "-I", "256", "-i", "16384", "-m", "0"];
    arguments.extend(["-O", FEATURES, "-J", "size=4", "-e", "remount-ro", "-E", &extended]);
    let content = content.map(|content| content.to_string_lossy().into_owned());
    if let Some(content) = &content {
        arguments.extend(["-d", content]);
    }
    let made = disk::run("mke2fs", &arguments, image, None, 0);
    if made.is_err() {
        let _ = fs::remove_file(image);
    }
    made
}
