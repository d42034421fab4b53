//! Messages of WebSockets in a recording: terminals, followed logs, the interpreter. They are read from the bytes that pass by, which
//! go on as they are.

use std::io::{self, Cursor};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::recording::Recorder;

/// The kind of their entries.
pub const KIND: &str = "message";

/// Bytes of one message that are kept.
const LONGEST: usize = 1 << 20;

/// Bytes that the head of a frame has at most.
const LONGEST_HEAD: usize = 14;

/// A connection whose messages are kept, by the number that its request has.
#[derive(Clone)]
pub struct Recorded {
    /// Which one of the engine's.
    pub number: u64,
    /// Keeps them.
    pub recorder: Arc<Recorder>,
}

impl Recorded {
    fn keep(&self, from: &str, message: &Message) {
        let what = match message {
            Message::Text(bytes) => document("text", bytes),
            Message::Binary(bytes) => document("binary", bytes),
            Message::TooLong => json!({"truncated": true}),
            Message::Close(code, reason) => json!({"close": {"code": code, "reason": reason}}),
        };
        self.recorder.keep_message(self.number, from, what);
    }
}

fn document(kind: &str, bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({"type": kind, "text": text}),
        Err(_) => json!({"type": kind, "base64": STANDARD.encode(bytes)}),
    }
}

/// The bytes of a message's entry.
pub fn bytes_of(entry: &Value) -> Vec<u8> {
    match (entry["text"].as_str(), entry["base64"].as_str()) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(text)) => STANDARD.decode(text).unwrap_or_default(),
        (None, None) => Vec::new(),
    }
}

/// Gives the entry of a message other bytes.
pub fn set_bytes(entry: &mut Value, bytes: &[u8]) {
    let Some(fields) = entry.as_object_mut() else { return };
    fields.retain(|name, _| name != "text" && name != "base64");
    if let Value::Object(new) = document("", bytes) {
        fields.extend(new.into_iter().filter(|(name, _)| name != "type"));
    }
}

/// What one side said.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    /// One that is longer than is kept.
    TooLong,
    Close(Option<u16>, String),
}

/// Puts messages together from pieces of a stream of frames (RFC 6455, section 5).
#[derive(Default)]
struct Reader {
    /// The beginning of a frame's head.
    head: Vec<u8>,
    frame: Option<Frame>,
    /// The frames of a message so far, of which the first says what it is.
    message: Vec<u8>,
    is_text: bool,
    is_too_long: bool,
    /// No frame is expected any more, or none was found.
    is_over: bool,
}

struct Frame {
    header: FrameHeader,
    left: u64,
    /// Its bytes so far; messages may be interrupted by it when it is one for the connection.
    bytes: Vec<u8>,
    passed: usize,
}

impl Reader {
    fn read(&mut self, mut bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        while !self.is_over {
            match self.frame.take() {
                None => {
                    let before = self.head.len();
                    self.head.extend_from_slice(&bytes[..bytes.len().min(LONGEST_HEAD - before)]);
                    let mut cursor = Cursor::new(&self.head);
                    match FrameHeader::parse(&mut cursor) {
                        Ok(Some((header, left))) => {
                            let length = usize::try_from(cursor.position()).unwrap_or(LONGEST_HEAD);
                            // What is more than the head is the frame's.
                            bytes = &bytes[length - before..];
                            self.head.clear();
                            self.frame = Some(Frame { header, left, bytes: Vec::new(), passed: 0 });
                        }
                        Ok(None) if self.head.len() < LONGEST_HEAD => break,
                        Ok(None) | Err(_) => self.is_over = true,
                    }
                }
                Some(mut frame) => {
                    let taken = usize::try_from(frame.left).unwrap_or(usize::MAX).min(bytes.len());
                    frame.take(&bytes[..taken], LONGEST.saturating_sub(self.message.len()));
                    bytes = &bytes[taken..];
                    if frame.left > 0 {
                        self.frame = Some(frame);
                        break;
                    }
                    messages.extend(self.end(frame));
                }
            }
        }
        messages
    }

