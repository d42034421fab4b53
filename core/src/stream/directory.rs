//! Directories on their way: one compressed archive each, with progress.
//!
//! Any server can do it: the archive travels as a file, and `tar` in the sandbox packs or unpacks it there. A transfer that
//! is dropped stops, and takes its archive away again.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::archive::{self, Counters, Listing};
use super::exclude::{Exclude, known_to_tar};
use super::transfer::{FileReader, FileWriter};
use crate::client::Toolbox;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DirectoryProgress, DirectoryResult, ExecOptions};
use crate::ops::process::quote;

/// Time between two reports of progress.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes of archive handed from thread to socket at once.
const PIECE: usize = 256 * 1024;
/// Pieces in between; more are not packed ahead.
const QUEUE: usize = 4;

/// A directory being transferred. Dropping it gives the transfer up.
pub struct DirectoryTransfer {
    work: JoinHandle<Result<DirectoryResult>>,
    counters: Arc<Counters>,
    totals: (Option<i64>, Option<i64>),
    next_report: Instant,
    result: Option<DirectoryResult>,
}

impl DirectoryTransfer {
    pub(crate) async fn upload(
        toolbox: &Toolbox,
        local: String,
        remote: String,
        exclude: &[String],
        deadline: Option<Instant>,
    ) -> Result<Self> {
        let exclude = Exclude::new(exclude)?;
        let listing = blocking(move || Listing::read(&local, &exclude)).await?;
        let totals = (Some(listing.files), Some(listing.bytes));
        let counters = Arc::new(Counters::default());
        let work = upload(toolbox.clone(), listing, remote, counters.clone(), deadline);
        Ok(Self::begin(limited(deadline, work), counters, totals))
    }

    pub(crate) async fn download(
        toolbox: &Toolbox,
        remote: String,
        local: String,
        exclude: Vec<String>,
        deadline: Option<Instant>,
    ) -> Result<Self> {
        let compiled = Exclude::new(&exclude)?;
        let counters = Arc::new(Counters::default());
        let work = download(toolbox.clone(), remote, local, (exclude, compiled), counters.clone(), deadline);
        Ok(Self::begin(limited(deadline, work), counters, (None, None)))
    }

    fn begin(
        work: impl Future<Output = Result<DirectoryResult>> + Send + 'static,
        counters: Arc<Counters>,
        totals: (Option<i64>, Option<i64>),
    ) -> Self {
        Self { work: tokio::spawn(work), counters, totals, next_report: Instant::now() + REPORT_INTERVAL, result: None }
    }

    /// How far the transfer has come, some ten times a second and once at its end, then `None`. Nothing is lost when the future
    /// is dropped.
    ///
    /// # Errors
    /// Whatever ended the transfer.
    pub async fn next(&mut self) -> Result<Option<DirectoryProgress>> {
        if self.result.is_some() {
            return Ok(None);
        }
        tokio::select! {
            biased;
            done = &mut self.work => {
                self.result = Some(done.unwrap_or_else(|e| {
                    Err(Error::new(ErrorKind::Internal, "The transfer failed").with_source(e))
                })?);
            }
            () = tokio::time::sleep_until(self.next_report) => self.next_report = Instant::now() + REPORT_INTERVAL,
        }
        Ok(Some(DirectoryProgress {
            files: self.counters.files(),
            bytes: self.counters.bytes(),
            total_files: self.totals.0,
            total_bytes: self.totals.1,
        }))
    }

    /// What was transferred, once [`next`](Self::next) has returned `None`.
    pub fn result(&self) -> Option<&DirectoryResult> {
        self.result.as_ref()
    }

    /// Waits until the transfer is complete.
    ///
    /// # Errors
    /// Whatever ended the transfer.
    pub async fn finish(mut self) -> Result<DirectoryResult> {
        while self.next().await?.is_some() {}
        Ok(self.result.take().unwrap_or_default())
    }
}

impl Drop for DirectoryTransfer {
    fn drop(&mut self) {
        self.work.abort();
    }
}

async fn limited<T>(deadline: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    match deadline {
        None => work.await,
        Some(deadline) => tokio::time::timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "The transfer exceeded its timeout"))),
    }
}

