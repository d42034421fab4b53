//! An open stream, whatever flows through it.
//!
//! One handle serves logs, interpreter runs, terminals, downloads and uploads, because they share their primitives:
//! `read` a batch, `write` a piece, `finish`, `close`. A batch of a byte stream (terminal, download) is the bytes. A batch
//! of an event stream (logs, runs) is a sequence of frames: tag (1 byte), length (4 bytes, little-endian), content, with
//! the tags [`STDOUT`], [`STDERR`] and [`ERROR`] (JSON `ExecutionError`). A directory on its way has frames too, each of them
//! [`PROGRESS`] (JSON `DirectoryProgress`).

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use bytes::{BufMut, Bytes, BytesMut};
use daytona::model::DirectoryProgress;
use daytona::stream::directory::DirectoryTransfer;
use daytona::stream::interpreter::{InterpreterEvent, InterpreterStream};
use daytona::stream::log_demux::LogChannel;
use daytona::stream::logs::{LogChunk, LogStream};
use daytona::stream::terminal::{Terminal, TerminalInput, TerminalOutput};
use daytona::stream::transfer::{FileReader, FileWriter};
use daytona::{Error, ErrorKind, Result};
use tokio::sync::{Mutex, watch};

use crate::dispatch::Opened;
use crate::stats::Counted;
use crate::{Call, Completion, Payload, Sink};

/// Tag of a frame with standard output.
pub const STDOUT: u8 = 1;
/// Tag of a frame with standard error.
pub const STDERR: u8 = 2;
/// Tag of a frame with the exception that ended a run.
pub const ERROR: u8 = 3;
/// Tag of a frame with how far a transfer has come.
pub const PROGRESS: u8 = 4;

/// An open stream. Dropping it closes it.
pub struct Stream {
    shared: Arc<Shared>,
    pid: u32,
}

struct Shared {
    reader: Mutex<Option<Reader>>,
    writer: Mutex<Option<Writer>>,
    closed: watch::Sender<bool>,
    _counted: Counted,
}

/// The reading half.
pub(crate) enum Reader {
    Logs(Box<LogStream>),
    Interpreter(InterpreterStream),
    Terminal(TerminalOutput),
    Download(Box<FileReader>),
    Directory(DirectoryTransfer),
}

/// The writing half.
pub(crate) enum Writer {
    Terminal(TerminalInput),
    Upload(FileWriter),
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("closed", &*self.shared.closed.borrow()).finish()
    }
}

impl Stream {
    pub(crate) fn new(reader: Option<Reader>, writer: Option<Writer>) -> Self {
        let shared = Shared {
            reader: Mutex::new(reader),
            writer: Mutex::new(writer),
            closed: watch::Sender::new(false),
            _counted: Counted::stream(),
        };
        Self { shared: Arc::new(shared), pid: std::process::id() }
    }

    /// Reads a batch of up to about `max` bytes: as soon as there is anything, all of it that is there. At the end the
    /// batch has no attachment, and its JSON is the stream's result (`PtyResult` of a terminal, `DirectoryResult` of a
    /// directory).
    pub fn read(&self, max: usize, sink: Box<dyn Sink>) -> Call {
        self.call(sink, move |shared| async move {
            let mut slot = shared.reader.lock().await;
            let Some(reader) = slot.as_mut() else {
                return Err(Error::new(ErrorKind::Closed, "The stream has been closed, or it is not for reading."));
            };
            match reader.batch(max.max(1)).await? {
                Some(batch) => Ok(Completion::Ok(Payload::new(Bytes::new(), vec![batch]))),
                None => Ok(Completion::Ok(Payload::json(reader.result()?))),
            }
        })
    }

    /// Writes a piece; completes when there is room for the next one.
    pub fn write(&self, data: Bytes, sink: Box<dyn Sink>) -> Call {
        self.call(sink, move |shared| async move {
            let mut slot = shared.writer.lock().await;
            match slot.as_mut() {
                Some(Writer::Terminal(input)) => input.write(data).await?,
                Some(Writer::Upload(file)) => file.write(data).await?,
                None => {
                    return Err(Error::new(ErrorKind::Closed, "The stream has been closed, or it is not for writing."));
                }
            }
            Ok(Completion::Ok(Payload::default()))
        })
    }

    /// Ends the writing side in order: an upload is stored, a terminal is disconnected.
    pub fn finish(&self, sink: Box<dyn Sink>) -> Call {
        self.call(sink, move |shared| async move {
            let writer = shared.writer.lock().await.take();
            match writer {
                Some(Writer::Terminal(input)) => input.disconnect().await,
                Some(Writer::Upload(file)) => file.finish().await?,
                None => {}
            }
            Ok(Completion::Ok(Payload::default()))
        })
    }

