//! An open stream.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use crate::client::Call;
use crate::pump::Pump;

/// An open stream. Collecting it closes it.
#[pyclass(frozen, module = "daytona._daytona")]
pub struct Stream {
    inner: daytona_bridge::Stream,
}

impl Stream {
    pub(crate) fn new(inner: daytona_bridge::Stream) -> Self {
        Self { inner }
    }
}

#[pymethods]
impl Stream {
    /// Reads a batch of about `max` bytes: one attachment, or none at the end. `form` is `bytes`, `characters`, `text` or
    /// `lines`.
    #[pyo3(signature = (max, pump = None, id = 0, form = "bytes"))]
    fn read(&self, max: usize, pump: Option<&Pump>, id: u64, form: &str) -> Call {
        Call::start(pump, id, |sink| self.inner.read(max, form, sink))
    }

    /// Writes a piece; done when there is room for the next one.
    #[pyo3(signature = (data, pump = None, id = 0))]
    fn write(&self, data: PyBackedBytes, pump: Option<&Pump>, id: u64) -> Call {
        Call::start(pump, id, |sink| self.inner.write(Bytes::copy_from_slice(&data), sink))
    }

    /// Ends the writing side in order.
    #[pyo3(signature = (pump = None, id = 0))]
    fn finish(&self, pump: Option<&Pump>, id: u64) -> Call {
        Call::start(pump, id, |sink| self.inner.finish(sink))
    }

    /// Closes the stream at once; calls in flight on it fail with `Closed`. May be called any number of times.
    fn close(&self) {
        self.inner.close();
    }
}
