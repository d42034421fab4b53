//! Pieces that become one, up to a limit: what a sandbox sends must not fill this machine's memory.

use bytes::{Bytes, BytesMut};

use crate::error::{Error, ErrorKind, Result};

/// Pieces in the making of one; a single piece is not copied.
pub(crate) struct Gathered {
    first: Bytes,
    rest: BytesMut,
    limit: usize,
}

impl Gathered {
    /// Nothing yet, and no more than `limit` bytes ever.
    pub(crate) fn new(limit: usize) -> Self {
        Self { first: Bytes::new(), rest: BytesMut::new(), limit }
    }

    /// # Errors
    /// `UnprocessableEntity` when so many more bytes are too many.
    pub(crate) fn room_for(&self, more: u64) -> Result<()> {
        let held = self.first.len().max(self.rest.len()) as u64;
        if held.saturating_add(more) <= self.limit as u64 {
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
        if self.first.is_empty() && self.rest.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.rest.extend_from_slice(&piece);
        Ok(())
    }

    pub(crate) fn finish(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
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
        assert!(Gathered::new(6).room_for(7).is_err() && Gathered::new(6).room_for(6).is_ok());
    }
}