    /// Closes the stream at once; calls in flight on it end with `Closed`. May be called any number of times.
    pub fn close(&self) {
        if self.pid != std::process::id() {
            return;
        }
        self.shared.closed.send_replace(true);
        // A call in flight holds its half, sees the flag and lets go.
        if !self.shared.release() {
            let shared = self.shared.clone();
            // A stream was opened on a runtime, so there is one.
            if let Ok(runtime) = crate::runtime::handle() {
                runtime.spawn(async move {
                    drop(shared.reader.lock().await.take());
                    drop(shared.writer.lock().await.take());
                });
            }
        }
    }

    fn call<F, W>(&self, sink: Box<dyn Sink>, work: W) -> Call
    where
        W: FnOnce(Arc<Shared>) -> F + Send + 'static,
        F: Future<Output = Result<Completion>> + Send + 'static,
    {
        if self.pid != std::process::id() {
            let error = Error::new(ErrorKind::Closed, "The stream belongs to the parent of this forked process.");
            return Call::failed(&error, sink);
        }
        let shared = self.shared.clone();
        let mut closed = shared.closed.subscribe();
        Call::spawn(
            async move {
                let closing = async move {
                    // An error means that the stream itself is gone.
                    let _ = closed.wait_for(|closed| *closed).await;
                };
                tokio::select! {
                    biased;
                    () = closing => Err(Error::new(ErrorKind::Closed, "The stream has been closed.")),
                    outcome = work(shared) => outcome,
                }
            },
            sink,
        )
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.pid == std::process::id() {
            self.close();
        } else {
            // Inherited by a fork: not even dropping it is safe.
            std::mem::forget(self.shared.clone());
        }
    }
}

impl Shared {
    /// Drops both halves if no call holds one. Dropping aborts tasks, which needs no runtime around it.
    fn release(&self) -> bool {
        let (Ok(mut reader), Ok(mut writer)) = (self.reader.try_lock(), self.writer.try_lock()) else { return false };
        let halves = (reader.take(), writer.take());
        drop((reader, writer));
        drop(halves);
        true
    }
}

