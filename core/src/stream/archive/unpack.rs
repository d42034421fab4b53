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
use tar::{Archive, EntryType};

use super::{Counters, skipped};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DirectoryResult, SkippedEntry};
use crate::stream::exclude::Exclude;

/// Bytes written at once.
const COPY_SIZE: usize = 256 * 1024;

/// Unpacks an archive into `destination`, which is created.
///
/// # Errors
/// `InvalidArgument` when the destination cannot be written, `InvalidFilePath` for a name that leads out of it, `Connection` when
/// the archive is cut short or damaged.
pub(crate) fn unpack(
    input: impl Read,
    destination: &str,
    exclude: &Exclude,
    counters: &Arc<Counters>,
) -> Result<DirectoryResult> {
    let unwritable = |error: io::Error| {
        Error::invalid_argument(format!("Cannot write to the local directory {destination:?}")).with_source(error)
    };
    fs::create_dir_all(destination).map_err(unwritable)?;
    let root = Dir::open_ambient_dir(destination, ambient_authority()).map_err(unwritable)?;
    let mut unpacker = Unpacker { root, counters, made: HashSet::new(), modes: vec![], links: vec![], skipped: vec![] };
    let mut archive = Archive::new(MultiGzDecoder::new(input));
    let damaged = |error: io::Error| {
        Error::new(ErrorKind::Connection, "The archive of the directory is cut short or damaged").with_source(error)
    };
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let name = entry.path().map_err(damaged)?.into_owned();
        let path = inside(&name)?;
        if path.as_os_str().is_empty() || exclude.contains(&path) {
            continue;
        }
        let header = entry.header();
        let (kind, mode) = (header.entry_type(), header.mode().unwrap_or(0o644));
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(header.mtime().unwrap_or(0));
        let target = entry.link_name().map_err(damaged)?.map(std::borrow::Cow::into_owned);
        let done = match kind {
            EntryType::Directory => unpacker.directory(&path, mode),
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                match unpacker.file(&path, mode, changed, &mut entry) {
                    Err(FileError::Archive(error)) => return Err(damaged(error)),
                    Err(FileError::Local(error)) => Err(error),
                    Ok(()) => Ok(()),
                }
            }
            EntryType::Link => match target {
                Some(target) => unpacker.hard_link(&path, &inside(&target)?),
                None => unpacker.skip(&path, "it is a link to nothing"),
            },
            EntryType::Symlink => {
                unpacker.links.push((path.clone(), target.unwrap_or_default()));
                Ok(())
            }
            EntryType::XGlobalHeader => Ok(()),
            _ => unpacker.skip(&path, "it is neither a file nor a directory nor a link"),
        };
        done.map_err(|error| failed(destination, &path, error))?;
    }
    unpacker.finish().map_err(|(path, error)| failed(destination, &path, error))
}

fn failed(destination: &str, path: &Path, error: io::Error) -> Error {
    let path = Path::new(destination).join(path);
    Error::new(ErrorKind::Unknown, format!("Cannot write the local {path:?}")).with_source(error)
}

/// The name as a path below the destination.
fn inside(name: &Path) -> Result<PathBuf> {
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

enum FileError {
    Archive(io::Error),
    Local(io::Error),
}

struct Unpacker<'a> {
    root: Dir,
    counters: &'a Counters,
    /// Directories known to be there.
    made: HashSet<PathBuf>,
    /// Permissions of directories, set at the end: one may forbid writing.
    modes: Vec<(PathBuf, u32)>,
    links: Vec<(PathBuf, PathBuf)>,
    skipped: Vec<SkippedEntry>,
}

