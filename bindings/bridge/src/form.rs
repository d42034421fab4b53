//! The forms in which output can be read.

use std::borrow::Cow;

use daytona::stream::utf8;
use daytona::{Error, Result};

use crate::frames::{Batch, STDERR, STDOUT};

/// A longer line comes in pieces, in bytes.
const LONGEST_LINE: usize = 16 << 20;

/// The form in which output is read. It may change from read to read: what one form holds back is there for the next.
///
/// Runs of the interpreter send text, and directories progress: theirs is always the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// The bytes as they came.
    #[default]
    Bytes,
    /// The bytes as they came, but a frame of a log (or a batch of a terminal or download) never ends within a character: what
    /// has come of one is held back until its rest is there. So each frame can be decoded on its own.
    Characters,
    /// Text: as above, and what is not UTF-8 is replaced by U+FFFD.
    Text,
    /// Lines of a log: a frame for each, as text and without its end (`\n` or `\r\n`). The last one may lack its end. One of more
    /// than 16 MiB comes in pieces.
    Lines,
}

impl Form {
    /// The form of this name.
    ///
    /// # Errors
    /// `InvalidArgument` for another word.
    pub(crate) fn named(name: &str) -> Result<Self> {
        Ok(match name {
            "bytes" => Self::Bytes,
            "characters" => Self::Characters,
            "text" => Self::Text,
            "lines" => Self::Lines,
            _ => {
                return Err(Error::invalid_argument(format!(
                    "{name:?} is not a form of reading: use bytes, characters, text or lines."
                )));
            }
        })
    }
}

/// What has come and is not complete in the form that was asked for: of a byte stream or standard output, and of standard error.
#[derive(Default)]
pub(crate) struct Held([Vec<u8>; 2]);

impl Held {
    /// Output of a byte stream (no tag) or of a log's channel.
    pub(crate) fn output(&mut self, tag: Option<u8>, data: &[u8], form: Form, batch: &mut Batch) {
        let held = &mut self.0[usize::from(tag == Some(STDERR))];
        if form == Form::Lines {
            return lines(tag, data, held, batch);
        }
        let whole = if held.is_empty() {
            Cow::Borrowed(data)
        } else {
            held.extend_from_slice(data);
            Cow::Owned(std::mem::take(held))
        };
        let (complete, rest) = match form {
            Form::Bytes | Form::Lines => (&whole[..], &[][..]),
            Form::Characters | Form::Text => whole.split_at(utf8::complete(&whole)),
        };
        held.extend_from_slice(rest);
        put(tag, complete, form, batch);
    }

    /// What has been held back and waits no longer, in this form.
    pub(crate) fn rest(&mut self, is_log: bool, form: Form, batch: &mut Batch) {
        for (tag, held) in [STDOUT, STDERR].into_iter().zip(&mut self.0) {
            put(is_log.then_some(tag), &std::mem::take(held), form, batch);
        }
    }
}

/// Appends output in its form.
fn put(tag: Option<u8>, data: &[u8], form: Form, batch: &mut Batch) {
    let data = match form {
        Form::Bytes | Form::Characters => Cow::Borrowed(data),
        Form::Text | Form::Lines => match String::from_utf8_lossy(data) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
    };
    match tag {
        None => batch.bytes(&data),
        Some(tag) if form == Form::Lines && !data.is_empty() => batch.frame(tag, &data),
        Some(tag) => batch.output(tag, &data),
    }
}

