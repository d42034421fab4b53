//! Text from bytes that arrive in pieces.
//!
//! A character cut by a chunk boundary is held back (at most three bytes) until the rest arrives. Bytes that are not
//! UTF-8 become U+FFFD, by the same rule as [`String::from_utf8_lossy`], so the text is the same however the bytes were
//! cut. Callers who need the bytes themselves should not decode at all.

/// The incremental decoder; see the [module documentation](self).
///
/// ```
/// use daytona::stream::utf8::Utf8Decoder;
///
/// let mut decoder = Utf8Decoder::new();
/// let mut text = String::new();
/// decoder.push(b"caf\xc3", &mut text);
/// decoder.push(b"\xa9", &mut text);
/// decoder.finish(&mut text);
/// assert_eq!(text, "café");
/// ```
#[derive(Debug, Default)]
pub struct Utf8Decoder {
    /// The start of a character: a prefix of a valid sequence, never a whole one.
    partial: [u8; 3],
    length: usize,
}

impl Utf8Decoder {
    /// A decoder at the start of a text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends to `text` everything that is certain after these bytes.
    pub fn push(&mut self, bytes: &[u8], text: &mut String) {
        let mut rest = &bytes[self.resume_character(bytes, text)..];
        while !rest.is_empty() {
            let error = match std::str::from_utf8(rest) {
                Ok(valid) => return text.push_str(valid),
                Err(error) => error,
            };
            let (valid, after) = rest.split_at(error.valid_up_to());
            // Lossless: `valid` was found to be valid just now.
            text.push_str(&String::from_utf8_lossy(valid));
            match error.error_len() {
                Some(length) => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[length..];
                }
                None => {
                    self.partial[..after.len()].copy_from_slice(after);
                    self.length = after.len();
                    return;
                }
            }
        }
    }

    /// Ends the text: a character that never got its last bytes becomes U+FFFD. The decoder is then as new.
    pub fn finish(&mut self, text: &mut String) {
        if std::mem::take(&mut self.length) > 0 {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Completes (or gives up on) the character held back; returns how many of `bytes` it took.
    fn resume_character(&mut self, bytes: &[u8], text: &mut String) -> usize {
        if self.length == 0 {
            return 0;
        }
        let mut character = [0; 4];
        character[..self.length].copy_from_slice(&self.partial[..self.length]);
        for (taken, byte) in bytes.iter().enumerate() {
            character[self.length] = *byte;
            match std::str::from_utf8(&character[..=self.length]) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.length = 0;
                    return taken + 1;
                }
                Err(error) if error.error_len().is_none() => {
                    self.partial[self.length] = *byte;
                    self.length += 1;
                }
                // This byte does not continue the character, so it starts something new.
                Err(_) => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.length = 0;
                    return taken;
                }
            }
        }
        bytes.len()
    }
}

/// Counts the bytes that are complete: all but the beginning of a character at the end, which is three bytes at most.
pub fn complete(bytes: &[u8]) -> usize {
    let start = bytes.iter().rev().take(3).position(|byte| !matches!(byte, 0x80..=0xbf));
    let Some(start) = start.map(|back| bytes.len() - back - 1) else { return bytes.len() };
    match std::str::from_utf8(&bytes[start..]) {
        Err(error) if error.valid_up_to() == 0 && error.error_len().is_none() => start,
        _ => bytes.len(),
    }
}
