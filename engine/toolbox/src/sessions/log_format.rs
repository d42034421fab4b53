//! A command's log as REST answers (wire section 4.1).
//!
//! Answers are produced while the file is read, so a log of any size costs the same memory. The length is fixed
//! when the answer begins: all its parts speak of the same moment.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use serde::Serialize;
use tokio::sync::mpsc;

use super::command::Stream;
use crate::sdk_version::LogFormat;

/// Bytes of the log read at a time.
const CHUNK: usize = 64 * 1024;
/// Chunks produced ahead of the client.
const READ_AHEAD: usize = 2;

/// `GET …/logs`: JSON with all three views, or plain text.
pub(super) fn logs(log: PathBuf, format: LogFormat) -> Response {
    match format {
        LogFormat::Split => json(move |out| {
            out.text("{")?;
            write_views(out, &log, View::ALL)?;
            out.text("}")
        }),
        LogFormat::Marked => plain(move |out| write_plain(out, &log, View::Raw)),
        LogFormat::Combined => plain(move |out| write_plain(out, &log, View::Combined)),
    }
}

/// `POST …/exec` of a finished synchronous command.
pub(super) fn executed(id: String, exit_code: i32, log: PathBuf, format: LogFormat) -> Response {
    json(move |out| {
        out.text(&format!("{{\"cmdId\":{},", quoted(&id)))?;
        match format {
            LogFormat::Split => write_views(out, &log, View::ALL)?,
            LogFormat::Marked => {
                write_views(out, &log, &[("output", View::Raw)])?;
                out.text(",\"stdout\":null,\"stderr\":null")?;
            }
            LogFormat::Combined => {
                write_views(out, &log, &[("output", View::Combined)])?;
                out.text(",\"stdout\":null,\"stderr\":null")?;
            }
        }
        out.text(&format!(",\"exitCode\":{exit_code}}}"))
    })
}

/// The part of the log to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Raw,
    Combined,
    Only(Stream),
}

impl View {
    const ALL: &'static [(&'static str, Self)] =
        &[("output", Self::Raw), ("stdout", Self::Only(Stream::Stdout)), ("stderr", Self::Only(Stream::Stderr))];

    fn shows(self, stream: Option<Stream>) -> bool {
        match self {
            Self::Raw | Self::Combined => true,
            Self::Only(wanted) => stream == Some(wanted),
        }
    }
}

/// Removes stream markers from a log that arrives in pieces, telling which stream each run of bytes belongs to.
#[derive(Debug, Default)]
pub(super) struct Demultiplexer {
    current: Option<Stream>,
    /// The start of what may become a marker: this byte, this often (at most twice).
    held: Option<(u8, usize)>,
}

impl Demultiplexer {
    /// Reports the runs of `chunk` in order, each with its stream (`None` before the first marker).
    pub(super) fn feed(&mut self, chunk: &[u8], run: &mut impl FnMut(Option<Stream>, &[u8])) {
        let mut rest = chunk;
        while !rest.is_empty() {
            if let Some((byte, count)) = self.held {
                if rest[0] != byte {
                    run(self.current, &[byte; 2][..count]);
                    self.held = None;
                    continue;
                }
                rest = &rest[1..];
                self.held = Some((byte, count + 1));
                if count + 1 == 3 {
                    self.current = Some(if byte == 1 { Stream::Stdout } else { Stream::Stderr });
                    self.held = None;
                }
                continue;
            }
            let plain = memchr::memchr2(1, 2, rest).unwrap_or(rest.len());
            if plain > 0 {
                run(self.current, &rest[..plain]);
                rest = &rest[plain..];
            }
            if let Some(first) = rest.first() {
                self.held = Some((*first, 1));
                rest = &rest[1..];
            }
        }
    }

    /// Reports what was held back as the possible start of a marker.
    pub(super) fn finish(&mut self, run: &mut impl FnMut(Option<Stream>, &[u8])) {
        if let Some((byte, count)) = self.held.take() {
            run(self.current, &[byte; 2][..count]);
        }
    }
}

/// Where a produced body goes.
struct Output(mpsc::Sender<io::Result<Bytes>>);

impl Output {
    fn bytes(&self, bytes: Vec<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.0.blocking_send(Ok(bytes.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn text(&self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes().to_vec())
    }
}

fn json(produce: impl FnOnce(&Output) -> io::Result<()> + Send + 'static) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body(produce)).into_response()
}

fn plain(produce: impl FnOnce(&Output) -> io::Result<()> + Send + 'static) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body(produce)).into_response()
}

/// A body written by `produce` on a blocking thread.
fn body(produce: impl FnOnce(&Output) -> io::Result<()> + Send + 'static) -> Body {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    tokio::task::spawn_blocking(move || {
        let output = Output(sender);
        if let Err(error) = produce(&output) {
            // Breaks the response off, so that the client does not take a part for the whole.
            let _ = output.0.blocking_send(Err(error));
        }
    });
    Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }))
}

