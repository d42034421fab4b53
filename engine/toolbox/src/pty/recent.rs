//! The last output of a terminal, as bytes.
//!
//! Bytes are what a program wrote: a screen that was made of them is made of them again. Each has a number, counted from the
//! terminal's beginning, so that a client that comes back gets what it has not had.

use std::collections::VecDeque;

use bytes::Bytes;

/// How many bytes are kept.
const KEPT: usize = 256 * 1024;

/// The last output.
#[derive(Default)]
pub(super) struct Recent {
    bytes: VecDeque<u8>,
    /// The number of bytes there have been.
    end: u64,
}

/// Output from before a client was attached.
#[derive(Default)]
pub(crate) struct Replay {
    /// The number of its first byte.
    pub(crate) from: u64,
    pub(crate) bytes: Bytes,
}

impl Recent {
    pub(super) fn push(&mut self, output: &[u8]) {
        self.end += output.len() as u64;
        let output = &output[output.len().saturating_sub(KEPT)..];
        let excess = (self.bytes.len() + output.len()).saturating_sub(KEPT);
        self.bytes.drain(..excess);
        self.bytes.extend(output);
    }

    /// What a client lacks that has received so many bytes; from the first that is kept when there is a gap.
    pub(super) fn since(&self, received: u64) -> Replay {
        let first = self.end - self.bytes.len() as u64;
        // A number from the future is of another terminal.
        let from = if (first..=self.end).contains(&received) { received } else { first };
        let skipped = usize::try_from(from - first).unwrap_or(self.bytes.len());
        Replay { from, bytes: self.bytes.range(skipped..).copied().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_what_it_lacks() {
        let mut recent = Recent::default();
        recent.push(b"abc");
        recent.push(b"def");
        for (received, from, bytes) in [(0, 0, "abcdef"), (4, 4, "ef"), (6, 6, ""), (7, 0, "abcdef")] {
            let replay = recent.since(received);
            assert_eq!((replay.from, &replay.bytes[..]), (from, bytes.as_bytes()), "{received}");
        }
    }

    #[test]
    fn no_more_than_the_last_output_is_kept() {
        let mut recent = Recent::default();
        recent.push(&vec![b'a'; KEPT - 1]);
        recent.push(b"bc");
        let replay = recent.since(0);
        assert_eq!((replay.from, replay.bytes.len()), (1, KEPT));
        recent.push(&vec![b'd'; 2 * KEPT]);
        let replay = recent.since(0);
        assert_eq!((replay.from, replay.bytes.len()), (2 * KEPT as u64 + 1, KEPT));
        assert!(replay.bytes.iter().all(|byte| *byte == b'd'));
    }
}
