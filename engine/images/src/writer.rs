//! Making a new layer, file by file, over the layers there are.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::attributes::Attributes;
use crate::overlay::look;
use crate::tree::{Found, Tree};

/// Writes a layer. Paths are those of the whole tree; links in it are followed inside it.
pub(crate) struct Writer<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) layer: &'a Path,
    pub(crate) owned: bool,
    /// The owner of directories that are missing on the way.
    pub(crate) owner: (u32, u32),
    /// Directories of the layer. Their times come last: what is made in a directory changes its time.
    made: RefCell<Vec<(PathBuf, Attributes)>>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(tree: &'a Tree, layer: &'a Path, owned: bool, owner: (u32, u32)) -> Self {
        Self { tree, layer, owned, owner, made: RefCell::default() }
    }

    /// Call it when everything is written.
    pub(crate) fn finish(self) -> io::Result<()> {
        let made = self.made.into_inner();
        made.iter().rev().try_for_each(|(path, attributes)| attributes.give(path, self.owned))
    }

    fn real(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.layer.to_owned() } else { self.layer.join(path) }
    }

    /// Makes the directory at `path`, which has no links on its way, appear in the layer with those above it. One that is
    /// there already keeps its attributes.
    fn show_directory(&self, path: &Path, new: Option<&Attributes>) -> io::Result<()> {
        let mut so_far = PathBuf::new();
        for name in path.iter() {
            so_far.push(name);
            let real = self.real(&so_far);
            match look(&real)? {
                Some(found) if found.is_dir() => continue,
                Some(_) => return Err(not_directory(&so_far)),
                None => {}
            }
            let attributes = match self.tree.at(&so_far)? {
                Some(found) if found.metadata.is_dir() => Attributes::of(&found.real, &found.metadata)?,
                Some(_) => return Err(not_directory(&so_far)),
                None => match new {
                    Some(attributes) if so_far == path => attributes.clone(),
                    _ => self.new_directory(),
                },
            };
            fs::create_dir(&real)?;
            self.made.borrow_mut().push((real, attributes));
        }
        Ok(())
    }

    fn new_directory(&self) -> Attributes {
        let (uid, gid) = self.owner;
        Attributes { uid, gid, mode: 0o755, mtime: crate::now(), xattrs: Vec::new() }
    }

    /// Makes the directory at `path`, with those above it. One that is there already keeps its attributes.
    pub(crate) fn directory(&self, path: &Path, new: Option<&Attributes>) -> io::Result<PathBuf> {
        let resolved = self.tree.resolve(path, true)?;
        self.show_directory(&resolved, new)?;
        Ok(resolved)
    }

    /// Puts a file that is no directory at `path`, in place of one that is there.
    pub(crate) fn file(&self, path: &Path, from: &Found, attributes: &Attributes) -> io::Result<()> {
        let real = self.place(path)?;
        let kind = from.metadata.file_type();
        if kind.is_symlink() {
            symlink(fs::read_link(&from.real)?, &real)?;
        } else if kind.is_file() {
            fs::copy(&from.real, &real)?;
        } else if kind.is_fifo() {
            mkfifo(&real, Mode::from_bits_truncate(0o600))?;
        } else {
            return Ok(());
        }
        attributes.give(&real, self.owned)
    }

    /// The same with content of the caller's.
    pub(crate) fn content(&self, path: &Path, content: &[u8], attributes: &Attributes) -> io::Result<()> {
        let real = self.place(path)?;
        fs::write(&real, content)?;
        attributes.give(&real, self.owned)
    }

    /// Where a new file goes; what is there is removed.
    fn place(&self, path: &Path) -> io::Result<PathBuf> {
        let name = path.file_name().ok_or_else(|| io::Error::other("/ is a directory"))?;
        let parent = self.directory(path.parent().unwrap_or(Path::new("")), None)?;
        let inner = parent.join(name);
        if self.tree.at(&inner)?.is_some_and(|found| found.metadata.is_dir()) {
            return Err(io::Error::other(format!("/{} is a directory", inner.display())));
        }
        let real = self.real(&inner);
        match look(&real)? {
            Some(found) if found.is_dir() => Err(io::Error::other(format!("/{} is a directory", inner.display()))),
            Some(_) => fs::remove_file(&real).map(|()| real),
            None => Ok(real),
        }
    }
}

fn not_directory(path: &Path) -> io::Error {
    io::Error::other(format!("/{} is not a directory", path.display()))
}
