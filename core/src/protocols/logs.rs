//! Logs of sessions and entrypoints, live or as they are (wire.md 4.1).

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::Method;

use super::end_mark::EndMark;
use super::log_demux::{LogChannel, LogDemux, without_markers};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProcessInfo, SessionCommandLogsResponse};
use crate::toolbox::Toolbox;
use crate::travel::backoff::Backoff;
use crate::travel::http::Response;
use crate::travel::ws::{KeepAlive, WsClose, WsMessage, WsReceiver};

/// Reconnects without a byte of progress before the stream gives up.
const MAX_RECONNECTS: u32 = 5;
/// Pauses before them.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
/// States a version whose readers want logs as raw bytes; those of later versions get JSON, which cannot hold all bytes.
const RAW_LOG_VERSION: (&str, &str) = ("x-daytona-sdk-version", "0.166.0");
/// Limit for a server to end a log whose process has ended. After it the server is asked how long the log is.
const END_GRACE: Duration = Duration::from_millis(50);
/// Pieces of less than so many bytes are put together, up to chunks of about the other.
const SMALL: usize = 4 * 1024;
const LARGEST: usize = 64 * 1024;
/// The longest log, in bytes, that is read once more for the sake of a second.
const MEASURE_LIMIT: usize = 1 << 20;

/// A piece of log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Which output the command wrote it to.
    pub channel: LogChannel,
    /// The bytes, as the command wrote them.
    pub data: Bytes,
}

/// The output of a command from its start, until the command ends or up to now.
///
/// Servers replay a log from the start, so when the connection breaks the stream connects again, skips what it has
/// delivered, and goes on: nothing is lost and nothing comes twice.
pub struct LogStream {
    toolbox: Toolbox,
    path: String,
    source: Source,
    demux: LogDemux,
    filter: Filter,
    ready: Ready,
    /// Raw bytes handed to the demultiplexer so far.
    delivered: u64,
    /// Raw bytes of the current connection that have been delivered before.
    to_skip: u64,
    reconnects: u32,
    pauses: Backoff,
    end: End,
}

/// The source of a log.
enum Source {
    /// Live, until the command ends.
    Live(WsReceiver),
    /// As it is now. The socket of a log that is not followed loses its end on servers up to 0.190.
    SoFar(Response),
    /// The same from a server that answers with JSON all the same.
    Whole(Bytes),
}

/// The end of a log, as far as it is known.
enum End {
    /// The server says when it has come.
    Ahead,
    /// As above; and once the end marks of this process have been seen, the server is asked.
    Marked(ProcessInfo),
    /// The marks have been seen. Servers up to 0.190 look for a second whether more comes; the length of the log, once the
    /// command is known to have ended, tells it earlier.
    Measuring(BoxFuture<'static, Option<u64>>),
    /// The log ends after so many bytes.
    After(u64),
    /// Everything has been read.
    Reached,
}

/// The next piece of a log, or its end.
enum Received {
    Piece(Bytes),
    End,
    /// The server says that it cannot go on.
    Refusal(Error),
}

impl LogStream {
    /// Follows a log until its command ends.
    pub(crate) async fn follow(toolbox: &Toolbox, path: String) -> Result<Self> {
        let source = Source::Live(connect(toolbox, &path).await?);
        Ok(Self::new(toolbox, path, source))
    }

    /// Reads a log as far as it has come.
    pub(crate) async fn so_far(toolbox: &Toolbox, path: String) -> Result<Self> {
        let source = request(toolbox, &path).await?;
        Ok(Self::new(toolbox, path, source))
    }

    fn new(toolbox: &Toolbox, path: String, source: Source) -> Self {
        Self {
            toolbox: toolbox.clone(),
            path,
            source,
            demux: LogDemux::new(),
            filter: Filter::default(),
            ready: Ready::default(),
            delivered: 0,
            to_skip: 0,
            reconnects: 0,
            pauses: RECONNECT,
            end: End::Ahead,
        }
    }

    /// Leaves out the other output.
    pub(crate) fn only(mut self, channel: Option<LogChannel>) -> Self {
        self.filter.only = channel;
        self
    }

    /// Leaves out the end marks of a spawned process.
    pub(crate) fn of_process(mut self, process: ProcessInfo) -> Self {
        self.filter.end_marks = Some([EndMark::of(&process.id), EndMark::of(&process.id)]);
        self.end = End::Marked(process);
        self
    }

