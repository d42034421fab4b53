//! A connection to a sandbox's toolbox.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Duplex for T {}

/// A connection to the toolbox of a sandbox, on which HTTP/1.1 is spoken. Whoever has it is let in.
pub struct Stream {
    io: Io,
    token: Option<HeaderValue>,
}

enum Io {
    /// The usual one has no box around it.
    Unix(UnixStream),
    Other(Box<dyn Duplex>),
}

impl Stream {
    /// A connection that is not of this machine.
    pub fn new(io: impl Duplex) -> Self {
        Self { io: Io::Other(Box::new(io)), token: None }
    }

    /// Has every request on it carry this token.
    #[must_use]
    pub fn with_token(mut self, mut token: HeaderValue) -> Self {
        token.set_sensitive(true);
        self.token = Some(token);
        self
    }

    /// The token that every request on it has to carry, if it needs one.
    pub fn token(&self) -> Option<&HeaderValue> {
        self.token.as_ref()
    }

    /// The socket, where it is one of this machine.
    pub fn as_unix(&self) -> Option<&UnixStream> {
        match &self.io {
            Io::Unix(stream) => Some(stream),
            Io::Other(_) => None,
        }
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self { io: Io::Unix(stream), token: None }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let io = if self.as_unix().is_some() { "Unix" } else { "Other" };
        formatter.debug_tuple("Stream").field(&io).finish()
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Io::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Io::Other(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Io::Other(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Unix(stream) => stream.is_write_vectored(),
            Io::Other(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Io::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
