//! From a local directory to an archive.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use walkdir::WalkDir;

use super::{Counters, skipped};
use crate::error::{Error, Result};
use crate::model::{DirectoryResult, SkippedEntry};
use crate::protocols::exclude::Exclude;

/// A local directory about to be packed.
pub(crate) struct Listing {
    root: PathBuf,
    entries: Vec<Listed>,
    skipped: Vec<SkippedEntry>,
    pub(crate) files: i64,
    pub(crate) bytes: i64,
}

struct Listed {
    /// Below the root.
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    Directory,
    File,
    Link,
}

impl Listing {
    /// Lists `root`, parents before their children.
    ///
    /// # Errors
    /// `InvalidArgument` when it is no directory or something in it cannot be read.
    pub(crate) fn read(root: &str, exclude: &Exclude) -> Result<Self> {
        let unreadable = |path: &Path, error: io::Error| {
            Error::invalid_argument(format!("Cannot read the local {path:?}")).with_source(error)
        };
        // Followed, so that the directory itself may be given as a link.
        let metadata = fs::metadata(root).map_err(|e| unreadable(Path::new(root), e))?;
        if !metadata.is_dir() {
            return Err(Error::invalid_argument(format!("{root:?} is no directory.")));
        }
        let mut listing = Self { root: root.into(), entries: vec![], skipped: vec![], files: 0, bytes: 0 };
        let below = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_owned();
        let walk = WalkDir::new(root).min_depth(1).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() == 0 || !exclude.entry(&below(entry.path()))) {
            let entry = entry.map_err(|e| {
                let path = e.path().unwrap_or(Path::new(root)).to_owned();
                unreadable(&path, e.into())
            })?;
            let path = below(entry.path());
            let kind = if entry.file_type().is_dir() {
                Kind::Directory
            } else if entry.file_type().is_file() {
                listing.files += 1;
                listing.bytes += entry.metadata().map_or(0, |m| m.len()).cast_signed();
                Kind::File
            } else if entry.file_type().is_symlink() {
                Kind::Link
            } else {
                listing.skipped.push(skipped(&path, "it is neither a file nor a directory nor a link"));
                continue;
            };
            listing.entries.push(Listed { path, kind });
        }
        Ok(listing)
    }

    /// Writes the archive to `output`.
    ///
    /// # Errors
    /// `InvalidArgument` when a local file cannot be read; `Ok(None)` when `output` takes no more.
    pub(crate) fn pack(self, output: impl Write, counters: &Counters) -> Result<Option<DirectoryResult>> {
        let mut archive = Builder::new(GzEncoder::new(output, Compression::fast()));
        for entry in &self.entries {
            match pack_entry(&mut archive, &self.root.join(&entry.path), entry, counters) {
                Ok(()) => {}
                Err(PackError::Output) => return Ok(None),
                Err(PackError::Local(error)) => {
                    return Err(
                        Error::invalid_argument(format!("Cannot read the local {:?}", entry.path)).with_source(error)
                    );
                }
            }
        }
        let Ok(mut output) = archive.into_inner().and_then(GzEncoder::finish) else { return Ok(None) };
        if output.flush().is_err() {
            return Ok(None);
        }
        Ok(Some(DirectoryResult { files: counters.files(), bytes: counters.bytes(), skipped: self.skipped }))
    }
}

enum PackError {
    Local(io::Error),
    Output,
}

fn pack_entry(
    archive: &mut Builder<impl Write>,
    path: &Path,
    entry: &Listed,
    counters: &Counters,
) -> std::result::Result<(), PackError> {
    let local = PackError::Local;
    match entry.kind {
        Kind::Directory => {
            let mut header = header_of(&fs::symlink_metadata(path).map_err(local)?);
            header.set_entry_type(EntryType::Directory);
            header.set_size(0);
            archive.append_data(&mut header, &entry.path, io::empty()).map_err(|_| PackError::Output)
        }
        Kind::Link => {
            let target = fs::read_link(path).map_err(local)?;
            let mut header = header_of(&fs::symlink_metadata(path).map_err(local)?);
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, &entry.path, target).map_err(|_| PackError::Output)
        }
        Kind::File => {
            let file = File::open(path).map_err(local)?;
            let metadata = file.metadata().map_err(local)?;
            let mut header = header_of(&metadata);
            header.set_entry_type(EntryType::Regular);
            header.set_size(metadata.len());
            // The archive holds exactly the announced size: one that grows is cut, one that shrinks is an error.
            let mut content = Content { file: file.take(metadata.len()), left: metadata.len(), failed: None, counters };
            let appended = archive.append_data(&mut header, &entry.path, &mut content);
            counters.files.fetch_add(1, Ordering::Relaxed);
            match (content.failed, appended) {
                (Some(error), _) => Err(local(error)),
                (None, Err(_)) => Err(PackError::Output),
                (None, Ok(())) => Ok(()),
            }
        }
    }
}

/// Permissions and time; whose it is here means nothing there.
fn header_of(metadata: &fs::Metadata) -> Header {
    let mut header = Header::new_gnu();
    #[cfg(unix)]
    header.set_mode(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777);
    #[cfg(not(unix))]
    header.set_mode(if metadata.is_dir() { 0o755 } else { 0o644 });
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    header.set_mtime(changed.map_or(0, |time| time.as_secs()));
    header
}

/// The content of a file, which tells apart whose fault a failure is.
struct Content<'a> {
    file: io::Take<File>,
    left: u64,
    failed: Option<io::Error>,
    counters: &'a Counters,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = match self.file.read(buffer) {
            Ok(0) if self.left > 0 => Err(io::Error::other("it became shorter while it was read")),
            outcome => outcome,
        };
        match outcome {
            Ok(read) => {
                self.left -= read as u64;
                self.counters.bytes.fetch_add(read as u64, Ordering::Relaxed);
                Ok(read)
            }
            Err(error) => {
                let copy = io::Error::new(error.kind(), error.to_string());
                self.failed = Some(error);
                Err(copy)
            }
        }
    }
}
