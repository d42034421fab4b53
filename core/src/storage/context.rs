//! A context as one archive: its name, its size, and its bytes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use ring::digest::{self, Context as Hasher};
use tar::{Builder, EntryType, Header};
use walkdir::WalkDir;

use super::signature::hex;
use crate::error::{Error, Result};
use crate::image::Ignore;
use crate::model::Context;

/// The archive of a context. It is read from disk whenever it is written.
pub(super) struct Archive {
    source: PathBuf,
    entries: Vec<Entry>,
}

struct Entry {
    local: PathBuf,
    /// In the archive, with `/` between names.
    path: String,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Directory,
    File,
    Link,
}

/// What is known of an archive when it has been written.
#[derive(Debug, PartialEq)]
pub(super) struct Written {
    /// Stands for its content: 32 digits.
    pub(super) hash: String,
    /// Bytes.
    pub(super) size: u64,
}

impl Archive {
    /// Lists what is in a context, in an order that is always the same.
    ///
    /// # Errors
    /// `InvalidArgument` when something cannot be read.
    pub(super) fn list(context: &Context) -> Result<Self> {
        let source = Path::new(&context.source_path);
        let metadata = fs::metadata(source).map_err(|e| unreadable(source, e))?;
        let archive = context.archive_path.as_deref().unwrap_or(&context.source_path);
        // Nothing may leave the context's root.
        let root: PathBuf =
            Path::new(archive).components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
        let ignore = context.ignore_file.as_deref().map(|file| Ignore::read(Path::new(file))).transpose()?;
        let left_out = |path: &Path| ignore.as_ref().is_some_and(|ignore| ignore.leaves_out(path));
        let mut list = Self { source: source.to_owned(), entries: Vec::new() };
        if !metadata.is_dir() {
            if !left_out(&root) {
                list.add(source.to_owned(), &root, Kind::File);
            }
            return Ok(list);
        }
        // The link itself would lead nowhere in the archive.
        let walk = WalkDir::new(source.join(".")).min_depth(0).sort_by_file_name().into_iter();
        let is_final = ignore.as_ref().is_none_or(Ignore::is_final);
        let below = |path: &Path| root.join(path.strip_prefix(source.join(".")).unwrap_or(path));
        for entry in walk.filter_entry(|entry| !(is_final && left_out(&below(entry.path())))) {
            let entry = entry.map_err(|e| {
                let path = e.path().unwrap_or(source).to_owned();
                unreadable(&path, e.into())
            })?;
            let path = below(entry.path());
            let kind = match entry.file_type() {
                kind if kind.is_dir() => Kind::Directory,
                kind if kind.is_symlink() => Kind::Link,
                kind if kind.is_file() => Kind::File,
                // Sockets, devices and the like cannot be copied.
                _ => continue,
            };
            if !left_out(&path) {
                list.add(entry.path().to_owned(), &path, kind);
            }
        }
        Ok(list)
    }

    fn add(&mut self, local: PathBuf, path: &Path, kind: Kind) {
        let names: Vec<_> = path.components().map(|name| name.as_os_str().to_string_lossy()).collect();
        // The root is there by itself.
        if !names.is_empty() {
            self.entries.push(Entry { local, path: names.join("/"), kind });
        }
    }

    /// Writes the archive and tells what was written.
    ///
    /// # Errors
    /// `InvalidArgument` when a file cannot be read; `Ok(None)` when `output` takes no more.
    pub(super) fn write(&self, output: impl Write) -> Result<Option<Written>> {
        let mut hasher = Hasher::new(&digest::SHA256);
        let mut archive = Builder::new(Counted { output, written: 0 });
        for entry in &self.entries {
            match entry.write(&mut archive, &mut hasher) {
                Ok(()) => {}
                Err(Failure::Output) => return Ok(None),
                Err(Failure::Local(error)) => return Err(unreadable(&entry.local, error)),
            }
        }
        let Ok(mut counted) = archive.into_inner() else { return Ok(None) };
        if counted.flush().is_err() {
            return Ok(None);
        }
        let hash = hex(&hasher.finish().as_ref()[..16]);
        Ok(Some(Written { hash, size: counted.written }))
    }

    /// Path of the file or directory here.
    pub(super) fn name(&self) -> String {
        self.source.display().to_string()
    }

    /// The error for files that are not what they were a moment before.
    pub(super) fn changed(&self) -> Error {
        Error::invalid_argument(format!("{:?} changed while it was uploaded. Try again.", self.source))
    }
}

