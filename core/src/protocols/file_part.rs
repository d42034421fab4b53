//! A part of a file, from an offset on (`GET /files/download` with `Range`).
//!
//! Servers that know ranges send just the part, so that a file is read part by part in one pass. From others the file is read up
//! to the end of the part.

use bytes::Bytes;
use http::header::CONTENT_RANGE;
use http::{HeaderMap, Method, StatusCode};

use crate::error::Result;
use crate::toolbox::Toolbox;

/// A part of a file.
#[derive(Debug, Default)]
pub struct FilePart {
    /// The bytes of the part; fewer than were asked for at the end of the file.
    pub bytes: Vec<u8>,
    /// Size of the whole file in bytes, where the server tells it.
    pub size: Option<u64>,
    /// Whether the file goes on after the part.
    pub more: bool,
}

pub(crate) async fn read(toolbox: &Toolbox, path: &str, offset: u64, length: u64) -> Result<FilePart> {
    if length == 0 {
        return Ok(FilePart::default());
    }
    let request = toolbox.request(Method::GET, "/files/download").await?.query("path", path);
    // One byte more says whether there is more.
    let sent = request.range(offset, offset.saturating_add(length)).send().await;
    let mut response = match sent {
        Ok(response) => response,
        // The file ends before the part begins.
        Err(error) if error.info().status == Some(StatusCode::RANGE_NOT_SATISFIABLE.as_u16()) => {
            return Ok(FilePart::default());
        }
        Err(error) => return Err(error),
    };
    let (mut position, size) = match response.status() {
        StatusCode::PARTIAL_CONTENT => (offset, total(response.headers())),
        _ => (0, response.length()),
    };
    let mut part = FilePart { size, ..FilePart::default() };
    while let Some(piece) = response.chunk().await? {
        let begun = offset.saturating_sub(position).min(piece.len() as u64);
        position += piece.len() as u64;
        if !take(&mut part, piece.slice(begun as usize..), length) {
            break;
        }
    }
    Ok(part)
}

/// Takes of a piece what belongs to the part; false once the part is complete and the file is known to go on.
fn take(part: &mut FilePart, piece: Bytes, length: u64) -> bool {
    let room = (length - part.bytes.len() as u64) as usize;
    part.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    part.more = piece.len() > room;
    !part.more
}

/// The size in `Content-Range: bytes 0-9/100`.
fn total(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.rsplit('/').next()?.parse().ok()
}
