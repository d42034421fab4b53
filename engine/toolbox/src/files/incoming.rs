//! Receiving a file: bytes go to a temporary file beside the destination. A failed or abandoned upload leaves the old
//! content, and nothing else, behind.
//!
//! A new file is then put in place by its name. An old one keeps its inode, and so its mode, owner and hard links: once
//! all has arrived, and room for it is set aside, its content is replaced.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use tempfile::TempPath;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::compat::Compat;

/// Bytes gathered before a write.
const BUFFER: usize = 256 * 1024;
/// Mode of a new file, before the umask.
const FILE_MODE: u32 = 0o666;
/// Links followed one after the other, as many as the kernel follows.
const MAX_LINKS: usize = 40;

/// A file being received.
pub(super) struct Incoming {
    file: BufWriter<tokio::fs::File>,
    target: Target,
    written: u64,
}

enum Target {
    /// Becomes `destination`, or its content, at the end.
    Beside { temporary: TempPath, destination: PathBuf },
    /// Written in place: devices, pipes, files in directories where nothing can be created, and all of them on servers that
    /// know no other way.
    InPlace,
}

/// Which step of an upload failed; the bulk upload names it in its error list (wire section 3.2).
pub(super) struct Failure {
    pub(super) step: &'static str,
    pub(super) error: io::Error,
}

fn at(step: &'static str) -> impl Fn(io::Error) -> Failure {
    move |error| Failure { step, error }
}

impl Incoming {
    /// Prepares to receive `destination`, making its parents. Links are written through.
    pub(super) async fn create(destination: PathBuf, compat: Compat) -> Result<Self, Failure> {
        let in_place = compat.writes_uploads_in_place();
        let opened = tokio::task::spawn_blocking(move || open(destination, in_place)).await;
        let (file, target) = opened.map_err(|error| at("create")(io::Error::other(error)))??;
        // Where what arrived of an interrupted upload stays, nothing of it waits.
        let buffer = if in_place { 0 } else { BUFFER };
        let file = BufWriter::with_capacity(buffer, tokio::fs::File::from_std(file));
        Ok(Self { file, target, written: 0 })
    }

    /// Appends a chunk.
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.file.write_all(chunk).await.map_err(at("write"))?;
        self.written += chunk.len() as u64;
        Ok(())
    }

    /// Puts the file in place and returns its size in bytes.
    pub(super) async fn finish(mut self) -> Result<u64, Failure> {
        self.file.flush().await.map_err(at("write"))?;
        drop(self.file);
        if let Target::Beside { temporary, destination } = self.target {
            let placed = tokio::task::spawn_blocking(move || place(temporary, &destination));
            placed.await.map_err(io::Error::other).and_then(|done| done).map_err(at("write"))?;
        }
        Ok(self.written)
    }
}

fn open(destination: PathBuf, in_place: bool) -> Result<(fs::File, Target), Failure> {
    let destination = follow_links(destination).map_err(at("create"))?;
    let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(at("mkdir"))?;
    let replaced = fs::metadata(&destination).ok();
    if destination.as_os_str().as_encoded_bytes().ends_with(b"/") || replaced.as_ref().is_some_and(|old| old.is_dir()) {
        return Err(at("create")(io::ErrorKind::IsADirectory.into()));
    }
    if in_place && replaced.is_none() {
        let file = fs::File::options().write(true).create(true).truncate(true).open(&destination);
        return Ok((file.map_err(at("create"))?, Target::InPlace));
    }
    if !in_place && replaced.as_ref().is_none_or(|old| old.is_file()) {
        if replaced.is_some() {
            // Files that may not be written are refused before anything is received.
            fs::File::options().write(true).open(&destination).map_err(at("create"))?;
        }
        let temporary = tempfile::Builder::new()
            .prefix(".daytona-upload-")
            .permissions(Permissions::from_mode(FILE_MODE))
            .tempfile_in(parent);
        match temporary {
            Ok(temporary) => {
                let (file, temporary) = temporary.into_parts();
                return Ok((file, Target::Beside { temporary, destination }));
            }
            // The file may be writable where its directory is not.
            Err(error) if replaced.is_some() && error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(at("create")(error)),
        }
    }
    let file = open_in_place(&destination).map_err(at("create"))?;
    Ok((file, Target::InPlace))
}

/// Where writing to `path` would end up. A link may lead to a file that is yet to be made.
fn follow_links(mut path: PathBuf) -> io::Result<PathBuf> {
    for _ in 0..MAX_LINKS {
        if let Ok(found) = fs::canonicalize(&path) {
            return Ok(found);
        }
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("/")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

/// Opens what is already there. A pipe that nobody reads is an error, not a wait.
fn open_in_place(path: &Path) -> io::Result<fs::File> {
    let file = fs::File::options().write(true).truncate(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty()))?;
    Ok(file)
}

/// Makes a finished temporary file the file at `destination`, or the content of the one that is there.
pub(super) fn place(temporary: TempPath, destination: &Path) -> io::Result<()> {
    match fs::File::options().write(true).open(destination) {
        Ok(old) => replace_content(&old, &mut fs::File::open(&temporary)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            temporary.persist(destination).map_err(|error| error.error)
        }
        Err(error) => Err(error),
    }
}

/// Sets room aside first: a full disk leaves the old content.
fn replace_content(old: &fs::File, new: &mut fs::File) -> io::Result<()> {
    let (before, after) = (old.metadata()?.len(), new.metadata()?.len());
    if let Err(error) = set_aside(old, after) {
        // Bytes that were added to the end are removed again.
        old.set_len(before)?;
        return Err(error);
    }
    io::copy(new, &mut &*old)?;
    old.set_len(after)
}

fn set_aside(file: &fs::File, length: u64) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};
    let Some(length) = libc::off_t::try_from(length).ok().filter(|length| *length > 0) else { return Ok(()) };
    match fallocate(file, FallocateFlags::empty(), 0, length) {
        // File systems without it find out while writing.
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
        result => Ok(result?),
    }
}
