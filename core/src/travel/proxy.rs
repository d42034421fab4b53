//! Which proxy a connection goes through.
//!
//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (also in lower case) mean for WebSockets what they mean for
//! HTTP requests: both ask [`Proxies`]. Addresses of this machine (`localhost`, 127.0.0.0/8, `::1`) are reached directly
//! whatever these variables say, and so is the local engine: a proxy elsewhere could not reach them, and would be told
//! the engine's key. A WebSocket always asks its proxy for a tunnel (`CONNECT`), also
//! for `ws://`, because forwarding proxies drop upgrades. Proxies may be `http://` or `https://` and may need a user name
//! and password, given in the proxy's URL; these are sent to the proxy alone and appear in no error, log or `Debug`.

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::Url;

use super::connect;

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
        Some(self.intercept(&connect::target(url).ok()?)?.uri().clone())
    }

    /// What a proxy that forwards `http://` requests wants to know of each of them.
    pub(super) fn credentials_for_forwarding(&self, target: &Uri) -> Option<HeaderValue> {
        if target.scheme() != Some(&Scheme::HTTP) {
            return None;
        }
        let mut credentials = self.intercept(target)?.basic_auth()?.clone();
        credentials.set_sensitive(true);
        Some(credentials)
    }

    /// The proxy for `target`, with its credentials.
    pub(super) fn intercept(&self, target: &Uri) -> Option<Intercept> {
        if !self.with_loopback && is_this_machine(target.host().unwrap_or_default()) {
            return None;
        }
        self.matcher.intercept(target)
    }
}

/// Whether `host` can only be this machine. No name is resolved.
fn is_this_machine(host: &str) -> bool {
    let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(ip) => is_here(ip.to_canonical()),
        Err(_) => {
            let name = host.strip_suffix('.').unwrap_or(host);
            let last = name.rsplit('.').next().unwrap_or_default();
            last.eq_ignore_ascii_case("localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(url: &str) -> Uri {
        connect::target(&url.parse().unwrap()).unwrap()
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
            assert!(is_this_machine(host(here).host().unwrap()), "{here}");
        }
        for elsewhere in ["http://localhost.example/", "http://128.0.0.1/", "http://[::2]/", "http://notlocalhost/"] {
            assert!(!is_this_machine(host(elsewhere).host().unwrap()), "{elsewhere}");
        }
    }

    #[test]
    fn a_forwarding_proxy_gets_its_credentials_with_each_request() {
        let proxies = Proxies::fixed("http://us%40er:p%3Ass@proxy.example:8080", "direct.example");
        let credentials = |url: &str| proxies.credentials_for_forwarding(&url.parse().unwrap());
        let given = credentials("http://app.example/").unwrap();
        assert_eq!((given.to_str().unwrap(), given.is_sensitive()), ("Basic dXNAZXI6cDpzcw==", true));
        assert_eq!(credentials("http://direct.example/"), None);
        // A tunnel's proxy gets them when it is asked for the tunnel.
        assert_eq!(credentials("https://app.example/"), None);
    }
}
