//! Requests kept as they came: head, body, and what a WebSocket's client sent.

use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::head::Head;
use crate::proxy::lock;

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// HTTP method.
    pub method: String,
    /// Path and query, as they were written.
    pub target: String,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// Everything behind the head, framed as it was.
    pub raw: Vec<u8>,
}

impl Recorded {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether it asks for a WebSocket.
    pub fn is_upgrade(&self) -> bool {
        self.header("upgrade").is_some()
    }

    /// The body; a chunked one without its frames, as far as it has come.
    pub fn body(&self) -> Vec<u8> {
        match self.header("transfer-encoding") {
            _ if self.is_upgrade() => Vec::new(),
            Some(encoding) if encoding.eq_ignore_ascii_case("chunked") => unchunk(&self.raw),
            _ => self.raw.clone(),
        }
    }

    /// The text and binary messages a WebSocket's client has sent so far. Clients here send each in one frame.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let mut rest = if self.is_upgrade() { &self.raw[..] } else { &[] };
        while let Some((opcode, payload, length)) = frame(rest) {
            if matches!(opcode, 1 | 2) {
                messages.push(payload);
            }
            rest = &rest[length..];
        }
        messages
    }
}

/// The requests a proxy keeps.
#[derive(Default)]
pub(crate) struct Record(Mutex<Vec<Arc<Mutex<Recorded>>>>);

impl Record {
    /// Keeps a request whose body is still to come, but for `rest`.
    pub(crate) fn begin(&self, head: &Head, rest: &[u8]) -> Sent {
        let (method, target) = head.target();
        let recorded = Recorded {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: head.headers.clone(),
            raw: rest.to_owned(),
        };
        let recorded = Arc::new(Mutex::new(recorded));
        lock(&self.0).push(recorded.clone());
        Sent(recorded)
    }

    pub(crate) fn all(&self) -> Vec<Recorded> {
        lock(&self.0).iter().map(|recorded| lock(recorded).clone()).collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}

/// A request that is arriving.
pub(crate) struct Sent(Arc<Mutex<Recorded>>);

impl Sent {
    /// Passes on what the client sends, keeping it first: when the answer comes, the request is here.
    pub(crate) async fn copy(&mut self, from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf) -> io::Result<()> {
        let mut piece = Vec::with_capacity(64 * 1024);
        while from.read_buf(&mut piece).await? > 0 {
            lock(&self.0).raw.extend_from_slice(&piece);
            to.write_all(&piece).await?;
            piece.clear();
        }
        Ok(())
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]);
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).unwrap_or(0);
        let chunk = &rest[end + 2..];
        if size == 0 {
            break;
        }
        body.extend_from_slice(&chunk[..size.min(chunk.len())]);
        rest = chunk.get(size + 2..).unwrap_or_default();
    }
    body
}

/// Opcode, unmasked payload and length of the first frame, if it is complete.
fn frame(bytes: &[u8]) -> Option<(u8, Vec<u8>, usize)> {
    let (opcode, masked) = (bytes.first()? & 0x0f, bytes.get(1)? & 0x80 != 0);
    let (length, mut at) = match bytes[1] & 0x7f {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
        127 => (usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?, 10),
        length => (usize::from(length), 2),
    };
    let mut mask = [0; 4];
    if masked {
        mask.copy_from_slice(bytes.get(at..at + 4)?);
        at += 4;
    }
    let payload = bytes.get(at..at.checked_add(length)?)?;
    Some((opcode, payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect(), at + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(headers: &[(&str, &str)], raw: &[u8]) -> Recorded {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Recorded { headers, raw: raw.to_owned(), ..Recorded::default() }
    }

    #[test]
    fn a_chunked_body_is_put_together_as_far_as_it_has_come() {
        let chunked = |raw: &[u8]| recorded(&[("Transfer-Encoding", "chunked")], raw).body();
        assert_eq!(chunked(b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"), b"abc0123456789");
        assert_eq!(chunked(b"3\r\nabc\r\n5\r\nde"), b"abcde");
        assert_eq!(recorded(&[], b"3\r\nabc").body(), b"3\r\nabc");
    }

    #[test]
    fn messages_of_a_websocket_are_unmasked_and_pings_left_out() {
        let frames = [0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2, 0x89, 0x80, 0, 0, 0, 0, 0x82, 0x01, b'x', 0x81, 0x85];
        let upgrade = recorded(&[("Upgrade", "websocket")], &frames);
        assert_eq!(upgrade.messages(), [b"hi".to_vec(), b"x".to_vec()]);
        assert!(upgrade.body().is_empty());
    }
}
