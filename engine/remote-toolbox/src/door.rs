//! Connections that have not been let in yet: few, small, and not for long.
//!
//! Whoever reaches the port may connect. Each connection has [`Limits::patience`] to be let in, and only [`Limits::waiting`] may
//! be on their way at once: when one more comes, the one that has waited longest is closed for it, so peers that say nothing
//! keep nobody out. What has been let in is accepted from here like a connection of any other listener.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How much is spent on peers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections that have not been let in, at once.
    pub waiting: usize,
    /// How long one has from connecting until it is let in.
    pub patience: Duration,
    /// How long a peer that has vanished without a word is kept, about.
    pub vanished: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { waiting: 128, patience: Duration::from_secs(5), vanished: Duration::from_secs(60) }
    }
}

/// A listener whose connections have been let in.
pub struct Door<G, I> {
    listener: TcpListener,
    tls: TlsAcceptor,
    limits: Limits,
    greet: Arc<G>,
    greeting: JoinSet<()>,
    /// Those on their way, the oldest first.
    oldest: VecDeque<AbortHandle>,
    lets_in: mpsc::Sender<(I, SocketAddr)>,
    let_in: mpsc::Receiver<(I, SocketAddr)>,
}

impl<G, F, I> Door<G, I>
where
    G: Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
    F: Future<Output = Option<I>> + Send,
    I: Send + 'static,
{
    /// Lets in those of whom `greet` makes something; it runs once TLS is established.
    pub fn new(listener: TcpListener, tls: TlsAcceptor, limits: Limits, greet: G) -> Self {
        let (greeting, oldest) = (JoinSet::new(), VecDeque::new());
        let (lets_in, let_in) = mpsc::channel(1);
        Self { listener, tls, limits, greet: Arc::new(greet), greeting, oldest, lets_in, let_in }
    }

    fn begin(&mut self, tcp: TcpStream, peer: SocketAddr) {
        self.oldest.retain(|waiting| !waiting.is_finished());
        if self.oldest.len() >= self.limits.waiting
            && let Some(oldest) = self.oldest.pop_front()
        {
            oldest.abort();
        }
        let (tls, greet, limits, lets_in) =
            (self.tls.clone(), Arc::clone(&self.greet), self.limits, self.lets_in.clone());
        self.oldest.push_back(self.greeting.spawn(async move {
            let greeted = async {
                tune(&tcp, limits.vanished)?;
                let stream = tls.accept(tcp).await?;
                io::Result::Ok(greet(stream).await)
            };
            // Whoever is not let in learns nothing more.
            if let Ok(Ok(Some(stream))) = tokio::time::timeout(limits.patience, greeted).await {
                let _ = lets_in.send((stream, peer)).await;
            }
        }));
    }
}

/// Sends small pieces at once, and notices within this time that the other side has vanished.
pub fn tune(tcp: &TcpStream, vanished: Duration) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let seconds = u32::try_from(vanished.as_secs()).unwrap_or(u32::MAX).max(4);
    setsockopt(tcp, sockopt::KeepAlive, &true)?;
    setsockopt(tcp, sockopt::TcpKeepIdle, &(seconds / 2))?;
    setsockopt(tcp, sockopt::TcpKeepInterval, &(seconds / 4).max(1))?;
    setsockopt(tcp, sockopt::TcpKeepCount, &2)?;
    // Data that nobody acknowledges ends it too.
    setsockopt(tcp, sockopt::TcpUserTimeout, &seconds.saturating_mul(1000))?;
    Ok(())
}

impl<G, F, I> Listener for Door<G, I>
where
    G: Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
    F: Future<Output = Option<I>> + Send,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Io = I;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (I, SocketAddr) {
        loop {
            tokio::select! {
                Some(stream) = self.let_in.recv() => return stream,
                (tcp, peer) = Listener::accept(&mut self.listener) => self.begin(tcp, peer),
                Some(_) = self.greeting.join_next() => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
