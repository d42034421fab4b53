//! Directories on their way: one compressed archive each, with progress.
//!
//! Any server can do it: the archive travels as a file, and `tar` in the sandbox packs or unpacks it there.
//!
//! A transfer that is dropped, or whose time is over, stops and takes away what it has made. It ends in order for that:
//! what is under way in the sandbox is ended and its answer awaited, and only then its files are removed. To just hang up
//! would leave it to chance whether the sandbox makes a file after it was looked for.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Method;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::archive::{self, Counters, Listing};
use super::exclude::{Exclude, known_to_tar};
use super::transfer::{FileReader, FileWriter, SETTLE_LIMIT};
use crate::cleanup::{self, Unsettled};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DirectoryProgress, DirectoryResult, ExecOptions};
use crate::ops::abandoned::run_while;
use crate::ops::process::quote;
use crate::toolbox::Toolbox;
use crate::travel::deadline::in_trace;

/// Time between two reports of progress.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);
/// Bytes of archive handed from thread to socket at once.
const PIECE: usize = 256 * 1024;
/// Pieces in between; more are not packed ahead.
const QUEUE: usize = 4;

/// A directory being transferred. Dropping it cancels the transfer.
pub struct DirectoryTransfer {
    work: JoinHandle<Result<DirectoryResult>>,
    /// Dropped with this, it tells the work that nobody wants it any more.
    _wanted: watch::Sender<()>,
    /// Once the transfer is given up, what a program that ends waits for until the work has ended.
    giving_up: Arc<Mutex<Option<Unsettled>>>,
    deadline: Option<Instant>,
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
        let (toolbox, counters) = (toolbox.clone(), Arc::new(Counters::default()));
        let counted = counters.clone();
        Ok(Self::begin(|until| upload(toolbox, listing, remote, counted, until), deadline, counters, totals))
    }

    pub(crate) async fn download(
        toolbox: &Toolbox,
        remote: String,
        local: String,
        exclude: Vec<String>,
        deadline: Option<Instant>,
    ) -> Result<Self> {
        let compiled = Exclude::new(&exclude)?;
        let (toolbox, counters) = (toolbox.clone(), Arc::new(Counters::default()));
        let counted = counters.clone();
        let work = |until| download(toolbox, remote, local, (exclude, compiled), counted, until);
        Ok(Self::begin(work, deadline, counters, (None, None)))
    }

    fn begin<W>(
        work: impl FnOnce(Until) -> W,
        deadline: Option<Instant>,
        counters: Arc<Counters>,
        totals: (Option<i64>, Option<i64>),
    ) -> Self
    where
        W: Future<Output = Result<DirectoryResult>> + Send + 'static,
    {
        let (wanted, watched) = watch::channel(());
        let giving_up = Arc::<Mutex<Option<Unsettled>>>::default();
        let settling = giving_up.clone();
        let work = work(Until { wanted: watched, deadline });
        let work = tokio::spawn(in_trace(async move {
            let outcome = work.await;
            drop(settling.lock().unwrap_or_else(PoisonError::into_inner).take());
            outcome
        }));
        let next_report = Instant::now() + REPORT_INTERVAL;
        Self { work, _wanted: wanted, giving_up, deadline, counters, totals, next_report, result: None }
    }

    /// The progress of the transfer, some ten times a second and once at its end, then `None`. Nothing is lost when the future
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
            // Not before the work is done with cleaning up, but when it is time.
            () = at(self.deadline) => return Err(late()),
            () = tokio::time::sleep_until(self.next_report) => self.next_report = Instant::now() + REPORT_INTERVAL,
        }
        Ok(Some(DirectoryProgress {
            files: self.counters.files(),
            bytes: self.counters.bytes(),
            total_files: self.totals.0,
            total_bytes: self.totals.1,
        }))
    }

    /// Counts what was transferred, once [`next`](Self::next) has returned `None`.
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
        if !self.work.is_finished() {
            *self.giving_up.lock().unwrap_or_else(PoisonError::into_inner) = Some(Unsettled::new());
        }
    }
}

