//! Receiving a file: bytes go to a temporary file beside the destination, which then replaces it in one step. A failed or
//! abandoned upload leaves the old content, and nothing else, behind.

use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempPath;
use tokio::io::{AsyncWriteExt, BufWriter};

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
    /// Renamed over `destination` at the end.
    Replace { temporary: TempPath, destination: PathBuf, replaced: Option<Box<Metadata>> },
    /// Written in place: devices, pipes, and files in directories where nothing can be created.
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
    pub(super) async fn create(destination: PathBuf) -> Result<Self, Failure> {
        let opened = tokio::task::spawn_blocking(move || open(destination)).await;
        let (file, target) = opened.map_err(|error| at("create")(io::Error::other(error)))??;
        let file = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(file));
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
        if let Target::Replace { temporary, destination, replaced } = self.target {
            let renamed = tokio::task::spawn_blocking(move || {
                if let Some(old) = replaced {
                    keep_attributes(&temporary, &old)?;
                }
                temporary.persist(destination).map_err(|error| error.error)
            });
            renamed.await.map_err(io::Error::other).and_then(|done| done).map_err(at("close"))?;
        }
        Ok(self.written)
    }
}

fn open(destination: PathBuf) -> Result<(fs::File, Target), Failure> {
    let destination = follow_links(destination).map_err(at("create"))?;
    let parent = destination.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(at("mkdir"))?;
    let replaced = fs::metadata(&destination).ok().map(Box::new);
    if destination.as_os_str().as_encoded_bytes().ends_with(b"/") || replaced.as_ref().is_some_and(|old| old.is_dir()) {
        return Err(at("create")(io::ErrorKind::IsADirectory.into()));
    }
    if replaced.as_ref().is_none_or(|old| old.is_file()) {
        let temporary = tempfile::Builder::new()
            .prefix(".daytona-upload-")
            .permissions(Permissions::from_mode(FILE_MODE))
            .tempfile_in(parent);
        match temporary {
            Ok(temporary) => {
                let (file, temporary) = temporary.into_parts();
                return Ok((file, Target::Replace { temporary, destination, replaced }));
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

/// Overwriting a file changes its content, not its mode and owner.
pub(super) fn keep_attributes(file: &Path, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let new = fs::metadata(file)?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Only root may give files away; for others the file becomes their own, as with any editor that saves by renaming.
        let _ = std::os::unix::fs::chown(file, Some(old.uid()), Some(old.gid()));
    }
    fs::set_permissions(file, old.permissions())
}
