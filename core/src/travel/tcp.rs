//! TCP connections: no program dies of a write, an answer that came before the end of a request is not lost, and a peer that
//! is gone is noticed.
//!
//! A write to a connection that the other side has reset raises SIGPIPE, which ends a process that leaves the signal at its
//! default, as programs in C, Go and some in Rust do. The standard library asks the system not to raise it for a plain write,
//! but not for one of several buffers, which is what TLS and HTTP do. Here neither raises it.
//!
//! A server may answer and close the connection while the request is still being sent (413, for example). The write then fails
//! although the answer can be read. hyper would report the write, so that one waits here instead, and reading says how the
//! connection ended.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::connect::BoxError;
#[cfg(target_os = "linux")]
use super::silence::Silence;

/// Time to read what the other side said before it closed the connection: it is here already.
const READING_LIMIT: Duration = Duration::from_secs(30);

/// Opens TCP connections, with TCP_NODELAY set.
#[derive(Clone)]
pub(super) struct Tcp {
    connector: HttpConnector,
    /// Time after which a peer that acknowledges nothing is taken for gone.
    #[cfg(target_os = "linux")]
    silence: Option<Duration>,
    reads_after_writes: bool,
    to_forwarding_proxy: bool,
}

impl Tcp {
    /// Idle connections are probed every `keep_alive`.
    pub(super) fn new(keep_alive: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_keepalive(Some(keep_alive));
        Self {
            connector,
            #[cfg(target_os = "linux")]
            silence: None,
            reads_after_writes: false,
            to_forwarding_proxy: false,
        }
    }

    /// The addresses of a host have so long to connect, all of them together: one that does not answer leaves the others
    /// their share.
    pub(super) fn connecting_within(mut self, limit: Duration) -> Self {
        self.connector.set_connect_timeout(Some(limit));
        self
    }

    /// What was sent has so long to be acknowledged, and probes to be answered. A peer that is slow to read, and says so, has
    /// any time.
    pub(super) fn silent_for(mut self, silence: Duration) -> Self {
        const PROBES: u32 = 3;
        self.connector.set_keepalive_interval(Some(silence / (PROBES - 1)));
        self.connector.set_keepalive_retries(Some(PROBES));
        #[cfg(target_os = "linux")]
        {
            self.silence = Some(silence);
        }
        self
    }

    /// A write that fails because the other side has closed the connection waits, for readers to have what was said before.
    /// For those who read while they write.
    pub(super) fn reading_after_writes(mut self) -> Self {
        self.reads_after_writes = true;
        self
    }

    /// The connections go to a proxy that is asked for whole URLs.
    pub(super) fn forwarded(mut self) -> Self {
        self.to_forwarding_proxy = true;
        self
    }
}

impl Service<Uri> for Tcp {
    type Response = Quiet;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Quiet, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.connector.call(target);
        let (reads_after_writes, to_forwarding_proxy) = (self.reads_after_writes, self.to_forwarding_proxy);
        #[cfg(target_os = "linux")]
        let silence = self.silence;
        Box::pin(async move {
            Ok(Quiet {
                stream: connecting.await?,
                #[cfg(target_os = "linux")]
                silence: silence.map(Silence::new),
                reads_after_writes,
                closed: None,
                to_forwarding_proxy,
            })
        })
    }
}

/// A TCP connection whose writes fail without a signal.
pub(super) struct Quiet {
    stream: TokioIo<TcpStream>,
    #[cfg(target_os = "linux")]
    silence: Option<Silence>,
    reads_after_writes: bool,
    /// The other side takes nothing more. What it has said can be read until then.
    closed: Option<Pin<Box<Sleep>>>,
    to_forwarding_proxy: bool,
}

impl Quiet {
    /// The error of a wait that the peer will not end.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        #[cfg(target_os = "linux")]
        if let Some(silence) = &mut self.silence {
            return silence.poll(cx, self.stream.inner());
        }
        let _ = cx;
        Poll::Pending
    }

    fn written(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Err(error)) if self.reads_after_writes && is_closed(&error) => {
                self.closed = Some(Box::pin(sleep(READING_LIMIT)));
                // Whoever writes reads, too, and finds out there.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => self.poll_silence(cx).map(Err),
            written => written,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

impl Connection for Quiet {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.to_forwarding_proxy)
    }
}

impl Read for Quiet {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.closed.is_some() {
            // The error has gone to the write: an end without one would look like that of the data.
            let mut next = [0];
            if ready!(self.stream.inner().poll_peek(cx, &mut ReadBuf::new(&mut next)))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_pending() { self.poll_silence(cx).map(Err) } else { read }
    }
}

impl Write for Quiet {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(closed) = &mut self.closed {
            return closed.as_mut().poll(cx).map(|()| Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(closed) = &mut self.closed {
            return closed.as_mut().poll(cx).map(|()| Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = write_vectored(&mut self.stream, cx, buffers);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(target_os = "linux")]
fn write_vectored(
    stream: &mut TokioIo<TcpStream>,
    cx: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{MsgFlags, sendmsg};

    let stream = stream.inner();
    loop {
        ready!(stream.poll_write_ready(cx))?;
        let sent = stream.try_io(tokio::io::Interest::WRITABLE, || {
            Ok(sendmsg::<()>(stream.as_raw_fd(), buffers, &[], MsgFlags::MSG_NOSIGNAL, None)?)
        });
        match sent {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

/// Sockets of Apple's systems are made so that they raise nothing, and Windows has no such signal.
#[cfg(not(target_os = "linux"))]
fn write_vectored(
    stream: &mut TokioIo<TcpStream>,
    cx: &mut Context<'_>,
    buffers: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_write_vectored(cx, buffers)
}
