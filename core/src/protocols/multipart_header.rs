//! Header fields of multipart bodies: the boundary parameter and what a part says about itself.
//!
//! A file name is taken from `filename*` (RFC 5987, percent-encoded with a declared charset) when there is one, because
//! `filename` has `_` in place of every character it cannot carry. Header bytes are UTF-8 if they are valid as such,
//! else Latin-1. Quoted values lose their quotes and escapes and keep their backslashes and slashes otherwise: a file
//! name here is the path the client asked for.

use std::borrow::Cow;

use super::multipart::malformed;
use crate::error::Result;

/// The header of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartHeader {
    /// Field name: `file` for content, `error` for a failure report.
    pub name: Option<String>,
    /// Decoded file name.
    pub filename: Option<String>,
    /// Media type of the content.
    pub content_type: Option<String>,
    /// Announced length of the content in bytes; a hint for progress, see the module documentation of
    /// [`multipart`](super::multipart).
    pub content_length: Option<u64>,
}

/// The boundary a `Content-Type` value declares, if the type is one of those understood.
pub(super) fn boundary_of(content_type: &str) -> Option<String> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !["multipart/form-data", "multipart/mixed"].iter().any(|t| t.eq_ignore_ascii_case(media_type.trim())) {
        return None;
    }
    let boundary = Parameters(parameters).find(|(name, _)| name.eq_ignore_ascii_case("boundary"))?.1;
    // RFC 2046 allows 70 characters; control characters would defeat the search for the delimiter.
    let usable = (1..=200).contains(&boundary.len()) && !boundary.bytes().any(|b| b.is_ascii_control());
    usable.then_some(boundary)
}

/// Reads one unfolded header line into `header`; fields of no interest are skipped.
pub(super) fn parse_header_line(line: &[u8], header: &mut PartHeader) -> Result<()> {
    let line = decode_bytes(line);
    let Some((name, value)) = line.split_once(':') else {
        return if line.trim().is_empty() { Ok(()) } else { Err(malformed(format!("no header: {line:?}"))) };
    };
    let value = value.trim();
    match name.trim().to_ascii_lowercase().as_str() {
        "content-type" => header.content_type = Some(value.to_owned()),
        "content-length" => header.content_length = value.parse().ok(),
        "content-disposition" => read_disposition(value, header)?,
        _ => {}
    }
    Ok(())
}

fn read_disposition(value: &str, header: &mut PartHeader) -> Result<()> {
    let Some((_, parameters)) = value.split_once(';') else { return Ok(()) };
    let mut extended = None;
    for (name, value) in Parameters(parameters) {
        match name.to_ascii_lowercase().as_str() {
            "name" => header.name = Some(value),
            "filename" => header.filename = Some(value),
            "filename*" => extended = Some(value),
            _ => {}
        }
    }
    if let Some(extended) = extended {
        let decoded = decode_extended(&extended)
            .ok_or_else(|| malformed(format!("the file name {extended:?} of a part is not valid RFC 5987")))?;
        header.filename = Some(decoded);
    }
    Ok(())
}

/// `charset'language'percent-encoded` (RFC 5987).
fn decode_extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes = percent_decode(encoded)?;
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(latin1(&bytes)),
        _ => None,
    }
}

fn percent_decode(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16));
        bytes.push((digit(0)? * 16 + digit(1)?) as u8);
        rest = &after[2..];
    }
    Some(bytes)
}

fn decode_bytes(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| latin1(bytes).into(), Cow::from)
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// `name=value` pairs separated by semicolons, values as tokens or quoted strings.
struct Parameters<'a>(&'a str);

impl<'a> Iterator for Parameters<'a> {
    type Item = (&'a str, String);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches([';', ' ', '\t']);
        let (name, value) = text.split_once('=')?;
        let value = value.trim_start();
        let (value, rest) = match value.strip_prefix('"') {
            Some(quoted) => unquote(quoted),
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim_end().to_owned(), &value[end..])
            }
        };
        self.0 = rest;
        // A parameter without a value is not one; it is skipped.
        let name = name.rsplit(';').next().unwrap_or(name);
        Some((name.trim(), value))
    }
}

/// A quoted string without its opening quote, and what follows the closing one.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    (value, "")
}
