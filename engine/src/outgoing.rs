//! Requests that the engine makes itself: to the issuer of tokens, and to addresses that strangers chose.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;

use crate::network::Cidr;

/// How long a server has to answer.
const LIMIT: Duration = Duration::from_secs(15);

/// Redirects that are followed to a file.
const MOST_REDIRECTS: usize = 5;

/// The largest answer that is read.
const MAX_ANSWER: usize = 1 << 20;

/// Makes requests.
pub struct Client {
    /// Made for the first request that needs it: reading the machine's certificates takes longer than the rest of a start.
    tls: OnceCell<TlsConnector>,
    /// Networks that are reached although they are not public; none = every address is reached.
    allowed: Option<Vec<Cidr>>,
}

impl Client {
    /// A client that trusts the machine's certificates and those of Mozilla. With `allowed` it reaches public addresses and these.
    pub fn new(allowed: Option<Vec<Cidr>>) -> Self {
        Self { tls: OnceCell::new(), allowed }
    }

    async fn tls(&self) -> Result<&TlsConnector> {
        self.tls.get_or_try_init(async || tokio::task::spawn_blocking(connector).await?).await
    }

    /// Posts JSON and returns the status of the answer. Redirects are not followed.
    ///
    /// # Errors
    /// When the address is not one that may be reached, or there is no answer in time.
    pub async fn post<N: Into<String>>(&self, url: &str, headers: Vec<(N, String)>, body: String) -> Result<u16> {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value)).collect();
        self.exchange(Method::POST, url, headers, body).await.map(|(status, _)| status)
    }

    /// Gets a document. Redirects are not followed.
    ///
    /// # Errors
    /// When there is none.
    pub async fn get(&self, url: &str) -> Result<Bytes> {
        match self.exchange(Method::GET, url, Vec::new(), String::new()).await? {
            (200, body) => body.with_context(|| format!("{url} could not be read")),
            (status, _) => bail!("{url} was answered with {status}"),
        }
    }

    /// Fetches a file of at most `limit` bytes into `target`, a new file, and answers when it last changed, in seconds since 1970,
    /// where the server says so. Redirects are followed, each to an address that may be reached.
    ///
    /// # Errors
    /// When there is none, it is larger, or nothing arrives for a while.
    pub async fn fetch(&self, url: &str, target: &Path, limit: u64) -> Result<Option<i64>> {
        let mut place = url::Url::parse(url).context("the URL is not valid")?;
        for _ in 0..=MOST_REDIRECTS {
            let opened = tokio::time::timeout(LIMIT, self.open(Method::GET, place.as_str(), Vec::new(), String::new()));
            let late = || format!("no answer in {} s", LIMIT.as_secs());
            let (response, _connection) = opened.await.with_context(late)??;
            let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
            let status = response.status();
            if let (true, Some(location)) = (status.is_redirection(), header(header::LOCATION)) {
                place = place.join(location).context("the redirect is not valid")?;
                continue;
            }
            if status != http::StatusCode::OK {
                bail!("the server answers {status}");
            }
            let changed = header(header::LAST_MODIFIED).and_then(|text| httpdate::parse_http_date(text).ok());
            let changed = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            save(response.into_body(), target, limit).await?;
            return Ok(changed.and_then(|since| i64::try_from(since.as_secs()).ok()));
        }
        bail!("it is redirected more than {MOST_REDIRECTS} times")
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: Vec<(String, String)>,
        body: String,
    ) -> Result<(u16, Result<Bytes>)> {
        let exchanged = tokio::time::timeout(LIMIT, self.send(method, url, headers, body)).await;
        exchanged.with_context(|| format!("no answer in {} s", LIMIT.as_secs()))?
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: Vec<(String, String)>,
        body: String,
    ) -> Result<(u16, Result<Bytes>)> {
        let (response, connection) = self.open(method, url, headers, body).await?;
        let status = response.status().as_u16();
        let body = http_body_util::Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        drop(connection);
        Ok((status, body.map(|body| body.to_bytes()).map_err(|error| anyhow::anyhow!("{error}"))))
    }

    /// Sends a request and answers with the response's beginning, and what keeps the rest coming.
    async fn open(
        &self,
        method: Method,
        url: &str,
        headers: Vec<(String, String)>,
        body: String,
    ) -> Result<(Response<Incoming>, AbortOnDrop<hyper::Result<()>>)> {
        let uri: Uri = url.parse().context("the URL is not valid")?;
        let host = uri.host().context("the URL has no host")?.trim_matches(['[', ']']).to_owned();
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => bail!("the URL is neither https nor http"),
        };
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let stream = self.connect(&host, port).await?;
        let authority = uri.authority().map_or(host.as_str(), |authority| authority.as_str());
        let (login, named) = authority.rsplit_once('@').map_or((None, authority), |(login, host)| (Some(login), host));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, named)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("daytona-local-engine/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close");
        let request = match login {
            Some(login) => request.header(header::AUTHORIZATION, basic(login)?),
            None => request,
        };
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.body(Full::new(Bytes::from(body)))?;
        if encrypted {
            let name = ServerName::try_from(host).context("the host is not a valid name")?;
            let stream = self.tls().await?.connect(name, stream).await.context("TLS failed")?;
            answer(stream, request).await
        } else {
            answer(stream, request).await
        }
    }

    /// A connection to an address that was looked up and may be reached: what is checked is what is connected to.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .with_context(|| format!("{host} could not be resolved"))?
            .collect();
        let allowed: Vec<_> = found.iter().filter(|address| self.may_reach(address.ip())).copied().collect();
        if allowed.is_empty() {
            bail!("{host} is not a public address; `daytona local serve --webhook-allow-network` allows others");
        }
        TcpStream::connect(allowed.as_slice()).await.with_context(|| format!("{host} could not be connected to"))
    }

    fn may_reach(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address)
            || self.allowed.as_ref().is_none_or(|allowed| allowed.iter().any(|network| network.contains(address)))
    }
}