    /// The message that a whole frame completes.
    fn end(&mut self, frame: Frame) -> Option<Message> {
        match frame.header.opcode {
            OpCode::Control(Control::Close) => {
                self.is_over = true;
                let code = frame.bytes.first_chunk().map(|code| u16::from_be_bytes(*code));
                let reason = frame.bytes.get(2..).unwrap_or_default();
                return Some(Message::Close(code, String::from_utf8_lossy(reason).into_owned()));
            }
            OpCode::Control(_) => return None,
            OpCode::Data(kind) => {
                if kind != Data::Continue {
                    self.is_text = kind == Data::Text;
                }
            }
        }
        self.is_too_long |= frame.bytes.len() < frame.passed;
        self.message.extend_from_slice(&frame.bytes);
        if !frame.header.is_final {
            return None;
        }
        let message = std::mem::take(&mut self.message);
        Some(match (std::mem::take(&mut self.is_too_long), self.is_text) {
            (true, _) => Message::TooLong,
            (false, true) => Message::Text(message),
            (false, false) => Message::Binary(message),
        })
    }
}

impl Frame {
    /// Takes its next bytes, of which as many are kept as there is room for.
    fn take(&mut self, bytes: &[u8], room: usize) {
        for byte in &bytes[..bytes.len().min(room.saturating_sub(self.bytes.len()))] {
            let mask = self.header.mask.map_or(0, |mask| mask[self.bytes.len() % mask.len()]);
            self.bytes.push(byte ^ mask);
        }
        self.passed += bytes.len();
        self.left -= bytes.len() as u64;
    }
}

/// The client's end of a connection whose messages are kept.
pub struct Heard<S> {
    stream: S,
    recorded: Recorded,
    client: Reader,
    server: Reader,
}

impl<S> Heard<S> {
    /// The client's end, with what is said from now on.
    pub fn new(stream: S, recorded: Recorded) -> Self {
        Self { stream, recorded, client: Reader::default(), server: Reader::default() }
    }
}

impl<S> Drop for Heard<S> {
    fn drop(&mut self) {
        self.recorded.recorder.keep_message(self.recorded.number, "server", json!({"ended": true}));
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, into))?;
        for message in self.client.read(&into.filled()[before..]) {
            self.recorded.keep("client", &message);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        for message in self.server.read(&bytes[..written]) {
            self.recorded.keep("server", &message);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, mask: Option<[u8; 4]>, bytes: &[u8]) -> Vec<u8> {
        let masked = if mask.is_some() { 0x80 } else { 0 };
        let mut frame = vec![first];
        match bytes.len() {
            short @ ..126 => frame.push(masked | u8::try_from(short).unwrap()),
            medium @ 126..0x10000 => {
                frame.push(masked | 126);
                frame.extend(u16::try_from(medium).unwrap().to_be_bytes());
            }
            long => {
                frame.push(masked | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend(mask.iter().flatten());
        frame.extend(bytes.iter().enumerate().map(|(at, byte)| byte ^ mask.map_or(0, |mask| mask[at % 4])));
        frame
    }

    #[test]
    fn messages_are_put_together_however_their_bytes_come() {
        let (mask, long) = (Some([1, 2, 3, 4]), vec![b'x'; 70_000]);
        let stream = [
            frame(0x81, mask, b"text"),
            frame(0x02, mask, b"in "),
            frame(0x89, mask, b"a ping between"),
            frame(0x80, mask, b"pieces"),
            frame(0x82, None, &long),
            frame(0x82, None, b""),
            frame(0x88, None, b"\x03\xe8bye"),
            b"nothing of this counts".to_vec(),
        ]
        .concat();
        let expected = [
            Message::Text(b"text".to_vec()),
            Message::Binary(b"in pieces".to_vec()),
            Message::Binary(long),
            Message::Binary(Vec::new()),
            Message::Close(Some(1000), "bye".to_owned()),
        ];
        for size in [1, 2, 3, 7, 13, 14, 15, 16 << 10, stream.len()] {
            let mut reader = Reader::default();
            let messages: Vec<_> = stream.chunks(size).flat_map(|bytes| reader.read(bytes)).collect();
            assert!(messages == expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_too_long_takes_no_room_and_what_follows_is_read() {
        let mut reader = Reader::default();
        let stream = [frame(0x02, None, &vec![0; LONGEST]), frame(0x80, None, b"x"), frame(0x81, None, b"y")].concat();
        assert_eq!(reader.read(&stream), [Message::TooLong, Message::Text(b"y".to_vec())]);
        let endless = [frame(0x82, None, b"")[..1].to_vec(), vec![127], u64::MAX.to_be_bytes()[..].to_vec()].concat();
        assert_eq!(reader.read(&endless), []);
    }

    #[test]
    fn what_are_no_frames_is_not_read() {
        let mut reader = Reader::default();
        assert_eq!(reader.read(&[0x83, 0, 0x81, 1, b'x']), []);
        assert!(reader.is_over);
    }
}
