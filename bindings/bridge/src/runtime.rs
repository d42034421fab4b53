//! The runtime all operations run on.

use std::convert::Infallible;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::per_process::PerProcess;

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// This process' runtime, made at first use and never shut down: threads blocked in foreign code would make that hang.
pub(crate) fn handle() -> &'static Handle {
    let made = RUNTIME.get_or_try_init(|| {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let runtime = Builder::new_multi_thread()
            .worker_threads(cores.clamp(2, 4))
            .thread_name("daytona")
            .enable_io()
            .enable_time()
            .build()
            .unwrap_or_else(|e| panic!("the runtime's threads could not be started: {e}"));
        Ok::<_, Infallible>(runtime)
    });
    match made {
        Ok(runtime) => runtime.handle(),
        Err(never) => match never {},
    }
}
