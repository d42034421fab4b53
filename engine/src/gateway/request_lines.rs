//! Request lines as the platform's server takes them: quotes and the like may stand in a URL as they are.
//!
//! `GET /api/sandbox?labels={"a":"b"}` is what people type and what some HTTP clients send. The HTTP library refuses it, so a
//! connection is read through [`Repaired`], which percent-encodes such characters in request lines. It follows the framing of
//! requests, so that bodies pass as they are; where it cannot, everything that follows passes as it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::http::Uri;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes read from the connection at a time.
const READ_SIZE: usize = 16 * 1024;
/// The longest line that is looked at, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// A listener whose connections are [`Repaired`].
pub struct RepairedListener<L>(pub L);

impl<L: Listener> Listener for RepairedListener<L> {
    type Io = Repaired<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = self.0.accept().await;
        (Repaired::new(stream), address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A connection on which request lines are repaired.
pub struct Repaired<S> {
    stream: S,
    lines: RequestLines,
    /// Bytes that were looked at and not yet read, from `taken` on.
    ready: Vec<u8>,
    taken: usize,
}

impl<S> Repaired<S> {
    /// Reads requests from `stream`.
    pub fn new(stream: S) -> Self {
        Self { stream, lines: RequestLines::default(), ready: Vec::new(), taken: 0 }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Repaired<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.taken == this.ready.len() {
            if this.lines.place == Place::Unknown {
                return Pin::new(&mut this.stream).poll_read(cx, buffer);
            }
            // An idle connection keeps no buffer.
            (this.ready, this.taken) = (Vec::new(), 0);
            let mut space = [0; READ_SIZE];
            let mut space = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut space))?;
            if space.filled().is_empty() {
                this.lines.end(&mut this.ready);
                if this.ready.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            this.lines.pass(space.filled(), &mut this.ready);
        }
        let length = buffer.remaining().min(this.ready.len() - this.taken);
        buffer.put_slice(&this.ready[this.taken..this.taken + length]);
        this.taken += length;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Repaired<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Where in a request the next byte is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    RequestLine,
    Header(Framing),
    /// This many bytes of the body are to come.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    /// The line end after a chunk.
    ChunkEnd,
    Trailer,
    /// Nobody knows: another protocol, or a request that will be refused.
    Unknown,
}

/// The framing of the body, as far as the header tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Framing {
    length: u64,
    chunked: bool,
    other_protocol: bool,
}

/// The requests of one connection, as far as they have been seen.
#[derive(Default)]
struct RequestLines {
    place: Place,
    /// The line that has begun.
    line: Vec<u8>,
}

impl RequestLines {
    /// Looks at what was received and appends it to `out`, repaired.
    fn pass(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let used = match self.place {
                Place::Unknown => {
                    out.extend_from_slice(bytes);
                    return;
                }
                Place::Body(rest) | Place::Chunk(rest) => self.pass_body(rest, bytes, out),
                _ => self.pass_line(bytes, out),
            };
            bytes = &bytes[used..];
        }
    }

    fn pass_body(&mut self, rest: u64, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let length = usize::try_from(rest).unwrap_or(usize::MAX).min(bytes.len());
        out.extend_from_slice(&bytes[..length]);
        let rest = rest - length as u64;
        self.place = match self.place {
            Place::Chunk(_) if rest == 0 => Place::ChunkEnd,
            Place::Chunk(_) => Place::Chunk(rest),
            _ if rest == 0 => Place::RequestLine,
            _ => Place::Body(rest),
        };
        length
    }

    /// Passes a line, or the part of it that is here. A request line waits for its end.
    fn pass_line(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let end = memchr::memchr(b'\n', bytes).map(|at| at + 1);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        self.line.extend_from_slice(part);
        let is_request_line = self.place == Place::RequestLine;
        if !is_request_line {
            out.extend_from_slice(part);
        }
        if end.is_some() || self.line.len() > LONGEST_LINE {
            let line = std::mem::take(&mut self.line);
            if is_request_line {
                out.extend_from_slice(&repaired(&line));
            }
            self.place = if end.is_some() { after(self.place, line.trim_ascii()) } else { Place::Unknown };
        }
        part.len()
    }

    /// The connection ends in the middle of something.
    fn end(&mut self, out: &mut Vec<u8>) {
        if self.place == Place::RequestLine {
            out.append(&mut self.line);
        }
        self.place = Place::Unknown;
    }
}

