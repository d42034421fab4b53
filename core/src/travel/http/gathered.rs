//! Pieces that become one, up to a limit: what a sandbox sends must not fill this machine's memory.

use bytes::{Bytes, BytesMut};

use crate::error::{Error, ErrorKind, Result};
use crate::model::Blob;

/// Pieces smaller than this are put together as they come.
const SMALL: usize = 16 * 1024;

/// Pieces in the making of one; a single piece is not copied.
pub(crate) struct Gathered {
    pieces: Vec<Bytes>,
    /// The last ones, which are small.
    small: BytesMut,
    held: usize,
    limit: usize,
}

impl Gathered {
    /// Nothing yet, and no more than `limit` bytes ever.
    pub(crate) fn new(limit: usize) -> Self {
        Self { pieces: Vec::new(), small: BytesMut::new(), held: 0, limit }
    }

    /// # Errors
    /// `UnprocessableEntity` when so many more bytes are too many.
    pub(crate) fn room_for(&self, more: u64) -> Result<()> {
        if (self.held as u64).saturating_add(more) <= self.limit as u64 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::UnprocessableEntity,
            format!(
                "The answer is larger than {} MiB, the most that is taken into memory. Write large outputs to a file in the \
                 sandbox and download it to a path or as a stream.",
                self.limit >> 20
            ),
        ))
    }

    /// # Errors
    /// As for [`room_for`](Self::room_for).
    pub(crate) fn push(&mut self, piece: Bytes) -> Result<()> {
        self.room_for(piece.len() as u64)?;
        self.held += piece.len();
        if piece.len() == self.held {
            self.pieces.push(piece);
        } else if piece.len() < SMALL {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= SMALL {
                self.flush();
            }
        } else {
            self.flush();
            self.pieces.push(piece);
        }
        Ok(())
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }

    /// The pieces, as large as they came or larger.
    pub(crate) fn into_pieces(mut self) -> Vec<Bytes> {
        self.flush();
        self.pieces
    }

    pub(crate) fn finish(self) -> Bytes {
        Blob::joined(self.into_pieces()).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_up_to_the_limit_and_not_beyond() {
        let mut gathered = Gathered::new(6);
        for piece in ["", "ab", "", "cd", "ef"] {
            gathered.push(piece.into()).unwrap();
        }
        let error = gathered.push("g".into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnprocessableEntity);
        assert_eq!(&gathered.finish()[..], b"abcdef");
        let mut gathered = Gathered::new(1 << 20);
        let large = vec![b'x'; SMALL];
        for piece in [&b"a"[..], b"b", b"c", &large, b"d"] {
            gathered.push(Bytes::copy_from_slice(piece)).unwrap();
        }
        let sizes: Vec<_> = gathered.into_pieces().iter().map(Bytes::len).collect();
        assert_eq!(sizes, [1, 2, SMALL, 1]);
        assert!(Gathered::new(6).room_for(7).is_err() && Gathered::new(6).room_for(6).is_ok());
    }
}