impl Unpacker<'_> {
    /// Leaves an entry out, which is no failure.
    #[allow(clippy::unnecessary_wraps, reason = "one outcome of unpacking an entry among others")]
    fn skip(&mut self, path: &Path, reason: &str) -> io::Result<()> {
        self.skipped.push(skipped(path, reason));
        Ok(())
    }

    fn make(&mut self, directory: &Path) -> io::Result<()> {
        if directory.as_os_str().is_empty() || self.made.contains(directory) {
            return Ok(());
        }
        self.root.create_dir_all(directory)?;
        self.made.insert(directory.to_owned());
        Ok(())
    }

    fn directory(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        self.make(path)?;
        self.modes.push((path.to_owned(), mode));
        Ok(())
    }

    fn file(
        &mut self,
        path: &Path,
        mode: u32,
        changed: SystemTime,
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
        changed: SystemTime,
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
        file.set_modified(changed).map_err(FileError::Local)
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
            let permissions = cap_std::fs::PermissionsExt::from_mode(mode & 0o777);
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
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    /// Name, kind, target of a link, content.
    type Crafted<'a> = (&'a [u8], EntryType, &'a [u8], &'a [u8]);

    /// An archive as no honest tar makes it: the names go into the header as they are.
    fn crafted(entries: &[Crafted]) -> Vec<u8> {
        let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, link, content) in entries {
            let mut header = Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name);
            header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
            header.set_entry_type(*kind);
            header.set_mode(0o6755);
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, *content).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn unpack_to(root: &Path, archive: &[u8]) -> Result<DirectoryResult> {
        let destination = root.join("to");
        unpack(archive, destination.to_str().unwrap(), &Exclude::new(&[]).unwrap(), &Arc::default())
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn names_that_lead_out_end_the_transfer() {
        let absolute = std::env::temp_dir().join("daytona-escape");
        let absolute = absolute.to_str().unwrap().as_bytes();
        for name in [&b"../escape"[..], b"a/../../escape", absolute, b"a/.."] {
            let root = tempfile::tempdir().unwrap();
            let error = unpack_to(root.path(), &crafted(&[(name, EntryType::Regular, b"", b"x")])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidFilePath, "{error}");
            assert_eq!(names(root.path()), ["to"]);
        }
        let link = crafted(&[(b"hard", EntryType::Link, b"../../etc/passwd", b"")]);
        let root = tempfile::tempdir().unwrap();
        assert_eq!(unpack_to(root.path(), &link).unwrap_err().kind(), ErrorKind::InvalidFilePath);
    }

    #[test]
    fn links_of_the_archive_are_not_written_through() {
        let root = tempfile::tempdir().unwrap();
        let archive = crafted(&[
            (b"out", EntryType::Symlink, b"..", b""),
            (b"out/escape", EntryType::Regular, b"", b"inside"),
            (b"in", EntryType::Symlink, b"out", b""),
            (b"dev", EntryType::Char, b"", b""),
            (b"disk", EntryType::Block, b"", b""),
        ]);
        let result = unpack_to(root.path(), &archive).unwrap();
        assert_eq!(names(root.path()), ["to"]);
        assert_eq!(fs::read(root.path().join("to/out/escape")).unwrap(), b"inside");
        let mut skipped: Vec<_> = result.skipped.into_iter().map(|s| s.path).collect();
        skipped.sort();
        assert_eq!(skipped, ["dev", "disk", "out"]);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(root.path().join("to/out/escape")).unwrap());
            assert_eq!(mode & 0o7000, 0, "set-user-id is not taken over");
        }
    }

    #[test]
    fn an_archive_cut_anywhere_is_an_error_and_leaves_whole_files_only() {
        let content: Vec<u8> = (0..40_000u32).map(|n| ((n * n) >> 5) as u8).collect();
        let archive = crafted(&[(b"a", EntryType::Regular, b"", &content), (b"b", EntryType::Regular, b"", &content)]);
        for cut in (0..archive.len() - 1).step_by(997) {
            let root = tempfile::tempdir().unwrap();
            let error = unpack_to(root.path(), &archive[..cut]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection, "cut at {cut}");
            for name in names(&root.path().join("to")) {
                assert!(fs::read(root.path().join("to").join(name)).unwrap() == content, "cut at {cut}");
            }
        }
    }
}
