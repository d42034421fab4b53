//! Ports of a sandbox on this machine.
//!
//! The contract:
//!
//! * A [`PortForward`] listens on 127.0.0.1. Each connection it accepts becomes a connection to the port in the sandbox, to
//!   whatever listens there on the sandbox's loopback addresses.
//! * Bytes travel unchanged, each direction by itself: an end of one leaves the other open, and a side that does not read
//!   makes the other wait.
//! * A connection that cannot be made, because nothing listens there, is reset; so is one that is reset at its other end, or
//!   that breaks on the way. No part of the data is taken for the whole.
//! * Toolboxes from before there were frames carry plain bytes (`Upgrade: tcp`), in which a reset looks like an end.
//! * Servers without our route for raw connections (any but our engine) are reached by their preview URL. There only HTTP
//!   passes, one request for each connection, with what it upgrades to ([`PortForward::http_only`], see [`http`]).
//! * Dropping the handle, closing it, or closing the client it came from ends the listener and every connection. A forked
//!   child neither accepts nor keeps them open.

mod http;

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ::http::Method;
use daytona_port_frames::{self as frames, INTO_SANDBOX, OUT_OF_SANDBOX, Side};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use url::Url;

use crate::client::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::model::PortPreviewUrl;
use crate::toolbox::Toolbox;
use crate::travel::connect::CONNECT_LIMIT;
use crate::travel::tunnel;
use http::HttpTarget;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Pause after a connection could not be accepted, mostly because this process may open no more files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A port of this machine that leads to a port of the sandbox. Dropping it closes it.
pub struct PortForward {
    listener: Arc<TcpListener>,
    accepting: AbortHandle,
    local_port: u16,
    http_only: bool,
}

/// Where connections go.
struct Target {
    client: Client,
    way: Way,
}

enum Way {
    /// Our route for raw connections.
    Raw {
        toolbox: Toolbox,
        path: String,
        /// Whether the toolbox wanted plain bytes for the last connection.
        plain: AtomicBool,
    },
    /// The preview URL.
    Http(HttpTarget),
}

impl PortForward {
    pub(crate) async fn open(
        toolbox: Toolbox,
        port: u16,
        local_port: u16,
        link: impl AsyncFnOnce() -> Result<PortPreviewUrl>,
    ) -> Result<Self> {
        let client = toolbox.client.clone();
        let listener = listen(local_port).map_err(|error| refused(&client, local_port, &error))?;
        let path = format!("/port/{port}/connect");
        // Asked without an upgrade, the route says that it wants one. Other servers do not know it.
        let way = match toolbox.request(Method::GET, &path).await?.done().await {
            Err(error) if error.status() == Some(426) => Way::Raw { toolbox, path, plain: AtomicBool::new(false) },
            Err(error) if error.status() == Some(404) => Way::Http(HttpTarget::new(&link().await?)?),
            Err(error) => return Err(error),
            Ok(()) => Way::Http(HttpTarget::new(&link().await?)?),
        };
        let local_port = listener.local_addr().map_err(|error| refused(&client, local_port, &error))?.port();
        let http_only = matches!(way, Way::Http(_));
        let listener = Arc::new(listener);
        let closing = client.forwards().add(&listener);
        let accepting = accept(listener.clone(), Arc::new(Target { client, way }));
        let accepting = tokio::spawn(async move {
            tokio::select! {
                () = accepting => {}
                () = closing => {}
            }
        });
        Ok(Self { listener, accepting: accepting.abort_handle(), local_port, http_only })
    }

    /// The port of this machine, on 127.0.0.1.
    pub fn local_port(&self) -> u16 {
        self.local_port
    }

    /// Whether only HTTP passes, WebSockets included, because the server offers no raw connections.
    pub fn http_only(&self) -> bool {
        self.http_only
    }

    /// Stops listening and ends all connections at once.
    pub fn close(&self) {
        shut(&self.listener);
        self.accepting.abort();
    }
}

impl Drop for PortForward {
    fn drop(&mut self) {
        self.close();
    }
}

/// The forwarded ports of a client.
#[derive(Default)]
pub(crate) struct Forwards {
    listeners: Mutex<Vec<Weak<TcpListener>>>,
    /// Changes when they end.
    ended: watch::Sender<()>,
}

