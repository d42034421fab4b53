//! The proxy's side: connections to a toolbox that have been let in.
//!
//! A connection costs two exchanges of TLS and token, so after the first one the connector keeps another ready for the next caller.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::door;
use crate::identity::{Certificate, Start, Token};
use crate::server::{ADOPT, Adoption, PROTOCOL};
use crate::tls;

/// How long connecting may take, TLS and token included.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a connection that nobody has used yet is kept. The toolbox closes those without a request after half a minute.
const SPARE_FOR: Duration = Duration::from_secs(15);

/// How long a peer that has vanished without a word is kept, about.
const VANISHED: Duration = Duration::from_secs(60);

/// A connection to a toolbox, which is what its Unix socket would be.
#[derive(Debug)]
pub struct Connection(TokioIo<Upgraded>);

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl Connection {
    /// Whether the other side has not closed it. Nothing is expected to arrive before a request.
    fn is_open(&mut self) -> bool {
        let mut byte = [0u8; 1];
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.0).poll_read(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

/// Connects to the toolbox of one start of a sandbox. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connector {
    shared: Arc<Shared>,
}

#[derive(derive_more::Debug)]
struct Shared {
    address: SocketAddr,
    #[debug(skip)]
    tls: TlsConnector,
    token: Token,
    #[debug(skip)]
    spare: Mutex<Option<(Instant, Connection)>>,
    /// Whether a spare connection is being made.
    refilling: AtomicBool,
}

impl Shared {
    fn new(address: SocketAddr, tls: TlsConnector, token: Token) -> Arc<Self> {
        Arc::new(Self { address, tls, token, spare: Mutex::default(), refilling: AtomicBool::new(false) })
    }
}

impl Connector {
    /// For the toolbox at `address` that shows `certificate` and asks for `token`.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub fn new(address: SocketAddr, certificate: &Certificate, token: &Token) -> Result<Self> {
        let tls = tls::client(certificate)?.into();
        Ok(Self { shared: Shared::new(address, tls, token.clone()) })
    }

    /// A connection that has been let in.
    ///
    /// # Errors
    /// `PermissionDenied` when the toolbox refuses the token, `InvalidData` when it shows another certificate, `TimedOut` after 10
    /// seconds, and those of the system.
    pub async fn connect(&self) -> io::Result<Connection> {
        let spare = self.shared.take_spare();
        let connection = match spare {
            Some(connection) => connection,
            None => self.shared.connect().await?,
        };
        if !self.shared.refilling.swap(true, Ordering::AcqRel) {
            tokio::spawn(Arc::clone(&self.shared).refill());
        }
        Ok(connection)
    }

    /// Gives a waiting toolbox its sandbox. From then on it asks for `token`: use [`Connector::with_token`].
    ///
    /// # Errors
    /// Those of connecting, and what the toolbox says against it.
    pub async fn adopt(&self, sandbox: &Start, token: &Token) -> Result<()> {
        let body = serde_json::to_vec(&Adoption { token: token.clone(), sandbox: sandbox.clone() })?;
        let connection = match self.shared.take_spare() {
            Some(connection) => connection,
            None => self.shared.connect().await?,
        };
        let (mut sender, exchange) = http1::handshake(TokioIo::new(connection)).await?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(ADOPT)
            .header(header::HOST, tls::SERVER_NAME)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::<bytes::Bytes>::from(body))?;
        let exchanged = async move {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            if status != StatusCode::OK {
                bail!("the toolbox at {} refused the sandbox: {}", self.shared.address, said(status, &body));
            }
            Ok(())
        };
        tokio::pin!(exchanged);
        let outcome = tokio::time::timeout(PATIENCE, async {
            tokio::select! {
                outcome = &mut exchanged => outcome,
                _ = exchange => exchanged.await,
            }
        });
        outcome.await.with_context(|| format!("the toolbox at {} did not answer", self.shared.address))?
    }

    /// A connector to the same toolbox with another token.
    pub fn with_token(&self, token: &Token) -> Self {
        Self { shared: Shared::new(self.shared.address, self.shared.tls.clone(), token.clone()) }
    }

    /// Where the toolbox is.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }
}

/// What an answer says, short.
pub(crate) fn said(status: StatusCode, body: &[u8]) -> String {
    let message = serde_json::from_slice(body).ok().and_then(|body: serde_json::Value| {
        let message = body.get("message")?.as_str()?;
        Some(message.chars().take(500).collect::<String>())
    });
    message.unwrap_or_else(|| format!("status {status}"))
}

impl Shared {
    async fn connect(&self) -> io::Result<Connection> {
        match tokio::time::timeout(PATIENCE, self.enter()).await {
            Ok(entered) => entered,
            Err(_) => {
                let message = format!("the toolbox at {} did not answer for {} s", self.address, PATIENCE.as_secs());
                Err(io::Error::new(io::ErrorKind::TimedOut, message))
            }
        }
    }

    async fn enter(&self) -> io::Result<Connection> {
        let tcp = TcpStream::connect(self.address).await?;
        door::tune(&tcp, VANISHED)?;
        let stream = tls::connect(&self.tls, tcp).await?;
        let (mut sender, exchange) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let mut authorization =
            HeaderValue::try_from(format!("Bearer {}", self.token.reveal())).map_err(io::Error::other)?;
        authorization.set_sensitive(true);
        let request = Request::builder()
            .uri("/")
            .header(header::HOST, tls::SERVER_NAME)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, PROTOCOL)
            .header(header::AUTHORIZATION, authorization)
            .body(Full::<bytes::Bytes>::default())
            .map_err(io::Error::other)?;
        let asked = async move {
            let response = sender.send_request(request).await.map_err(io::Error::other)?;
            match response.status() {
                StatusCode::SWITCHING_PROTOCOLS => hyper::upgrade::on(response).await.map_err(io::Error::other),
                StatusCode::UNAUTHORIZED => {
                    let message = format!("the toolbox at {} refused the token", self.address);
                    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
                }
                status => Err(io::Error::other(format!("the toolbox at {} answered {status}", self.address))),
            }
        };
        let (asked, _) = tokio::join!(asked, exchange.with_upgrades());
        Ok(Connection(TokioIo::new(asked?)))
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Connection)>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_spare(&self) -> Option<Connection> {
        let (since, mut connection) = self.spare().take()?;
        (since.elapsed() < SPARE_FOR && connection.is_open()).then_some(connection)
    }

    /// Keeps a connection ready for the next caller, for some time.
    async fn refill(self: Arc<Self>) {
        let connected = self.connect().await;
        // The next caller finds out by itself what is wrong.
        let kept = connected.map(|connection| self.spare().replace((Instant::now(), connection)));
        self.refilling.store(false, Ordering::Release);
        if kept.is_ok() {
            tokio::time::sleep(SPARE_FOR).await;
            let old = self.spare().take_if(|(since, _)| since.elapsed() >= SPARE_FOR);
            drop(old);
        }
    }
}