async fn upload(
    toolbox: Toolbox,
    listing: Listing,
    remote: String,
    counters: Arc<Counters>,
    deadline: Option<Instant>,
) -> Result<DirectoryResult> {
    let remote = plain(without_end(&remote));
    let staging = format!("{remote}.daytona-{}", uuid::Uuid::new_v4().simple());
    let archive = RemoteArchive::new(&toolbox, Some(staging.clone()));
    let (sender, mut pieces) = mpsc::channel(QUEUE);
    let counted = counters.clone();
    let packing = spawn_blocking(move || listing.pack(PieceWriter { sender, piece: BytesMut::new() }, &counted));
    let mut file = FileWriter::open(&toolbox, &archive.path, deadline).await?;
    while let Some(piece) = pieces.recv().await {
        file.write(piece).await?;
    }
    let packed = packing.await.map_err(|e| Error::new(ErrorKind::Internal, "Packing failed").with_source(e))??;
    let Some(result) = packed else {
        return Err(Error::new(ErrorKind::Internal, "Packing ended early"));
    };
    file.finish().await?;
    let done = toolbox.process().exec(&unpack_script(&archive.path, &remote, &staging), ExecOptions::default()).await?;
    archive.unpacked();
    if done.exit_code != 0 {
        return Err(Error::new(
            ErrorKind::UnprocessableEntity,
            format!("The sandbox could not unpack the directory to {remote:?}: {}", last_lines(&done.result)),
        ));
    }
    Ok(result)
}

async fn download(
    toolbox: Toolbox,
    remote: String,
    local: String,
    (globs, exclude): (Vec<String>, Exclude),
    counters: Arc<Counters>,
    deadline: Option<Instant>,
) -> Result<DirectoryResult> {
    let mut archive = RemoteArchive::new(&toolbox, None);
    let done = toolbox.process().exec(&pack_script(&archive.path, &remote, &globs), ExecOptions::default()).await?;
    archive.packed();
    if done.exit_code != 0 {
        let missing = done.exit_code == NO_DIRECTORY;
        let kind = if missing { ErrorKind::FileNotFound } else { ErrorKind::UnprocessableEntity };
        let why = if missing { "it is no directory".to_owned() } else { last_lines(&done.result) };
        return Err(Error::new(kind, format!("The sandbox could not pack the directory {remote:?}: {why}")));
    }
    let (sender, receiver) = mpsc::channel(QUEUE);
    let counted = counters.clone();
    let unpacking =
        blocking(move || archive::unpack(PieceReader { receiver, piece: Bytes::new() }, &local, &exclude, &counted));
    let fetching = async {
        let fetched = fetch(&toolbox, &archive.path, deadline, &sender).await;
        if fetched.is_err() {
            // So that half an archive is not taken for a whole one.
            let _ = sender.send(Err(io::Error::other("the download failed"))).await;
        }
        drop(sender);
        fetched
    };
    let (fetched, unpacked) = tokio::join!(fetching, unpacking);
    fetched.and(unpacked)
}