impl Reader {
    /// Waits for the first item, then takes what else is there.
    async fn batch(&mut self, max: usize) -> Result<Option<Bytes>> {
        let Some(first) = self.next().await? else { return Ok(None) };
        let mut first = Some(first);
        let mut batch = Batch::default();
        loop {
            let full = batch.bytes.len() >= max;
            let more = if full { None } else { self.next_now().await };
            match (more, first.take()) {
                // A single piece of a byte stream is passed on as it is.
                (None, Some(Item::Bytes(only))) if batch.bytes.is_empty() => return Ok(Some(only)),
                (more, held) => {
                    if let Some(held) = held {
                        batch.append(held);
                    }
                    match more {
                        Some(item) => batch.append(item),
                        None => return Ok(Some(batch.bytes.freeze())),
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Result<Option<Item>> {
        Ok(match self {
            Self::Logs(stream) => stream.next().await?.map(Item::Log),
            Self::Interpreter(stream) => stream.next().await?.map(Item::Event),
            Self::Terminal(stream) => stream.next().await?.map(Item::Bytes),
            Self::Download(stream) => stream.next().await?.map(Item::Bytes),
            Self::Directory(transfer) => transfer.next().await?.map(Item::Progress),
        })
    }

    /// The next item if it is there already. The end and errors are left for the next read to meet again.
    async fn next_now(&mut self) -> Option<Item> {
        let mut next = std::pin::pin!(self.next());
        poll_fn(|cx| {
            Poll::Ready(match next.as_mut().poll(cx) {
                Poll::Ready(Ok(item)) => item,
                Poll::Ready(Err(_)) | Poll::Pending => None,
            })
        })
        .await
    }

    fn result(&self) -> Result<Bytes> {
        let json = match self {
            Self::Terminal(output) => serde_json::to_vec(&output.result().cloned().unwrap_or_default()),
            Self::Directory(transfer) => serde_json::to_vec(&transfer.result().cloned().unwrap_or_default()),
            Self::Logs(_) | Self::Interpreter(_) | Self::Download(_) => return Ok(Bytes::new()),
        };
        json.map(Bytes::from)
            .map_err(|e| Error::new(ErrorKind::Internal, "The stream's result is not JSON").with_source(e))
    }
}

enum Item {
    Bytes(Bytes),
    Log(LogChunk),
    Event(InterpreterEvent),
    Progress(DirectoryProgress),
}

/// A batch in the making.
#[derive(Default)]
struct Batch {
    bytes: BytesMut,
    /// Tag of the log frame at the end, and where its content begins.
    last: Option<(u8, usize)>,
}

impl Batch {
    fn append(&mut self, item: Item) {
        match item {
            Item::Bytes(bytes) => self.bytes.extend_from_slice(&bytes),
            Item::Log(LogChunk { channel: LogChannel::Stdout, data }) => self.log(STDOUT, &data),
            Item::Log(LogChunk { channel: LogChannel::Stderr, data }) => self.log(STDERR, &data),
            Item::Event(InterpreterEvent::Stdout(text)) => self.frame(STDOUT, text.as_bytes()),
            Item::Event(InterpreterEvent::Stderr(text)) => self.frame(STDERR, text.as_bytes()),
            Item::Event(InterpreterEvent::Error(error)) => {
                self.frame(ERROR, &serde_json::to_vec(&error).unwrap_or_default());
            }
            Item::Progress(progress) => self.frame(PROGRESS, &serde_json::to_vec(&progress).unwrap_or_default()),
        }
    }

    /// A log has no messages, only bytes: what continues the last frame is added to it, because every frame costs its
    /// reader in the other language an object.
    fn log(&mut self, tag: u8, content: &[u8]) {
        if let Some((last, begin)) = self.last
            && last == tag
            && let Ok(length) = u32::try_from(self.bytes.len() - begin + content.len())
        {
            self.bytes.extend_from_slice(content);
            self.bytes[begin - 4..begin].copy_from_slice(&length.to_le_bytes());
            return;
        }
        self.frame(tag, content);
        self.last = Some((tag, self.bytes.len() - content.len()));
    }

    fn frame(&mut self, tag: u8, content: &[u8]) {
        // A message is limited to some MiB, far below what the length can hold.
        for piece in content.chunks(u32::MAX as usize) {
            self.bytes.put_u8(tag);
            self.bytes.put_u32_le(piece.len() as u32);
            self.bytes.extend_from_slice(piece);
        }
    }
}

impl From<LogStream> for Opened {
    fn from(stream: LogStream) -> Self {
        Self { reader: Some(Reader::Logs(Box::new(stream))), writer: None, info: Bytes::new() }
    }
}

impl From<InterpreterStream> for Opened {
    fn from(stream: InterpreterStream) -> Self {
        Self { reader: Some(Reader::Interpreter(stream)), writer: None, info: Bytes::new() }
    }
}

impl From<Terminal> for Opened {
    fn from(terminal: Terminal) -> Self {
        let info = serde_json::json!({ "sessionId": terminal.session_id() }).to_string();
        let (input, output) = terminal.split();
        Self { reader: Some(Reader::Terminal(output)), writer: Some(Writer::Terminal(input)), info: info.into() }
    }
}

impl From<FileReader> for Opened {
    fn from(file: FileReader) -> Self {
        let info = serde_json::json!({ "size": file.size() }).to_string();
        Self { reader: Some(Reader::Download(Box::new(file))), writer: None, info: info.into() }
    }
}

impl From<DirectoryTransfer> for Opened {
    fn from(transfer: DirectoryTransfer) -> Self {
        Self { reader: Some(Reader::Directory(transfer)), writer: None, info: Bytes::new() }
    }
}

impl From<FileWriter> for Opened {
    fn from(file: FileWriter) -> Self {
        Self { reader: None, writer: Some(Writer::Upload(file)), info: Bytes::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_becomes_one_frame_per_change_of_channel() {
        let mut batch = Batch::default();
        for (channel, data) in [
            (LogChannel::Stdout, "ab"),
            (LogChannel::Stdout, "c"),
            (LogChannel::Stderr, "d"),
            (LogChannel::Stdout, "e"),
            (LogChannel::Stdout, "fg"),
        ] {
            batch.append(Item::Log(LogChunk { channel, data: data.into() }));
        }
        assert_eq!(&batch.bytes[..], b"\x01\x03\0\0\0abc\x02\x01\0\0\0d\x01\x03\0\0\0efg");
    }

    #[test]
    fn messages_of_a_run_stay_apart() {
        let mut batch = Batch::default();
        batch.append(Item::Event(InterpreterEvent::Stdout("a".into())));
        batch.append(Item::Event(InterpreterEvent::Stdout("b".into())));
        assert_eq!(&batch.bytes[..], b"\x01\x01\0\0\0a\x01\x01\0\0\0b");
    }
}