/// The header that has the user and password of a URL.
fn basic(login: &str) -> Result<HeaderValue> {
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let [user, password] = [user, password].map(|text| percent_decode_str(text).collect::<Vec<u8>>());
    let text = format!("Basic {}", STANDARD.encode([user, vec![b':'], password].concat()));
    let mut value = HeaderValue::from_str(&text).context("the user or password is not valid")?;
    value.set_sensitive(true);
    Ok(value)
}

/// Trusts the machine's certificates and those of Mozilla. Blocks.
pub fn connector() -> Result<TlsConnector> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("setting up TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The beginning of the response to a request over a connection.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(Response<Incoming>, AbortOnDrop<hyper::Result<()>>)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = AbortOnDrop(tokio::spawn(connection));
    let response = sender.send_request(request).await.context("the connection broke")?;
    Ok((response, connection))
}

/// Writes a body to a new file as it arrives.
async fn save(mut body: Incoming, target: &Path, limit: u64) -> Result<()> {
    let mut file = tokio::fs::File::create_new(target).await.context("writing the file")?;
    let mut arrived = 0;
    while let Some(frame) = tokio::time::timeout(LIMIT, body.frame())
        .await
        .with_context(|| format!("nothing arrived in {} s", LIMIT.as_secs()))?
    {
        let Ok(piece) = frame.context("the connection broke")?.into_data() else { continue };
        arrived += piece.len() as u64;
        if arrived > limit {
            bail!("it is larger than {limit} bytes");
        }
        file.write_all(&piece).await.context("writing the file")?;
    }
    file.flush().await.context("writing the file")
}

/// A task that ends with whoever waits for it.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether an address belongs to no private, local or special network. Those hold the engine, its sandboxes and the services by which
/// clouds tell machines their credentials.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 10
        || a == 127
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && (c == 0 || c == 2))
        || (a == 198 && (18..20).contains(&b))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113)
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Global unicast, without documentation, and without those that stand for addresses of IPv4.
    (first & 0xe000) == 0x2000 && !(first == 0x2001 && (second == 0xdb8 || second < 0x200)) && first != 0x2002
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        let client = Client::new(Some(vec!["10.1.0.0/16".parse().unwrap()]));
        for address in ["1.1.1.1", "2606:4700::1", "10.1.2.3", "8.8.8.8"] {
            assert!(client.may_reach(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "0.0.0.0",
            "10.2.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "ff02::1",
        ] {
            assert!(!client.may_reach(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_refused_before_anything_is_sent() {
        let client = Client::new(Some(vec![]));
        for url in ["http://localhost:1/", "http://127.0.0.1:1/", "http://[::1]:1/", "https://0x7f000001/"] {
            let error = format!("{:#}", client.post::<String>(url, vec![], "{}".to_owned()).await.unwrap_err());
            assert!(
                error.contains("not a public address") || error.contains("could not be resolved"),
                "{url}: {error}"
            );
        }
        assert!(client.post::<String>("ftp://example.com/", vec![], String::new()).await.is_err());
        assert!(!client.tls.initialized(), "nothing was encrypted, so no certificate was read");
    }
}
