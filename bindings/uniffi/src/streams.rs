//! Open streams.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use daytona_bridge::frames::{STDERR, STDOUT};
use daytona_bridge::{Completion, Payload, Stream};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::call::{complete, read};
use crate::{
    BuildLine, DaytonaError, DirectoryProgress, DirectoryResult, ExecutionError, PtyResult, SandboxInfo, Snapshot,
};

/// About the most that one read takes.
const BATCH: usize = 256 * 1024;

/// Reads a batch; at the end, the payload without attachment.
async fn batch(stream: &Stream) -> Result<Result<Bytes, Payload>, DaytonaError> {
    match complete(|sink| stream.read(BATCH, "bytes", sink)).await? {
        Completion::Ok(payload) => {
            let (json, mut blobs) = payload.claim();
            Ok(blobs.pop().ok_or_else(|| Payload::json(json)))
        }
        _ => Err(DaytonaError::new("Internal", "A read has opened a stream")),
    }
}

/// A stream of tagged frames.
struct Frames {
    stream: Stream,
    pending: Mutex<VecDeque<(u8, Bytes)>>,
}

impl Frames {
    fn new(stream: Stream) -> Self {
        Self { stream, pending: Mutex::default() }
    }

    /// The next frame, or the payload at the end.
    async fn next(&self) -> Result<Result<(u8, Bytes), Payload>, DaytonaError> {
        let mut pending = self.pending.lock().await;
        loop {
            if let Some(frame) = pending.pop_front() {
                return Ok(Ok(frame));
            }
            let mut batch = match batch(&self.stream).await? {
                Ok(batch) => batch,
                Err(end) => return Ok(Err(end)),
            };
            while batch.len() >= 5 {
                let (tag, length) = (batch.get_u8(), batch.get_u32_le() as usize);
                pending.push_back((tag, batch.split_to(length.min(batch.len()))));
            }
        }
    }
}

/// Which output a piece of log was written to.
#[derive(Debug, Clone, Copy, PartialEq, uniffi::Enum)]
pub enum LogChannel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of log.
#[derive(Debug, Clone, uniffi::Record)]
pub struct LogChunk {
    /// Which output it was written to.
    pub channel: LogChannel,
    /// The bytes, as the command wrote them; they may end within a character.
    pub data: Vec<u8>,
}

/// A log from its beginning until the command ends.
#[derive(uniffi::Object)]
pub struct LogStream(Frames);

#[uniffi::export]
impl LogStream {
    /// The next piece, or nothing when the command has ended and everything has been read.
    ///
    /// Throws `Connection` when the stream breaks for good.
    pub async fn next(&self) -> Result<Option<LogChunk>, DaytonaError> {
        Ok(self.0.next().await?.ok().map(|(tag, data)| LogChunk {
            channel: if tag == STDERR { LogChannel::Stderr } else { LogChannel::Stdout },
            data: data.into(),
        }))
    }

    /// Ends the stream; the command goes on.
    pub fn close(&self) {
        self.0.stream.close();
    }
}

/// Something a run of the interpreter said.
#[derive(Debug, Clone, uniffi::Enum)]
pub enum InterpreterEvent {
    /// Text on standard output.
    Stdout {
        /// The text.
        text: String,
    },
    /// Text on standard error.
    Stderr {
        /// The text.
        text: String,
    },
    /// The exception that ended the run.
    Failed {
        /// The exception.
        error: ExecutionError,
    },
}

/// A run of the code interpreter in progress.
#[derive(uniffi::Object)]
pub struct InterpreterStream(Frames);

#[uniffi::export]
impl InterpreterStream {
    /// The next event, or nothing when the run has ended.
    ///
    /// Throws `Timeout` when the run exceeded its timeout, `NotFound` for an unknown context, `Connection` when the stream
    /// breaks.
    pub async fn next(&self) -> Result<Option<InterpreterEvent>, DaytonaError> {
        let Ok((tag, data)) = self.0.next().await? else { return Ok(None) };
        let text = || String::from_utf8_lossy(&data).into_owned();
        Ok(Some(match tag {
            STDOUT => InterpreterEvent::Stdout { text: text() },
            STDERR => InterpreterEvent::Stderr { text: text() },
            _ => InterpreterEvent::Failed { error: read(Payload::json(data))? },
        }))
    }

    /// Gives up on the output; the run itself goes on.
    pub fn close(&self) {
        self.0.stream.close();
    }
}

/// A connection to a terminal session.
#[derive(uniffi::Object)]
pub struct Terminal {
    stream: Stream,
    session_id: String,
    result: Mutex<Option<PtyResult>>,
}

