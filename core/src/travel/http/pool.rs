//! Connections: pooled, HTTP/2 where the server offers it, and as many as the calls in flight need.
//!
//! An HTTP/2 server takes a limited number of requests on one connection, often 100; the rest would wait without anyone
//! seeing why. hyper's client keeps one such connection per server, so the pool holds several clients: a request over
//! TLS goes to the first that has room, and one more is made when none has. Clear text is HTTP/1.1 with a connection per
//! request in flight, for which one client does.
//!
//! Whether a server speaks HTTP/2 is known once a connection stands. Until then a client would open one per request
//! and throw all but one away; so while the first connection to a server is being made, requests to it wait.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::watch;
use tokio::time::Instant;
use tower_service::Service;
use url::{Position, Url};

use super::failure::{Failure, place};
use super::gathered::Gathered;
use super::outgoing::{HyperBody, Outgoing};
use super::redirect::Redirects;
use crate::error::Result;
use crate::travel::connect::Connector;
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;

/// Requests in flight per client: no server should allow fewer on one connection (RFC 9113, 6.5.2).
const REQUESTS_PER_CLIENT: usize = 100;

/// Times a request is sent again at once because the server said that it did not look at it.
const MAX_UNPROCESSED: usize = 2;

/// Time for which an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// When a server is taken for not connected. Later than connections expire: taking one that stands for missing would
/// make requests wait for the answer to another.
const COLD_AFTER: Duration = Duration::from_secs(61);

/// The largest answer that is taken into memory, in bytes. Files travel as streams, whatever their size.
pub(crate) const BODY_LIMIT: usize = 512 << 20;

/// The connections of one client.
pub(crate) struct Pool {
    connector: Connector,
    proxies: Proxies,
    members: RwLock<Vec<Arc<Member>>>,
}

impl Pool {
    pub(crate) fn new(tls: &Tls, proxies: &Proxies) -> Self {
        let connector = Connector::for_http(tls, proxies);
        let members = RwLock::new(vec![Arc::new(Member::new(connector.clone()))]);
        Self { connector, proxies: proxies.clone(), members }
    }

