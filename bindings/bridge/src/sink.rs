//! Where completions go: one trait, and the ways languages wait.

use std::collections::{HashSet, VecDeque};
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

impl Completion {
    /// Whether the call has made something that goes when nobody claims it.
    pub fn has_made(&self) -> bool {
        matches!(self, Self::Ok(payload) if payload.made.is_some())
    }
}

/// Takes the completion of one call. Called exactly once, on a thread of the runtime or on the one that starts the call;
/// must not block.
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
    abandoned: bool,
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
            let mut state = lock(&waiter.state);
            // What nobody waits for is dropped, outside of the lock.
            let unwanted = if state.abandoned { Some(completion) } else { state.completion.replace(completion) };
            drop(state);
            drop(unwanted);
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

    /// Puts a completion back for the next wait.
    pub fn give_back(&self, completion: Completion) {
        lock(&self.state).completion = Some(completion);
    }

    /// Drops the completion, now or when it comes: the wait has been left for good.
    pub fn abandon(&self) {
        let mut state = lock(&self.state);
        state.abandoned = true;
        let unwanted = state.completion.take();
        drop(state);
        drop(unwanted);
    }

    /// Ends the current or next wait early.
    pub fn wake(&self) {
        lock(&self.state).woken = true;
        self.changed.notify_all();
    }
}

/// For an event loop: completions queue up, and a file descriptor becomes readable.
pub struct Pump {
    queue: Mutex<Queue>,
    readable: PipeReader,
    wakeup: PipeWriter,
}

#[derive(Default)]
struct Queue {
    /// Ids of the calls whose completion is wanted and has not come.
    expected: HashSet<u64>,
    completions: VecDeque<(u64, Completion)>,
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
        lock(&pump.queue).expected.insert(id);
        Box::new(move |completion| {
            let mut queue = lock(&pump.queue);
            if !queue.expected.remove(&id) {
                drop(queue);
                return;
            }
            let first = queue.completions.is_empty();
            queue.completions.push_back((id, completion));
            drop(queue);
            // One byte wakes the loop for everything queued until it drains; a full pipe is readable already.
            if first {
                let _ = (&pump.wakeup).write(&[0]);
            }
        })
    }

    /// Drops the completion of a call, now or when it comes: nobody waits for it any more. One that has been drained is
    /// left alone.
    pub fn forget(&self, id: u64) {
        let mut queue = lock(&self.queue);
        queue.expected.remove(&id);
        let place = queue.completions.iter().position(|(queued, _)| *queued == id);
        let unwanted = place.and_then(|place| queue.completions.remove(place));
        drop(queue);
        drop(unwanted);
    }

    /// Everything that completed since the last call. Never blocks.
    pub fn drain(&self) -> Vec<(u64, Completion)> {
        // The descriptor first: a completion that comes in between makes it readable again.
        let mut bytes = [0; 64];
        while matches!((&self.readable).read(&mut bytes), Ok(n) if n == bytes.len()) {}
        lock(&self.queue).completions.drain(..).collect()
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
