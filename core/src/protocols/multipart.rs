//! Parser of bulk-download responses (wire.md 3.2, wire-additions.md 4.3), fed piece by piece.
//!
//! The contract:
//!
//! * [`MultipartParser::push`] takes a chunk of the body, [`MultipartParser::next_event`] gives what it holds, until it
//!   answers `None`: then it wants the next chunk. [`MultipartParser::finish`] at the end of the body fails unless the
//!   closing boundary has been seen: servers announce a failure half-way by just stopping.
//! * Part contents are slices of the pushed chunks, never copies. Memory is bounded: of a body only the length of a
//!   half-seen boundary is kept, of part headers at most [`MAX_HEADER_BYTES`].
//! * A part's `Content-Length` is honoured first: within it nothing is taken for a boundary, because servers use a fixed
//!   one that a file may well contain. It is still a hint: a file that grew meanwhile goes on until the boundary.
//!   A file that shrank meanwhile cannot be told from one that contains boundaries; it surfaces as a truncated response.
//! * `multipart/form-data` and `multipart/mixed` are read alike.

use bytes::Bytes;
use memchr::memmem::Finder;

use super::multipart_header::{boundary_of, parse_header_line};
use crate::error::{Error, ErrorKind, Result};

pub use super::multipart_header::PartHeader;

/// The most bytes the headers of one part may have.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// The longest white space between a boundary and its line end; more makes it data.
const MAX_PADDING_BYTES: usize = 256;

/// The parts of a multipart body, in this order: `(PartStart Data* PartEnd)* End`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MultipartEvent {
    /// A part begins.
    PartStart(PartHeader),
    /// A piece of the part's content, never empty.
    Data(Bytes),
    /// The part is complete.
    PartEnd,
    /// The closing boundary: whatever follows is ignored.
    End,
}

/// The incremental parser; see the [module documentation](self).
#[derive(Debug)]
pub struct MultipartParser {
    /// `\r\n--boundary`. A carriage return occurs only at its start, so a failed partial match needs no second look.
    delimiter: Bytes,
    finder: Finder<'static>,
    input: Bytes,
    state: State,
    /// Whether a part is open, that is, whether body bytes are its content; before the first part they are preamble.
    in_part: bool,
    /// Bytes of the delimiter seen at the end of the input so far.
    matched: usize,
    /// Name of the part being read, for the message about truncation.
    part: String,
}

#[derive(Debug)]
enum State {
    /// Inside the length the part announced.
    Counted(u64),
    /// Looking for the delimiter.
    Scanning,
    /// Behind a delimiter: `--` ends the body, white space and a line end begin a part, all else was data.
    AfterDelimiter(Vec<u8>),
    /// Reading the header block of a part.
    Headers(Vec<u8>),
    /// The end event is due, or has been given.
    Ended { reported: bool },
}

impl MultipartParser {
    /// A parser for a body with this `Content-Type` header.
    ///
    /// # Errors
    /// `Connection` when the type is not `multipart/form-data` or `multipart/mixed` or has no usable boundary.
    pub fn from_content_type(content_type: &str) -> Result<Self> {
        boundary_of(content_type).map(|boundary| Self::new(&boundary)).ok_or_else(|| {
            malformed(format!("the response should be multipart with a boundary but is {content_type:?}"))
        })
    }

    /// A parser for a body with this boundary (without the leading dashes).
    pub fn new(boundary: &str) -> Self {
        let delimiter = Bytes::from(format!("\r\n--{boundary}"));
        Self {
            finder: Finder::new(&delimiter).into_owned(),
            delimiter,
            input: Bytes::new(),
            state: State::Scanning,
            in_part: false,
            // The first boundary may stand at the very start of the body, without a line break before it.
            matched: 2,
            part: String::new(),
        }
    }

    /// Takes the next chunk of the body.
    pub fn push(&mut self, chunk: Bytes) {
        self.input =
            if self.input.is_empty() { chunk } else { [std::mem::take(&mut self.input), chunk].concat().into() };
    }

