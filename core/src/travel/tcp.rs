//! TCP connections to whose writes no program dies.
//!
//! A write to a connection that the other side has reset raises SIGPIPE, which ends a process that leaves the signal at its
//! default, as programs in C, Go and some in Rust do. The standard library asks the system not to raise it for a plain write,
//! but not for one of several buffers, which is what TLS and HTTP do. Here neither raises it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::connect::BoxError;

/// Opens TCP connections, with TCP_NODELAY set.
#[derive(Clone)]
pub(super) struct Tcp {
    connector: HttpConnector,
    to_forwarding_proxy: bool,
}

impl Tcp {
    /// Idle connections are probed every `keep_alive`.
    pub(super) fn new(keep_alive: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_keepalive(Some(keep_alive));
        Self { connector, to_forwarding_proxy: false }
    }

    /// The addresses of a host have so long to connect, all of them together: one that does not answer leaves the others
    /// their share.
    pub(super) fn connecting_within(mut self, limit: Duration) -> Self {
        self.connector.set_connect_timeout(Some(limit));
        self
    }

    /// What was sent has so long to be acknowledged, and probes to be answered.
    pub(super) fn silent_for(mut self, silence: Duration) -> Self {
        const PROBES: u32 = 3;
        self.connector.set_keepalive_interval(Some(silence / (PROBES - 1)));
        self.connector.set_keepalive_retries(Some(PROBES));
        #[cfg(target_os = "linux")]
        self.connector.set_tcp_user_timeout(Some(silence));
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
        let to_forwarding_proxy = self.to_forwarding_proxy;
        Box::pin(async move { Ok(Quiet { stream: connecting.await?, to_forwarding_proxy }) })
    }
}

/// A TCP connection whose writes fail without a signal.
pub(super) struct Quiet {
    stream: TokioIo<TcpStream>,
    to_forwarding_proxy: bool,
}

impl Connection for Quiet {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.to_forwarding_proxy)
    }
}

impl Read for Quiet {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl Write for Quiet {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    #[cfg(target_os = "linux")]
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        use std::os::fd::AsRawFd;
        use std::task::ready;

        use nix::sys::socket::{MsgFlags, sendmsg};

        let stream = self.stream.inner();
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
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
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
