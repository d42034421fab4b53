//! Serving HTTP on connections that whoever opens them cannot use to exhaust the server.
//!
//! * All connections share one router; an idle one costs little more than its socket and buffers.
//! * A connection has [`Times::first_request`] for its first whole request head. After that it may be unused for
//!   [`Times::idle`]. Requests being answered are not limited, however long they take.
//! * [`Room`] limits how many there are, upgraded ones included. When it is full, new ones wait, and those unused for a
//!   second are closed for them.
//! * Dropping the future of [`serve`] ends all connections that were not upgraded.

use std::any::Any;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::Listener;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tower_service::Service;

/// The most of a request's head, and of what is written ahead of a slow reader, in bytes.
const BUFFER_LIMIT: usize = 128 * 1024;

/// How long a connection has to be unused to be closed for others.
const SPARE_AFTER: Duration = Duration::from_secs(1);

/// How long the orderly end of an unused connection may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// How long connections may go without a request.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// From connecting to the whole head of the first request.
    pub first_request: Duration,
    /// Between the end of an answer and the whole head of the next request. Longer than clients keep unused connections,
    /// so that they rarely use one just as it is closed.
    pub idle: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { first_request: Duration::from_secs(30), idle: Duration::from_secs(120) }
    }
}

/// How many connections there may be at once, on however many listeners.
#[derive(Clone, Debug)]
pub struct Room {
    places: Arc<Semaphore>,
    wanted: Arc<Notify>,
}

impl Room {
    /// Room for so many.
    pub fn new(connections: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(connections)), wanted: Arc::default() }
    }

    async fn take(&self) -> OwnedSemaphorePermit {
        loop {
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return place;
            }
            self.wanted.notify_waiters();
            let place = tokio::time::timeout(SPARE_AFTER, Arc::clone(&self.places).acquire_owned());
            if let Ok(Ok(place)) = place.await {
                return place;
            }
        }
    }
}

/// One connection, in the extensions of its requests as `Arc<Connection>`.
pub struct Connection {
    peer: Option<IpAddr>,
    requests: AtomicUsize,
    served: AtomicBool,
    unused_since: Mutex<Instant>,
    kept: OnceLock<Box<dyn Any + Send + Sync>>,
    given_up: Notify,
    /// Bytes that may still be written; [`UNLIMITED`] = any number.
    writable: AtomicU64,
    /// Whether the head of an answer is yet to come, which does not count.
    head_to_come: AtomicBool,
}

const UNLIMITED: u64 = u64::MAX;

impl Connection {
    fn new(peer: Option<IpAddr>) -> Self {
        Self {
            peer,
            requests: AtomicUsize::new(0),
            served: AtomicBool::new(false),
            unused_since: Mutex::new(Instant::now()),
            kept: OnceLock::new(),
            given_up: Notify::new(),
            writable: AtomicU64::new(UNLIMITED),
            head_to_come: AtomicBool::new(false),
        }
    }