#[uniffi::export]
impl Terminal {
    /// Id of the session.
    pub fn session_id(&self) -> String {
        self.session_id.clone()
    }

    /// The next output, or nothing when the process has exited.
    ///
    /// Throws `Connection` when the connection breaks; the session goes on.
    pub async fn read(&self) -> Result<Option<Vec<u8>>, DaytonaError> {
        match batch(&self.stream).await? {
            Ok(output) => Ok(Some(output.into())),
            Err(end) => {
                *self.result.lock().await = Some(read(end)?);
                Ok(None)
            }
        }
    }

    /// Writes input as if it were typed; waits while the connection is busy.
    ///
    /// Throws `Connection` or `Closed` when the terminal is gone.
    pub async fn write(&self, input: Vec<u8>) -> Result<(), DaytonaError> {
        complete(|sink| self.stream.write(input.into(), sink)).await.map(drop)
    }

    /// How the process ended, once `read` has returned nothing.
    pub async fn result(&self) -> Option<PtyResult> {
        self.result.lock().await.clone()
    }

    /// Closes the connection in order and leaves the session running.
    pub async fn disconnect(&self) -> Result<(), DaytonaError> {
        complete(|sink| self.stream.finish(sink)).await.map(drop)
    }

    /// Drops the connection at once and leaves the session running.
    pub fn close(&self) {
        self.stream.close();
    }
}

/// A file being downloaded piece by piece.
#[derive(uniffi::Object)]
pub struct FileReader {
    stream: Stream,
    size: Option<u64>,
}

#[uniffi::export]
impl FileReader {
    /// Size in bytes, when the server tells it.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The next piece, or nothing at the end of the file.
    ///
    /// Throws `Connection` when the transfer is cut short, `Timeout` when its time is over.
    pub async fn read(&self) -> Result<Option<Vec<u8>>, DaytonaError> {
        Ok(batch(&self.stream).await?.ok().map(Vec::from))
    }

    /// Gives the download up.
    pub fn close(&self) {
        self.stream.close();
    }
}

/// A file being uploaded piece by piece. Nothing is stored before `finish`.
#[derive(uniffi::Object)]
pub struct FileWriter {
    stream: Stream,
}

#[uniffi::export]
impl FileWriter {
    /// Writes a piece; waits while the connection is busy.
    ///
    /// Throws whatever ended the upload meanwhile, `Timeout` when its time is over.
    pub async fn write(&self, data: Vec<u8>) -> Result<(), DaytonaError> {
        complete(|sink| self.stream.write(data.into(), sink)).await.map(drop)
    }

    /// Ends the file and waits until the server has stored it.
    ///
    /// Throws whatever the server says against it; then nothing is stored.
    pub async fn finish(&self) -> Result<(), DaytonaError> {
        complete(|sink| self.stream.finish(sink)).await.map(drop)
    }

    /// Gives the upload up; nothing is stored.
    pub fn close(&self) {
        self.stream.close();
    }
}

/// A directory being transferred.
#[derive(uniffi::Object)]
pub struct DirectoryTransfer {
    frames: Frames,
    result: Mutex<Option<DirectoryResult>>,
}

#[uniffi::export]
impl DirectoryTransfer {
    /// How far the transfer has come, some ten times a second, or nothing when it is complete.
    ///
    /// Throws whatever ended the transfer.
    pub async fn next(&self) -> Result<Option<DirectoryProgress>, DaytonaError> {
        match self.frames.next().await? {
            Ok((_, progress)) => Ok(Some(read(Payload::json(progress))?)),
            Err(end) => {
                *self.result.lock().await = Some(read(end)?);
                Ok(None)
            }
        }
    }

    /// What was transferred, once `next` has returned nothing.
    pub async fn result(&self) -> Option<DirectoryResult> {
        self.result.lock().await.clone()
    }

    /// Gives the transfer up.
    pub fn close(&self) {
        self.frames.stream.close();
    }
}

/// A sandbox in the making, whose image is built first.
#[derive(uniffi::Object)]
pub struct SandboxBuild {
    frames: Frames,
    result: Mutex<Option<SandboxInfo>>,
}

#[uniffi::export]
impl SandboxBuild {
    /// The next line of the log, or nothing when the sandbox has started.
    ///
    /// Throws whatever ended the build.
    pub async fn next(&self) -> Result<Option<BuildLine>, DaytonaError> {
        match self.frames.next().await? {
            Ok((_, line)) => Ok(Some(read(Payload::json(line))?)),
            Err(end) => {
                *self.result.lock().await = Some(read(end)?);
                Ok(None)
            }
        }
    }

