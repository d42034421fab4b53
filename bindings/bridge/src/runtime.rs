//! The runtime all operations run on.

use daytona::{Error, ErrorKind, Result};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::per_process::PerProcess;

static RUNTIME: PerProcess<Runtime> = PerProcess::new();

/// This process' runtime, made at first use and never shut down: threads blocked in foreign code would make that hang.
///
/// # Errors
/// `Unknown` when the system has no threads or descriptors left for it. The next use tries again.
pub(crate) fn handle() -> Result<&'static Handle> {
    let made = RUNTIME.get_or_try_init(|| {
        let workers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
        // The runtime panics where it cannot have its threads.
        check_threads(workers).map_err(|e| unavailable(&e))?;
        Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("daytona")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|e| unavailable(&e))
    })?;
    Ok(made.handle())
}

/// Whether so many threads can be started: they live at the same time, for a moment.
fn check_threads(number: usize) -> std::io::Result<()> {
    let started = (0..number)
        .map(|_| {
            let (release, released) = std::sync::mpsc::channel::<()>();
            let wait = move || released.recv().is_ok();
            std::thread::Builder::new().spawn(wait).map(|thread| (release, thread))
        })
        .collect::<Vec<_>>();
    let mut checked = Ok(());
    for thread in started {
        match thread {
            Ok((release, thread)) => {
                drop(release);
                let _ = thread.join();
            }
            Err(error) => checked = Err(error),
        }
    }
    checked
}

pub(crate) fn unavailable(error: &std::io::Error) -> Error {
    let what = match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => "this process has too many files open",
        _ => "the system lets this process have no more threads",
    };
    Error::new(ErrorKind::Unknown, format!("The client cannot work: {what}. Raise the limit (ulimit), or use less."))
}
