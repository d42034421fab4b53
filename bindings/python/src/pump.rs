//! Where the outcomes of calls wait for an event loop.

use std::os::fd::RawFd;
use std::sync::Arc;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::outcome::{self, Outcome};

/// The outcomes for one event loop.
#[pyclass(frozen, module = "daytona._daytona")]
pub struct Pump {
    inner: Arc<daytona_bridge::Pump>,
}

impl Pump {
    pub(crate) fn bridge(&self) -> Arc<daytona_bridge::Pump> {
        self.inner.clone()
    }
}

#[pymethods]
impl Pump {
    /// A pump of its own. Raises `OSError` when the process has no file descriptors left.
    #[new]
    fn new() -> PyResult<Self> {
        let inner = daytona_bridge::Pump::new().map_err(PyOSError::new_err)?;
        Ok(Self { inner })
    }

    /// The descriptor that is readable when there are outcomes. It lives as long as the pump and every call started
    /// on it.
    fn fileno(&self) -> RawFd {
        self.inner.fd()
    }

    /// The outcomes since the last call, with their ids. Never blocks.
    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Vec<(u64, Outcome<'py>)>> {
        self.inner.drain().into_iter().map(|(id, done)| Ok((id, outcome::to_python(py, done)?))).collect()
    }
}
