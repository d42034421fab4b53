//! The native layer of the Python package: the module `daytona._daytona`. Handles and bytes, no behaviour.
//!
//! * **Calls**: `Client.start` and the methods of `Stream` start a call and return it at once. Without a pump the caller
//!   waits with `Call.wait`; with one, the outcome appears in `Pump.drain` under the id it was started with. A `Call` that
//!   is collected unfinished is cancelled. An outcome is `(status, json, attachments, stream)`; see [`outcome`].
//! * **Threads**: no thread of the bridge ever touches the interpreter. `Call.wait` runs without the GIL, in slices, and
//!   looks for signals in between, so Ctrl-C and signal handlers work. The pump only makes a descriptor readable.
//! * **Exit**: a thread that waits while the interpreter goes down must not come back to it. PyO3 sees to that: the thread
//!   hangs where it asks for the GIL, and the end of the process ends it. tests/stress/python/test_exit.py holds it to that.
//! * **Fork**: as the bridge: clients go on in the child, calls and streams of the parent do not.
//! * **Ownership**: bytes are copied in both directions, so nothing in Rust refers to a Python object.

mod client;
mod outcome;
mod pump;
mod stream;

use pyo3::prelude::*;

/// Numbers of live things: `(calls, streams, clients)`. All zero when a program has let go of everything.
#[pyfunction]
fn debug_stats() -> (i64, i64, i64) {
    let stats = daytona_bridge::debug_stats();
    (stats.calls, stats.streams, stats.clients)
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
    module.add_function(wrap_pyfunction!(debug_stats, module)?)
}
