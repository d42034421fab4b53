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
            .on_thread_start(block_sigpipe)
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

/// A write to a connection that the other side has reset raises SIGPIPE, which ends the programs of hosts that leave it at
/// its default, Go's among them. On these threads it stays blocked, so such a write is only an error. Blocked signals are
/// not passed on: `std::process::Command` unblocks all for its children.
fn block_sigpipe() {
    #[cfg(unix)]
    // SAFETY: the set is made by `sigemptyset` before it is used, and only the calling thread's mask changes.
    unsafe {
        let mut signals = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), std::ptr::null_mut());
    }
}
