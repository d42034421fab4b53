//! An open stream, whatever flows through it.
//!
//! One handle serves logs, interpreter runs, terminals, downloads, uploads and forwarded ports, because they share their primitives:
//! `read` a batch, `write` a piece, `finish`, `close`. Batches are described in [`crate::frames`], the forms in which they
//! can be read in [`Form`](crate::form::Form).

use std::sync::Arc;

use bytes::Bytes;
use daytona::stream::building::{SandboxBuild, SnapshotBuild};
use daytona::stream::directory::DirectoryTransfer;
use daytona::stream::forward::PortForward;
use daytona::stream::interpreter::InterpreterStream;
use daytona::stream::logs::LogStream;
use daytona::stream::terminal::{Terminal, TerminalInput};
use daytona::stream::transfer::{FileReader, FileWriter};
use daytona::{Error, ErrorKind, Result};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::dispatch::Opened;
use crate::form::Form;
use crate::order::turn;
use crate::reader::{Reader, Source};
use crate::stats::Counted;
use crate::{Call, Completion, Payload, Sink};

/// An open stream. Dropping it closes it.
pub struct Stream {
    shared: Arc<Shared>,
    pid: u32,
}

struct Shared {
    reader: Mutex<Option<Reader>>,
    writer: Arc<Mutex<Option<Writer>>>,
    closed: watch::Sender<bool>,
    _counted: Counted,
}

/// The writing half.
pub(crate) enum Writer {
    Terminal(TerminalInput),
    Upload(FileWriter),
    /// Nothing is written to it; closing drops it.
    Forward(#[expect(dead_code, reason = "held open")] PortForward),
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("closed", &*self.shared.closed.borrow()).finish()
    }
}

impl Stream {
    pub(crate) fn new(source: Option<Source>, writer: Option<Writer>) -> Self {
        let shared = Shared {
            reader: Mutex::new(source.map(Reader::new)),
            writer: Arc::new(Mutex::new(writer)),
            closed: watch::Sender::new(false),
            _counted: Counted::stream(),
        };
        Self { shared: Arc::new(shared), pid: std::process::id() }
    }

    /// Reads a batch of up to about `max` bytes: as soon as there is anything, all of it that is there. At the end, however
    /// often it is asked, the batch has no attachment, and its JSON is the stream's result (`PtyResult` of a terminal,
    /// `DirectoryResult` of a directory). Nothing is lost when the call is cancelled.
    ///
    /// `form` says how output is read, from read to read: `bytes` as it came; `characters` as it came, but no frame of a log (or
    /// batch of a terminal or download) ends within a character; `text` the same as UTF-8, with U+FFFD for what is none; `lines`
    /// of a log, a frame each, without their ends.
    pub fn read(&self, max: usize, form: &str, sink: Box<dyn Sink>) -> Call {
        let form = match Form::named(form) {
            Ok(form) => form,
            Err(error) => return Call::failed(&error, sink),
        };
        self.call(sink, move |shared| async move {
            let mut slot = shared.reader.lock().await;
            let Some(reader) = slot.as_mut() else {
                return Err(Error::new(ErrorKind::Closed, "The stream has been closed, or it is not for reading."));
            };
            match reader.batch(max.max(1), form).await? {
                Some(batch) => Ok(Completion::Ok(Payload::new(Bytes::new(), vec![batch]))),
                None => Ok(Completion::Ok(Payload::json(reader.result()?))),
            }
        })
    }

    /// Writes a piece, after those whose writing has begun before; completes when there is room for the next one.
    pub fn write(&self, data: Bytes, sink: Box<dyn Sink>) -> Call {
        self.call_in_turn(sink, |mut slot| async move {
            match slot.as_mut() {
                Some(Writer::Terminal(input)) => input.write(data).await?,
                Some(Writer::Upload(file)) => file.write(data).await?,
                Some(Writer::Forward(_)) | None => {
                    return Err(Error::new(ErrorKind::Closed, "The stream has been closed, or it is not for writing."));
                }
            }
            Ok(Completion::Ok(Payload::default()))
        })
    }

