//! The native layer of the Python package: the module `daytona._daytona`. Handles and bytes, no behaviour.
//!
//! * **Calls**: `Client.start` and the methods of `Stream` start a call and return it at once. Without a pump the caller
//!   waits with `Call.wait`; with one, the outcome appears in `Pump.drain` under the id it was started with. A `Call` that
//!   is collected unfinished is cancelled. An outcome is `(status, json, attachments, stream)`; see [`outcome`].
//! * **Threads**: no thread of the bridge ever touches the interpreter. `Call.wait` runs without the GIL, in slices, and
//!   looks for signals in between, so Ctrl-C and signal handlers work. The pump only makes a descriptor readable.
//! * **Exit**: a thread that waits while the interpreter goes down must not come back to it. PyO3 sees to that: the thread
//!   hangs where it asks for the GIL, and the end of the process ends it. tests/stress/python/test_exit.py holds it to that.
//!   Before that, an exit hook waits for clean-ups: [`settle`].
//! * **Fork**: as the bridge: clients go on in the child, calls and streams of the parent do not.
//! * **Ownership**: bytes are copied in both directions, so nothing in Rust refers to a Python object.

mod client;
mod outcome;
mod pump;
mod stream;

use std::time::Instant;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Numbers of live things: `(calls, streams, clients)`. All zero when a program has let go of everything.
#[pyfunction]
fn debug_stats() -> (i64, i64, i64) {
    let stats = daytona_bridge::debug_stats();
    (stats.calls, stats.streams, stats.clients)
}

/// Waits until what cancelled calls have made is cleaned up, and cancels those in flight for it; up to 30 seconds. The
/// interpreter calls it when it exits: after an interrupt it ends by a signal, at which nothing else would run.
#[pyfunction]
fn settle(py: Python<'_>) -> PyResult<()> {
    let end = Instant::now() + daytona_bridge::EXIT_LIMIT;
    while !py.detach(|| daytona_bridge::settle(client::SLICE)) && Instant::now() < end {
        py.check_signals()?;
    }
    Ok(())
}

/// Queues log records of this level and above from now on: `error`, `warn`, `info`, `debug`, or `off`. The argument of the
/// `ValueError` it raises is the error as JSON.
#[pyfunction]
fn set_log_level(level: &str) -> PyResult<()> {
    daytona_bridge::set_log_level(level)
        .map_err(|error| PyValueError::new_err(String::from_utf8_lossy(&error).into_owned()))
}

/// Takes one step of an image, which is given and returned as JSON. The argument of the `ValueError` it raises is the error as
/// JSON.
#[pyfunction]
fn image_step(py: Python<'_>, request: &str) -> PyResult<String> {
    let text = |json: &[u8]| String::from_utf8_lossy(json).into_owned();
    let taken = py.detach(|| daytona_bridge::image_step(request.as_bytes()));
    taken.map(|image| text(&image)).map_err(|error| PyValueError::new_err(text(&error)))
}

/// Takes the queued log records as a JSON array; `None` when there are none. Never blocks.
#[pyfunction]
fn take_log(py: Python<'_>) -> PyResult<Option<Bound<'_, PyString>>> {
    daytona_bridge::take_log().map(|json| PyString::from_bytes(py, &json)).transpose()
}

/// The native module.
#[pymodule]
fn _daytona(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("SCHEMA_HASH", daytona_bridge::SCHEMA_HASH)?;
    module.add("OK", outcome::OK)?;
    module.add("FAILED", outcome::FAILED)?;
    module.add("CANCELLED", outcome::CANCELLED)?;
    module.add_class::<client::Client>()?;
    module.add_class::<client::Call>()?;
    module.add_class::<stream::Stream>()?;
    module.add_class::<pump::Pump>()?;
    module.add_function(wrap_pyfunction!(debug_stats, module)?)?;
    let settle = wrap_pyfunction!(settle, module)?;
    module.py().import("atexit")?.call_method1("register", (settle,))?;
    module.add_function(wrap_pyfunction!(image_step, module)?)?;
    module.add_function(wrap_pyfunction!(set_log_level, module)?)?;
    module.add_function(wrap_pyfunction!(take_log, module)?)
}
