//! Snapshots of images as archives: OCI layouts, which other tools read and write, in a tar.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use daytona_images::{Cancel, Image};
use daytona_toolbox::remove_tree::{Locked, remove_tree};
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use crate::engine::Engine;
use crate::errors::{ApiError, ApiResult};
use crate::idle_body;
use crate::isolation;
use crate::sandboxes::lifecycle::off_the_runtime;
use crate::sandboxes::needed_room;
use crate::snapshots::images::CancelOnDrop;
use crate::snapshots::record::{Snapshot, SnapshotState};

/// Where archives are put together, in the state directory. Each start empties it.
const DIRECTORY: &str = "archives";

/// Bytes of a piece of an archive.
const PIECE: usize = 64 << 10;

/// Archives put together at once: each may take all the room that there is.
static EXPORTS: Semaphore = Semaphore::const_new(1);

/// How often is looked whether the machine's disk still has room, in bytes received.
const LOOK: u64 = 64 << 20;

/// Removes what an earlier engine has left.
pub fn prepare(state_dir: &Path) -> io::Result<()> {
    match remove_tree(&state_dir.join(DIRECTORY), Locked::Unlock) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::create_dir_all(state_dir.join(DIRECTORY))
}

/// A directory that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(DIRECTORY).join(uuid::Uuid::new_v4().simple().to_string());
        fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.0, Locked::Unlock) {
            tracing::warn!(%error, "an archive of a snapshot is left to the next start");
        }
    }
}

impl Engine {
    /// The archive of a snapshot's image, piece by piece. Answers once it is put together.
    pub async fn export_snapshot(self: &Arc<Self>, snapshot: Snapshot) -> ApiResult<mpsc::Receiver<io::Result<Bytes>>> {
        let name = snapshot.name.clone();
        let refuse = move |reason: &str| ApiError::bad_request(format!("Snapshot {name} cannot be exported: {reason}"));
        if snapshot.state != SnapshotState::Active && snapshot.state != SnapshotState::Inactive {
            return Err(refuse(&format!("it is {}", snapshot.state.name())));
        }
        if snapshot.has_files {
            return Err(refuse("it was made from a sandbox, and only those of images can"));
        }
        let Some(image) = snapshot.image else {
            return Err(refuse("it is the engine's own root, which is this machine's"));
        };
        // Given up with the request.
        let cancel = Cancel::default();
        let _given_up = CancelOnDrop(cancel.clone());
        let engine = Arc::clone(self);
        let turn = EXPORTS.acquire().await.map_err(|error| ApiError::internal(&error))?;
        let made = off_the_runtime(move || {
            // Also when nobody waits any more.
            let _turn = turn;
            needed_room::check(&engine.state_dir, image.size).map_err(|error| refuse(&format!("{error:#}")))?;
            let scratch = Scratch::new(&engine.state_dir).map_err(|error| ApiError::internal(&error))?;
            let exported = engine.images.store.export(&image, &scratch.0, &snapshot.name, &cancel);
            exported.map_err(|error| refuse(&error.to_string()))?;
            Ok::<_, ApiError>(scratch)
        });
        let scratch = made.await??;
        let (sender, pieces) = mpsc::channel(2);
        tokio::task::spawn_blocking(move || {
            let written = write_archive(&scratch.0, Pieces(sender.clone()));
            // It may be long until the last pieces are read, or for ever.
            drop(scratch);
            if let Err(error) = written {
                // Whoever reads on learns that it is not whole, however late; that takes no thread.
                Handle::current().spawn(async move { drop(sender.send(Err(error)).await) });
            }
        });
        Ok(pieces)
    }

    /// Makes a snapshot of an archive that arrives in pieces. `snapshot` is all but its image.
    pub async fn import_snapshot<E: std::fmt::Display>(
        self: &Arc<Self>,
        snapshot: Snapshot,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> ApiResult<serde_json::Value> {
        let scratch = Scratch::new(&self.state_dir).map_err(|error| ApiError::internal(&error))?;
        let archive = scratch.0.join("archive");
        self.receive(&archive, pieces).await.map_err(|error| ApiError::bad_request(format!("{error:#}")))?;
        // Not before: whoever sends slowly must not keep others from building, nor from clearing what builds have left.
        let under_way = self.images.begin(&snapshot.id);
        let _given_up = CancelOnDrop(under_way.cancel().clone());
        let turn = self.images.turn(self.snapshots.owner_of(&snapshot), under_way.cancel()).await;
        let _turn = turn.map_err(|_| ApiError::bad_request("The engine ends: import the archive again"))?;
        let (engine, cancel) = (Arc::clone(self), under_way.cancel().clone());
        let read = off_the_runtime(move || {
            let read = engine.images.store.read_archive(&archive, &mut |_| (), &cancel);
            drop(scratch);
            read
        });
        let image: Image = read.await?.map_err(|error| ApiError::bad_request(error.to_string()))?;
        let size = Some(image.size);
        let snapshot = Snapshot { state: SnapshotState::Active, size, image: Some(image), ..snapshot };
        let stored = self.insert_snapshot(&snapshot)?;
        if let Err(error) = stored.wait().await {
            drop(self.snapshots.remove(&snapshot.id));
            return Err(ApiError::not_stored(&error));
        }
        // Only now: until it is recorded nothing else keeps the image.
        drop(under_way);
        let document = snapshot.document(&self.identity);
        self.events.snapshot_created(document.clone());
        Ok(document)
    }

    async fn receive<E: std::fmt::Display>(
        &self,
        archive: &Path,
        pieces: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<()> {
        let mut file = tokio::fs::File::create_new(archive).await.context("writing the archive")?;
        let mut pieces = std::pin::pin!(pieces);
        let mut since = LOOK;
        let late = "the archive did not arrive whole";
        while let Some(piece) = idle_body::next(pieces.next()).await.context(late)? {
            let piece = piece.map_err(|error| anyhow::anyhow!("{late}: {error}"))?;
            since += piece.len() as u64;
            if since > LOOK {
                since = 0;
                if isolation::room(&self.state_dir)? < 2 * LOOK {
                    bail!("there is no room left on the machine's disk for the archive");
                }
            }
            file.write_all(&piece).await.context("writing the archive")?;
        }
        file.flush().await.context("writing the archive")
    }
}

fn write_archive(directory: &Path, pieces: Pieces) -> io::Result<()> {
    let mut archive = tar::Builder::new(io::BufWriter::with_capacity(PIECE, pieces));
    archive.append_dir_all("", directory)?;
    archive.into_inner()?.flush()
}

/// Passes on what is written to whoever reads, and waits for them.
struct Pieces(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.send(Ok(Bytes::copy_from_slice(bytes)));
        match Handle::current().block_on(idle_body::next(sent)) {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