    /// The next event, or `None` when another chunk (or the end of the body) is needed to tell.
    ///
    /// # Errors
    /// `Connection` for headers that are too long or cannot be understood. The parser is of no use afterwards.
    pub fn next_event(&mut self) -> Result<Option<MultipartEvent>> {
        loop {
            if let State::Ended { reported } = &mut self.state {
                self.input.clear();
                return Ok((!std::mem::replace(reported, true)).then_some(MultipartEvent::End));
            }
            if self.input.is_empty() {
                return Ok(None);
            }
            let event = match self.state {
                State::Counted(remaining) => Some(self.take_counted(remaining)),
                State::Scanning => self.scan(),
                State::AfterDelimiter(_) => self.after_delimiter(),
                State::Headers(_) => self.read_headers()?,
                State::Ended { .. } => unreachable!("handled above"),
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// Declares the body complete.
    ///
    /// # Errors
    /// `Connection` when the closing boundary has not been seen: the response was cut off.
    pub fn finish(&self) -> Result<()> {
        if matches!(self.state, State::Ended { .. }) {
            return Ok(());
        }
        let place = if self.in_part { format!(" inside the part {:?}", self.part) } else { String::new() };
        Err(malformed(format!("Truncated multipart response: it ended{place}, before the closing boundary")))
    }

    /// Content within the announced length, whatever it looks like.
    fn take_counted(&mut self, remaining: u64) -> MultipartEvent {
        let take = usize::try_from(remaining).unwrap_or(usize::MAX).min(self.input.len());
        let left = remaining - take as u64;
        self.state = if left == 0 { State::Scanning } else { State::Counted(left) };
        MultipartEvent::Data(self.input.split_to(take))
    }

    /// Content up to the delimiter, holding back a delimiter that has only begun.
    fn scan(&mut self) -> Option<MultipartEvent> {
        if self.matched > 0 {
            let wanted = &self.delimiter[self.matched..];
            let common = wanted.iter().zip(self.input.iter()).take_while(|(a, b)| a == b).count();
            if common == wanted.len() {
                return self.delimiter_seen(common);
            }
            if common == self.input.len() {
                self.matched += common;
                self.input.clear();
                return None;
            }
            // What was held back equals the start of the delimiter: give that instead of keeping a copy.
            let held = self.delimiter.slice(..std::mem::take(&mut self.matched));
            return self.content(held);
        }
        if let Some(position) = self.finder.find(&self.input) {
            if position > 0 {
                // The delimiter stays at the front and is met again at once.
                let data = self.input.split_to(position);
                return self.content(data);
            }
            return self.delimiter_seen(self.delimiter.len());
        }
        let held = delimiter_start_at_end(&self.input, &self.delimiter);
        let data = self.input.split_to(self.input.len() - held);
        self.matched = held;
        self.input.clear();
        self.content(data)
    }

    fn delimiter_seen(&mut self, consumed: usize) -> Option<MultipartEvent> {
        let _ = self.input.split_to(consumed);
        self.matched = 0;
        self.state = State::AfterDelimiter(Vec::new());
        None
    }

    fn after_delimiter(&mut self) -> Option<MultipartEvent> {
        let State::AfterDelimiter(seen) = &mut self.state else { return None };
        while let Some(&byte) = self.input.first() {
            let fits = match (seen.last(), byte) {
                (None, b'-' | b' ' | b'\t' | b'\r') => true,
                (Some(b'-'), b'-') | (Some(b'\r'), b'\n') => true,
                (Some(b' ' | b'\t'), b' ' | b'\t' | b'\r') => seen.len() < MAX_PADDING_BYTES,
                _ => false,
            };
            if !fits {
                // Content that merely resembled a boundary.
                let mut data = self.delimiter.to_vec();
                data.append(seen);
                self.state = State::Scanning;
                return self.content(data.into());
            }
            let _ = self.input.split_to(1);
            seen.push(byte);
            if seen == b"--" {
                self.state = State::Ended { reported: false };
            } else if byte == b'\n' {
                self.state = State::Headers(Vec::new());
            } else {
                continue;
            }
            return std::mem::take(&mut self.in_part).then_some(MultipartEvent::PartEnd);
        }
        None
    }

    fn read_headers(&mut self) -> Result<Option<MultipartEvent>> {
        let State::Headers(block) = &mut self.state else { return Ok(None) };
        while let Some(end) = memchr::memchr(b'\n', &self.input) {
            block.extend_from_slice(&self.input.split_to(end + 1));
            if block.len() > MAX_HEADER_BYTES {
                return Err(headers_too_long());
            }
            if ends_with_blank_line(block) {
                let block = std::mem::take(block);
                return self.begin_part(&block).map(Some);
            }
        }
        block.extend_from_slice(&self.input);
        self.input.clear();
        if block.len() > MAX_HEADER_BYTES {
            return Err(headers_too_long());
        }
        Ok(None)
    }

    fn begin_part(&mut self, block: &[u8]) -> Result<MultipartEvent> {
        let mut header = PartHeader::default();
        let mut lines = block.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).peekable();
        while let Some(line) = lines.next() {
            let mut line = line.to_vec();
            // A line that begins with white space continues the one before it.
            while let Some(more) = lines.next_if(|next| matches!(next.first(), Some(b' ' | b'\t'))) {
                line.extend_from_slice(more);
            }
            parse_header_line(&line, &mut header)?;
        }
        self.part = header.filename.clone().or_else(|| header.name.clone()).unwrap_or_default();
        self.in_part = true;
        match header.content_length {
            Some(length) if length > 0 => self.state = State::Counted(length),
            _ => self.state = State::Scanning,
        }
        Ok(MultipartEvent::PartStart(header))
    }

    fn content(&self, data: Bytes) -> Option<MultipartEvent> {
        (self.in_part && !data.is_empty()).then_some(MultipartEvent::Data(data))
    }
}

/// The number of bytes at the end of `input` are the beginning of `delimiter`.
fn delimiter_start_at_end(input: &[u8], delimiter: &[u8]) -> usize {
    let tail = &input[input.len().saturating_sub(delimiter.len() - 1)..];
    memchr::memrchr(delimiter[0], tail)
        .map(|at| &tail[at..])
        .filter(|end| delimiter.starts_with(end))
        .map_or(0, <[u8]>::len)
}

fn ends_with_blank_line(block: &[u8]) -> bool {
    matches!(block, b"\n" | b"\r\n") || block.ends_with(b"\n\n") || block.ends_with(b"\n\r\n")
}

fn headers_too_long() -> Error {
    malformed(format!("a part of the multipart response has more than {MAX_HEADER_BYTES} bytes of headers"))
}

pub(super) fn malformed(message: String) -> Error {
    Error::new(ErrorKind::Connection, message)
}