async fn fetch(
    toolbox: &Toolbox,
    path: &str,
    deadline: Option<Instant>,
    sender: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<()> {
    let mut file = FileReader::open(toolbox, path, deadline).await?;
    while let Some(piece) = file.next().await? {
        if sender.send(Ok(piece)).await.is_err() {
            // Unpacking has ended and says why.
            break;
        }
    }
    Ok(())
}

/// Exit code of the packing script when there is no directory to pack.
const NO_DIRECTORY: i64 = 66;

/// Unpacks beside a destination that does not exist yet, so that it appears whole; into one that does.
fn unpack_script(archive: &str, destination: &str, staging: &str) -> String {
    let (archive, to, new) = (quote(archive), quote(destination), quote(staging));
    format!(
        "to={to}\n\
         new={new}\n\
         trap 'rm -f -- {archive_in_trap}' EXIT\n\
         if [ -e \"$to\" ] || [ -L \"$to\" ]; then tar -xzof {archive} -C \"$to\"; exit; fi\n\
         case $to in */*) mkdir -p -- \"${{to%/*}}/\" || exit;; esac\n\
         mkdir -- \"$new\" || exit\n\
         tar -xzof {archive} -C \"$new\" && mv -- \"$new\" \"$to\" && exit 0\n\
         rm -rf -- \"$new\"\n\
         exit 1\n",
        archive_in_trap = archive.replace('\'', "'\\''"),
    )
}

/// Takes away what a script that is being ended may leave: at once, and again when it has surely ended.
fn clear_script(paths: &[&str]) -> String {
    let paths = paths.iter().map(|path| quote(path)).collect::<Vec<_>>().join(" ");
    format!(
        "rm -rf -- {paths}\n\
         {{ for pause in 0.3 1 3; do sleep $pause; rm -rf -- {paths}; done; }} </dev/null >/dev/null 2>&1 &\n"
    )
}

/// Packs a directory. tar's own exit code is kept from the pipe; 1 is its way to say that a file changed meanwhile.
fn pack_script(archive: &str, source: &str, exclude: &[String]) -> String {
    let archive = quote(archive);
    let from = quote(&plain(source));
    let excludes: String = known_to_tar(exclude).map(|glob| format!(" --exclude={}", quote(glob))).collect();
    format!(
        "cd -- {from} || exit {NO_DIRECTORY}\n\
         code=$({{ {{ tar -cf -{excludes} . ; echo $? >&3; }} | gzip -1 >{archive}; }} 3>&1) || exit 1\n\
         [ \"$code\" = 0 ] || [ \"$code\" = 1 ] || exit 1\n"
    )
}

/// A path that no command takes for an option.
fn plain(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

/// A path without the slashes at its end.
fn without_end(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => path,
        name => name,
    }
}

fn last_lines(output: &str) -> String {
    let lines: Vec<_> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.iter().rev().take(3).rev().copied().collect::<Vec<_>>().join("; ");
    if last.is_empty() { "it gave no reason".to_owned() } else { last }
}

/// The archive in the sandbox, taken away when the transfer ends, however it ends.
struct RemoteArchive {
    toolbox: Toolbox,
    path: String,
    /// The directory that it is unpacked into first.
    staging: Option<String>,
    state: ArchiveState,
}

#[derive(Clone, Copy, PartialEq)]
enum ArchiveState {
    /// Something in the sandbox may be writing it, or unpacking it.
    InUse,
    /// It is complete.
    Complete,
    /// The sandbox has taken it away itself.
    Gone,
}

impl RemoteArchive {
    fn new(toolbox: &Toolbox, staging: Option<String>) -> Self {
        let path = format!("/tmp/.daytona-{}.tar.gz", uuid::Uuid::new_v4().simple());
        Self { toolbox: toolbox.clone(), path, staging, state: ArchiveState::InUse }
    }

    fn packed(&mut self) {
        self.state = ArchiveState::Complete;
    }

    fn unpacked(mut self) {
        self.state = ArchiveState::Gone;
    }
}

impl Drop for RemoteArchive {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.state == ArchiveState::Gone {
            return;
        }
        let in_use = self.state == ArchiveState::InUse;
        let (toolbox, path, staging) = (self.toolbox.clone(), std::mem::take(&mut self.path), self.staging.take());
        // Nobody is left to tell whether it worked.
        runtime.spawn(async move {
            if in_use {
                let paths: Vec<&str> = [Some(path.as_str()), staging.as_deref()].into_iter().flatten().collect();
                let _ = toolbox.process().exec(&clear_script(&paths), ExecOptions::default()).await;
            } else if let Ok(request) = toolbox.request(Method::DELETE, "/files").await {
                let _ = request.query("path", path).done().await;
            }
        });
    }
}

/// From the packing thread to the socket; fails when the upload has ended.
struct PieceWriter {
    sender: mpsc::Sender<Bytes>,
    piece: BytesMut,
}

impl PieceWriter {
    fn send(&mut self) -> io::Result<()> {
        let piece = self.piece.split().freeze();
        self.sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}

/// From the socket to the unpacking thread.
struct PieceReader {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for PieceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let taken = self.piece.split_to(buffer.len().min(self.piece.len()));
        buffer[..taken.len()].copy_from_slice(&taken);
        Ok(taken.len())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(Error::new(ErrorKind::Internal, "The transfer failed").with_source(e)))
}
