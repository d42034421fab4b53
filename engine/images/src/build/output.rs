//! What a command prints, as lines.

use std::collections::VecDeque;

use crate::Secrets;
use crate::log::Log;

/// How many lines an error repeats.
const LAST: usize = 20;

/// The longest line; a longer one is broken.
const LONGEST: usize = 16 << 10;

/// Makes lines of what arrives, passes them on at once, and remembers the last ones.
pub(super) struct Lines<'a> {
    log: &'a Log<'a>,
    secrets: &'a Secrets,
    open: Vec<u8>,
    last: VecDeque<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(log: &'a Log<'a>, secrets: &'a Secrets) -> Self {
        Self { log, secrets, open: Vec::new(), last: VecDeque::new() }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // Progress that is painted over is a line each time.
            match byte {
                b'\n' => self.end(false),
                b'\r' => self.end(true),
                _ => self.open.push(*byte),
            }
            if self.open.len() >= LONGEST {
                self.end(true);
            }
        }
    }

    fn end(&mut self, skip_empty: bool) {
        if self.open.is_empty() && skip_empty {
            return;
        }
        let line = self.secrets.hidden_in(String::from_utf8_lossy(&self.open).into_owned());
        self.open.clear();
        self.log.line(&line);
        self.last.push_back(line);
        if self.last.len() > LAST {
            self.last.pop_front();
        }
    }

    /// The last lines, when there is nothing more.
    pub(super) fn finish(mut self) -> Vec<String> {
        self.end(true);
        self.last.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_arrive_at_once_and_the_last_ones_are_kept() {
        let mut seen = Vec::new();
        let mut log = |line: &str| seen.push(line.to_owned());
        let log = Log::new(&mut log);
        let secrets = Secrets::default();
        let mut lines = Lines::new(&log, &secrets);
        lines.add(b"one\ntw");
        lines.add(b"o\r\n\n10%\r20%\rend");
        assert_eq!(lines.finish(), ["one", "two", "", "", "10%", "20%", "end"]);
        assert_eq!(seen.len(), 7);
    }
}
