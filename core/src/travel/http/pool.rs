//! Connections: pooled, HTTP/2 where the server offers it, and as many as the calls in flight need.
//!
//! An HTTP/2 server takes a limited number of requests on one connection, often 100; the rest would wait without anyone
//! seeing why. `reqwest` keeps one such connection per server, so the pool holds several of its clients: a request over
//! TLS goes to the first that has room, and one more is made when none has. Clear text is HTTP/1.1 with a connection per
//! request in flight, for which one client does.
//!
//! Whether a server speaks HTTP/2 is known once a connection stands. Until then `reqwest` would open one per request
//! and throw all but one away; so while the first connection to a server is being made, requests to it wait.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;
use tokio::time::Instant;
use tower_layer::layer_fn;
use tower_service::Service;
use url::Position;

use super::gathered::Gathered;
use crate::error::{Error, ErrorKind, Result};
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;

/// Requests in flight per client: no server should allow fewer on one connection (RFC 9113, 6.5.2).
const REQUESTS_PER_CLIENT: usize = 100;

/// Redirects that are followed for one request.
const MAX_REDIRECTS: usize = 5;

/// Time for which an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// When a server is taken for not connected. Later than connections expire: taking one that stands for missing would
/// make requests wait for the answer to another.
const COLD_AFTER: Duration = Duration::from_secs(61);

/// The largest answer that is taken into memory, in bytes. Files travel as streams, whatever their size.
pub(crate) const BODY_LIMIT: usize = 512 << 20;

/// The connections of one client.
pub(crate) struct Pool {
    tls: Tls,
    proxies: Proxies,
    members: RwLock<Vec<Arc<Member>>>,
}

impl Pool {
    pub(crate) fn new(tls: &Tls, proxies: &Proxies) -> Result<Self> {
        let members = RwLock::new(vec![Arc::new(Member::new(tls, proxies)?)]);
        Ok(Self { tls: tls.clone(), proxies: proxies.clone(), members })
    }

    /// Sends a request and returns the response with its body unread.
    pub(crate) async fn send(&self, request: reqwest::Request) -> reqwest::Result<Response> {
        if request.url().scheme() != "https" {
            let inner = self.first().client.execute(request).await?;
            return Ok(Response { inner, _place: None });
        }
        let place = self.place()?;
        let inner = place.0.send(request).await?;
        Ok(Response { inner, _place: Some(place) })
    }

    fn first(&self) -> Arc<Member> {
        self.members.read().unwrap_or_else(PoisonError::into_inner)[0].clone()
    }

    /// A place at the first member with room, or at a new one.
    fn place(&self) -> reqwest::Result<Place> {
        let find = |members: &[Arc<Member>]| members.iter().find_map(Place::take);
        if let Some(place) = find(&self.members.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(place);
        }
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = find(&members) {
            return Ok(place);
        }
        let member = Arc::new(Member::build(&self.tls, &self.proxies)?);
        members.push(member.clone());
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Place(member))
    }
}

/// A request's share of a member, until its response has been read or dropped.
struct Place(Arc<Member>);

