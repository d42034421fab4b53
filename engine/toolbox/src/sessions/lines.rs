//! `GET /raw/entrypoint`: the lines that the entrypoint prints, for the engine, which keeps them as the sandbox's log.
//!
//! One JSON document a line, `["stdout", "text"]`, from the first one on, until the entrypoint ends. An unfinished line is told when
//! it is long or the end is reached.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use tokio::task::spawn_blocking;

use super::command::{Command, Progress, Stream};
use super::log_format::Demultiplexer;
use super::{ENTRYPOINT, entrypoint};
use crate::State;
use crate::errors::ApiError;

/// Bytes read from the log at a time.
const READ_SIZE: u64 = 64 << 10;

/// An unfinished line longer than this is told without waiting for its end, in bytes.
const LONG_LINE: usize = 8 << 10;

pub(super) async fn entrypoint_lines(toolbox: State) -> Result<Response, ApiError> {
    let command = toolbox.sessions.command(ENTRYPOINT, entrypoint::COMMAND)?;
    let state = command.watch();
    let reader = Reader { command, state, file: None, position: 0, lines: Lines::default(), ended: false };
    let parts = stream::unfold(reader, |mut reader| async {
        let part = reader.next().await.transpose()?;
        reader.ended |= part.is_err();
        Some((part, reader))
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(parts)).into_response())
}

struct Reader {
    command: Arc<Command>,
    state: tokio::sync::watch::Receiver<super::command::LogState>,
    file: Option<Arc<File>>,
    position: u64,
    lines: Lines,
    ended: bool,
}

impl Reader {
    /// The next lines, as they are sent; nothing after the last.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let seen = *self.state.borrow_and_update();
            if self.position < seen.length {
                let chunk = self.read(seen.length).await?;
                // The log is gone with its session.
                self.ended = chunk.is_empty();
                self.position += chunk.len() as u64;
                self.lines.feed(&chunk);
            } else if seen.progress != Progress::Unfinished || self.state.changed().await.is_err() {
                self.ended = true;
            }
            if self.ended {
                self.lines.finish();
            }
            if !self.lines.told.is_empty() {
                return Ok(Some(std::mem::take(&mut self.lines.told).into()));
            }
        }
    }

    async fn read(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let (file, path) = (self.file.clone(), self.command.log_path());
        let wanted = (length - self.position).min(READ_SIZE);
        let read = spawn_blocking(move || {
            let file = match file {
                Some(file) => file,
                None => Arc::new(File::open(path)?),
            };
            let mut chunk = Vec::new();
            (&*file).take(wanted).read_to_end(&mut chunk)?;
            io::Result::Ok((file, chunk))
        });
        let (file, chunk) = read.await.map_err(io::Error::other)??;
        self.file = Some(file);
        Ok(chunk)
    }
}

/// Takes a log apart into lines.
#[derive(Default)]
struct Lines {
    demultiplexer: Demultiplexer,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    told: Vec<u8>,
}

impl Lines {
    fn feed(&mut self, chunk: &[u8]) {
        let Self { demultiplexer, stdout, stderr, told } = self;
        demultiplexer.feed(chunk, &mut |stream, run| split(stream, run, stdout, stderr, told));
    }

    fn finish(&mut self) {
        let Self { demultiplexer, stdout, stderr, told } = self;
        demultiplexer.finish(&mut |stream, run| split(stream, run, stdout, stderr, told));
        tell(Stream::Stdout, stdout, told);
        tell(Stream::Stderr, stderr, told);
    }
}

fn split(stream: Option<Stream>, mut run: &[u8], stdout: &mut Vec<u8>, stderr: &mut Vec<u8>, told: &mut Vec<u8>) {
    let (stream, pending) = match stream {
        Some(Stream::Stderr) => (Stream::Stderr, stderr),
        _ => (Stream::Stdout, stdout),
    };
    while !run.is_empty() {
        let room = LONG_LINE.saturating_sub(pending.len()).max(1).min(run.len());
        let end = memchr::memchr(b'\n', &run[..room]);
        pending.extend_from_slice(&run[..end.unwrap_or(room)]);
        run = &run[end.map_or(room, |end| end + 1)..];
        if end.is_some() && pending.is_empty() {
            tell_empty(stream, told);
        } else if end.is_some() || pending.len() >= LONG_LINE {
            tell(stream, pending, told);
        }
    }
}

fn tell(stream: Stream, pending: &mut Vec<u8>, told: &mut Vec<u8>) {
    if !pending.is_empty() {
        write(stream, &String::from_utf8_lossy(pending), told);
        pending.clear();
    }
}

fn tell_empty(stream: Stream, told: &mut Vec<u8>) {
    write(stream, "", told);
}

fn write(stream: Stream, text: &str, told: &mut Vec<u8>) {
    let name = if stream == Stream::Stderr { "stderr" } else { "stdout" };
    told.extend_from_slice(serde_json::json!([name, text]).to_string().as_bytes());
    told.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_apart_wherever_the_log_is_cut() {
        let log = b"\x01\x01\x01one\n\x02\x02\x02two\n\x01\x01\x01\nth\x02\x02\x02r\x01\x01\x01ree";
        for cut in 0..log.len() {
            let mut lines = Lines::default();
            lines.feed(&log[..cut]);
            lines.feed(&log[cut..]);
            lines.finish();
            let told = String::from_utf8(lines.told).unwrap();
            let expected = ["stdout\",\"one", "stderr\",\"two", "stdout\",\"", "stdout\",\"three", "stderr\",\"r"];
            assert_eq!(told, expected.map(|line| format!("[\"{line}\"]\n")).concat(), "cut at {cut}");
        }
        let mut lines = Lines::default();
        lines.feed(&[b"\x01\x01\x01".as_slice(), &vec![b'x'; LONG_LINE * 2 + 1]].concat());
        assert_eq!(lines.told.iter().filter(|byte| **byte == b'\n').count(), 2, "a long line is told in parts");
    }
}
