//! From an archive to a local directory.
//!
//! An archive from a sandbox is not to be trusted. Unpacking happens through a capability to the destination
//! (`cap_std::fs::Dir`), which no path and no link leads out of, and moreover:
//!
//! * A name that is absolute or goes up ends the transfer: no honest archive has one.
//! * Files are written beside their name and renamed, so what is there is whole, and a link that has the name is replaced
//!   and never followed.
//! * Links come after everything else, and only those that stay inside; the others are skipped and reported, as are
//!   devices, sockets and pipes.
//! * No file and no directory gets permissions that the umask of this process withholds.
//! * What is said about an entry, and what has to be kept until the end, has limits. Sparse files, by which a few bytes
//!   stand for any number of zeros, end the transfer: what packs the archive makes none.

mod gate;

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use flate2::read::MultiGzDecoder;
use tar::{Archive, Entry, EntryType};

use super::{Counters, skipped};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DirectoryResult, SkippedEntry};
use crate::protocols::exclude::Exclude;
use gate::Gate;

/// Bytes written at once.
const COPY_SIZE: usize = 256 * 1024;
/// The longest name, in bytes: no system takes a longer path.
const MAX_NAME: usize = 4096;
/// The deepest directory: removing a tree takes a file descriptor for each.
const MAX_DEPTH: usize = 256;
/// The most that may stand between the contents of two entries, in bytes: headers, long names, attributes.
const MAX_HEADERS: u64 = 1 << 20;
/// The most that names of directories, links and skipped entries may take in memory, in bytes.
const MAX_KEPT: usize = 256 << 20;

/// Unpacks an archive into `directory`, which is created; errors call it `destination`.
///
/// # Errors
/// `InvalidArgument` when the destination cannot be written, `InvalidFilePath` for a name that leads out of it or is too long,
/// `UnprocessableEntity` for an archive with sparse files or without measure, `Connection` when the archive is cut short or
/// damaged.
pub(super) fn unpack(
    input: impl Read,
    directory: &Path,
    destination: &str,
    exclude: &Exclude,
    counters: &Arc<Counters>,
) -> Result<DirectoryResult> {
    let unwritable = |error: io::Error| {
        Error::invalid_argument(format!("Cannot write to the local directory {destination:?}")).with_source(error)
    };
    fs::create_dir_all(directory).map_err(unwritable)?;
    let root = Dir::open_ambient_dir(directory, ambient_authority()).map_err(unwritable)?;
    let allowed = allowed_mode(&root).map_err(unwritable)?;
    let mut unpacker = Unpacker {
        root,
        counters,
        allowed,
        made: HashSet::new(),
        modes: vec![],
        links: vec![],
        skipped: vec![],
        kept: 0,
    };
    let gate = Gate::new(MultiGzDecoder::new(input));
    let limit = gate.limit();
    let mut archive = Archive::new(gate);
    let damaged = |error: io::Error| {
        if limit.is_exceeded() {
            return refused(&format!("an entry has more than {MAX_HEADERS} bytes of headers"));
        }
        Error::new(ErrorKind::Connection, "The archive of the directory is cut short or damaged").with_source(error)
    };
    let mut entries = archive.entries().map_err(damaged)?;
    loop {
        limit.set(MAX_HEADERS);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(damaged)?;
        limit.lift();
        if entry.header().entry_type() == EntryType::GNUSparse {
            return Err(refused("it has a sparse file"));
        }
        match unpacker.entry(&mut entry, exclude) {
            Ok(()) => {}
            Err(EntryError::Archive(error)) => return Err(damaged(error)),
            Err(EntryError::Refused(error)) => return Err(error),
            Err(EntryError::Local(path, error)) => return Err(failed(destination, &path, error)),
        }
        // What an entry has beyond what was taken of it is no header.
        io::copy(&mut entry, &mut io::sink()).map_err(damaged)?;
    }
    unpacker.finish().map_err(|(path, error)| failed(destination, &path, error))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::UnprocessableEntity, format!("The archive of the directory was refused: {why}."))
}

/// The permissions that the umask leaves, as a directory gets them.
fn allowed_mode(root: &Dir) -> io::Result<u32> {
    #[cfg(unix)]
    {
        let probe = temporary_name();
        root.create_dir(&probe)?;
        let metadata = root.symlink_metadata(&probe);
        root.remove_dir(&probe)?;
        Ok(cap_std::fs::PermissionsExt::mode(&metadata?.permissions()) & 0o777)
    }
    #[cfg(not(unix))]
    {
        let _ = root;
        Ok(0o777)
    }
}

