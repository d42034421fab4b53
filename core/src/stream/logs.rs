//! Live logs of sessions and entrypoints (wire.md 4.1).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::end_mark::EndMark;
use super::log_demux::{LogChannel, LogDemux, without_markers};
use crate::client::Toolbox;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SessionCommandLogsResponse;
use crate::ws::{KeepAlive, WsMessage, WsReceiver};

/// Reconnects without a byte of progress before the stream gives up.
const MAX_RECONNECTS: u32 = 5;

/// A piece of log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Which output the command wrote it to.
    pub channel: LogChannel,
    /// The bytes, as the command wrote them.
    pub data: Bytes,
}

/// A log from its beginning until the command ends.
///
/// Servers replay a log from the start, so when the connection breaks the stream connects again, skips what it has
/// delivered, and goes on: nothing is lost and nothing comes twice.
pub struct LogStream {
    toolbox: Toolbox,
    path: String,
    receiver: WsReceiver,
    demux: LogDemux,
    filter: Filter,
    ready: VecDeque<LogChunk>,
    /// Raw bytes handed to the demultiplexer so far.
    delivered: u64,
    /// Raw bytes of the current connection that have been delivered before.
    to_skip: u64,
    reconnects: u32,
    ended: bool,
}

impl LogStream {
    pub(crate) async fn open(toolbox: &Toolbox, path: String) -> Result<Self> {
        let receiver = connect(toolbox, &path).await?;
        Ok(Self {
            toolbox: toolbox.clone(),
            path,
            receiver,
            demux: LogDemux::new(),
            filter: Filter::default(),
            ready: VecDeque::new(),
            delivered: 0,
            to_skip: 0,
            reconnects: 0,
            ended: false,
        })
    }

    /// Leaves out the other output.
    pub(crate) fn only(mut self, channel: Option<LogChannel>) -> Self {
        self.filter.only = channel;
        self
    }

    /// Leaves out the end mark of a spawned process.
    pub(crate) fn without_end_mark_of(mut self, process_id: &str) -> Self {
        self.filter.end_marks = Some([EndMark::of(process_id), EndMark::of(process_id)]);
        self
    }

    /// The next piece, or `None` when the command has ended and everything has been read. Nothing is lost when the
    /// future is dropped.
    ///
    /// # Errors
    /// `Connection` when the stream breaks for good; the message says how far it got.
    pub async fn next(&mut self) -> Result<Option<LogChunk>> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(Some(chunk));
            }
            if self.ended {
                return Ok(None);
            }
            match self.receiver.recv().await {
                Ok(WsMessage::Binary(frame)) => self.take(frame),
                Ok(WsMessage::Text(text)) => self.take(Bytes::copy_from_slice(text.as_bytes())),
                Ok(WsMessage::Close(close)) => match close.code {
                    None | Some(1000 | 1001 | 1005) => self.end(),
                    Some(code) => {
                        let reason = if close.reason.is_empty() { "no reason given" } else { &close.reason };
                        return Err(self.broken(format!("closed with code {code}: {reason}")));
                    }
                },
                Err(error) if error.kind().is(ErrorKind::Connection) => self.reconnect(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, mut frame: Bytes) {
        let skipped = self.to_skip.min(frame.len() as u64);
        self.to_skip -= skipped;
        let _ = frame.split_to(skipped as usize);
        if frame.is_empty() {
            return;
        }
        self.reconnects = 0;
        self.delivered += frame.len() as u64;
        let Self { demux, filter, ready, .. } = self;
        demux.push(&frame, &mut |channel, data| filter.push(channel, share(&frame, data), ready));
    }

    fn end(&mut self) {
        self.ended = true;
        let Self { demux, filter, ready, .. } = self;
        demux.finish(&mut |channel, data| filter.push(channel, Bytes::copy_from_slice(data), ready));
        filter.finish(ready);
    }

    async fn reconnect(&mut self, error: Error) -> Result<()> {
        loop {
            self.reconnects += 1;
            if self.reconnects > MAX_RECONNECTS {
                return Err(self.broken(error.to_string()));
            }
            tokio::time::sleep(Duration::from_millis(50 << self.reconnects)).await;
            match connect(&self.toolbox, &self.path).await {
                Ok(receiver) => {
                    self.receiver = receiver;
                    self.to_skip = self.delivered;
                    return Ok(());
                }
                Err(error) if error.kind().is(ErrorKind::Connection) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn broken(&self, why: String) -> Error {
        Error::new(ErrorKind::Connection, format!("The log stream broke after {} bytes: {why}", self.delivered))
    }
}

/// What a reader does not want of a log.
#[derive(Default)]
struct Filter {
    only: Option<LogChannel>,
    /// Of stdout and stderr.
    end_marks: Option<[EndMark; 2]>,
}

impl Filter {
    fn push(&mut self, channel: LogChannel, data: Bytes, ready: &mut VecDeque<LogChunk>) {
        if self.only.is_some_and(|only| only != channel) {
            return;
        }
        match &mut self.end_marks {
            None => ready.push_back(LogChunk { channel, data }),
            Some(marks) => {
                marks[channel as usize].push(data, &mut |data| ready.push_back(LogChunk { channel, data }));
            }
        }
    }

    fn finish(&mut self, ready: &mut VecDeque<LogChunk>) {
        for (channel, mark) in
            [LogChannel::Stdout, LogChannel::Stderr].into_iter().zip(self.end_marks.iter_mut().flatten())
        {
            mark.finish(&mut |data| ready.push_back(LogChunk { channel, data }));
        }
    }
}

async fn connect(toolbox: &Toolbox, path: &str) -> Result<WsReceiver> {
    // The sender half is not needed: nothing is ever sent on a log stream.
    Ok(super::open(toolbox, path, &[], KeepAlive::default()).await?.split().1)
}

/// The piece as a view of its frame; only the one or two bytes of a split marker are copied.
fn share(frame: &Bytes, piece: &[u8]) -> Bytes {
    let range = frame.as_ptr_range();
    if range.contains(&piece.as_ptr()) { frame.slice_ref(piece) } else { Bytes::copy_from_slice(piece) }
}

/// A log as servers answer it: JSON with the two outputs apart, or the raw log with its markers (older servers).
pub(crate) fn from_body(body: &[u8], json: bool) -> SessionCommandLogsResponse {
    if let Some(logs) = json.then(|| serde_json::from_slice::<SessionCommandLogsResponse>(body).ok()).flatten() {
        let output = logs.output.map(|output| without_markers(&output));
        return SessionCommandLogsResponse { output, ..logs };
    }
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut out = |channel, data: &[u8]| match channel {
        LogChannel::Stdout => stdout.extend_from_slice(data),
        LogChannel::Stderr => stderr.extend_from_slice(data),
    };
    let mut demux = LogDemux::new();
    demux.push(body, &mut out);
    demux.finish(&mut out);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    SessionCommandLogsResponse {
        output: Some(without_markers(&text(body))),
        stdout: Some(text(&stdout)),
        stderr: Some(text(&stderr)),
    }
}
