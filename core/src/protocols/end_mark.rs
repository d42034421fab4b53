//! Takes the end mark of a spawned process out of its output.
//!
//! Servers end a log whose last line is unfinished with a line feed of their own (wire.md 4.1), so `printf a` and `echo a`
//! would look alike. The script of a spawned process therefore prints a mark, which ends with a line feed, after everything
//! else; without the mark, what is left is exactly what the process wrote.
//!
//! The first byte of a mark occurs nowhere else in it. That keeps the search simple: what has matched so far can only be
//! data when the next byte differs, and a new match can only begin at that byte.

use bytes::Bytes;
use memchr::memchr;

/// First byte of every mark: "record separator", which programs hardly print.
const FIRST: u8 = 0x1e;

/// Filters one output; marks may be cut anywhere.
pub(crate) struct EndMark {
    mark: Bytes,
    /// Bytes of the mark that the output so far ended with.
    matched: usize,
    /// Whether the mark has been met.
    complete: bool,
}

impl EndMark {
    /// For the mark of a process: [`FIRST`], its id, a line feed.
    pub(crate) fn of(process_id: &str) -> Self {
        let mut mark = vec![FIRST];
        mark.extend_from_slice(process_id.as_bytes());
        mark.push(b'\n');
        Self { mark: mark.into(), matched: 0, complete: false }
    }

    /// Takes the next piece and hands on what is certain to be output.
    pub(crate) fn push(&mut self, mut piece: Bytes, out: &mut impl FnMut(Bytes)) {
        while !piece.is_empty() {
            if self.matched == 0 {
                let Some(at) = memchr(FIRST, &piece) else { return out(piece) };
                if at > 0 {
                    out(piece.split_to(at));
                }
            }
            let same = piece.iter().zip(&self.mark[self.matched..]).take_while(|(a, b)| a == b).count();
            let rest = piece.split_off(same);
            self.matched += same;
            if self.matched == self.mark.len() {
                self.matched = 0;
                self.complete = true;
            } else if !rest.is_empty() {
                out(self.mark.slice(..std::mem::take(&mut self.matched)));
            }
            piece = rest;
        }
    }

    /// Whether the mark has been met.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Ends the output: the beginning of a mark was output after all.
    pub(crate) fn finish(&mut self, out: &mut impl FnMut(Bytes)) {
        let matched = std::mem::take(&mut self.matched);
        if matched > 0 {
            out(self.mark.slice(..matched));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filtered(pieces: &[&[u8]]) -> Vec<u8> {
        let mut kept = Vec::new();
        let mut mark = EndMark::of("abc");
        for piece in pieces {
            mark.push(Bytes::copy_from_slice(piece), &mut |bytes| kept.extend_from_slice(&bytes));
        }
        mark.finish(&mut |bytes| kept.extend_from_slice(&bytes));
        kept
    }

    #[test]
    fn the_mark_goes_wherever_it_is_cut() {
        let log = b"out\x1eput\x1e\x1eab\x1eabc\nlater\x1eabc";
        for cut in 0..=log.len() {
            for second in cut..=log.len() {
                let pieces = [&log[..cut], &log[cut..second], &log[second..]];
                assert_eq!(filtered(&pieces), b"out\x1eput\x1e\x1eablater\x1eabc", "cut at {cut} and {second}");
            }
        }
    }
}
