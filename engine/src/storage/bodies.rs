//! The bodies of uploads: taken out of the chunks they come in, checked, and written to a segment.

use std::io::Write;
use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Crc;
use http::HeaderMap;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::failures::{Failure, Outcome};
use super::segments::{Segment, Writing};
use super::signatures::{Chain, Payload, hex};
use crate::{idle_body, isolation};

/// The most that is uploaded at once, in bytes, as in S3.
const MAX_BYTES: u64 = 5 << 30;

/// Pieces of a body that wait for the disk.
const WAITING: usize = 16;

/// How much is written between two looks at the room on the disk, in bytes.
const ROOM_STEP: u64 = 16 << 20;

/// The longest line before a chunk, and all lines after the last one together, in bytes.
const MAX_LINE: usize = 16 << 10;

/// What an organization may still store.
#[derive(Debug, Clone, Copy)]
pub struct Left {
    /// Bytes.
    pub bytes: u64,
    /// Of so many bytes.
    pub of: u64,
}

/// A body that has arrived whole, as it was signed.
pub struct Arrived {
    /// Where its bytes are.
    pub segment: Segment,
    /// Their MD5 in hexadecimal digits.
    pub etag: String,
}

/// Receives a body into a new segment of a directory.
///
/// # Errors
/// When it does not arrive whole, is not what was signed or promised, or there is no room for it. Then nothing is left of it.
pub async fn receive(
    directory: PathBuf,
    headers: &HeaderMap,
    payload: &Payload,
    chain: Chain,
    left: Left,
    mut body: Body,
) -> Outcome<Arrived> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut checks = Checks {
        hash: match payload {
            Payload::Hash(hash) => Some((Sha256::new(), hash.clone())),
            _ => None,
        },
        md5: text("content-md5"),
        crc32: text("x-amz-checksum-crc32"),
        sha256: text("x-amz-checksum-sha256"),
        length: text("x-amz-decoded-content-length").and_then(|text| text.parse().ok()),
        crc: Crc::new(),
        digest: None,
    };
    let trailers = text("x-amz-trailer").unwrap_or_default();
    if checks.sha256.is_some() || trailers.contains("x-amz-checksum-sha256") {
        checks.digest = Some(Sha256::new());
    }
    let mut chunks = match payload {
        Payload::SignedChunks => Some(Chunks::new(Some(chain))),
        Payload::UnsignedChunks => Some(Chunks::new(None)),
        Payload::Unsigned | Payload::Hash(_) => None,
    };
    let (pieces, arriving) = mpsc::channel(WAITING);
    if checks.length.is_some_and(|length| length > left.bytes) {
        return Err(Failure::quota_exceeded(&format!("{} bytes", left.of)));
    }
    let writing = tokio::task::spawn_blocking(move || write(&directory, arriving, checks, left));
    let sent = async {
        let next = async |body: &mut Body| {
            let stalled = |error: idle_body::Stalled| Failure::bad_request("RequestTimeout", error.to_string());
            idle_body::next(body.frame()).await.map_err(stalled)
        };
        while let Some(frame) = next(&mut body).await? {
            let frame = frame.map_err(|_| Failure::bad_request("IncompleteBody", "The body ended too early"))?;
            let Ok(bytes) = frame.into_data() else { continue };
            let pieces_of = match &mut chunks {
                Some(chunks) => chunks.take(bytes)?,
                None => vec![bytes],
            };
            for piece in pieces_of {
                if pieces.send(Step::Bytes(piece)).await.is_err() {
                    // The writer says why.
                    return Ok(());
                }
            }
        }
        let trailer = chunks.map(Chunks::finish).transpose()?.unwrap_or_default();
        let _ = pieces.send(Step::End(trailer)).await;
        Ok(())
    }
    .await;
    drop(pieces);
    let written = writing.await.map_err(|error| Failure::internal(&error))?;
    sent.and(written)
}

enum Step {
    Bytes(Bytes),
    /// The body is whole; the headers that came after it.
    End(Vec<(String, String)>),
}

/// What a client says the body is.
struct Checks {
    hash: Option<(Sha256, String)>,
    md5: Option<String>,
    crc32: Option<String>,
    sha256: Option<String>,
    length: Option<u64>,
    crc: Crc,
    digest: Option<Sha256>,
}

