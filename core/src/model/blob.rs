//! Bytes that travel beside JSON instead of inside it.

use std::cell::RefCell;
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

thread_local! {
    static ATTACHMENTS: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// Binary content of any length.
///
/// On the language boundary a value is JSON plus a list of attachments, and a blob is written as its index in that list:
/// bytes are never encoded as text. [`Blob::detach`] and [`Blob::attach`] set the list around one (de)serialization.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Blob(pub Bytes);

impl Blob {
    /// Makes one of pieces, without copying a single one. Each piece is let go of when it has been copied.
    pub fn joined(mut pieces: Vec<Bytes>) -> Self {
        if pieces.len() <= 1 {
            return Self(pieces.pop().unwrap_or_default());
        }
        let mut whole = Vec::with_capacity(pieces.iter().map(Bytes::len).sum());
        pieces.into_iter().for_each(|piece| whole.extend_from_slice(&piece));
        Self(whole.into())
    }

    /// Runs a serialization and returns its result with the attachments of all blobs it met.
    pub fn detach<T>(serialize: impl FnOnce() -> T) -> (T, Vec<Bytes>) {
        ATTACHMENTS.with_borrow_mut(Vec::clear);
        let value = serialize();
        (value, ATTACHMENTS.with_borrow_mut(std::mem::take))
    }

    /// Runs a deserialization in which blob `i` is `attachments[i]`.
    pub fn attach<T>(attachments: Vec<Bytes>, deserialize: impl FnOnce() -> T) -> T {
        ATTACHMENTS.set(attachments);
        let value = deserialize();
        ATTACHMENTS.with_borrow_mut(Vec::clear);
        value
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.0.len())
    }
}

impl<T: Into<Bytes>> From<T> for Blob {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let index = ATTACHMENTS.with_borrow_mut(|list| {
            list.push(self.0.clone());
            list.len() - 1
        });
        serializer.serialize_u64(index as u64)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let index = u64::deserialize(deserializer)? as usize;
        ATTACHMENTS
            .with_borrow(|list| list.get(index).cloned())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("there is no attachment {index}")))
    }
}