enum Failure {
    Local(io::Error),
    Output,
}

impl Entry {
    fn write(&self, archive: &mut Builder<impl Write>, hasher: &mut Hasher) -> std::result::Result<(), Failure> {
        let local = Failure::Local;
        let metadata =
            if self.kind == Kind::File { fs::metadata(&self.local) } else { fs::symlink_metadata(&self.local) };
        let metadata = metadata.map_err(local)?;
        let mut header = header_of(&metadata);
        let mode = header.mode().unwrap_or(0o644);
        hasher.update(format!("{}\0{mode:o}\0", self.path).as_bytes());
        match self.kind {
            Kind::Directory => {
                hasher.update(b"directory\0");
                header.set_entry_type(EntryType::Directory);
                header.set_size(0);
                archive.append_data(&mut header, format!("{}/", self.path), io::empty()).map_err(|_| Failure::Output)
            }
            Kind::Link => {
                let target = fs::read_link(&self.local).map_err(local)?;
                hasher.update(format!("link\0{}\0", target.display()).as_bytes());
                header.set_entry_type(EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, &self.path, target).map_err(|_| Failure::Output)
            }
            Kind::File => {
                let file = File::open(&self.local).map_err(local)?;
                let size = file.metadata().map_err(local)?.len();
                hasher.update(format!("file\0{size}\0").as_bytes());
                header.set_entry_type(EntryType::Regular);
                header.set_size(size);
                let mut content = Content { file: file.take(size), left: size, failed: None, hasher };
                let appended = archive.append_data(&mut header, &self.path, &mut content);
                match (content.failed, appended) {
                    (Some(error), _) => Err(local(error)),
                    (None, Err(_)) => Err(Failure::Output),
                    (None, Ok(())) => Ok(()),
                }
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
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    header.set_mtime(changed.map_or(0, |time| time.as_secs()));
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// The content of a file on its way into the archive and the hash.
struct Content<'a> {
    file: io::Take<File>,
    left: u64,
    failed: Option<io::Error>,
    hasher: &'a mut Hasher,
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
                self.hasher.update(&buffer[..read]);
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

struct Counted<W> {
    output: W,
    written: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    Error::invalid_argument(format!("Cannot read {path:?}, which the image copies")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(source: &Path, archive: &str) -> Context {
        Context {
            source_path: source.to_string_lossy().into_owned(),
            archive_path: Some(archive.into()),
            ignore_file: None,
        }
    }

    fn written(context: &Context) -> (Written, Vec<String>) {
        let mut bytes = Vec::new();
        let written = Archive::list(context).unwrap().write(&mut bytes).unwrap().unwrap();
        assert_eq!(written.size, bytes.len() as u64);
        assert_eq!(Archive::list(context).unwrap().write(io::sink()).unwrap().unwrap(), written);
        let mut archive = tar::Archive::new(&bytes[..]);
        let names =
            archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect();
        (written, names)
    }

    #[test]
    fn a_directory_is_below_its_archive_path_without_what_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("src/empty")).unwrap();
        fs::write(root.join("src/a.py"), "a").unwrap();
        fs::write(root.join("src/b.md"), "b").unwrap();
        std::os::unix::fs::symlink("a.py", root.join("src/link")).unwrap();
        let mut given = context(&root.join("src"), "app/src");
        let (whole, names) = written(&given);
        assert_eq!(names, ["app/src/", "app/src/a.py", "app/src/b.md", "app/src/empty/", "app/src/link"]);
        fs::write(root.join(".dockerignore"), "**/*.md\n").unwrap();
        given.ignore_file = Some(root.join(".dockerignore").to_string_lossy().into_owned());
        let (partly, names) = written(&given);
        assert_eq!(names, ["app/src/", "app/src/a.py", "app/src/empty/", "app/src/link"]);
        assert_ne!(whole.hash, partly.hash);
        fs::write(root.join("src/a.py"), "A").unwrap();
        assert_ne!(written(&given).0.hash, partly.hash);
    }

    #[test]
    fn a_file_has_the_archive_path_and_the_root_has_no_entry() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("f"), "x").unwrap();
        assert_eq!(written(&context(&directory.path().join("f"), "/a/../b/f")).1, ["a/b/f"]);
        assert_eq!(written(&context(directory.path(), "")).1, ["f"]);
        let error = Archive::list(&context(&directory.path().join("none"), "none")).err().unwrap();
        assert!(error.to_string().contains("none"), "{error}");
    }
}
