//! The files of this machine.

use std::cell::OnceCell;
use std::fs::{self, File, Metadata, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use globset::GlobSet;
use rustix::fs::RenameFlags;

use super::journal::{Entry, Journal};
use super::plan::Listing;
use super::{STAGING, Stamp};
use crate::failure::{Done, Failure};

/// The owner may run it.
const EXECUTABLE: u32 = 0o100;

/// The file that is being replaced or removed, in a directory for what is on its way.
const ASIDE: &str = "aside";
/// The file that takes its place.
pub const NEW: &str = "new";

/// A directory of this machine.
pub struct Here {
    /// Its absolute path, without links.
    pub root: PathBuf,
}

/// A new directory beside the files, on the same file system, for what is on its way. It goes with the value. It is made when it
/// is needed: where nothing changes, nobody should notice a change.
pub struct Staging<'a> {
    root: &'a Path,
    journal: Journal,
    made: OnceCell<tempfile::TempDir>,
}

impl<'a> Staging<'a> {
    /// One that is not there yet.
    pub fn new(root: &'a Path, journal: Journal) -> Self {
        Self { root, journal, made: OnceCell::new() }
    }

    /// Its path.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn path(&self) -> Done<&Path> {
        if self.made.get().is_none() {
            let name = format!("{STAGING}{}", uuid::Uuid::new_v4().simple());
            self.journal.note(&Entry::Here { name: name.clone(), path: None })?;
            let made = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir_in(self.root)?;
            return Ok(self.made.get_or_init(|| made).path());
        }
        Ok(self.made.get().map_or(self.root, |made| made.path()))
    }

    /// Writes down which file is put aside next.
    fn note(&self, path: &str) -> Done {
        let name = self.path()?.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.journal.note(&Entry::Here { name, path: Some(path.to_owned()) })
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
        staging: &Staging<'_>,
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
        let aside = staging.path()?.join(ASIDE);
        staging.note(path)?;
        let was_there = match fs::rename(&target, &aside) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(failed(error)),
        };
        let placed = new.map_or(Ok(()), |new| rename_to_nothing(new, &target));
        let found = if was_there { fs::symlink_metadata(&aside).ok().map(|metadata| stamp(&metadata)) } else { None };
        if let Err(error) = placed {
            if was_there {
                // Somebody else's file may be there by now.
                let back =
                    if fs::symlink_metadata(&target).is_ok() { self.root.join(otherwise) } else { target.clone() };
                fs::rename(&aside, back).map_err(failed)?;
            }
            return Err(failed(error));
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

    /// Clears away a directory that a program left which was killed. The file that it had put aside goes back to its place; if
    /// another is there and it is not the one that was `known`, it is kept as `otherwise`, which is returned.
    ///
    /// # Errors
    /// When it cannot be put back. It is where it was then.
    pub fn recover(
        &self,
        name: &str,
        path: Option<&str>,
        known: Option<&Stamp>,
        otherwise: impl FnOnce(&str) -> String,
    ) -> Done<Option<String>> {
        let staging = self.root.join(name);
        let is_ours = name.starts_with(STAGING) && !name.contains('/');
        if !is_ours || !fs::symlink_metadata(&staging).is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(None);
        }
        let aside = staging.join(ASIDE);
        let found = fs::symlink_metadata(&aside).ok();
        let mut kept = None;
        if let (Some(found), Some(path)) = (found, path) {
            self.check_way(path)?;
            let target = self.root.join(path);
            if fs::symlink_metadata(&target).is_err() {
                fs::create_dir_all(target.parent().unwrap_or(&self.root))?;
                rename_to_nothing(&aside, &target)?;
            } else if Some(&stamp(&found)) == known {
                fs::remove_file(&aside)?;
            } else {
                let otherwise = otherwise(path);
                rename_to_nothing(&aside, &self.root.join(&otherwise))?;
                kept = Some(otherwise);
            }
        }
        let _ = fs::remove_file(staging.join(NEW));
        // What nobody knows stays, and so does the directory.
        let _ = fs::remove_dir(&staging);
        Ok(kept)
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

/// Moves a file to a place where nothing is.
fn rename_to_nothing(from: &Path, to: &Path) -> std::io::Result<()> {
    Ok(rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, RenameFlags::NOREPLACE)?)
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