fn write(directory: &Path, mut arriving: mpsc::Receiver<Step>, mut checks: Checks, left: Left) -> Outcome<Arrived> {
    let mut writing = Writing::begin(directory)?;
    let (mut size, mut room_until) = (0, 0);
    loop {
        match arriving.blocking_recv() {
            Some(Step::Bytes(bytes)) => {
                size += bytes.len() as u64;
                if size > MAX_BYTES {
                    return Err(Failure::bad_request("EntityTooLarge", "At most 5 GiB are uploaded at once"));
                }
                if size > left.bytes {
                    return Err(Failure::quota_exceeded(&format!("{} bytes", left.of)));
                }
                if size > room_until {
                    if isolation::room(directory)? < ROOM_STEP {
                        return Err(Failure::no_room());
                    }
                    room_until = size + ROOM_STEP;
                }
                checks.update(&bytes);
                writing.write_all(&bytes)?;
            }
            Some(Step::End(trailer)) => {
                let (segment, md5) = writing.finish()?;
                return match checks.compare(&trailer, size, &md5) {
                    Ok(()) => Ok(Arrived { segment, etag: hex(&md5) }),
                    Err(failure) => {
                        super::segments::remove(directory, &[segment]);
                        Err(failure)
                    }
                };
            }
            // Dropped, the segment goes.
            None => return Err(Failure::bad_request("IncompleteBody", "The body ended too early")),
        }
    }
}

impl Checks {
    fn update(&mut self, bytes: &[u8]) {
        if let Some((hash, _)) = &mut self.hash {
            hash.update(bytes);
        }
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        self.crc.update(bytes);
    }

    fn compare(self, trailer: &[(String, String)], size: u64, md5: &[u8]) -> Outcome<()> {
        let trailing = |name: &str| trailer.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        if let Some((hash, expected)) = self.hash
            && hex(&hash.finalize()) != expected
        {
            return Err(Failure::bad_request("XAmzContentSHA256Mismatch", "The body is not the one that was signed"));
        }
        if self.length.is_some_and(|length| length != size) {
            return Err(Failure::bad_request("IncompleteBody", "The body has not the length that was promised"));
        }
        let crc = STANDARD.encode(self.crc.sum().to_be_bytes());
        let digest = self.digest.map(|digest| STANDARD.encode(digest.finalize()));
        let told = [
            (self.md5, Some(STANDARD.encode(md5))),
            (self.crc32.or_else(|| trailing("x-amz-checksum-crc32")), Some(crc)),
            (self.sha256.or_else(|| trailing("x-amz-checksum-sha256")), digest),
        ];
        if told.iter().any(|(told, found)| told.is_some() && told != found) {
            return Err(Failure::bad_request("BadDigest", "The body has not the checksum that was sent with it"));
        }
        Ok(())
    }
}

/// Where a body in chunks is.
enum Place {
    /// In the line before a chunk.
    Line,
    /// In a chunk that has so many bytes left.
    Chunk(u64),
    /// In the line end after a chunk.
    End,
    /// In the lines after the last chunk.
    Trailer,
}

/// Takes a body out of its chunks.
struct Chunks {
    chain: Option<Chain>,
    place: Place,
    /// What has arrived of the current line.
    line: Vec<u8>,
    hash: Sha256,
    signature: String,
}

impl Chunks {
    fn new(chain: Option<Chain>) -> Self {
        Self { chain, place: Place::Line, line: Vec::new(), hash: Sha256::new(), signature: String::new() }
    }

