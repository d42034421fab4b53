//! Batches as they cross to a language. This is the one place that says what they look like.
//!
//! A batch of a byte stream (a terminal, a download) is its bytes. A batch of an event stream (a log, a run, a directory, a build) is a
//! sequence of whole frames, each of them
//!
//! | bytes | content |
//! |---|---|
//! | 1 | tag: [`STDOUT`], [`STDERR`], [`ERROR`] (JSON `ExecutionError`), [`PROGRESS`] (JSON `DirectoryProgress`), [`LINE`] (JSON `BuildLine`) |
//! | 4 | length of what follows, little-endian |
//! | length | what was written, or JSON |

use bytes::{BufMut, Bytes, BytesMut};

/// Tag of a frame with standard output.
pub const STDOUT: u8 = 1;
/// Tag of a frame with standard error.
pub const STDERR: u8 = 2;
/// Tag of a frame with the exception that ended a run.
pub const ERROR: u8 = 3;
/// Tag of a frame with how far a transfer has come.
pub const PROGRESS: u8 = 4;
/// Tag of a frame with a line of the log of a build.
pub const LINE: u8 = 5;

/// A batch in the making.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: BytesMut,
    /// Tag of the frame at the end that may be continued, and where its content begins.
    open: Option<(u8, usize)>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn finish(self) -> Bytes {
        self.bytes.freeze()
    }

    /// Bytes of a byte stream.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Output that has no messages, only bytes: what continues the last frame is added to it, because every frame costs its
    /// reader in the other language an object.
    pub(crate) fn output(&mut self, tag: u8, content: &[u8]) {
        if content.is_empty() {
            return;
        }
        if let Some((open, begin)) = self.open
            && open == tag
            && let Ok(length) = u32::try_from(self.bytes.len() - begin + content.len())
        {
            self.bytes.extend_from_slice(content);
            self.bytes[begin - 4..begin].copy_from_slice(&length.to_le_bytes());
            return;
        }
        self.frame(tag, content);
        self.open = Some((tag, self.bytes.len() - content.len()));
    }

    /// A message of its own.
    pub(crate) fn frame(&mut self, tag: u8, content: &[u8]) {
        self.open = None;
        // A message is limited to some MiB, far below what the length can hold.
        let content = &content[..content.len().min(u32::MAX as usize)];
        self.bytes.put_u8(tag);
        self.bytes.put_u32_le(content.len() as u32);
        self.bytes.extend_from_slice(content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_becomes_one_frame_per_change_of_channel() {
        let mut batch = Batch::default();
        for (tag, data) in [(STDOUT, "ab"), (STDOUT, "c"), (STDERR, "d"), (STDOUT, "e"), (STDOUT, ""), (STDOUT, "fg")] {
            batch.output(tag, data.as_bytes());
        }
        assert_eq!(&batch.finish()[..], b"\x01\x03\0\0\0abc\x02\x01\0\0\0d\x01\x03\0\0\0efg");
    }

    #[test]
    fn messages_stay_apart() {
        let mut batch = Batch::default();
        batch.frame(STDOUT, b"a");
        batch.frame(STDOUT, b"");
        assert_eq!(&batch.finish()[..], b"\x01\x01\0\0\0a\x01\0\0\0\0");
    }
}
