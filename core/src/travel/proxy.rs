//! Which proxy a connection goes through, and opening connections that HTTP does not open itself.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (also in lower case) mean for WebSockets what they mean for
//! HTTP requests: both ask [`Proxies`]. Addresses of this machine (`localhost`, 127.0.0.0/8, `::1`) are reached directly
//! whatever these variables say, and so is the local engine: a proxy elsewhere could not reach them, and would be told
//! the engine's key. A WebSocket always asks its proxy for a tunnel (`CONNECT`), also
//! for `ws://`, because forwarding proxies drop upgrades. Proxies may be `http://` or `https://` and may need a user name
//! and password, given in the proxy's URL; these are sent to the proxy alone and appear in no error, log or `Debug`.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tower_service::Service;
use url::Url;

use crate::error::{Error, Result, wording};
use crate::travel::tls::Tls;

/// How often the kernel probes an idle connection.
const TCP_KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The proxy rules in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Proxies {
    matcher: Arc<Matcher>,
    /// Addresses of this machine go through the proxy too.
    with_loopback: bool,
}

impl Proxies {
    /// The rules of the environment as it is now; addresses of this machine are reached directly.
    pub fn from_environment() -> Self {
        Self { matcher: Arc::new(Matcher::from_system()), with_loopback: false }
    }

    /// `proxy` for every host, this machine included, except those in `no_proxy` (same syntax as `NO_PROXY`).
    pub fn fixed(proxy: &str, no_proxy: &str) -> Self {
        Self { matcher: Arc::new(Matcher::builder().all(proxy).no(no_proxy).build()), with_loopback: true }
    }

    /// No proxy for anything.
    pub fn none() -> Self {
        Self { matcher: Arc::new(Matcher::builder().build()), with_loopback: false }
    }

    /// The proxy for `url` (`ws` and `wss` count as `http` and `https`), without its credentials; `None` is a direct
    /// connection.
    pub fn proxy_for(&self, url: &Url) -> Option<Uri> {
        Some(self.intercept(url, &dial_target(url).ok()?)?.uri().clone())
    }

    /// The same rules for the HTTP client.
    pub(crate) fn for_http(&self) -> reqwest::Proxy {
        let proxies = self.clone();
        reqwest::Proxy::custom(move |url| proxies.with_credentials(url))
    }

    /// The proxy for `url`, with its credentials.
    fn with_credentials(&self, url: &Url) -> Option<Url> {
        let intercept = self.intercept(url, &dial_target(url).ok()?)?;
        let mut proxy: Url = intercept.uri().to_string().parse().ok()?;
        if let Some((user, password)) = intercept.basic_auth().and_then(credentials) {
            proxy.set_username(&user).ok()?;
            proxy.set_password(Some(&password)).ok()?;
        }
        Some(proxy)
    }

    fn intercept(&self, url: &Url, target: &Uri) -> Option<Intercept> {
        if !self.with_loopback && is_this_machine(url) {
            return None;
        }
        self.matcher.intercept(target)
    }
}

/// Whether the host of `url` can only be this machine. No name is resolved.
fn is_this_machine(url: &Url) -> bool {
    let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    // Other schemes than HTTP's have their hosts unparsed.
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) => is_here(ip.to_canonical()),
        Err(_) => {
            let name = host.strip_suffix('.').unwrap_or(host);
            let last = name.rsplit('.').next().unwrap_or_default();
            last.eq_ignore_ascii_case("localhost")
        }
    }
}

/// User name and password of a `Basic` header.
fn credentials(header: &HeaderValue) -> Option<(String, String)> {
    let encoded = header.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
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

    let Some(proxy) = proxies.intercept(url, &target) else {
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
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    wording::connection(host, proxy.map(Uri::to_string).as_deref(), true, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn this_machine_is_known_by_every_name_it_has() {
        for here in [
            "http://localhost:3000/",
            "ws://LOCALHOST./",
            "https://8080-abc.localhost/",
            "http://127.0.0.1/",
            "http://127.1:80/",
            "wss://127.255.0.9/",
            "http://[::1]:1/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0:1/",
        ] {
            assert!(is_this_machine(&url(here)), "{here}");
        }
        for elsewhere in ["http://localhost.example/", "http://128.0.0.1/", "http://[::2]/", "http://notlocalhost/"] {
            assert!(!is_this_machine(&url(elsewhere)), "{elsewhere}");
        }
    }

    #[test]
    fn the_http_client_gets_the_proxys_credentials() {
        let proxies = Proxies::fixed("http://us%40er:p%3Ass@proxy.example:8080", "direct.example");
        let proxy = proxies.with_credentials(&url("https://app.example/")).unwrap();
        assert_eq!(proxy.as_str(), "http://us%40er:p%3Ass@proxy.example:8080/");
        assert_eq!(proxies.with_credentials(&url("https://direct.example/")), None);
    }
}
