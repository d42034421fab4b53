//! Splits a session log into stdout and stderr (wire.md 4.1).
//!
//! The log is one byte stream in which `01 01 01` means "stdout follows" and `02 02 02` means "stderr follows". Frames
//! and chunks cut it anywhere, also inside a marker. The contract:
//!
//! * Only three equal marker bytes in a row count, taken from the left; one or two of them are data, because programs
//!   may print them.
//! * Bytes before the first marker belong to no channel and are dropped, as every client of this protocol does.
//! * Output slices borrow from the chunk just pushed: nothing is copied or buffered. What is carried from one chunk to
//!   the next is the length of an unfinished run of marker bytes, at most two.
//! * Every byte is looked at a constant number of times, however the stream is cut.

use memchr::memchr2;

const STDOUT_BYTE: u8 = 0x01;
const STDERR_BYTE: u8 = 0x02;
const MARKER_LENGTH: usize = 3;

/// Which of a command's two output streams a piece of log belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogChannel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl LogChannel {
    fn of_marker(byte: u8) -> Self {
        if byte == STDOUT_BYTE { Self::Stdout } else { Self::Stderr }
    }

    /// Up to two marker bytes that turned out to be data.
    fn marker_bytes(self, count: usize) -> &'static [u8] {
        match self {
            Self::Stdout => &[STDOUT_BYTE; MARKER_LENGTH - 1][..count],
            Self::Stderr => &[STDERR_BYTE; MARKER_LENGTH - 1][..count],
        }
    }
}

/// The incremental demultiplexer; see the [module documentation](self) for its contract.
///
/// ```
/// use daytona::stream::log_demux::{LogChannel, LogDemux};
///
/// let mut demux = LogDemux::new();
/// let mut lines = Vec::new();
/// let mut out = |channel, bytes: &[u8]| lines.push((channel, bytes.to_vec()));
/// demux.push(b"\x01\x01\x01hello\n\x02\x02", &mut out);
/// demux.push(b"\x02oops\n", &mut out);
/// demux.finish(&mut out);
/// assert_eq!(lines, [(LogChannel::Stdout, b"hello\n".to_vec()), (LogChannel::Stderr, b"oops\n".to_vec())]);
/// ```
#[derive(Debug, Default)]
pub struct LogDemux {
    /// Channel of the bytes that come next; `None` before the first marker.
    current: Option<LogChannel>,
    /// A run of marker bytes at the end of what was pushed so far: whose they are, and how many (1 or 2).
    run: Option<(LogChannel, usize)>,
}

impl LogDemux {
    /// A demultiplexer at the start of a log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the log and hands `out` the pieces that are certain, in order and never empty.
    pub fn push(&mut self, chunk: &[u8], out: &mut impl FnMut(LogChannel, &[u8])) {
        let mut start = self.resume_run(chunk, out);
        let mut at = start;
        while let Some(offset) = memchr2(STDOUT_BYTE, STDERR_BYTE, &chunk[at..]) {
            let run_start = at + offset;
            let run = run_length(&chunk[run_start..], chunk[run_start], MARKER_LENGTH);
            at = run_start + run;
            let channel = LogChannel::of_marker(chunk[run_start]);
            if run == MARKER_LENGTH {
                self.emit(&chunk[start..run_start], out);
                self.current = Some(channel);
                start = at;
            } else if at == chunk.len() {
                self.emit(&chunk[start..run_start], out);
                self.run = Some((channel, run));
                return;
            }
        }
        self.emit(&chunk[start..], out);
    }

    /// Ends the log: an unfinished marker was data after all. The demultiplexer is then as new.
    pub fn finish(&mut self, out: &mut impl FnMut(LogChannel, &[u8])) {
        if let Some((channel, count)) = self.run.take() {
            self.emit(channel.marker_bytes(count), out);
        }
        self.current = None;
    }

    /// Continues the run the previous chunk ended with; returns how much of `chunk` belongs to it.
    fn resume_run(&mut self, chunk: &[u8], out: &mut impl FnMut(LogChannel, &[u8])) -> usize {
        let Some((channel, count)) = self.run else { return 0 };
        let more = run_length(chunk, channel.marker_bytes(1)[0], MARKER_LENGTH - count);
        if count + more == MARKER_LENGTH {
            self.run = None;
            self.current = Some(channel);
        } else if more == chunk.len() {
            self.run = Some((channel, count + more));
        } else {
            self.run = None;
            self.emit(channel.marker_bytes(count), out);
            // The bytes of this chunk that continue the run are data too; they are emitted with what follows them.
            return 0;
        }
        more
    }

    fn emit(&self, bytes: &[u8], out: &mut impl FnMut(LogChannel, &[u8])) {
        if let Some(channel) = self.current.filter(|_| !bytes.is_empty()) {
            out(channel, bytes);
        }
    }
}

/// A whole log as one text, both channels in the order they were logged. Text without any marker is returned as it is.
pub(crate) fn without_markers(log: &str) -> String {
    let mut text = Vec::with_capacity(log.len());
    let mut out = |_: LogChannel, bytes: &[u8]| text.extend_from_slice(bytes);
    let mut demux = LogDemux::new();
    demux.push(log.as_bytes(), &mut out);
    let unmarked = demux.current.is_none();
    demux.finish(&mut out);
    if unmarked { log.to_owned() } else { String::from_utf8_lossy(&text).into_owned() }
}

/// Counts the bytes at the front, `limit` at most, that equal `byte`.
fn run_length(bytes: &[u8], byte: u8, limit: usize) -> usize {
    bytes.iter().take(limit).take_while(|b| **b == byte).count()
}
