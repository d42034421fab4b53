//! Connections to registries: TLS with the system's certificates and Mozilla's, through a proxy where the environment names one.

use std::error::Error as StdError;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper::rt::{Read, Write};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use crate::access::Reach;

/// How long opening a connection may take.
const LIMIT: Duration = Duration::from_secs(20);

type BoxError = Box<dyn StdError + Send + Sync>;

pub(super) trait Transport: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Transport for T {}

impl Connection for Box<dyn Transport> {
    fn connected(&self) -> Connected {
        self.as_ref().connected()
    }
}

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: Arc<ClientConfig>,
    proxies: Arc<Matcher>,
    /// Which addresses are reached; any without.
    reach: Option<Reach>,
}

/// An address is not one that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("{0} is a private address")]
pub(super) struct Private(String);

/// Looks names up, and leaves out addresses that may not be reached: what is checked is what is connected to.
#[derive(Debug, Clone)]
struct Resolver {
    system: GaiResolver,
    reach: Option<Reach>,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.system.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (host, found, reach) = (name.to_string(), self.system.call(name), self.reach);
        Box::pin(async move {
            let mut found: Vec<_> = found.await?.collect();
            if let Some(reach) = reach {
                found.retain(|address| reach.0(address.ip()));
                if found.is_empty() {
                    return Err(io::Error::other(Private(host)));
                }
            }
            Ok(found.into_iter())
        })
    }
}

impl Connector {
    /// `authorities` are files with certificates to trust besides the system's.
    pub(super) fn new(authorities: &[PathBuf], reach: Option<Reach>) -> Result<Self, String> {
        let mut roots = roots().clone();
        for path in authorities {
            let unusable = |error: &dyn Display| format!("{} has no usable certificates: {error}", path.display());
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unusable(&error))?;
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let resolver = Resolver { system: GaiResolver::new(), reach };
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(LIMIT));
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        Ok(Self { tcp, tls: Arc::new(tls), proxies: Arc::new(Matcher::from_system()), reach })
    }

    async fn open(self, target: Uri) -> Result<Box<dyn Transport>, BoxError> {
        let host = target.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let direct = is_this_machine(&host);
        if let Some(reach) = &self.reach {
            // Numbers are not looked up. Of names, a proxy may know others than this machine does.
            let refused = host.parse().map_or(direct, |address| !reach.0(address));
            if refused {
                return Err(Private(host).into());
            }
        }
        let proxy = if direct { None } else { self.proxies.intercept(&target) };
        let Some(proxy) = proxy else {
            return call(HttpsConnector::from((self.tcp, self.tls)), target).await;
        };
        if let Some(reach) = &self.reach {
            let found = tokio::net::lookup_host((host.clone(), 443)).await;
            if found.is_ok_and(|mut found| found.any(|address| !reach.0(address.ip()))) {
                return Err(Private(host).into());
            }
        }
        // Whoever started the engine chose the proxy.
        let mut tcp = HttpConnector::new_with_resolver(Resolver { system: GaiResolver::new(), reach: None });
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(LIMIT));
        let mut tunnel = Tunnel::new(proxy.uri().clone(), HttpsConnector::from((tcp, Arc::clone(&self.tls))));
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        call(HttpsConnector::from((tunnel, self.tls)), target).await
    }
}

async fn call<S>(mut connector: S, target: Uri) -> Result<Box<dyn Transport>, BoxError>
where
    S: Service<Uri, Error = BoxError>,
    S::Response: Transport + 'static,
{
    std::future::poll_fn(|context| connector.poll_ready(context)).await?;
    Ok(Box::new(connector.call(target).await?))
}

impl Service<Uri> for Connector {
    type Response = Box<dyn Transport>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Box<dyn Transport>, BoxError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let opening = self.clone().open(target);
        Box::pin(async move { tokio::time::timeout(LIMIT, opening).await.unwrap_or_else(|late| Err(late.into())) })
    }
}

/// Whether a host can only be this machine. No name is resolved.
pub(super) fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The system's certificates, or those of `SSL_CERT_FILE`, and Mozilla's. Read once.
fn roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}
