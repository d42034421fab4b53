//! The two addresses of the server: clear text and TLS.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsAcceptor;

use super::MAX_CONCURRENT_STREAMS;

/// A burst of connections must not wait for retransmitted SYN packets.
const BACKLOG: u32 = 4096;

/// Listens on both addresses, writes them to `server.json` in `dir`, and serves until standard input ends.
pub(super) async fn listen(dir: &Path, router: impl Fn(&str) -> Router) -> Result<()> {
    let certificate = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    let ca = dir.join("ca.pem");
    std::fs::write(&ca, certificate.cert.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

    let (clear, secure) = (bind()?, bind()?);
    let http = format!("http://{}", clear.local_addr()?);
    let https = format!("https://{}", secure.local_addr()?);
    let addresses = json!({ "http": http, "https": https, "ca": ca });
    // Renamed into place: who sees the file can read all of it.
    std::fs::write(dir.join("server.json.part"), addresses.to_string())?;
    std::fs::rename(dir.join("server.json.part"), dir.join("server.json"))?;

    tokio::spawn(accept(clear, None, router(&http)));
    // Sandboxes are on another host than the API, as in the cloud: a burst of calls meets no open connection.
    let sandboxes = https.replace("127.0.0.1", "localhost");
    tokio::spawn(accept(secure, Some(TlsAcceptor::from(Arc::new(tls))), router(&sandboxes)));
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

fn bind() -> Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    Ok(socket.listen(BACKLOG)?)
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let (tls, router) = (tls.clone(), router.clone());
        tokio::spawn(async move {
            match tls {
                None => connection(stream, router).await,
                // A client that gives up during the handshake is no news.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        connection(stream, router).await;
                    }
                }
            }
        });
    }
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http2().max_concurrent_streams(MAX_CONCURRENT_STREAMS).adaptive_window(true);
    let served = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router)).await;
    // Clients hang up when they have measured enough.
    drop(served);
}
