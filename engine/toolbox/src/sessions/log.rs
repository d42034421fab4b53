//! The log of one command: a file of marked lines that many may follow while it is written (wire section 4.1).
//!
//! Whatever arrives is written at once, also half a line, so that prompts are seen; a line that begins gets its stream's
//! marker, and so does one that goes on after the other stream has written. Bytes are kept as they are, NULs included.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// Which of a command's outputs a piece comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Stdout,
    Stderr,
}

impl Channel {
    fn marker(self) -> &'static [u8; 3] {
        match self {
            Self::Stdout => &[1; 3],
            Self::Stderr => &[2; 3],
        }
    }
}

/// How far the log is: bytes written, and whether more can come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) length: u64,
    pub(crate) ended: bool,
}

pub(crate) struct Log {
    file: File,
    writer: Mutex<Writer>,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Writer {
    /// Whose line is open: the stream that wrote last and did not end its line.
    open: Option<Channel>,
    /// Streams whose last line has no line break yet.
    unfinished: [bool; 2],
    buffer: Vec<u8>,
}

impl Log {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).append(true).create_new(true).open(path)?;
        let progress = watch::Sender::new(Progress { length: 0, ended: false });
        Ok(Self { file, writer: Mutex::default(), progress })
    }

    /// Writes a piece of output.
    pub(crate) fn write(&self, channel: Channel, piece: &[u8]) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.mark(channel, piece);
        self.flush(&mut writer);
    }

    /// Ends the log: a last line without a line break gets one.
    pub(crate) fn end(&self) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        for channel in [Channel::Stdout, Channel::Stderr] {
            if writer.unfinished[channel as usize] {
                writer.mark(channel, b"\n");
            }
        }
        self.flush(&mut writer);
        drop(writer);
        self.progress.send_modify(|progress| progress.ended = true);
    }

    /// A view of the progress that changes while the log grows.
    pub(crate) fn follow(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Reads up to `buffer.len()` bytes at `offset`.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    /// The whole log so far.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.progress.borrow().length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }

    fn flush(&self, writer: &mut Writer) {
        // A full disk loses output but must not stop the command.
        let written = (&self.file).write_all(&writer.buffer).is_ok();
        let length = writer.buffer.len() as u64;
        writer.buffer.clear();
        if written {
            self.progress.send_modify(|progress| progress.length += length);
        }
    }
}

impl Writer {
    fn mark(&mut self, channel: Channel, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.open != Some(channel) {
                self.buffer.extend_from_slice(channel.marker());
                self.open = Some(channel);
            }
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            self.buffer.extend_from_slice(line);
            let ended = line.ends_with(b"\n");
            self.unfinished[channel as usize] = !ended;
            if ended {
                self.open = None;
            }
            rest = after;
        }
    }
}

/// The log without markers, and each stream apart.
pub(crate) struct Split {
    pub(crate) combined: Vec<u8>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Takes a whole log apart.
pub(crate) fn split(log: &[u8]) -> Split {
    let mut parts = Split { combined: Vec::with_capacity(log.len()), stdout: Vec::new(), stderr: Vec::new() };
    let mut stripper = Stripper::default();
    stripper.push(log, &mut |channel, piece| {
        parts.combined.extend_from_slice(piece);
        match channel {
            Channel::Stdout => parts.stdout.extend_from_slice(piece),
            Channel::Stderr => parts.stderr.extend_from_slice(piece),
        }
    });
    stripper.finish(&mut |channel, piece| {
        parts.combined.extend_from_slice(piece);
        match channel {
            Channel::Stdout => parts.stdout.extend_from_slice(piece),
            Channel::Stderr => parts.stderr.extend_from_slice(piece),
        }
    });
    parts
}

/// Removes markers from a log that comes in pieces.
#[derive(Default)]
pub(crate) struct Stripper {
    current: Option<Channel>,
    carried: Vec<u8>,
}

impl Stripper {
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut impl FnMut(Channel, &[u8])) {
        let joined;
        let mut rest = if self.carried.is_empty() {
            piece
        } else {
            joined = [std::mem::take(&mut self.carried).as_slice(), piece].concat();
            &joined
        };
        let mut from = 0;
        while let Some(at) = memchr::memchr2(1, 2, &rest[from..]).map(|at| at + from) {
            let run = rest[at..].iter().take(3).take_while(|b| **b == rest[at]).count();
            if run == 3 {
                self.emit(&rest[..at], out);
                self.current = Some(if rest[at] == 1 { Channel::Stdout } else { Channel::Stderr });
                rest = &rest[at + 3..];
                from = 0;
            } else if at + run == rest.len() {
                self.emit(&rest[..at], out);
                self.carried = rest[at..].to_vec();
                return;
            } else {
                from = at + run;
            }
        }
        self.emit(rest, out);
    }

    pub(crate) fn finish(&mut self, out: &mut impl FnMut(Channel, &[u8])) {
        let carried = std::mem::take(&mut self.carried);
        self.emit(&carried, out);
    }

    fn emit(&self, piece: &[u8], out: &mut impl FnMut(Channel, &[u8])) {
        if !piece.is_empty() {
            out(self.current.unwrap_or(Channel::Stdout), piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_split_the_same_wherever_it_is_cut() {
        let log = b"\x01\x01\x01out\n\x02\x02\x02err \x01\x01 data\n\x01\x01\x01\x02x\n";
        let whole = split(log);
        assert_eq!(whole.stdout, b"out\n\x02x\n");
        assert_eq!(whole.stderr, b"err \x01\x01 data\n");
        for cut in 0..log.len() {
            let mut text = Vec::new();
            let mut stripper = Stripper::default();
            for piece in [&log[..cut], &log[cut..]] {
                stripper.push(piece, &mut |_, piece| text.extend_from_slice(piece));
            }
            stripper.finish(&mut |_, piece| text.extend_from_slice(piece));
            assert_eq!(text, whole.combined, "cut at {cut}");
        }
    }

    #[test]
    fn half_lines_of_both_streams_keep_their_stream() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::create(&directory.path().join("log")).unwrap();
        log.write(Channel::Stdout, b"ask: ");
        log.write(Channel::Stderr, b"warn\n");
        log.write(Channel::Stdout, b"answer");
        log.end();
        let parts = split(&log.read().unwrap());
        assert_eq!(parts.stdout, b"ask: answer\n");
        assert_eq!(parts.stderr, b"warn\n");
        assert!(log.follow().borrow().ended);
    }
}
