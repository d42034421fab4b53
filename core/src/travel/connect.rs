//! Opening connections: TCP, direct or through a proxy, with TLS on top. HTTP and WebSockets open theirs here.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection};
use rustls::ClientConfig;
use tower_service::Service;
use url::Url;

use super::proxy::Proxies;
use super::tcp::Tcp;
use super::tls::Tls;
use crate::error::{Error, ErrorKind, Result, wording};

/// How often the kernel probes an idle WebSocket.
const WEBSOCKET_KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How often the kernel probes an idle connection of the pool.
const HTTP_KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Limit for opening a connection, from the name to TLS.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// How long another machine may take to acknowledge what was sent to it.
const HTTP_SILENCE_LIMIT: Duration = Duration::from_secs(30);

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// A byte stream to a server: TCP or TLS, direct or through a proxy.
pub(crate) trait Transport: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Transport for T {}

impl Connection for Box<dyn Transport> {
    fn connected(&self) -> Connected {
        self.as_ref().connected()
    }
}

/// Opens a connection for a WebSocket to the host of `url`, with TLS for `https` and `wss`.
pub(crate) async fn dial(url: &Url, tls: &Tls, proxies: &Proxies) -> Result<Box<dyn Transport>> {
    let target = target(url)?;
    let connector = Connector {
        tcp: Tcp::new(WEBSOCKET_KEEP_ALIVE).connecting_within(CONNECT_LIMIT),
        tls: tls.clone(),
        proxies: proxies.clone(),
        is_for_http: false,
    };
    let proxy = connector.proxies.intercept(&target).map(|proxy| proxy.uri().to_string());
    connector.open(target).await.map_err(|error| match error.downcast::<Error>() {
        Ok(known) => *known,
        Err(error) => {
            // Names the host, never the path or query: those may hold a token.
            let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
            wording::connection(host, proxy.as_deref(), true, &*error)
        }
    })
}

/// What `opening` comes to, unless it takes longer than `limit`.
///
/// # Errors
/// `ConnectionTimeout` when it does.
pub(crate) async fn in_time<T>(url: &Url, limit: Duration, opening: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, opening).await.unwrap_or_else(|_| {
        let host = url.host_str().unwrap_or_default();
        let message = format!("Connecting to {host} took longer than {} s.", limit.as_secs_f64());
        Err(Error::new(ErrorKind::ConnectionTimeout, message))
    })
}

/// `scheme://host:port/` in HTTP's terms. The port is always written out: a tunnel would assume 443.
pub(super) fn target(url: &Url) -> Result<Uri> {
    let scheme = if matches!(url.scheme(), "https" | "wss") { "https" } else { "http" };
    let unusable = || Error::invalid_argument(format!("{}:// is not a URL to connect to", url.scheme()));
    let host = url.host_str().ok_or_else(unusable)?;
    let port = url.port_or_known_default().ok_or_else(unusable)?;
    format!("{scheme}://{host}:{port}/").parse().map_err(|_| unusable())
}

/// Opens connections to whatever it is called with.
#[derive(Clone)]
pub(crate) struct Connector {
    tcp: Tcp,
    tls: Tls,
    proxies: Proxies,
    /// For the pool: HTTP/2 is offered, and proxies are asked for `http://` URLs instead of for a tunnel.
    is_for_http: bool,
}

impl Connector {
    /// For the pool: HTTP/2 where the server offers it.
    pub(crate) fn for_http(tls: &Tls, proxies: &Proxies) -> Self {
        Self {
            tcp: Tcp::new(HTTP_KEEP_ALIVE)
                .connecting_within(CONNECT_LIMIT)
                .silent_for(HTTP_SILENCE_LIMIT)
                .reading_after_writes(),
            tls: tls.clone(),
            proxies: proxies.clone(),
            is_for_http: true,
        }
    }

    async fn open(self, target: Uri) -> Result<Box<dyn Transport>, BoxError> {
        let is_plain = target.scheme() == Some(&Scheme::HTTP);
        let Some(proxy) = self.proxies.intercept(&target) else {
            // Nothing is read for TLS that is not used.
            if is_plain {
                return call(self.tcp, target).await;
            }
            return call(HttpsConnector::from((self.tcp, server_tls(&self.tls, self.is_for_http))), target).await;
        };
        if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
            let uri = proxy.uri();
            let message = format!("The proxy {uri} cannot be used: only http:// and https:// proxies are supported.");
            return Err(Error::invalid_argument(message).into());
        }
        // With a proxy that is reached by TLS, HTTP/1.1 is spoken.
        if self.is_for_http && is_plain {
            let to_proxy = HttpsConnector::from((self.tcp.forwarded(), self.tls.for_websocket()));
            return call(to_proxy, proxy.uri().clone()).await;
        }
        let to_proxy = HttpsConnector::from((self.tcp, self.tls.for_websocket()));
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        call(HttpsConnector::from((tunnel, server_tls(&self.tls, self.is_for_http))), target).await
    }
}

fn server_tls(tls: &Tls, is_for_http: bool) -> Arc<ClientConfig> {
    if is_for_http { tls.for_http() } else { tls.for_websocket() }
}

/// What the pool connects with.
impl Service<Uri> for Connector {
    type Response = Box<dyn Transport>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Box<dyn Transport>, BoxError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let opening = self.clone().open(target);
        Box::pin(async {
            let opened = tokio::time::timeout(CONNECT_LIMIT, opening).await;
            opened.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
        })
    }
}

async fn call<C>(mut connector: C, target: Uri) -> Result<Box<dyn Transport>, BoxError>
where
    C: Service<Uri, Error = BoxError>,
    C::Response: Transport + 'static,
{
    poll_fn(|cx| connector.poll_ready(cx)).await?;
    Ok(Box::new(connector.call(target).await?))
}