fn failed(destination: &str, path: &Path, error: io::Error) -> Error {
    let path = Path::new(destination).join(path);
    Error::new(ErrorKind::Unknown, format!("Cannot write the local {path:?}")).with_source(error)
}

/// The name as a path below the destination.
fn inside(name: &Path) -> Result<PathBuf> {
    if name.as_os_str().len() > MAX_NAME {
        return Err(Error::new(
            ErrorKind::InvalidFilePath,
            format!("The archive has an entry with a name of more than {MAX_NAME} bytes: it was refused."),
        ));
    }
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => path.push(part),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Error::new(
                    ErrorKind::InvalidFilePath,
                    format!("The archive has an entry {name:?}, which leads out of the destination: it was refused."),
                ));
            }
        }
    }
    if path.components().count() > MAX_DEPTH {
        return Err(Error::new(
            ErrorKind::InvalidFilePath,
            format!("The archive has an entry {MAX_DEPTH} directories deep: it was refused."),
        ));
    }
    Ok(path)
}

/// Whether a link at `path` to `target` stays inside.
fn stays_inside(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count() - 1;
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

enum EntryError {
    Archive(io::Error),
    Local(PathBuf, io::Error),
    Refused(Error),
}

enum FileError {
    Archive(io::Error),
    Local(io::Error),
}

struct Unpacker<'a> {
    root: Dir,
    counters: &'a Counters,
    /// The permissions that may be given.
    allowed: u32,
    /// Directories known to be there.
    made: HashSet<PathBuf>,
    /// Permissions of directories, set at the end: one may forbid writing.
    modes: Vec<(PathBuf, u32)>,
    links: Vec<(PathBuf, PathBuf)>,
    skipped: Vec<SkippedEntry>,
    /// The memory that all these take, about.
    kept: usize,
}