/// The limit of a transfer.
struct Until {
    wanted: watch::Receiver<()>,
    deadline: Option<Instant>,
}

impl Until {
    /// Returns when the transfer was given up or its time is over.
    async fn over(&self) {
        let mut wanted = self.wanted.clone();
        let given_up = async { while wanted.changed().await.is_ok() {} };
        tokio::select! {
            () = given_up => {}
            () = at(self.deadline) => {}
        }
    }

    fn is_over(&self) -> bool {
        self.wanted.has_changed().is_err() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Completes `work`, or gives it up when the transfer is over.
    async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            outcome = work => outcome,
            () = self.over() => Err(late()),
        }
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        None => std::future::pending().await,
        Some(deadline) => tokio::time::sleep_until(deadline).await,
    }
}

/// The error of a transfer that is over; of one that was given up nobody sees it.
fn late() -> Error {
    Error::new(ErrorKind::Timeout, "The transfer exceeded its timeout")
}

async fn upload(
    toolbox: Toolbox,
    listing: Listing,
    remote: String,
    counters: Arc<Counters>,
    until: Until,
) -> Result<DirectoryResult> {
    let remote = plain(without_end(&remote));
    let staging = format!("{remote}.daytona-{}", uuid::Uuid::new_v4().simple());
    let archive = remote_archive();
    let sent = match send(&toolbox, listing, &archive, counters, &until).await {
        Ok(sent) => sent,
        Err(error) => {
            clear(&toolbox, &[&archive], &error);
            return Err(error);
        }
    };
    // Sent just as it was given up: unpacked, it would be there all the same.
    if until.is_over() {
        let error = late();
        clear(&toolbox, &[&archive], &error);
        return Err(error);
    }
    let unpacked = run_while(&toolbox, &unpack_script(&archive, &remote, &staging), until.over()).await;
    let error = match unpacked {
        Ok(done) if done.exit_code == 0 => return Ok(sent),
        Ok(_) if until.is_over() => late(),
        Ok(done) => Error::new(
            ErrorKind::UnprocessableEntity,
            format!("The sandbox could not unpack the directory to {remote:?}: {}", last_lines(&done.result)),
        ),
        Err(error) => error,
    };
    clear(&toolbox, &[&archive, &staging], &error);
    Err(error)
}

/// Packs and sends the archive.
async fn send(
    toolbox: &Toolbox,
    listing: Listing,
    archive: &str,
    counters: Arc<Counters>,
    until: &Until,
) -> Result<DirectoryResult> {
    let (sender, mut pieces) = mpsc::channel(QUEUE);
    let packing = spawn_blocking(move || listing.pack(PieceWriter { sender, piece: BytesMut::new() }, &counters));
    let mut file = FileWriter::open(toolbox, archive, None).await?;
    let sending = async {
        while let Some(piece) = pieces.recv().await {
            file.write(piece).await?;
        }
        let packed = packing.await.map_err(|e| Error::new(ErrorKind::Internal, "Packing failed").with_source(e))??;
        packed.ok_or_else(|| Error::new(ErrorKind::Internal, "Packing ended early"))
    };
    match until.or(sending).await {
        Ok(packed) => {
            let mut finishing = std::pin::pin!(file.finish());
            tokio::select! {
                biased;
                finished = &mut finishing => finished.map(|()| packed),
                () = until.over() => {
                    // The sandbox may be putting the file in its place. What is removed before it has would appear again.
                    let _ = tokio::time::timeout(SETTLE_LIMIT, finishing).await;
                    Err(late())
                }
            }
        }
        Err(error) => {
            file.settle().await;
            Err(error)
        }
    }
}