    /// Ends the writing side, after what is being written: an upload is stored, a terminal is disconnected.
    pub fn finish(&self, sink: Box<dyn Sink>) -> Call {
        self.call_in_turn(sink, |mut slot| async move {
            let writer = slot.take();
            match writer {
                Some(Writer::Terminal(input)) => input.disconnect().await,
                Some(Writer::Upload(file)) => file.finish().await?,
                Some(Writer::Forward(_)) | None => {}
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

    /// A call that has the writing half when those that began before are done with it.
    fn call_in_turn<F, W>(&self, sink: Box<dyn Sink>, work: W) -> Call
    where
        W: FnOnce(OwnedMutexGuard<Option<Writer>>) -> F + Send + 'static,
        F: Future<Output = Result<Completion>> + Send + 'static,
    {
        // An inherited lock may be held for ever; it is not even looked at.
        let turn = (self.pid == std::process::id()).then(|| turn(&self.shared.writer));
        self.call(sink, move |_| async move {
            match turn {
                Some(turn) => work(turn.await).await,
                None => Err(inherited()),
            }
        })
    }

    fn call<F, W>(&self, sink: Box<dyn Sink>, work: W) -> Call
    where
        W: FnOnce(Arc<Shared>) -> F + Send + 'static,
        F: Future<Output = Result<Completion>> + Send + 'static,
    {
        if self.pid != std::process::id() {
            return Call::failed(&inherited(), sink);
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

fn inherited() -> Error {
    Error::new(ErrorKind::Closed, "The stream belongs to the parent of this forked process.")
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

impl From<LogStream> for Opened {
    fn from(stream: LogStream) -> Self {
        Self { source: Some(Source::Logs(Box::new(stream))), writer: None, info: Bytes::new() }
    }
}

impl From<InterpreterStream> for Opened {
    fn from(stream: InterpreterStream) -> Self {
        Self { source: Some(Source::Interpreter(stream)), writer: None, info: Bytes::new() }
    }
}

impl From<Terminal> for Opened {
    fn from(terminal: Terminal) -> Self {
        let info = serde_json::json!({ "sessionId": terminal.session_id() }).to_string();
        let (input, output) = terminal.split();
        Self { source: Some(Source::Terminal(output)), writer: Some(Writer::Terminal(input)), info: info.into() }
    }
}

impl From<FileReader> for Opened {
    fn from(file: FileReader) -> Self {
        let info = serde_json::json!({ "size": file.size() }).to_string();
        Self { source: Some(Source::Download(Box::new(file))), writer: None, info: info.into() }
    }
}

impl From<DirectoryTransfer> for Opened {
    fn from(transfer: DirectoryTransfer) -> Self {
        Self { source: Some(Source::Directory(transfer)), writer: None, info: Bytes::new() }
    }
}

impl From<SandboxBuild> for Opened {
    fn from(build: SandboxBuild) -> Self {
        Self { source: Some(Source::Sandbox(Box::new(build))), writer: None, info: Bytes::new() }
    }
}

impl From<SnapshotBuild> for Opened {
    fn from(build: SnapshotBuild) -> Self {
        Self { source: Some(Source::Snapshot(Box::new(build))), writer: None, info: Bytes::new() }
    }
}

impl From<FileWriter> for Opened {
    fn from(file: FileWriter) -> Self {
        Self { source: None, writer: Some(Writer::Upload(file)), info: Bytes::new() }
    }
}

impl From<PortForward> for Opened {
    fn from(forward: PortForward) -> Self {
        let info = serde_json::json!({ "localPort": forward.local_port(), "httpOnly": forward.http_only() });
        Self { source: None, writer: Some(Writer::Forward(forward)), info: info.to_string().into() }
    }
}
