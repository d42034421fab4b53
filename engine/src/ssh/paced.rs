//! A connection from which reading can be put off for a moment, and which can be ended.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// The connection.
pub struct Paced<S> {
    stream: S,
    pace: Pace,
    sleep: Option<Pin<Box<Sleep>>>,
}

/// What slows it down.
#[derive(Clone, Default)]
pub struct Pace(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    paused_until: Option<Instant>,
    ended: bool,
    reader: Option<Waker>,
}

impl Pace {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts off the next read.
    pub fn pause(&self, time: Duration) {
        self.lock().paused_until = Some(Instant::now() + time);
    }

    /// Ends the connection at once.
    pub fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }
}

impl<S> Paced<S> {
    /// Paces a connection.
    pub fn new(stream: S, pace: Pace) -> Self {
        Self { stream, pace, sleep: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let paused_until = {
            let mut state = self.pace.lock();
            if state.ended {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            state.reader = Some(cx.waker().clone());
            state.paused_until.take()
        };
        if let Some(until) = paused_until {
            self.sleep = Some(Box::pin(sleep_until(until)));
        }
        if let Some(sleep) = &mut self.sleep {
            std::task::ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
