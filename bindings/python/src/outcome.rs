//! Completions as Python values.

use daytona_bridge::Completion;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::stream::Stream;

/// The call has its result.
pub const OK: u8 = 0;
/// The call failed; the JSON is the error.
pub const FAILED: u8 = 1;
/// The call was cancelled.
pub const CANCELLED: u8 = 2;

/// `(status, json, attachments, stream)`: the JSON is the result or what is known about an opened stream, and empty when
/// there is nothing to say.
pub type Outcome<'py> = (u8, Bound<'py, PyString>, Vec<Bound<'py, PyBytes>>, Option<Bound<'py, Stream>>);

/// The Python value of a completion.
pub fn to_python(py: Python<'_>, completion: Completion) -> PyResult<Outcome<'_>> {
    let (status, (json, blobs), stream) = match completion {
        Completion::Ok(payload) => (OK, payload.claim(), None),
        Completion::Stream(stream, info) => (OK, info.claim(), Some(Bound::new(py, Stream::new(stream))?)),
        Completion::Error(json) => (FAILED, (json, Vec::new()), None),
        Completion::Cancelled => (CANCELLED, Default::default(), None),
    };
    let blobs = blobs.iter().map(|blob| PyBytes::new(py, blob)).collect();
    Ok((status, PyString::from_bytes(py, &json)?, blobs, stream))
}
