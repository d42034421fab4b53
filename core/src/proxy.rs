//! Which proxy a connection goes through, and opening connections that HTTP does not open itself.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (also in lower case) mean for WebSockets what they mean for
//! HTTP requests: the rules are the HTTP client's own. A WebSocket always asks its proxy for a tunnel (`CONNECT`), also
//! for `ws://`, because forwarding proxies drop upgrades. Proxies may be `http://` or `https://` and may need a user name
//! and password, given in the proxy's URL; these are sent to the proxy alone and appear in no error, log or `Debug`.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use tower_service::Service;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::tls::Tls;

/// How often the kernel probes an idle connection.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The proxy rules in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Proxies(Arc<Matcher>);

impl Proxies {
    /// The rules of the environment as it is now.
    pub fn from_environment() -> Self {
        Self(Arc::new(Matcher::from_system()))
    }

    /// `proxy` for every host except those in `no_proxy` (same syntax as `NO_PROXY`).
    pub fn fixed(proxy: &str, no_proxy: &str) -> Self {
        Self(Arc::new(Matcher::builder().all(proxy).no(no_proxy).build()))
    }

    /// No proxy for anything.
    pub fn none() -> Self {
        Self(Arc::new(Matcher::builder().build()))
    }

    /// The proxy for `url` (`ws` and `wss` count as `http` and `https`), without its credentials; `None` is a direct
    /// connection.
    pub fn proxy_for(&self, url: &Url) -> Option<Uri> {
        Some(self.0.intercept(&dial_target(url).ok()?)?.uri().clone())
    }
}

/// A byte stream to a server: TCP or TLS, direct or through a proxy.
pub(crate) trait Transport: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> Transport for T {}

/// Opens a connection to the host of `url`, with TLS for `https` and `wss`. TCP_NODELAY is set.
pub(crate) async fn dial(url: &Url, tls: &Tls, proxies: &Proxies) -> Result<Box<dyn Transport>> {
    let target = dial_target(url)?;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(TCP_KEEP_ALIVE));
    let direct = HttpsConnector::from((tcp, tls.for_websocket()));

    let Some(proxy) = proxies.0.intercept(&target) else {
        return call(direct, target).await.map_err(|e| failed(url, None, &*e));
    };
    if !matches!(proxy.uri().scheme_str(), Some("http" | "https")) {
        return Err(Error::invalid_argument(format!(
            "The proxy {} cannot be used: only http:// and https:// proxies are supported.",
            proxy.uri()
        )));
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
    if let Some(credentials) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credentials.clone());
    }
    let tunnelled = HttpsConnector::from((tunnel, tls.for_websocket()));
    call(tunnelled, target).await.map_err(|e| failed(url, Some(proxy.uri()), &*e))
}

/// `scheme://host:port/` in HTTP's terms. The port is always written out: the tunnel would assume 443.
fn dial_target(url: &Url) -> Result<Uri> {
    let scheme = if matches!(url.scheme(), "https" | "wss") { "https" } else { "http" };
    let unusable = || Error::invalid_argument(format!("{}:// is not a URL to connect to", url.scheme()));
    let host = url.host_str().ok_or_else(unusable)?;
    let port = url.port_or_known_default().ok_or_else(unusable)?;
    format!("{scheme}://{host}:{port}/").parse().map_err(|_| unusable())
}

async fn call<C>(mut connector: C, target: Uri) -> Result<Box<dyn Transport>, Box<dyn StdError + Send + Sync>>
where
    C: Service<Uri, Error = Box<dyn StdError + Send + Sync>>,
    C::Response: Transport + 'static,
{
    poll_fn(|cx| connector.poll_ready(cx)).await?;
    Ok(Box::new(connector.call(target).await?))
}

/// Names the host, never the path or query: those may hold a token.
fn failed(url: &Url, proxy: Option<&Uri>, error: &(dyn StdError + 'static)) -> Error {
    let host = url.host_str().unwrap_or_default();
    let via = proxy.map(|p| format!(" through the proxy {p}")).unwrap_or_default();
    let mut causes = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    // Wrappers tend to repeat the text of what they wrap.
    causes.dedup_by(|next, kept| kept.contains(next.as_str()));
    Error::new(ErrorKind::Connection, format!("cannot connect to {host}{via}: {}", causes.join(": ")))
}