    /// The sandbox, once `next` has returned nothing.
    pub async fn result(&self) -> Option<SandboxInfo> {
        self.result.lock().await.clone()
    }

    /// Gives the build up: the sandbox is deleted.
    pub fn close(&self) {
        self.frames.stream.close();
    }
}

/// A snapshot in the making.
#[derive(uniffi::Object)]
pub struct SnapshotBuild {
    frames: Frames,
    result: Mutex<Option<Snapshot>>,
}

#[uniffi::export]
impl SnapshotBuild {
    /// The next line of the log, or nothing when the snapshot can be used.
    ///
    /// Throws whatever ended the build.
    pub async fn next(&self) -> Result<Option<BuildLine>, DaytonaError> {
        match self.frames.next().await? {
            Ok((_, line)) => Ok(Some(read(Payload::json(line))?)),
            Err(end) => {
                *self.result.lock().await = Some(read(end)?);
                Ok(None)
            }
        }
    }

    /// The snapshot, once `next` has returned nothing.
    pub async fn result(&self) -> Option<Snapshot> {
        self.result.lock().await.clone()
    }

    /// Ends the waiting; the server goes on.
    pub fn close(&self) {
        self.frames.stream.close();
    }
}

/// A port of this machine, on 127.0.0.1, that leads to a port of a sandbox. It is open until it is closed or no longer used.
#[derive(uniffi::Object)]
pub struct PortForward {
    stream: Stream,
    local_port: i64,
    http_only: bool,
}

#[uniffi::export]
impl PortForward {
    /// The port of this machine.
    pub fn local_port(&self) -> i64 {
        self.local_port
    }

    /// Whether only HTTP passes, WebSockets included, because the server offers no raw connections.
    pub fn http_only(&self) -> bool {
        self.http_only
    }

    /// Stops listening and ends all connections at once.
    pub fn close(&self) {
        self.stream.close();
    }
}

/// A handle around what the bridge opened, with what is known about it.
pub(crate) trait Open: Sized {
    fn open(stream: Stream, info: Payload) -> Result<Arc<Self>, DaytonaError>;
}

impl Open for LogStream {
    fn open(stream: Stream, _: Payload) -> Result<Arc<Self>, DaytonaError> {
        Ok(Arc::new(Self(Frames::new(stream))))
    }
}

impl Open for InterpreterStream {
    fn open(stream: Stream, _: Payload) -> Result<Arc<Self>, DaytonaError> {
        Ok(Arc::new(Self(Frames::new(stream))))
    }
}

impl Open for Terminal {
    fn open(stream: Stream, info: Payload) -> Result<Arc<Self>, DaytonaError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Info {
            session_id: String,
        }
        let Info { session_id } = read(info)?;
        Ok(Arc::new(Self { stream, session_id, result: Mutex::default() }))
    }
}

impl Open for FileReader {
    fn open(stream: Stream, info: Payload) -> Result<Arc<Self>, DaytonaError> {
        #[derive(Deserialize)]
        struct Info {
            size: Option<u64>,
        }
        let Info { size } = read(info)?;
        Ok(Arc::new(Self { stream, size }))
    }
}

impl Open for PortForward {
    fn open(stream: Stream, info: Payload) -> Result<Arc<Self>, DaytonaError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Info {
            local_port: i64,
            http_only: bool,
        }
        let Info { local_port, http_only } = read(info)?;
        Ok(Arc::new(Self { stream, local_port, http_only }))
    }
}

impl Open for DirectoryTransfer {
    fn open(stream: Stream, _: Payload) -> Result<Arc<Self>, DaytonaError> {
        Ok(Arc::new(Self { frames: Frames::new(stream), result: Mutex::default() }))
    }
}

impl Open for SandboxBuild {
    fn open(stream: Stream, _: Payload) -> Result<Arc<Self>, DaytonaError> {
        Ok(Arc::new(Self { frames: Frames::new(stream), result: Mutex::default() }))
    }
}

impl Open for SnapshotBuild {
    fn open(stream: Stream, _: Payload) -> Result<Arc<Self>, DaytonaError> {
        Ok(Arc::new(Self { frames: Frames::new(stream), result: Mutex::default() }))
    }
}

impl Open for FileWriter {
    fn open(stream: Stream, _: Payload) -> Result<Arc<Self>, DaytonaError> {
        Ok(Arc::new(Self { stream }))
    }
}