    /// The next piece, or `None` when the command has ended and everything has been read. Nothing is lost when the
    /// future is dropped.
    ///
    /// # Errors
    /// `Connection` when the stream breaks for good; the message says how far it got.
    pub async fn next(&mut self) -> Result<Option<LogChunk>> {
        loop {
            if let Some(chunk) = self.ready.pop() {
                return Ok(Some(chunk));
            }
            if matches!(self.end, End::Reached) {
                return Ok(None);
            }
            match self.receive().await {
                Ok(Received::Piece(piece)) => {
                    self.take(piece);
                    // Pieces that came with it are put into the same chunk: chunks cost more than their bytes.
                    while let Some(piece) = self.arrived() {
                        self.take(piece);
                    }
                }
                Ok(Received::End) => self.finish(),
                Ok(Received::Refusal(error)) => return Err(error),
                Err(error) if error.kind().is(ErrorKind::Connection) => self.reconnect(error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    async fn receive(&mut self) -> Result<Received> {
        let position = self.delivered - self.to_skip;
        if matches!(self.end, End::After(length) if position >= length) {
            return Ok(Received::End);
        }
        let receiver = match &mut self.source {
            Source::Live(receiver) => receiver,
            Source::SoFar(response) => {
                let piece = response.chunk().await?;
                return Ok(piece.map_or(Received::End, Received::Piece));
            }
            Source::Whole(body) if body.is_empty() => return Ok(Received::End),
            Source::Whole(body) => return Ok(Received::Piece(std::mem::take(body))),
        };
        let message = match &mut self.end {
            End::Measuring(length) => tokio::select! {
                biased;
                message = receiver.recv() => message?,
                length = length => {
                    self.end = length.map_or(End::Ahead, End::After);
                    return Ok(Received::Piece(Bytes::new()));
                }
            },
            _ => receiver.recv().await?,
        };
        Ok(match message {
            WsMessage::Binary(frame) => Received::Piece(frame),
            WsMessage::Text(text) => Received::Piece(Bytes::copy_from_slice(text.as_bytes())),
            WsMessage::Close(WsClose { code: None | Some(1000 | 1001 | 1005), .. }) => Received::End,
            WsMessage::Close(WsClose { code: Some(code), reason }) => {
                let reason = if reason.is_empty() { "no reason given" } else { &reason };
                Received::Refusal(self.broken(&format!("closed with code {code}: {reason}")))
            }
        })
    }

    /// The next piece that is there already, unless the end of the log may be among what is.
    fn arrived(&mut self) -> Option<Bytes> {
        match (&mut self.source, &self.end) {
            (Source::Live(receiver), End::Ahead | End::Marked(_)) => match receiver.recv_now()? {
                WsMessage::Binary(frame) => Some(frame),
                WsMessage::Text(text) => Some(Bytes::from(text)),
                // The end is never among what is there.
                WsMessage::Close(_) => None,
            },
            _ => None,
        }
    }

    fn take(&mut self, mut piece: Bytes) {
        let skipped = self.to_skip.min(piece.len() as u64);
        self.to_skip -= skipped;
        let _ = piece.split_to(skipped as usize);
        if piece.is_empty() {
            return;
        }
        (self.reconnects, self.pauses) = (0, RECONNECT);
        self.delivered += piece.len() as u64;
        let Self { demux, filter, ready, .. } = self;
        demux.push(&piece, &mut |channel, data| filter.push(channel, &piece, data, ready));
        if self.filter.is_marked()
            && matches!(self.source, Source::Live(_))
            && let End::Marked(process) = &mut self.end
        {
            let process = std::mem::take(process);
            self.end = End::Measuring(Box::pin(length(self.toolbox.clone(), self.path.clone(), process)));
        }
    }

    fn finish(&mut self) {
        self.end = End::Reached;
        let Self { demux, filter, ready, .. } = self;
        demux.finish(&mut |channel, data| filter.push(channel, &Bytes::new(), data, ready));
        filter.finish(ready);
    }

    async fn reconnect(&mut self, error: Error) -> Result<()> {
        loop {
            self.reconnects += 1;
            if self.reconnects > MAX_RECONNECTS {
                return Err(self.broken(&error.to_string()));
            }
            self.pauses.pause().await;
            let again = match self.source {
                Source::Live(_) => connect(&self.toolbox, &self.path).await.map(Source::Live),
                Source::SoFar(_) | Source::Whole(_) => request(&self.toolbox, &self.path).await,
            };
            match again {
                Ok(source) => {
                    self.source = source;
                    self.to_skip = self.delivered;
                    return Ok(());
                }
                Err(error) if error.kind().is(ErrorKind::Connection) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn broken(&self, why: &str) -> Error {
        Error::new(ErrorKind::Connection, format!("The log stream broke after {} bytes: {why}", self.delivered))
    }
}

/// The length of the log of a process that prints no more, when its command has ended.
async fn length(toolbox: Toolbox, path: String, process: ProcessInfo) -> Option<u64> {
    tokio::time::sleep(END_GRACE).await;
    let mut pauses = Backoff::new(END_GRACE / 5, END_GRACE * 10);
    let sessions = toolbox.process();
    // A process that left others behind ends when they do.
    while sessions.get_session_command(&process.session_id, &process.command_id).await.ok()?.exit_code.is_none() {
        pauses.pause().await;
    }
    let Source::SoFar(mut response) = request(&toolbox, &path).await.ok()? else { return None };
    let mut length = 0;
    while let Some(piece) = response.chunk().await.ok()? {
        length += piece.len();
        if length > MEASURE_LIMIT {
            return None;
        }
    }
    Some(length as u64)
}

/// Chunks to be handed out.
#[derive(Default)]
struct Ready {
    chunks: VecDeque<LogChunk>,
    /// The chunk that small pieces are added to, the last one.
    open: Option<(LogChannel, BytesMut)>,
}

impl Ready {
    /// Adds a piece of a frame. A large one is a view of the frame, small ones are put together.
    fn push(&mut self, channel: LogChannel, frame: &Bytes, data: &[u8]) {
        if data.len() >= SMALL {
            self.close();
            self.chunks.push_back(LogChunk { channel, data: share(frame, data) });
            return;
        }
        match &mut self.open {
            Some((open, bytes)) if *open == channel && bytes.len() < LARGEST => {
                if bytes.capacity() - bytes.len() < data.len() {
                    bytes.reserve(LARGEST);
                }
                bytes.extend_from_slice(data);
            }
            _ => {
                self.close();
                self.open = Some((channel, BytesMut::from(data)));
            }
        }
    }

    fn close(&mut self) {
        if let Some((channel, bytes)) = self.open.take() {
            self.chunks.push_back(LogChunk { channel, data: bytes.freeze() });
        }
    }

    fn pop(&mut self) -> Option<LogChunk> {
        if self.chunks.is_empty() {
            self.close();
        }
        self.chunks.pop_front()
    }
}

/// Leaves out the parts of a log that a reader does not want.
#[derive(Default)]
struct Filter {
    only: Option<LogChannel>,
    /// Of stdout and stderr.
    end_marks: Option<[EndMark; 2]>,
}

impl Filter {
    fn push(&mut self, channel: LogChannel, frame: &Bytes, data: &[u8], ready: &mut Ready) {
        if self.only.is_some_and(|only| only != channel) {
            return;
        }
        match &mut self.end_marks {
            None => ready.push(channel, frame, data),
            Some(marks) => {
                marks[channel as usize].push(share(frame, data), &mut |data| ready.push(channel, &data, &data));
            }
        }
    }

    /// Whether the process has printed all it will.
    fn is_marked(&self) -> bool {
        self.end_marks.as_ref().is_some_and(|marks| match self.only {
            Some(channel) => marks[channel as usize].is_complete(),
            None => marks.iter().all(EndMark::is_complete),
        })
    }

    fn finish(&mut self, ready: &mut Ready) {
        for (channel, mark) in
            [LogChannel::Stdout, LogChannel::Stderr].into_iter().zip(self.end_marks.iter_mut().flatten())
        {
            mark.finish(&mut |data| ready.push(channel, &data, &data));
        }
    }
}

async fn connect(toolbox: &Toolbox, path: &str) -> Result<WsReceiver> {
    // The sender half is not needed: nothing is ever sent on a log stream.
    Ok(super::open(toolbox, &format!("{path}?follow=true"), &[], KeepAlive::default()).await?.split().1)
}

async fn request(toolbox: &Toolbox, path: &str) -> Result<Source> {
    let (name, version) = RAW_LOG_VERSION;
    let response = toolbox.request(Method::GET, path).await?.header(name, version).send().await?;
    if !response.is_json() {
        return Ok(Source::SoFar(response));
    }
    let body = response.whole().await?;
    let logs: SessionCommandLogsResponse = serde_json::from_slice(&body).unwrap_or_default();
    Ok(Source::Whole(logs.output.unwrap_or_default().into()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(pieces: &[(LogChannel, &[u8])]) -> Vec<LogChunk> {
        let mut ready = Ready::default();
        for (channel, data) in pieces {
            let frame = Bytes::copy_from_slice(data);
            ready.push(*channel, &frame, &frame);
        }
        std::iter::from_fn(|| ready.pop()).collect()
    }

    #[test]
    fn small_pieces_of_one_output_become_one_chunk() {
        let (out, err) = (LogChannel::Stdout, LogChannel::Stderr);
        let chunks = chunks(&[(out, b"a"), (out, b"b"), (err, b"c"), (out, b"d"), (out, b"e")]);
        let expected = [(out, "ab"), (err, "c"), (out, "de")];
        assert_eq!(
            chunks.iter().map(|c| (c.channel, &c.data[..])).collect::<Vec<_>>(),
            expected.map(|(c, d)| (c, d.as_bytes()))
        );
    }

    #[test]
    fn large_pieces_stay_as_they_are_and_in_order() {
        let large = vec![b'x'; SMALL];
        let chunks = chunks(&[(LogChannel::Stdout, b"a"), (LogChannel::Stdout, &large), (LogChannel::Stdout, b"b")]);
        assert_eq!(chunks.iter().map(|c| c.data.len()).collect::<Vec<_>>(), [1, SMALL, 1]);
    }

    #[test]
    fn no_chunk_grows_without_limit() {
        let piece = vec![b'x'; SMALL - 1];
        let chunks = chunks(&vec![(LogChannel::Stdout, &piece[..]); 100]);
        assert!(chunks.iter().all(|c| c.data.len() < LARGEST + SMALL) && chunks.len() > 1);
        assert_eq!(chunks.iter().map(|c| c.data.len()).sum::<usize>(), 100 * piece.len());
    }
}