    /// The address at the other end, where connections come over IP.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Keeps a value until the connection is closed, upgraded or not; only the first one.
    pub fn keep<T: Send + Sync + 'static>(&self, value: impl FnOnce() -> T) {
        self.kept.get_or_init(|| Box::new(value()));
    }

    /// Closes the connection without another byte. Not for one that was upgraded.
    pub fn give_up(&self) {
        self.given_up.notify_one();
    }

    /// Breaks the connection after so many bytes behind the head of the answer under way, upgraded or not.
    pub fn break_after(&self, bytes: u64) {
        self.head_to_come.store(true, Ordering::Release);
        self.writable.store(bytes, Ordering::Release);
    }

    /// How many of these bytes may be written now.
    fn allowed(&self, bytes: &[u8]) -> std::io::Result<usize> {
        let writable = self.writable.load(Ordering::Acquire);
        if writable == UNLIMITED {
            return Ok(bytes.len());
        }
        if self.head_to_come.load(Ordering::Acquire) {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            return Ok(end.map_or(bytes.len(), |end| end + 4));
        }
        match usize::try_from(writable).unwrap_or(usize::MAX).min(bytes.len()) {
            0 => Err(std::io::ErrorKind::ConnectionReset.into()),
            allowed => Ok(allowed),
        }
    }

    /// Counts what was written.
    fn wrote(&self, bytes: &[u8]) {
        let writable = self.writable.load(Ordering::Acquire);
        if writable == UNLIMITED {
        } else if self.head_to_come.load(Ordering::Acquire) {
            self.head_to_come.store(!bytes.ends_with(b"\r\n\r\n"), Ordering::Release);
        } else {
            self.writable.store(writable.saturating_sub(bytes.len() as u64), Ordering::Release);
        }
    }

    fn open_request(self: &Arc<Self>) -> OpenRequest {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.served.store(true, Ordering::Release);
        OpenRequest(Arc::clone(self))
    }

    /// For how long there has been no request; `None` while there is one.
    fn unused_for(&self) -> Option<Duration> {
        let since = *self.unused_since.lock().unwrap_or_else(PoisonError::into_inner);
        (self.requests.load(Ordering::Acquire) == 0).then(|| since.elapsed())
    }

    /// Returns once the connection has been unused for too long.
    async fn until_unused(&self, times: Times, room: &Room) {
        loop {
            let limit = if self.served.load(Ordering::Acquire) { times.idle } else { times.first_request };
            let unused = self.unused_for().unwrap_or_default();
            let Some(rest) = limit.checked_sub(unused).filter(|rest| !rest.is_zero()) else { return };
            tokio::select! {
                // A first request may end meanwhile, and another limit holds from then on.
                () = tokio::time::sleep(rest.min(times.idle)) => {}
                () = room.wanted.notified() => {
                    if self.unused_for().is_some_and(|unused| unused >= SPARE_AFTER) {
                        return;
                    }
                }
            }
        }
    }
}

/// A request whose answer has not been sent to its end.
struct OpenRequest(Arc<Connection>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        *self.0.unused_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves `router` on every connection of `listener`, until dropped.
pub async fn serve<L>(mut listener: L, router: Router, room: Room, times: Times)
where
    L: Listener,
    L::Addr: 'static,
{
    // Done once: a router that still has to be given its state is built anew for each connection.
    let router = router.with_state(());
    let mut connections = JoinSet::new();
    loop {
        let (accepted, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let connection = Arc::new(Connection::new(peer(&address)));
        let io = Held { io: accepted, _place: room.take().await, connection: Arc::clone(&connection) };
        connections.spawn(run(io, router.clone(), connection, room.clone(), times));
    }
}

fn peer(address: &dyn Any) -> Option<IpAddr> {
    address.downcast_ref::<SocketAddr>().map(|address| address.ip().to_canonical())
}

async fn run<I>(io: Held<I>, router: Router, connection: Arc<Connection>, room: Room, times: Times)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(BUFFER_LIMIT).header_read_timeout(None);
    builder.http2().enable_connect_protocol();
    let (answering, given_up) = (Arc::clone(&connection), Arc::clone(&connection));
    let service = service_fn(move |request| answer(router.clone(), Arc::clone(&answering), request));
    let mut exchange = pin!(builder.serve_connection_with_upgrades(TokioIo::new(io), service));
    tokio::select! {
        // How a connection ended is its client's business.
        _ = exchange.as_mut() => {}
        () = given_up.given_up.notified() => {}
        () = connection.until_unused(times, &room) => {
            exchange.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GOODBYE, exchange).await;
        }
    }
}

async fn answer(
    mut router: Router,
    connection: Arc<Connection>,
    request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let open = connection.open_request();
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(connection);
    let response = router.call(request).await?;
    Ok(response.map(|body| Body::new(Counted { body, _open: open })))
}

/// A body that counts as a request until it has been sent or given up.
struct Counted {
    body: Body,
    _open: OpenRequest,
}

impl HttpBody for Counted {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection's bytes, and its place for as long as anybody has them.
struct Held<I> {
    io: I,
    _place: OwnedSemaphorePermit,
    connection: Arc<Connection>,
}

impl<I: AsyncRead + Unpin> AsyncRead for Held<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Held<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let allowed = self.connection.allowed(bytes)?;
        let written = std::task::ready!(Pin::new(&mut self.io).poll_write(cx, &bytes[..allowed]))?;
        self.connection.wrote(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        if self.connection.writable.load(Ordering::Acquire) == UNLIMITED {
            return Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        }
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        self.poll_write(cx, first)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