impl Forwards {
    fn listeners(&self) -> MutexGuard<'_, Vec<Weak<TcpListener>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all there are.
    pub(crate) fn end(&self) {
        self.listeners().drain(..).filter_map(|listener| listener.upgrade()).for_each(|listener| shut(&listener));
        self.ended.send_replace(());
    }

    /// Remembers one; the future returns when it has to end, and does not keep the client.
    fn add(&self, listener: &Arc<TcpListener>) -> impl Future<Output = ()> + use<> {
        let mut listeners = self.listeners();
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(listener));
        let mut ended = self.ended.subscribe();
        async move {
            // An error means that the client itself is gone.
            let _ = ended.changed().await;
        }
    }
}

/// Stops a listener at once, also where a forked child has it open.
fn shut(listener: &TcpListener) {
    // Not every system can shut listeners down.
    let _ = SockRef::from(listener).shutdown(std::net::Shutdown::Both);
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the last program that had the port must not keep it from this one.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(BACKLOG)
}

fn refused(client: &Client, port: u16, error: &std::io::Error) -> Error {
    let name = client.spelled("local_port");
    let kind = match error.kind() {
        std::io::ErrorKind::AddrInUse => ErrorKind::Conflict,
        _ => ErrorKind::InvalidArgument,
    };
    let error = Error::new(kind, format!("Port {port} of this machine cannot be listened on")).with_source(error);
    error.and(format!("Choose another {name}, or 0 for any free one."))
}

async fn accept(listener: Arc<TcpListener>, target: Arc<Target>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(carry(Local { stream, reset: true }, target.clone()))),
                Err(error) => {
                    tracing::debug!(%error, "a connection to a forwarded port was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A connection accepted here.
struct Local {
    stream: TcpStream,
    /// Whether its end is a failure, or comes too early: the peer must not take it for the end of the data.
    reset: bool,
}

impl Drop for Local {
    fn drop(&mut self) {
        let socket = SockRef::from(&self.stream);
        // Either can only fail because the connection has ended.
        if self.reset {
            let _ = socket.set_linger(Some(Duration::ZERO));
        } else {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }
}

async fn carry(mut local: Local, target: Arc<Target>) {
    // Small pieces must not wait for the next ones.
    let _ = local.stream.set_nodelay(true);
    match target.carry(&mut local.stream).await {
        Ok(()) => local.reset = false,
        Err(error) => tracing::debug!(%error, "a connection to a forwarded port broke"),
    }
}

impl Target {
    async fn carry(&self, local: &mut TcpStream) -> Result<()> {
        let (toolbox, path, plain) = match &self.way {
            Way::Raw { toolbox, path, plain } => (toolbox, path, plain),
            Way::Http(target) => return target.carry(local, &self.client).await,
        };
        let endpoint = self.client.endpoint().await?;
        let url = format!("{}{path}", endpoint.toolbox_url(toolbox.base().await?));
        let url = Url::parse(&url).map_err(|e| Error::invalid_argument("The URL is not usable").with_source(e))?;
        let (tls, proxies) = (self.client.tls(), self.client.proxies());
        let open = async |plain: bool| {
            let protocol = if plain { frames::PLAIN_PROTOCOL } else { frames::PROTOCOL };
            let headers = self.client.headers(&endpoint);
            tunnel::connect(&url, protocol, headers, CONNECT_LIMIT, tls, proxies).await
        };
        let mut is_plain = plain.load(Ordering::Relaxed);
        let mut opened = open(is_plain).await;
        if opened.as_ref().is_err_and(|error| error.status() == Some(426)) {
            is_plain = !is_plain;
            opened = open(is_plain).await;
        }
        let mut tunnel = opened?;
        plain.store(is_plain, Ordering::Relaxed);
        if is_plain {
            return both_ways(local, &mut tunnel).await;
        }
        frames::carry(Side::Client, local, tunnel).await.map_err(broken)
    }
}

/// Copies bytes both ways until both directions have ended.
async fn both_ways(local: &mut TcpStream, server: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<()> {
    let copied = tokio::io::copy_bidirectional_with_sizes(local, server, INTO_SANDBOX, OUT_OF_SANDBOX);
    copied.await.map(drop).map_err(broken)
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Connection, "The connection broke").with_source(error)
}
