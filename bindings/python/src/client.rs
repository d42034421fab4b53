//! The client and the calls it starts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daytona_bridge::{Payload, Sink, Waiter};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};

use crate::outcome::{self, Outcome};
use crate::pump::Pump;

/// How long a wait may go without looking for signals.
pub(crate) const SLICE: Duration = Duration::from_millis(50);

/// A client.
#[pyclass(frozen, module = "daytona._daytona")]
pub struct Client {
    inner: daytona_bridge::Client,
}

#[pymethods]
impl Client {
    /// Makes a client from its configuration as JSON. The argument of the `ValueError` it raises is the error as JSON.
    #[new]
    fn new(py: Python<'_>, config: PyBackedStr) -> PyResult<Self> {
        let inner = py
            .detach(|| daytona_bridge::Client::new(config.as_bytes()))
            .map_err(|error| PyValueError::new_err(String::from_utf8_lossy(&error).into_owned()))?;
        Ok(Self { inner })
    }

    /// Starts an operation of the op table.
    #[pyo3(signature = (op, json, blobs, pump = None, id = 0))]
    fn start(&self, op: &str, json: &str, blobs: Vec<PyBackedBytes>, pump: Option<&Pump>, id: u64) -> Call {
        let blobs = blobs.iter().map(|blob| Bytes::copy_from_slice(blob)).collect();
        let payload = Payload::new(Bytes::copy_from_slice(json.as_bytes()), blobs);
        Call::start(pump, id, |sink| self.inner.start(op, payload, sink))
    }

    /// Base URL of the API, or `local`, and the region for new sandboxes.
    fn place(&self) -> (String, Option<String>) {
        self.inner.place()
    }

    /// Whether operations are traced, and the caller's span is of use.
    #[getter]
    fn traced(&self) -> bool {
        self.inner.is_traced()
    }

    /// Refuses further operations. Those in flight go on.
    fn close(&self) {
        self.inner.close();
    }
}

/// A call in flight. Collecting it cancels it unless it has completed.
#[pyclass(frozen, module = "daytona._daytona")]
pub struct Call {
    inner: daytona_bridge::Call,
    receiver: Receiver,
}

/// Where the outcome of a call goes.
enum Receiver {
    /// To who waits for it.
    Waiter(Arc<Waiter>),
    /// To a pump, under this id.
    Pump(Arc<daytona_bridge::Pump>, u64),
}

impl Call {
    /// Starts a call whose outcome goes to the pump, or to whoever waits.
    pub(crate) fn start(
        pump: Option<&Pump>,
        id: u64,
        start: impl FnOnce(Box<dyn Sink>) -> daytona_bridge::Call,
    ) -> Self {
        match pump {
            Some(pump) => {
                let pump = pump.bridge();
                Self { inner: start(pump.sink(id)), receiver: Receiver::Pump(pump, id) }
            }
            None => {
                let waiter = Waiter::new();
                Self { inner: start(waiter.sink()), receiver: Receiver::Waiter(waiter) }
            }
        }
    }
}

#[pymethods]
impl Call {
    /// Waits for the outcome, up to `timeout` seconds (`None` = no limit); `None` when the time passed. The outcome is
    /// handed out once. What a signal handler raises leaves the wait; the call goes on until it is cancelled.
    #[pyo3(signature = (timeout = None))]
    fn wait<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Option<Outcome<'py>>> {
        let Receiver::Waiter(waiter) = &self.receiver else {
            return Err(PyRuntimeError::new_err("the outcome of this call goes to a pump"));
        };
        let deadline = match timeout {
            Some(seconds) => {
                let limit = Duration::try_from_secs_f64(seconds.max(0.0));
                limit.ok().and_then(|limit| Instant::now().checked_add(limit))
            }
            None => None,
        };
        loop {
            let slice = deadline.map_or(SLICE, |end| end.saturating_duration_since(Instant::now()).min(SLICE));
            let completion = py.detach(|| waiter.wait(slice));
            // A signal that came meanwhile is raised here or right behind this call, where the outcome would be lost.
            if let Err(raised) = py.check_signals() {
                if let Some(completion) = completion {
                    waiter.give_back(completion);
                }
                return Err(raised);
            }
            if let Some(completion) = completion {
                return outcome::to_python(py, completion).map(Some);
            }
            if deadline.is_some_and(|end| Instant::now() >= end) {
                return Ok(None);
            }
        }
    }

    /// Cancels the call, whose outcome is not wanted any more: it does not appear, and if it is a new sandbox, that is
    /// deleted. An outcome that has been handed out is left alone. May be called any number of times.
    fn cancel(&self) {
        match &self.receiver {
            Receiver::Waiter(waiter) => waiter.abandon(),
            Receiver::Pump(pump, id) => pump.forget(*id),
        }
        self.inner.cancel();
    }
}
