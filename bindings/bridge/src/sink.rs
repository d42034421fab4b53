//! Where completions go: one trait, and the ways languages wait.

use std::collections::VecDeque;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::{Payload, Stream};

/// How a call ended.
#[derive(Debug)]
pub enum Completion {
    /// The result.
    Ok(Payload),
    /// An open stream, and what is known about it.
    Stream(Stream, Payload),
    /// The error as JSON (`ErrorInfo` of the core).
    Error(Bytes),
    /// The call was cancelled.
    Cancelled,
}

/// Takes the completion of one call. Called exactly once, on a thread of the runtime or on the one that cancels; must
/// not block.
pub trait Sink: Send + 'static {
    /// Takes the completion.
    fn complete(self: Box<Self>, completion: Completion);
}

impl<F: FnOnce(Completion) + Send + 'static> Sink for F {
    fn complete(self: Box<Self>, completion: Completion) {
        self(completion);
    }
}

/// For a thread that waits: Python's synchronous client, Ruby.
#[derive(Default)]
pub struct Waiter {
    state: Mutex<WaiterState>,
    changed: Condvar,
}

#[derive(Default)]
struct WaiterState {
    completion: Option<Completion>,
    woken: bool,
}

impl Waiter {
    /// A waiter for one call.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The sink that ends the wait.
    pub fn sink(self: &Arc<Self>) -> Box<dyn Sink> {
        let waiter = self.clone();
        Box::new(move |completion| {
            lock(&waiter.state).completion = Some(completion);
            waiter.changed.notify_all();
        })
    }

    /// Waits up to `limit`. `None` when it passed, or when [`wake`](Self::wake) was called: look around, then wait on.
    pub fn wait(&self, limit: Duration) -> Option<Completion> {
        let state = lock(&self.state);
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, limit, |s| s.completion.is_none() && !s.woken)
            .unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
        state.completion.take()
    }

    /// Ends the current or next wait early.
    pub fn wake(&self) {
        lock(&self.state).woken = true;
        self.changed.notify_all();
    }
}

/// For an event loop: completions queue up, and a file descriptor becomes readable.
pub struct Pump {
    queue: Mutex<VecDeque<(u64, Completion)>>,
    readable: PipeReader,
    wakeup: PipeWriter,
}

impl Pump {
    /// A pump for one event loop.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub fn new() -> std::io::Result<Arc<Self>> {
        let (readable, wakeup) = std::io::pipe()?;
        for fd in [readable.as_raw_fd(), wakeup.as_raw_fd()] {
            // SAFETY: fcntl on descriptors this function owns.
            if unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) } < 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(Arc::new(Self { queue: Mutex::default(), readable, wakeup }))
    }

    /// The descriptor to watch for readability.
    pub fn fd(&self) -> RawFd {
        self.readable.as_raw_fd()
    }

    /// A sink that queues its completion under `id`.
    pub fn sink(self: &Arc<Self>, id: u64) -> Box<dyn Sink> {
        let pump = self.clone();
        Box::new(move |completion| {
            let mut queue = lock(&pump.queue);
            let first = queue.is_empty();
            queue.push_back((id, completion));
            drop(queue);
            // One byte wakes the loop for everything queued until it drains; a full pipe is readable already.
            if first {
                let _ = (&pump.wakeup).write(&[0]);
            }
        })
    }

    /// Everything that completed since the last call. Never blocks.
    pub fn drain(&self) -> Vec<(u64, Completion)> {
        // The descriptor first: a completion that comes in between makes it readable again.
        let mut bytes = [0; 64];
        while matches!((&self.readable).read(&mut bytes), Ok(n) if n == bytes.len()) {}
        lock(&self.queue).drain(..).collect()
    }
}

/// For languages with futures of their own: a sink and the future of its completion. When the sink is dropped unused,
/// as happens when the runtime goes down, the future answers `Cancelled`.
pub fn future() -> (Box<dyn Sink>, impl Future<Output = Completion> + Send + 'static) {
    let (sender, receiver) = oneshot::channel();
    let sink = Box::new(move |completion| {
        // Nobody waits any more: nothing to tell.
        let _ = sender.send(completion);
    });
    (sink, async move { receiver.await.unwrap_or(Completion::Cancelled) })
}

/// Locks even when a thread panicked while holding the lock: the state is a queue or a slot, valid at any time.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
