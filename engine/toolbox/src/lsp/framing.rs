//! Messages on a pipe: a few header lines, an empty line, and as many bytes of JSON as the header `Content-Length` says.

use std::io;

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// The largest message that is read or sent.
pub(super) const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// The most bytes of header lines.
const MAX_HEADER: u64 = 8 * 1024;

/// A message with its header.
pub(super) fn frame(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    let mut framed = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    framed.extend_from_slice(body.as_bytes());
    framed
}

/// Reads the next message; `None` at the end.
///
/// # Errors
/// What is not a message, or too large to be one, cannot be skipped: the connection is of no more use.
pub(super) async fn read(pipe: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Value>> {
    let mut header = pipe.take(MAX_HEADER);
    let mut length = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        header.read_until(b'\n', &mut line).await?;
        if line.is_empty() && header.limit() > 0 && length.is_none() {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(invalid("its header does not end"));
        }
        let text = std::str::from_utf8(&line).map_err(|_| invalid("its header is not text"))?.trim_end();
        if text.is_empty() {
            break;
        }
        let Some((name, value)) = text.split_once(':') else { return Err(invalid("a header line has no name")) };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse::<usize>().map_err(|_| invalid("its length is not a number"))?);
        }
    }
    let length = length.ok_or_else(|| invalid("it has no length"))?;
    if length > MAX_MESSAGE {
        return Err(invalid("it is too large"));
    }
    // Grows as bytes come: a length alone takes no memory.
    let mut body = Vec::with_capacity(length.min(64 * 1024));
    pipe.take(length as u64).read_to_end(&mut body).await?;
    if body.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&body).map(Some).map_err(|_| invalid("it is not JSON"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a message of the language server is not valid: {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MAX_MESSAGE, frame, read};

    fn messages(bytes: &[u8], piece: usize) -> Result<Vec<Value>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut pipe = tokio::io::BufReader::with_capacity(piece, bytes);
            let mut read_so_far = Vec::new();
            while let Some(message) = read(&mut pipe).await.map_err(|error| error.to_string())? {
                read_so_far.push(message);
            }
            Ok(read_so_far)
        })
    }

    #[test]
    fn messages_are_read_whatever_pieces_they_come_in() {
        let sent = [json!({"id": 1, "text": "ü🚀\r\n\r\n"}), json!([]), json!(null)];
        let bytes: Vec<u8> = sent.iter().flat_map(frame).collect();
        for piece in 1..40 {
            assert_eq!(messages(&bytes, piece).unwrap(), sent);
        }
        let other = b"content-type: x; charset=utf-8\r\nCONTENT-LENGTH:2\r\n\r\n{}";
        assert_eq!(messages(other, 8).unwrap(), [json!({})]);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let endless = vec![b'a'; 100_000];
        let too_large = format!("Content-Length: {}\r\n\r\n", MAX_MESSAGE + 1);
        let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let nested = format!("Content-Length: {}\r\n\r\n{nested}", nested.len());
        for (bytes, problem) in [
            (endless.as_slice(), "does not end"),
            (b"Content-Length: -1\r\n\r\n", "not a number"),
            (b"Content-Length: 18446744073709551616\r\n\r\n", "not a number"),
            (too_large.as_bytes(), "too large"),
            (b"X: y\r\n\r\n", "no length"),
            (b"hello\r\n\r\n", "no name"),
            (b"\xff: 1\r\n\r\n", "not text"),
            (b"Content-Length: 2\r\n\r\n{x", "not JSON"),
            (nested.as_bytes(), "not JSON"),
            (b"Content-Length: 9\r\n\r\n{}", "unexpected end"),
            (b"Content-Length: 2\r\n", "does not end"),
        ] {
            let error = messages(bytes, 16).unwrap_err();
            assert!(error.contains(problem), "{problem}: {error}");
        }
    }
}
