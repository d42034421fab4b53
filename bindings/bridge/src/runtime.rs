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
            .on_thread_start(block_sigpipe)
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

#[cfg(all(test, unix))]
mod tests {
    use std::io::IoSlice;
    use std::os::unix::process::ExitStatusExt;

    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    const CHILD: &str = "DAYTONA_TEST_SIGPIPE_CHILD";

    /// Writes to a connection that its peer has reset, in the way that raises the signal, until that is an error.
    async fn write_to_a_reset_connection() -> std::io::Error {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let peer = listener.accept().await.unwrap().0;
        peer.set_zero_linger().unwrap();
        drop(peer);
        // The first error may be the reset itself; what is written after it meets a broken pipe.
        loop {
            match stream.write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")]).await {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return error,
                _ => {}
            }
        }
    }

    #[test]
    fn a_write_to_a_reset_connection_is_an_error_where_the_signal_has_its_default() {
        if std::env::var_os(CHILD).is_some() {
            // SAFETY: the default is no handler of anyone's.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
            let (told, tell) = std::sync::mpsc::channel();
            super::handle().expect("a runtime").spawn(async move { told.send(write_to_a_reset_connection().await) });
            println!("{}", tell.recv().unwrap());
            return;
        }
        let name = "runtime::tests::a_write_to_a_reset_connection_is_an_error_where_the_signal_has_its_default";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(CHILD, "1")
            .status()
            .unwrap();
        assert_eq!((child.signal(), child.code()), (None, Some(0)));
    }
}
