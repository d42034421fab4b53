//! Completions as Python values.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use daytona_bridge::Completion;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::stream::Stream;

/// The call has its result.
pub const OK: u8 = 0;
/// The call failed; the JSON is the error.
pub const FAILED: u8 = 1;
/// The call was cancelled.
pub const CANCELLED: u8 = 2;

/// What a call has made. It is deleted when it is discarded, or collected before it is claimed.
#[pyclass(frozen, module = "daytona._daytona")]
pub struct Made {
    inner: Mutex<Option<daytona_bridge::Made>>,
}

#[pymethods]
impl Made {
    /// Leaves it to the caller.
    fn claim(&self) {
        if let Some(made) = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take() {
            made.claim();
        }
    }

    /// Deletes it, in the background: nobody takes the outcome.
    fn discard(&self) {
        let made = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(made);
    }
}

/// `(status, json, attachments, stream, made)`: the JSON is the result or what is known about an opened stream, and empty
/// when there is nothing to say.
pub type Outcome<'py> =
    (u8, Bound<'py, PyString>, Vec<Bound<'py, PyBytes>>, Option<Bound<'py, Stream>>, Option<Bound<'py, Made>>);

/// Pieces as one object. Each is let go of when it has been copied, so that they are never in memory twice.
fn copied(py: Python<'_>, pieces: Vec<Bytes>) -> PyResult<Bound<'_, PyBytes>> {
    let size = pieces.iter().map(Bytes::len).sum::<usize>();
    let size = ffi::Py_ssize_t::try_from(size)?;
    // SAFETY: without a source the object's bytes may be written until somebody else sees it; the pieces fill them all.
    unsafe {
        let made = ffi::PyBytes_FromStringAndSize(std::ptr::null(), size);
        let object = Bound::from_owned_ptr_or_err(py, made)?.cast_into_unchecked::<PyBytes>();
        let mut room = ffi::PyBytes_AsString(object.as_ptr()).cast::<u8>();
        for piece in pieces {
            room.copy_from_nonoverlapping(piece.as_ptr(), piece.len());
            room = room.add(piece.len());
        }
        Ok(object)
    }
}

/// The Python value of a completion.
pub fn to_python(py: Python<'_>, completion: Completion) -> PyResult<Outcome<'_>> {
    let (status, (json, blobs, made), stream) = match completion {
        Completion::Ok(payload) => (OK, payload.into_pieces(), None),
        Completion::Stream(stream, info) => (OK, info.into_pieces(), Some(Bound::new(py, Stream::new(stream))?)),
        Completion::Error(json) => (FAILED, (json, Vec::new(), None), None),
        Completion::Cancelled => (CANCELLED, Default::default(), None),
    };
    let made = made.map(|made| Bound::new(py, Made { inner: Mutex::new(Some(made)) })).transpose()?;
    let blobs = blobs.into_iter().map(|pieces| copied(py, pieces)).collect::<PyResult<_>>()?;
    Ok((status, PyString::from_bytes(py, &json)?, blobs, stream, made))
}