impl Place {
    fn take(member: &Arc<Member>) -> Option<Self> {
        let more = |n| (n < REQUESTS_PER_CLIENT).then_some(n + 1);
        member.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Self(member.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One `reqwest` client: at most one HTTP/2 connection to each server.
struct Member {
    client: reqwest::Client,
    in_flight: AtomicUsize,
    /// When a request was last sent, by scheme, host and port.
    last_used: Mutex<HashMap<String, Instant>>,
    /// Held by a request to a cold server until its connection stands.
    opening: tokio::sync::Mutex<()>,
    /// Changes whenever an attempt to connect ends.
    connects: Arc<watch::Sender<()>>,
}

impl Member {
    fn new(tls: &Tls, proxies: &Proxies) -> Result<Self> {
        Self::build(tls, proxies)
            .map_err(|e| Error::new(ErrorKind::Internal, "The HTTP client could not be set up").with_source(e))
    }

    fn build(tls: &Tls, proxies: &Proxies) -> reqwest::Result<Self> {
        let connects = Arc::new(watch::Sender::new(()));
        let observer = connects.clone();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.for_http())
            .proxy(proxies.for_http())
            .connect_timeout(Duration::from_secs(30))
            .tcp_keepalive(Duration::from_secs(30))
            .tcp_nodelay(true)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(usize::MAX)
            .redirect(reqwest::redirect::Policy::custom(redirect))
            .http2_adaptive_window(true)
            .connector_layer(layer_fn(move |connector| Observed { connector, connects: observer.clone() }))
            .build()?;
        Ok(Self {
            client,
            in_flight: AtomicUsize::new(0),
            last_used: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            connects,
        })
    }

    async fn send(&self, request: reqwest::Request) -> reqwest::Result<reqwest::Response> {
        if self.is_cold(request.url()) {
            let opening = self.opening.lock().await;
            // Another request may have opened a connection meanwhile.
            if self.is_cold(request.url()) {
                let mut connects = self.connects.subscribe();
                let url = request.url().clone();
                let mut sending = pin!(self.client.execute(request));
                tokio::select! {
                    biased;
                    response = &mut sending => {
                        self.used(&url);
                        return response;
                    }
                    _ = connects.changed() => self.used(&url),
                }
                drop(opening);
                return sending.await;
            }
        }
        self.used(request.url());
        self.client.execute(request).await
    }

    fn is_cold(&self, url: &url::Url) -> bool {
        let last_used = self.last_used.lock().unwrap_or_else(PoisonError::into_inner);
        last_used.get(server(url)).is_none_or(|used| used.elapsed() > COLD_AFTER)
    }

    fn used(&self, url: &url::Url) {
        let mut last_used = self.last_used.lock().unwrap_or_else(PoisonError::into_inner);
        match last_used.get_mut(server(url)) {
            Some(used) => *used = Instant::now(),
            None => {
                last_used.insert(server(url).to_owned(), Instant::now());
            }
        }
    }
}

/// Follows redirects to the same server only: another would get a request that is not for it, with its body.
fn redirect(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let Some(origin) = attempt.previous().first() else { return attempt.stop() };
    let to = attempt.url();
    let encrypted_now = origin.scheme() == "http" && to.scheme() == "https" && origin.host() == to.host();
    if server(origin) != server(to) && !encrypted_now {
        let message = format!("it redirects to another server, {}, which was not asked", server(to));
        return attempt.error(message);
    }
    if attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("it redirects again and again");
    }
    attempt.follow()
}

/// Scheme, host and port.
fn server(url: &url::Url) -> &str {
    &url[..Position::BeforePath]
}

/// A connector that says when it has connected, or failed to.
#[derive(Clone)]
struct Observed<C> {
    connector: C,
    connects: Arc<watch::Sender<()>>,
}

impl<C, T> Service<T> for Observed<C>
where
    C: Service<T, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = BoxFuture<'static, Result<C::Response, C::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, target: T) -> Self::Future {
        let connecting = self.connector.call(target);
        let connects = self.connects.clone();
        Box::pin(async move {
            let connected = connecting.await;
            connects.send_replace(());
            connected
        })
    }
}

/// A response whose body is still to be read. Until it has been read or dropped, it counts as in flight.
pub(crate) struct Response {
    inner: reqwest::Response,
    _place: Option<Place>,
}

impl Response {
    pub(crate) fn status(&self) -> StatusCode {
        self.inner.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// The next piece of the body.
    pub(crate) async fn chunk(&mut self) -> reqwest::Result<Option<Bytes>> {
        self.inner.chunk().await
    }

    /// Whether the body says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        let content_type = self.inner.headers().get(http::header::CONTENT_TYPE);
        content_type.is_some_and(|t| t.as_bytes().starts_with(b"application/json"))
    }

    /// The whole body.
    ///
    /// # Errors
    /// `Connection` when it breaks off, `UnprocessableEntity` when it is larger than [`BODY_LIMIT`].
    pub(crate) async fn whole(mut self) -> Result<Bytes> {
        let announced = self.inner.content_length().unwrap_or(0);
        let mut body = Gathered::new(BODY_LIMIT);
        body.room_for(announced)?;
        while let Some(piece) = self.chunk().await.map_err(|e| super::transport_error(&e))? {
            body.push(piece)?;
        }
        Ok(body.finish())
    }
}