    /// The bytes of the body in what has arrived.
    fn take(&mut self, mut arrived: Bytes) -> Outcome<Vec<Bytes>> {
        let mut pieces = Vec::new();
        while !arrived.is_empty() {
            match self.place {
                Place::Chunk(left) => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(arrived.len());
                    let piece = arrived.split_to(most);
                    if self.chain.is_some() {
                        self.hash.update(&piece);
                    }
                    pieces.push(piece);
                    let left = left - most as u64;
                    self.place = if left > 0 { Place::Chunk(left) } else { Place::End };
                    if left == 0 {
                        self.end_chunk()?;
                    }
                }
                Place::Line | Place::End | Place::Trailer => {
                    let Some(end) = memchr::memchr(b'\n', &arrived) else {
                        self.line.extend_from_slice(&arrived);
                        self.check_line()?;
                        break;
                    };
                    self.line.extend_from_slice(&arrived.split_to(end + 1));
                    self.check_line()?;
                    self.end_line()?;
                }
            }
        }
        Ok(pieces)
    }

    fn check_line(&self) -> Outcome<()> {
        if self.line.len() > MAX_LINE { Err(broken()) } else { Ok(()) }
    }

    fn end_line(&mut self) -> Outcome<()> {
        match self.place {
            // They are read when all of them are there.
            Place::Trailer => return Ok(()),
            Place::End if self.line == b"\r\n" => self.place = Place::Line,
            Place::End => return Err(broken()),
            Place::Line | Place::Chunk(_) => {
                let line = std::str::from_utf8(&self.line).map_err(|_| broken())?.trim_end();
                let (size, extension) = line.split_once(';').unwrap_or((line, ""));
                let size = u64::from_str_radix(size, 16).map_err(|_| broken())?;
                self.signature = extension.strip_prefix("chunk-signature=").unwrap_or_default().to_owned();
                self.place = if size > 0 { Place::Chunk(size) } else { Place::Trailer };
                if size == 0 {
                    self.end_chunk()?;
                }
            }
        }
        self.line.clear();
        Ok(())
    }

    fn end_chunk(&mut self) -> Outcome<()> {
        let hash = std::mem::take(&mut self.hash);
        let Some(chain) = &mut self.chain else { return Ok(()) };
        if chain.verify_chunk(&self.signature, &hex(&hash.finalize())) { Ok(()) } else { Err(wrong()) }
    }

    /// The headers after the last chunk. Fails unless that has arrived.
    fn finish(self) -> Outcome<Vec<(String, String)>> {
        let Place::Trailer = self.place else {
            return Err(Failure::bad_request("IncompleteBody", "The body ended too early"));
        };
        let text = std::str::from_utf8(&self.line).map_err(|_| broken())?;
        let lines = text.lines().filter_map(|line| line.trim_end().split_once(':'));
        let all: Vec<_> = lines.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let (signatures, headers): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(name, _)| name == "x-amz-trailer-signature");
        if let Some(mut chain) = self.chain
            && !headers.is_empty()
        {
            let signed: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
            let signature = signatures.first().map(|(_, value)| value.as_str()).unwrap_or_default();
            if !chain.verify_trailer(signature, signed.as_bytes()) {
                return Err(wrong());
            }
        }
        Ok(headers)
    }
}

fn broken() -> Failure {
    Failure::bad_request("InvalidRequest", "The body is not in the chunks that were announced")
}

fn wrong() -> Failure {
    Failure::forbidden("SignatureDoesNotMatch", "A chunk of the body is not as it was signed")
}

#[cfg(test)]
mod tests {
    use super::*;

    type Taken = (Vec<u8>, Vec<(String, String)>);

    fn taken(body: &[u8], piece: usize) -> Outcome<Taken> {
        let mut chunks = Chunks::new(None);
        let mut bytes = Vec::new();
        for part in body.chunks(piece) {
            chunks.take(Bytes::copy_from_slice(part))?.iter().for_each(|piece| bytes.extend_from_slice(piece));
        }
        Ok((bytes, chunks.finish()?))
    }

    #[test]
    fn bodies_are_taken_out_of_their_chunks_wherever_they_are_split() {
        let body = b"3\r\nabc\r\n5;chunk-signature=x\r\n\r\nde\n\r\n0\r\nx-amz-checksum-crc32:AAA=\r\n\r\n";
        for piece in 1..=body.len() {
            let (bytes, trailer) = taken(body, piece).unwrap();
            assert_eq!(bytes, b"abc\r\nde\n");
            assert_eq!(trailer, [("x-amz-checksum-crc32".to_owned(), "AAA=".to_owned())]);
        }
    }

    #[test]
    fn what_is_not_in_chunks_or_not_whole_is_refused() {
        for body in ["", "3\r\nab", "3\r\nabc\r\n", "x\r\n", "3\r\nabcd\r\n0\r\n\r\n", "-1\r\n"] {
            assert!(taken(body.as_bytes(), 100).is_err(), "{body:?}");
        }
        assert!(taken(&vec![b'1'; MAX_LINE + 2], 1000).is_err());
    }
}