async fn download(
    toolbox: Toolbox,
    remote: String,
    local: String,
    (globs, exclude): (Vec<String>, Exclude),
    counters: Arc<Counters>,
    until: Until,
) -> Result<DirectoryResult> {
    let archive = remote_archive();
    let packed = run_while(&toolbox, &pack_script(&archive, &remote, &globs), until.over()).await;
    let error = match packed {
        Ok(done) if until.is_over() || done.exit_code == 0 => None,
        Ok(done) if done.exit_code == NO_DIRECTORY => Some(Error::new(
            ErrorKind::FileNotFound,
            format!("The sandbox could not pack the directory {remote:?}: it is no directory"),
        )),
        Ok(done) => Some(Error::new(
            ErrorKind::UnprocessableEntity,
            format!("The sandbox could not pack the directory {remote:?}: {}", last_lines(&done.result)),
        )),
        Err(error) => Some(error),
    };
    let outcome = match error {
        Some(error) => Err(error),
        None if until.is_over() => Err(late()),
        None => receive(&toolbox, &archive, local, exclude, counters, &until).await,
    };
    match &outcome {
        Ok(_) => delete(&toolbox, archive),
        Err(error) => clear(&toolbox, &[&archive], error),
    }
    outcome
}

/// Fetches and unpacks the archive. When it returns, nothing is written any more, and what is there is whole.
async fn receive(
    toolbox: &Toolbox,
    archive: &str,
    local: String,
    exclude: Exclude,
    counters: Arc<Counters>,
    until: &Until,
) -> Result<DirectoryResult> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let unpacking = tokio::spawn(blocking(move || {
        archive::unpack_whole(PieceReader { receiver, piece: Bytes::new() }, &local, &exclude, &counters)
    }));
    let fetched = until.or(fetch(toolbox, archive, &sender)).await;
    if fetched.is_err() {
        // So that half an archive is not taken for a whole one.
        let _ = sender.send(Err(io::Error::other("the download failed"))).await;
    }
    drop(sender);
    let unpacked = unpacking.await;
    let unpacked =
        unpacked.unwrap_or_else(|e| Err(Error::new(ErrorKind::Internal, "The transfer failed").with_source(e)));
    fetched.and(unpacked)
}

async fn fetch(toolbox: &Toolbox, path: &str, sender: &mpsc::Sender<io::Result<Bytes>>) -> Result<()> {
    let mut file = FileReader::open(toolbox, path, None).await?;
    while let Some(piece) = file.next().await? {
        if sender.send(Ok(piece)).await.is_err() {
            // Unpacking has ended and says why.
            break;
        }
    }
    Ok(())
}

/// The path of the archive in the sandbox.
fn remote_archive() -> String {
    format!("/tmp/.daytona-{}.tar.gz", uuid::Uuid::new_v4().simple())
}

/// Deletes in the background an archive that has done its work.
fn delete(toolbox: &Toolbox, archive: String) {
    let toolbox = toolbox.clone();
    cleanup::spawn(async move {
        if let Ok(request) = toolbox.request(Method::DELETE, "/files").await {
            let _ = request.query("path", archive).done().await;
        }
    });
}

/// Takes away in the background what a transfer that ended with `error` has left in the sandbox.
fn clear(toolbox: &Toolbox, paths: &[&str], error: &Error) {
    // Without an answer, what was under way in the sandbox may still be ending.
    let in_use = error.kind().is(ErrorKind::Connection);
    let script = clear_script(paths, in_use);
    let toolbox = toolbox.clone();
    // Nobody is left to tell whether it worked.
    cleanup::spawn(async move { drop(toolbox.process().exec(&script, ExecOptions::default()).await) });
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

/// Removes files and directories; those in use once more when what uses them has surely ended.
fn clear_script(paths: &[&str], in_use: bool) -> String {
    let paths = paths.iter().map(|path| quote(path)).collect::<Vec<_>>().join(" ");
    let mut script = format!("rm -rf -- {paths}\n");
    if in_use {
        script.push_str(&format!(
            "{{ for pause in 0.3 1 3; do sleep $pause; rm -rf -- {paths}; done; }} </dev/null >/dev/null 2>&1 &\n"
        ));
    }
    script
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
