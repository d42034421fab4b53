//! The files of this machine.

use std::cell::OnceCell;
use std::fs::{self, File, Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use globset::GlobSet;
use rustix::fs::RenameFlags;

use super::plan::Listing;
use super::{STAGING, Stamp};
use crate::failure::{Done, Failure};

/// The owner may run it.
const EXECUTABLE: u32 = 0o100;

/// A directory of this machine.
pub struct Here {
    /// Its absolute path, without links.
    pub root: PathBuf,
}

/// A new directory beside the files, on the same file system, for what is on its way. It goes with the value. It is made when it
/// is needed: where nothing changes, nobody should notice a change.
pub struct Staging<'a> {
    root: &'a Path,
    made: OnceCell<tempfile::TempDir>,
}

impl<'a> Staging<'a> {
    /// One that is not there yet.
    pub fn new(root: &'a Path) -> Self {
        Self { root, made: OnceCell::new() }
    }

    /// Its path.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn path(&self) -> Done<&Path> {
        if self.made.get().is_none() {
            let made = tempfile::Builder::new().prefix(STAGING).tempdir_in(self.root)?;
            return Ok(self.made.get_or_init(|| made).path());
        }
        Ok(self.made.get().map_or(self.root, |made| made.path()))
    }
}

/// How a file was put in place or removed.
#[derive(Debug, PartialEq, Eq)]
pub enum Placed {
    /// As it should be.
    Yes,
    /// Somebody had changed what was there; that is kept under this path.
    Kept(String),
}

impl Here {
    /// Everything below it but links, what is neither a file nor a directory, and what is excluded.
    ///
    /// # Errors
    /// When a directory cannot be read: what is missing would be taken for removed.
    pub fn list(&self, exclude: &GlobSet, left_out: &mut Vec<String>) -> Done<Listing> {
        let mut listing = Listing::new();
        self.collect("", exclude, &mut listing, left_out)?;
        Ok(listing)
    }

    fn collect(&self, below: &str, exclude: &GlobSet, listing: &mut Listing, left_out: &mut Vec<String>) -> Done {
        let directory = self.root.join(below);
        let failed = |error: std::io::Error| Failure::other(format!("{} cannot be read: {error}", directory.display()));
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else {
                left_out.push(entry.file_name().to_string_lossy().into_owned());
                continue;
            };
            let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
            if name.starts_with(STAGING) || exclude.is_match(&path) || exclude.is_match(&name) {
                continue;
            }
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed just now.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(failed(error)),
            };
            if metadata.is_dir() {
                listing.insert(path.clone(), Stamp::directory());
                self.collect(&path, exclude, listing, left_out)?;
            } else if metadata.is_file() {
                listing.insert(path, stamp(&metadata));
            } else {
                left_out.push(path);
            }
        }
        Ok(())
    }

    /// The stamp of a file.
    pub fn stamp(&self, path: &str) -> Option<Stamp> {
        let metadata = fs::symlink_metadata(self.root.join(path)).ok()?;
        (metadata.is_file() || metadata.is_dir()).then(|| stamp(&metadata))
    }

    /// Puts a complete file in its place, or removes the file there without one. What is replaced must have the stamp
    /// `seen`; anything else is kept as `otherwise`.
    ///
    /// # Errors
    /// When it cannot be done. What was there is there, under its own name or as `otherwise`.
    pub fn place(
        &self,
        new: Option<&Path>,
        is_program: bool,
        path: &str,
        seen: Option<&Stamp>,
        otherwise: &str,
        staging: &Path,
    ) -> Done<Placed> {
        let target = self.root.join(path);
        let failed = |error: std::io::Error| Failure::other(format!("{} cannot be written: {error}", target.display()));
        self.check_way(path)?;
        if let Some(new) = new {
            let mode = fs::metadata(&target).ok().map_or(0o644, |known| known.mode() & 0o777);
            // Whoever may read it may run it.
            let mode = if is_program { mode | (mode & 0o444) >> 2 } else { mode & !0o111 };
            fs::set_permissions(new, Permissions::from_mode(mode)).map_err(failed)?;
            File::open(new).and_then(|file| file.sync_all()).map_err(failed)?;
            fs::create_dir_all(target.parent().unwrap_or(&self.root)).map_err(failed)?;
        }
        let aside = staging.join("aside");
        let was_there = match fs::rename(&target, &aside) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(failed(error)),
        };
        let placed = new.map_or(Ok(()), |new| {
            rustix::fs::renameat_with(rustix::fs::CWD, new, rustix::fs::CWD, &target, RenameFlags::NOREPLACE)
        });
        let found = if was_there { fs::symlink_metadata(&aside).ok().map(|metadata| stamp(&metadata)) } else { None };
        if let Err(error) = placed {
            if was_there {
                // Somebody else's file may be there by now.
                let back =
                    if fs::symlink_metadata(&target).is_ok() { self.root.join(otherwise) } else { target.clone() };
                fs::rename(&aside, back).map_err(failed)?;
            }
            return Err(failed(error.into()));
        }
        if was_there && found.as_ref() != seen {
            fs::rename(&aside, self.root.join(otherwise)).map_err(failed)?;
            return Ok(Placed::Kept(otherwise.to_owned()));
        }
        if was_there {
            fs::remove_file(&aside).map_err(failed)?;
        }
        Ok(Placed::Yes)
    }

    /// Fails for a path through a link: it leads out of the directory, wherever a sandbox wants.
    fn check_way(&self, path: &str) -> Done {
        for (end, _) in path.match_indices('/') {
            let above = self.root.join(&path[..end]);
            if fs::symlink_metadata(&above).is_ok_and(|metadata| !metadata.is_dir()) {
                return Err(Failure::other(format!("{} is not a directory any more", above.display())));
            }
        }
        Ok(())
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_directory(&self, path: &str) -> Done {
        self.check_way(path)?;
        Ok(fs::create_dir_all(self.root.join(path))?)
    }

    /// Removes a directory, if it is empty.
    pub fn remove_directory(&self, path: &str) -> bool {
        fs::remove_dir(self.root.join(path)).is_ok()
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    if metadata.is_dir() {
        return Stamp::directory();
    }
    Stamp {
        is_directory: false,
        size: metadata.len(),
        // With the inode: a file that takes another's place within the resolution of the clock is another.
        changed: format!("{}.{:09} {}", metadata.mtime(), metadata.mtime_nsec(), metadata.ino()),
        is_program: metadata.mode() & EXECUTABLE != 0,
    }
}