    /// Sends a request, follows redirects, and returns the response with its body unread.
    pub(crate) async fn send(&self, mut request: Outgoing) -> Result<Response, Failure> {
        let mut redirects = Redirects::from(&request.url);
        let mut unprocessed = 0;
        loop {
            let uri = uri(&request.url)?;
            let credentials = self.proxies.credentials_for_forwarding(&uri);
            let (mut sending, repeatable) = request.take(uri);
            if let Some(credentials) = credentials {
                sending.headers_mut().entry(header::PROXY_AUTHORIZATION).or_insert(credentials);
            }
            let response = match self.send_once(&request.url, sending).await {
                Ok(response) => response,
                Err(failure) if repeatable && unprocessed < MAX_UNPROCESSED && failure.is_unprocessed() => {
                    unprocessed += 1;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let place = &response.place;
            let again = redirects
                .follow(response.status(), response.headers(), repeatable, &mut request)
                .map_err(|why| Failure::redirect(place, why))?;
            if !again {
                return Ok(response);
            }
        }
    }

    async fn send_once(&self, url: &Url, request: http::Request<HyperBody>) -> Result<Response, Failure> {
        let failed = |error| Failure::sending(url, error);
        let (inner, share) = if url.scheme() == "https" {
            let share = self.place();
            (share.0.send(url, request).await.map_err(failed)?, Some(share))
        } else {
            (self.first().client.request(request).await.map_err(failed)?, None)
        };
        let (head, body) = inner.into_parts();
        Ok(Response { head, body, place: place(url), _share: share })
    }

    fn first(&self) -> Arc<Member> {
        self.members.read().unwrap_or_else(PoisonError::into_inner)[0].clone()
    }

    /// A place at the first member with room, or at a new one.
    fn place(&self) -> Place {
        let find = |members: &[Arc<Member>]| members.iter().find_map(Place::take);
        if let Some(place) = find(&self.members.read().unwrap_or_else(PoisonError::into_inner)) {
            return place;
        }
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = find(&members) {
            return place;
        }
        let member = Arc::new(Member::new(self.connector.clone()));
        members.push(member.clone());
        member.in_flight.fetch_add(1, Ordering::Relaxed);
        Place(member)
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

/// One of hyper's clients: at most one HTTP/2 connection to each server.
struct Member {
    client: legacy::Client<Observed, HyperBody>,
    in_flight: AtomicUsize,
    /// What is known of the servers, by scheme, host and port.
    servers: Mutex<HashMap<String, Arc<Server>>>,
    /// Changes whenever an attempt to connect ends.
    connects: Arc<watch::Sender<()>>,
}

/// A server, as one member knows it.
#[derive(Default)]
struct Server {
    /// When a request was last sent to it.
    last_used: Mutex<Option<Instant>>,
    /// Held by a request that finds it cold, until the connection stands. Other servers' requests do not wait for that.
    opening: tokio::sync::Mutex<()>,
}

impl Server {
    fn is_cold(&self) -> bool {
        let last_used = self.last_used.lock().unwrap_or_else(PoisonError::into_inner);
        last_used.is_none_or(|used| used.elapsed() > COLD_AFTER)
    }

    fn used(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Member {
    fn new(connector: Connector) -> Self {
        let connects = Arc::new(watch::Sender::new(()));
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(usize::MAX)
            .http2_adaptive_window(true)
            .build(Observed { connector, connects: connects.clone() });
        Self { client, in_flight: AtomicUsize::new(0), servers: Mutex::default(), connects }
    }

    async fn send(
        &self,
        url: &Url,
        request: http::Request<HyperBody>,
    ) -> Result<http::Response<Incoming>, legacy::Error> {
        let server = self.server(url);
        if server.is_cold() {
            let opening = server.opening.lock().await;
            // Another request may have opened a connection meanwhile.
            if server.is_cold() {
                let mut connects = self.connects.subscribe();
                let mut sending = pin!(self.client.request(request));
                tokio::select! {
                    biased;
                    response = &mut sending => {
                        server.used();
                        return response;
                    }
                    _ = connects.changed() => server.used(),
                }
                drop(opening);
                return sending.await;
            }
        }
        server.used();
        self.client.request(request).await
    }

    fn server(&self, url: &Url) -> Arc<Server> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        match servers.get(server(url)) {
            Some(known) => known.clone(),
            None => servers.entry(server(url).to_owned()).or_default().clone(),
        }
    }
}

/// Scheme, host and port.
pub(super) fn server(url: &Url) -> &str {
    &url[..Position::BeforePath]
}

/// The URL in hyper's form.
fn uri(url: &Url) -> Result<Uri, Failure> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::unusable(url, format!("{}:// is neither http:// nor https://", url.scheme())));
    }
    url[..Position::AfterQuery].parse().map_err(|e| Failure::unusable(url, e))
}

/// A connector that says when it has connected, or failed to.
#[derive(Clone)]
struct Observed {
    connector: Connector,
    connects: Arc<watch::Sender<()>>,
}

impl Service<Uri> for Observed {
    type Response = <Connector as Service<Uri>>::Response;
    type Error = <Connector as Service<Uri>>::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
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
    head: http::response::Parts,
    body: Incoming,
    /// Host and port of the server.
    place: String,
    _share: Option<Place>,
}

impl Response {
    pub(crate) fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// `Connection` or `Timeout` when it breaks off.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|e| Failure::receiving(&self.place, e).error())?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The length of the body, when the server tells it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// Whether the body says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        let content_type = self.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        content_type.is_some_and(|t| t.starts_with(b"application/json"))
    }

    /// The whole body.
    ///
    /// # Errors
    /// `Connection` when it breaks off, `UnprocessableEntity` when it is larger than [`BODY_LIMIT`].
    pub(crate) async fn whole(mut self) -> Result<Bytes> {
        let announced = self.body.size_hint().exact().unwrap_or(0);
        let mut body = Gathered::new(BODY_LIMIT);
        body.room_for(announced)?;
        while let Some(piece) = self.chunk().await? {
            body.push(piece)?;
        }
        Ok(body.finish())
    }
}
