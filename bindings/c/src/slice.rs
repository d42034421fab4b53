//! Buffers on the boundary.

use std::ptr;

use bytes::Bytes;

/// A borrowed buffer. `ptr` may be NULL when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slice {
    /// First byte.
    pub ptr: *const u8,
    /// Number of bytes.
    pub len: usize,
}

impl Slice {
    pub(crate) const EMPTY: Self = Self { ptr: ptr::null(), len: 0 };

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { ptr: bytes.as_ptr(), len: bytes.len() }
    }

    /// A copy of the content.
    ///
    /// # Safety
    /// The buffer must be readable.
    pub(crate) unsafe fn copy(self) -> Bytes {
        if self.ptr.is_null() || self.len == 0 {
            return Bytes::new();
        }
        // SAFETY: not null, and readable as the caller promises.
        Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(self.ptr, self.len) })
    }
}
