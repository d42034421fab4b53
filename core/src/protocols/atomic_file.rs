//! A local file that appears under its name only when it is complete.
//!
//! Reading goes on while the disk is written to: what arrives meanwhile is collected, up to [`PENDING_BYTES`], and
//! written at once. Dropped before [`AtomicFile::commit`], the file never was.

use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::error::{Error, ErrorKind, Result};

/// Bytes collected while a write is under way; more waits for its end.
const PENDING_BYTES: usize = 1 << 20;

pub(crate) struct AtomicFile {
    state: State,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    temporary: tempfile::TempPath,
    path: PathBuf,
}

enum State {
    Idle(std::fs::File),
    Writing(JoinHandle<std::io::Result<std::fs::File>>),
    /// A write failed, or waiting for it was given up.
    Lost,
}

impl AtomicFile {
    /// Makes a temporary file beside `path`, and the directories above it.
    pub(crate) async fn create(path: &str) -> Result<Self> {
        let path = PathBuf::from(path);
        let target = path.clone();
        let (file, temporary) = run(move || create_beside(&target))
            .await
            .map_err(|e| Error::invalid_argument(format!("Cannot write to the local path {path:?}")).with_source(e))?
            .into_parts();
        Ok(Self { state: State::Idle(file), pending: Vec::new(), pending_bytes: 0, temporary, path })
    }

    /// Takes the next piece; waits while the disk is far behind.
    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.pending_bytes += piece.len();
        self.pending.push(piece);
        let busy = matches!(&self.state, State::Writing(write) if !write.is_finished());
        if busy && self.pending_bytes < PENDING_BYTES {
            return Ok(());
        }
        self.write_pending().await
    }

    /// Writes what is left and gives the file its name, replacing what has it.
    pub(crate) async fn commit(mut self) -> Result<()> {
        self.write_pending().await?;
        // Closed before it is seen.
        drop(self.written().await?);
        let Self { temporary, path, .. } = self;
        temporary.persist(&path).map_err(|e| failed(&path, e.error))
    }

    /// Waits for the write under way and begins the next.
    async fn write_pending(&mut self) -> Result<()> {
        let mut file = self.written().await?;
        let pieces = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        self.state = State::Writing(spawn_blocking(move || {
            pieces.iter().try_for_each(|piece| file.write_all(piece))?;
            Ok(file)
        }));
        Ok(())
    }

    async fn written(&mut self) -> Result<std::fs::File> {
        let file = match std::mem::replace(&mut self.state, State::Lost) {
            State::Idle(file) => Ok(file),
            State::Writing(write) => write.await.unwrap_or_else(|e| Err(std::io::Error::other(e))),
            State::Lost => Err(std::io::Error::other("an earlier write failed")),
        };
        file.map_err(|e| failed(&self.path, e))
    }
}

fn create_beside(target: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    if target.is_dir() {
        return Err(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let directory = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".daytona-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|e| Err(std::io::Error::other(e)))
}

fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unknown, format!("Cannot write the local file {path:?}")).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_arrive_in_order_whatever_their_sizes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/file");
        let mut file = AtomicFile::create(path.to_str().unwrap()).await.unwrap();
        let mut expected = Vec::new();
        for n in 0..2000usize {
            let piece = vec![n as u8; n * 7 % 5000];
            expected.extend_from_slice(&piece);
            file.write(piece.into()).await.unwrap();
        }
        assert!(!path.exists());
        file.commit().await.unwrap();
        assert!(std::fs::read(&path).unwrap() == expected);
    }

    #[tokio::test]
    async fn a_file_given_up_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "before").unwrap();
        let mut file = AtomicFile::create(path.to_str().unwrap()).await.unwrap();
        file.write(Bytes::from_static(b"after")).await.unwrap();
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