fn write_views(out: &Output, log: &Path, views: &[(&str, View)]) -> io::Result<()> {
    let length = std::fs::metadata(log)?.len();
    for (index, (name, view)) in views.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        out.text(&format!("{comma}\"{name}\":\""))?;
        let mut escaper = Escaper::default();
        read_view(log, length, *view, |bytes| out.bytes(escaper.feed(bytes)))?;
        out.bytes(escaper.finish())?;
        out.text("\"")?;
    }
    Ok(())
}

fn write_plain(out: &Output, log: &Path, view: View) -> io::Result<()> {
    let length = std::fs::metadata(log)?.len();
    read_view(log, length, view, |bytes| out.bytes(bytes.to_vec()))
}

fn read_view(log: &Path, length: u64, view: View, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut file = File::open(log)?.take(length);
    let mut chunk = vec![0; CHUNK];
    let mut demultiplexer = Demultiplexer::default();
    let mut shown = Vec::new();
    loop {
        let read = file.read(&mut chunk)?;
        shown.clear();
        let mut collect = |stream, run: &[u8]| {
            if view.shows(stream) {
                shown.extend_from_slice(run);
            }
        };
        match (view, read) {
            (View::Raw, 0) => return Ok(()),
            (View::Raw, _) => sink(&chunk[..read])?,
            (_, 0) => {
                demultiplexer.finish(&mut collect);
                return sink(&shown);
            }
            _ => {
                demultiplexer.feed(&chunk[..read], &mut collect);
                sink(&shown)?;
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Turns bytes that arrive in pieces into the inside of a JSON string; what is not UTF-8 becomes U+FFFD.
#[derive(Default)]
struct Escaper {
    /// Up to three bytes of a character that the next piece completes.
    incomplete: Vec<u8>,
}

impl Escaper {
    fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let joined;
        let bytes = if self.incomplete.is_empty() {
            bytes
        } else {
            self.incomplete.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.incomplete);
            &joined
        };
        let mut escaped = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            escape(chunk.valid(), &mut escaped);
            if chunk.invalid().is_empty() {
                continue;
            }
            let unfinished = std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
            if chunks.peek().is_none() && unfinished {
                self.incomplete = chunk.invalid().to_vec();
            } else {
                escape("\u{FFFD}", &mut escaped);
            }
        }
        escaped
    }

    fn finish(&mut self) -> Vec<u8> {
        let mut escaped = Vec::new();
        if !std::mem::take(&mut self.incomplete).is_empty() {
            escape("\u{FFFD}", &mut escaped);
        }
        escaped
    }
}

fn escape(text: &str, into: &mut Vec<u8>) {
    let start = into.len();
    // Writing a string to a vector cannot fail; the quotes around it are taken off again.
    let _ = text.serialize(&mut serde_json::Serializer::new(&mut *into));
    into.pop();
    into.remove(start);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = b"\x01\x01\x01one\x01\n\x02\x02\x02two \xff\n\x01\x01\x01\xc3\xa9\0\n";

    fn demultiplex(pieces: &[&[u8]]) -> (Vec<u8>, Vec<u8>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut run = |stream, bytes: &[u8]| match stream {
            Some(Stream::Stdout) => out.extend_from_slice(bytes),
            Some(Stream::Stderr) => err.extend_from_slice(bytes),
            None => panic!("bytes before the first marker"),
        };
        let mut demultiplexer = Demultiplexer::default();
        for piece in pieces {
            demultiplexer.feed(piece, &mut run);
        }
        demultiplexer.finish(&mut run);
        (out, err)
    }

    #[test]
    fn streams_come_apart_at_every_split_position() {
        for split in 0..=LOG.len() {
            let (out, err) = demultiplex(&[&LOG[..split], &LOG[split..]]);
            assert_eq!(out, b"one\x01\n\xc3\xa9\0\n");
            assert_eq!(err, b"two \xff\n");
        }
    }

    #[test]
    fn text_is_escaped_alike_at_every_split_position() {
        let bytes = "a\"\\\n\u{1}é€😀".as_bytes();
        let whole = serde_json::to_string("a\"\\\n\u{1}é€😀").unwrap();
        for split in 0..=bytes.len() {
            let mut escaper = Escaper::default();
            let mut escaped = escaper.feed(&bytes[..split]);
            escaped.extend(escaper.feed(&bytes[split..]));
            escaped.extend(escaper.finish());
            assert_eq!(format!("\"{}\"", String::from_utf8(escaped).unwrap()), whole);
        }
    }
}