/// Where a line leads.
fn after(place: Place, line: &[u8]) -> Place {
    match place {
        Place::RequestLine if line.is_empty() => Place::RequestLine,
        // HTTP/2, or a tunnel.
        Place::RequestLine if line.starts_with(b"PRI ") || line.starts_with(b"CONNECT ") => Place::Unknown,
        Place::RequestLine => Place::Header(Framing::default()),
        Place::Header(framing) if line.is_empty() => match framing {
            Framing { other_protocol: true, .. } => Place::Unknown,
            Framing { chunked: true, .. } => Place::ChunkSize,
            Framing { length: 0, .. } => Place::RequestLine,
            Framing { length, .. } => Place::Body(length),
        },
        Place::Header(framing) => header(framing, line).map_or(Place::Unknown, Place::Header),
        Place::ChunkSize => {
            let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
            let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
            match size {
                Some(0) => Place::Trailer,
                Some(size) => Place::Chunk(size),
                None => Place::Unknown,
            }
        }
        Place::ChunkEnd => Place::ChunkSize,
        Place::Trailer if line.is_empty() => Place::RequestLine,
        other => other,
    }
}

/// The framing of the body according to a header; `None` when it cannot be understood.
fn header(mut framing: Framing, line: &[u8]) -> Option<Framing> {
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = (line[..colon].to_ascii_lowercase(), line[colon + 1..].trim_ascii());
    match name.as_slice() {
        b"content-length" => framing.length = std::str::from_utf8(value).ok()?.parse().ok()?,
        b"transfer-encoding" => framing.chunked = value.eq_ignore_ascii_case(b"chunked"),
        b"upgrade" => framing.other_protocol = true,
        _ => {}
    }
    Some(framing)
}

/// A request line with what a URL must not hold percent-encoded.
fn repaired(line: &[u8]) -> Vec<u8> {
    let target = memchr::memchr(b' ', line).zip(memchr::memrchr(b' ', line)).filter(|(first, last)| first < last);
    let Some((first, last)) = target else { return line.to_vec() };
    let target = &line[first + 1..last];
    if Uri::try_from(target).is_ok() {
        return line.to_vec();
    }
    let mut repaired = line[..=first].to_vec();
    for byte in target {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                repaired.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            byte => repaired.push(*byte),
        }
    }
    repaired.extend_from_slice(&line[last..]);
    repaired
}

#[cfg(test)]
mod tests {
    use super::RequestLines;

    /// The bytes that arrive of `sent`, in two pieces split at every position.
    fn check(sent: &str, expected: &str) {
        for split in 0..=sent.len() {
            let (mut lines, mut out) = (RequestLines::default(), Vec::new());
            lines.pass(&sent.as_bytes()[..split], &mut out);
            lines.pass(&sent.as_bytes()[split..], &mut out);
            lines.end(&mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "split at {split}");
        }
    }

    #[test]
    fn request_lines_are_repaired_and_bodies_are_not() {
        let raw = "GET /a?b={\"c\"} HTTP/1.1\r\n";
        let repaired = "GET /a?b=%7B%22c%22%7D HTTP/1.1\r\n";
        check(&format!("{raw}host: x\r\n\r\n{raw}\r\n"), &format!("{repaired}host: x\r\n\r\n{repaired}\r\n"));
        let length = raw.len();
        let with_length = format!("content-length: {length}\r\n\r\n{raw}");
        check(&format!("{raw}{with_length}{raw}\r\n"), &format!("{repaired}{with_length}{repaired}\r\n"));
        let chunked = format!("transfer-encoding: chunked\r\n\r\n{length:x};a=b\r\n{raw}\r\n0\r\nt: {raw}\r\n\r\n");
        check(&format!("{raw}{chunked}{raw}\r\n"), &format!("{repaired}{chunked}{repaired}\r\n"));
    }

    #[test]
    fn what_is_fine_or_is_not_understood_passes_as_it_is() {
        let raw = "GET /a?b=\"c\" HTTP/1.1\r\n";
        for sent in [
            "GET /a?b={c}|d HTTP/1.1\nhost: x\n\n".to_owned(),
            format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{raw}"),
            format!("GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n{raw}"),
            format!("POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n{raw}"),
            "GET /unfinished?\"".to_owned(),
        ] {
            check(&sent, &sent);
        }
    }
}
