//! The reading half of a stream: what is there is put together into batches, in the form that is asked for.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;
use daytona::model::{BuildLine, DirectoryProgress};
use daytona::stream::building::{SandboxBuild, SnapshotBuild};
use daytona::stream::directory::DirectoryTransfer;
use daytona::stream::interpreter::{InterpreterEvent, InterpreterStream};
use daytona::stream::log_demux::LogChannel;
use daytona::stream::logs::{LogChunk, LogStream};
use daytona::stream::terminal::TerminalOutput;
use daytona::stream::transfer::FileReader;
use daytona::{Error, ErrorKind, Result};

use crate::form::{Form, Held};
use crate::frames::{Batch, ERROR, LINE, PROGRESS, STDERR, STDOUT};

/// What is read.
pub(crate) enum Source {
    Logs(Box<LogStream>),
    Interpreter(InterpreterStream),
    Terminal(TerminalOutput),
    Download(Box<FileReader>),
    Directory(DirectoryTransfer),
    Sandbox(Box<SandboxBuild>),
    Snapshot(Box<SnapshotBuild>),
}

/// The reading half.
pub(crate) struct Reader {
    source: Source,
    held: Held,
    ended: bool,
}

impl Reader {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, held: Held::default(), ended: false }
    }

    /// Waits until there is something, then takes what else is there. `None` at the end, however often it is asked. Nothing is
    /// lost when the future is dropped.
    pub(crate) async fn batch(&mut self, max: usize, form: Form) -> Result<Option<Bytes>> {
        let mut batch = Batch::default();
        if form == Form::Bytes {
            self.held.rest(self.is_log(), form, &mut batch);
        }
        while batch.is_empty() {
            if self.ended {
                self.held.rest(self.is_log(), form, &mut batch);
                break;
            }
            let Some(first) = self.source.next().await? else {
                self.ended = true;
                continue;
            };
            let mut first = Some(first);
            while batch.len() < max {
                let more = self.source.next_now().await;
                let is_all = more.is_none();
                match (first.take(), more) {
                    // A single piece of a byte stream is passed on as it is.
                    (Some(Item::Bytes(only)), None) if form == Form::Bytes => return Ok(Some(only)),
                    (first, more) => {
                        for item in [first, more].into_iter().flatten() {
                            self.append(item, form, &mut batch);
                        }
                    }
                }
                if is_all {
                    break;
                }
            }
        }
        Ok(if batch.is_empty() { None } else { Some(batch.finish()) })
    }

    /// The stream's result, known at its end.
    pub(crate) fn result(&self) -> Result<Bytes> {
        let json = match &self.source {
            Source::Terminal(output) => serde_json::to_vec(&output.result().cloned().unwrap_or_default()),
            Source::Sandbox(build) => serde_json::to_vec(&build.result().cloned().unwrap_or_default()),
            Source::Snapshot(build) => serde_json::to_vec(&build.result().cloned().unwrap_or_default()),
            Source::Directory(transfer) => serde_json::to_vec(&transfer.result().cloned().unwrap_or_default()),
            Source::Logs(_) | Source::Interpreter(_) | Source::Download(_) => return Ok(Bytes::new()),
        };
        json.map(Bytes::from)
            .map_err(|e| Error::new(ErrorKind::Internal, "The stream's result is not JSON").with_source(e))
    }

    fn is_log(&self) -> bool {
        matches!(self.source, Source::Logs(_))
    }

    fn append(&mut self, item: Item, form: Form, batch: &mut Batch) {
        match item {
            Item::Bytes(data) => self.held.output(None, &data, form, batch),
            Item::Log(LogChunk { channel: LogChannel::Stdout, data }) => {
                self.held.output(Some(STDOUT), &data, form, batch)
            }
            Item::Log(LogChunk { channel: LogChannel::Stderr, data }) => {
                self.held.output(Some(STDERR), &data, form, batch)
            }
            Item::Event(InterpreterEvent::Stdout(text)) => batch.frame(STDOUT, text.as_bytes()),
            Item::Event(InterpreterEvent::Stderr(text)) => batch.frame(STDERR, text.as_bytes()),
            Item::Event(InterpreterEvent::Error(error)) => {
                batch.frame(ERROR, &serde_json::to_vec(&error).unwrap_or_default());
            }
            Item::Line(line) => batch.frame(LINE, &serde_json::to_vec(&line).unwrap_or_default()),
            Item::Progress(progress) => batch.frame(PROGRESS, &serde_json::to_vec(&progress).unwrap_or_default()),
        }
    }
}

impl Source {
    async fn next(&mut self) -> Result<Option<Item>> {
        Ok(match self {
            Self::Logs(stream) => stream.next().await?.map(Item::Log),
            Self::Interpreter(stream) => stream.next().await?.map(Item::Event),
            Self::Terminal(stream) => stream.next().await?.map(Item::Bytes),
            Self::Download(stream) => stream.next().await?.map(Item::Bytes),
            Self::Directory(transfer) => transfer.next().await?.map(Item::Progress),
            Self::Sandbox(build) => build.next().await?.map(Item::Line),
            Self::Snapshot(build) => build.next().await?.map(Item::Line),
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
}

enum Item {
    Bytes(Bytes),
    Log(LogChunk),
    Event(InterpreterEvent),
    Progress(DirectoryProgress),
    Line(BuildLine),
}