impl Unpacker<'_> {
    fn entry(&mut self, entry: &mut Entry<'_, impl Read>, exclude: &Exclude) -> std::result::Result<(), EntryError> {
        let name = entry.path().map_err(EntryError::Archive)?.into_owned();
        let path = inside(&name).map_err(EntryError::Refused)?;
        if path.as_os_str().is_empty() || exclude.contains(&path) {
            return Ok(());
        }
        let header = entry.header();
        let (kind, mode) = (header.entry_type(), header.mode().unwrap_or(0o644));
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(header.mtime().unwrap_or(0)));
        let target = entry.link_name().map_err(EntryError::Archive)?.map(std::borrow::Cow::into_owned);
        let done = match kind {
            EntryType::Directory => self.directory(&path, mode),
            EntryType::Regular | EntryType::Continuous => match self.file(&path, mode, changed, entry) {
                Err(FileError::Archive(error)) => return Err(EntryError::Archive(error)),
                Err(FileError::Local(error)) => Err(error),
                Ok(()) => Ok(()),
            },
            EntryType::Link => match target {
                Some(target) => self.hard_link(&path, &inside(&target).map_err(EntryError::Refused)?),
                None => self.skip(&path, "it is a link to nothing"),
            },
            EntryType::Symlink if target.as_ref().is_none_or(|target| target.as_os_str().is_empty()) => {
                self.skip(&path, "it is a link to nothing")
            }
            EntryType::Symlink => {
                let target = target.unwrap_or_default();
                self.kept += path.as_os_str().len() + target.as_os_str().len();
                self.links.push((path.clone(), target));
                Ok(())
            }
            EntryType::XGlobalHeader => Ok(()),
            _ => self.skip(&path, "it is neither a file nor a directory nor a link"),
        };
        done.map_err(|error| EntryError::Local(path, error))?;
        // Beside the names, what holds them takes about as much again.
        if self.kept + 100 * (self.made.len() + self.modes.len() + self.links.len() + self.skipped.len()) > MAX_KEPT {
            return Err(EntryError::Refused(refused(
                "it has too many directories, links and entries that are skipped",
            )));
        }
        Ok(())
    }

    /// Leaves an entry out, which is no failure.
    #[allow(clippy::unnecessary_wraps, reason = "one outcome of unpacking an entry among others")]
    fn skip(&mut self, path: &Path, reason: &str) -> io::Result<()> {
        self.kept += path.as_os_str().len() + reason.len();
        self.skipped.push(skipped(path, reason));
        Ok(())
    }

    /// Makes a directory and those above it, from the top: a name may have thousands of them.
    fn make(&mut self, directory: &Path) -> io::Result<()> {
        if directory.as_os_str().is_empty() || self.made.contains(directory) {
            return Ok(());
        }
        let mut parents: Vec<_> = directory.ancestors().take_while(|path| !self.made.contains(*path)).collect();
        // The last ancestor of a relative path is empty.
        parents.retain(|path| !path.as_os_str().is_empty());
        for path in parents.into_iter().rev() {
            match self.root.create_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.root.open_dir(path).is_ok() => {}
                made => made?,
            }
            self.kept += path.as_os_str().len();
            self.made.insert(path.to_owned());
        }
        Ok(())
    }

    fn directory(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        self.make(path)?;
        self.kept += path.as_os_str().len();
        self.modes.push((path.to_owned(), mode));
        Ok(())
    }

    fn file(
        &mut self,
        path: &Path,
        mode: u32,
        changed: Option<SystemTime>,
        content: &mut impl Read,
    ) -> std::result::Result<(), FileError> {
        let parent = path.parent().unwrap_or(Path::new(""));
        self.make(parent).map_err(FileError::Local)?;
        let temporary = parent.join(temporary_name());
        let written = self.write(&temporary, mode, changed, content);
        let named = written.and_then(|()| self.root.rename(&temporary, &self.root, path).map_err(FileError::Local));
        if named.is_err() {
            // What is left of a failure is only this.
            let _ = self.root.remove_file(&temporary);
        }
        self.counters.files.fetch_add(1, Ordering::Relaxed);
        named
    }

    fn write(
        &self,
        path: &Path,
        mode: u32,
        changed: Option<SystemTime>,
        content: &mut impl Read,
    ) -> std::result::Result<(), FileError> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::mode(&mut options, mode & 0o777);
        #[cfg(not(unix))]
        let _ = mode;
        let mut file = self.root.open_with(path, &options).map_err(FileError::Local)?.into_std();
        let mut buffer = vec![0; COPY_SIZE];
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(FileError::Archive(error)),
            };
            file.write_all(&buffer[..read]).map_err(FileError::Local)?;
            self.counters.bytes.fetch_add(read as u64, Ordering::Relaxed);
        }
        match changed {
            Some(changed) => file.set_modified(changed).map_err(FileError::Local),
            None => Ok(()),
        }
    }

    fn hard_link(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        self.make(path.parent().unwrap_or(Path::new("")))?;
        match self.root.remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if self.root.hard_link(target, &self.root, path).is_err() {
            // Where there are no hard links, or the target was left out.
            match self.root.copy(target, &self.root, path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return self.skip(path, "it is a link to a file that was left out");
                }
                copied => drop(copied?),
            }
        }
        self.counters.files.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn finish(mut self) -> std::result::Result<DirectoryResult, (PathBuf, io::Error)> {
        for (path, target) in std::mem::take(&mut self.links) {
            self.link(&path, &target).map_err(|error| (path, error))?;
        }
        #[cfg(unix)]
        for (path, mode) in std::mem::take(&mut self.modes).into_iter().rev() {
            let permissions = cap_std::fs::PermissionsExt::from_mode(mode & self.allowed);
            self.root.set_permissions(&path, permissions).map_err(|error| (path, error))?;
        }
        Ok(DirectoryResult { files: self.counters.files(), bytes: self.counters.bytes(), skipped: self.skipped })
    }

    fn link(&mut self, path: &Path, target: &Path) -> io::Result<()> {
        if !stays_inside(path, target) {
            return self.skip(path, &format!("it is a link to {target:?}, outside of the directory"));
        }
        self.make(path.parent().unwrap_or(Path::new("")))?;
        match self.root.symlink_metadata(path) {
            Ok(there) if there.is_dir() => {
                return self.skip(path, "it is a link where there is a directory");
            }
            Ok(_) => self.root.remove_file(path)?,
            Err(_) => {}
        }
        #[cfg(unix)]
        return self.root.symlink(target, path);
        #[cfg(not(unix))]
        return self.skip(path, "links cannot be made on this system");
    }
}

fn temporary_name() -> OsString {
    format!(".daytona-{}.part", uuid::Uuid::new_v4().simple()).into()
}

#[cfg(test)]
mod tests;