/// Appends the lines that end in `data`.
fn lines(tag: Option<u8>, data: &[u8], held: &mut Vec<u8>, batch: &mut Batch) {
    let mut line = |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        // A byte stream has no frames; its lines are told apart by their ends.
        match tag {
            Some(tag) => batch.frame(tag, text.as_bytes()),
            None => {
                batch.bytes(text.as_bytes());
                batch.bytes(b"\n");
            }
        }
    };
    let mut rest = data;
    while let Some(end) = memchr::memchr(b'\n', rest) {
        held.extend_from_slice(&rest[..end]);
        line(held.strip_suffix(b"\r").unwrap_or(held));
        held.clear();
        rest = &rest[end + 1..];
    }
    held.extend_from_slice(rest);
    while held.len() > LONGEST_LINE {
        let cut = utf8::complete(&held[..LONGEST_LINE]);
        line(&held[..cut]);
        held.drain(..cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of these pieces of one output, or of two, as text.
    fn read(pieces: &[(u8, &[u8])], form: Form) -> Vec<(u8, String)> {
        let mut held = Held::default();
        let mut frames = Vec::new();
        let mut take = |batch: Batch| {
            let mut rest = &batch.finish()[..];
            while let [tag, a, b, c, d, after @ ..] = rest {
                let (content, next) = after.split_at(u32::from_le_bytes([*a, *b, *c, *d]) as usize);
                frames.push((*tag, String::from_utf8(content.to_vec()).unwrap()));
                rest = next;
            }
        };
        for (tag, piece) in pieces {
            let mut batch = Batch::default();
            held.output(Some(*tag), piece, form, &mut batch);
            take(batch);
        }
        let mut batch = Batch::default();
        held.rest(true, form, &mut batch);
        take(batch);
        frames
    }

    fn texts(pieces: &[&[u8]], form: Form) -> Vec<String> {
        let pieces: Vec<_> = pieces.iter().map(|piece| (STDOUT, *piece)).collect();
        read(&pieces, form).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn a_line_has_no_end_whatever_it_ended_with_and_however_it_was_cut() {
        let output = b"a\r\nb\n\nc\r";
        let expected = ["a", "b", "", "c\r"];
        for cut in 0..output.len() {
            let (first, second) = output.split_at(cut);
            assert_eq!(texts(&[first, second], Form::Lines), expected, "{cut}");
        }
        let single: Vec<_> = output.chunks(1).collect();
        assert_eq!(texts(&single, Form::Lines), expected);
    }

    #[test]
    fn a_character_is_never_cut_and_what_is_none_is_replaced() {
        let output = "ü€😀".as_bytes();
        for cut in 0..output.len() {
            let (first, second) = output.split_at(cut);
            assert_eq!(texts(&[first, second], Form::Text).concat(), "ü€😀", "{cut}");
            assert_eq!(texts(&[first, second], Form::Characters).concat(), "ü€😀", "{cut}");
        }
        // As the whole would be replaced, however it is cut.
        let output = b"\xe2\x82\xff\xf0\x9f(\xc3";
        for cut in 0..output.len() {
            let (first, second) = output.split_at(cut);
            assert_eq!(texts(&[first, second], Form::Text).concat(), String::from_utf8_lossy(output), "{cut}");
        }
    }

    #[test]
    fn the_outputs_of_a_log_are_completed_apart() {
        let pieces: [(u8, &[u8]); 4] = [(STDOUT, b"\xc3"), (STDERR, b"e\n"), (STDOUT, b"\xbc\n"), (STDERR, b"f")];
        let expected = [(STDERR, "e".to_owned()), (STDOUT, "ü".to_owned()), (STDERR, "f".to_owned())];
        assert_eq!(read(&pieces, Form::Lines), expected);
    }

    #[test]
    fn what_one_form_holds_back_is_there_for_the_next() {
        let mut held = Held::default();
        let mut batch = Batch::default();
        held.output(None, b"line without end \xe2", Form::Lines, &mut batch);
        assert!(batch.is_empty());
        held.output(None, b"\x82", Form::Bytes, &mut batch);
        assert_eq!(&batch.finish()[..], b"line without end \xe2\x82");
    }

    #[test]
    fn a_line_without_measure_comes_in_pieces() {
        let long = "ü".repeat(LONGEST_LINE / 2 + 1);
        let pieces = texts(&[b"x", long.as_bytes()], Form::Lines);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces.concat(), format!("x{long}"));
    }
}
