//! WebSockets of the wire protocol: terminals, log streams, the interpreter, events (wire.md 4, wire-additions.md 4.2).
//!
//! The contract:
//!
//! * [`connect`] opens a connection with the HTTP client's TLS settings and proxies. A server that answers with anything
//!   but an upgrade gives the error its status and body stand for.
//! * A [`WsStream`] splits into a sender and a receiver that never wait for each other: input and control go out while a
//!   read is pending, and data is read while a write is blocked.
//! * Nothing is queued without bound. What is not received stays in the socket, so the server's sends slow down; a send
//!   waits until the connection takes it.
//! * One task per connection moves the data, answers pings and sends its own every 20 s, received or not. It ends with
//!   the connection, and at once when both halves are dropped. [`WsSender::close`] is the orderly way out.
//! * A peer that stays silent for a ping and its grace period is dead: the receiver gets a `Connection` error. Time in
//!   which the caller does not receive does not count.

mod driver;
mod handshake;
mod metered;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::travel::connect;
use crate::travel::http::{self, Attempt};
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;

pub use tokio_tungstenite::tungstenite::Utf8Bytes;

/// The largest message accepted, in bytes. Servers send pieces of at most some tens of KiB, except for interpreter
/// results.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// Messages that may wait between the sender and the connection.
const QUEUED_MESSAGES: usize = 8;

/// Batches that may wait between the connection and the receiver. A batch is about 64 KiB, or one larger message.
const QUEUED_BATCHES: usize = 2;

/// Time for which [`WsSender::close`] waits for the server to agree.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// Options of a connection.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The client's TLS configuration.
    pub tls: Tls,
    /// The client's proxy rules.
    pub proxies: Proxies,
    /// Limit for everything up to the upgrade: name resolution, TCP, proxy, TLS, HTTP. Zero is no limit.
    pub connect_timeout: Duration,
    /// When to ask whether the peer is still there.
    pub keep_alive: KeepAlive,
}

impl ConnectOptions {
    /// Limit of [`connect`] unless said otherwise: 30 s.
    pub const DEFAULT_CONNECT_TIMEOUT: Duration = connect::CONNECT_LIMIT;

    /// Default limits and keep-alive.
    pub fn new(tls: Tls, proxies: Proxies) -> Self {
        Self { tls, proxies, connect_timeout: Self::DEFAULT_CONNECT_TIMEOUT, keep_alive: KeepAlive::default() }
    }
}

/// Keep-alive pings (wire-additions.md 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// No pings: the protocol on top has its own.
    Off,
    /// A ping every `interval` to keep middleboxes from forgetting the connection; silence means nothing. For servers
    /// that do not read while they work, like the interpreter.
    Ping {
        /// Time between pings.
        interval: Duration,
    },
    /// A ping every `interval`; a peer of which nothing arrives for `interval + grace` is dead.
    Probe {
        /// Time between pings.
        interval: Duration,
        /// Time for the answer.
        grace: Duration,
    },
}

impl KeepAlive {
    /// [`KeepAlive::Ping`] at the usual interval of 20 s.
    pub const fn ping() -> Self {
        Self::Ping { interval: Duration::from_secs(20) }
    }

    fn interval(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Ping { interval } | Self::Probe { interval, .. } => Some(interval),
        }
    }

    fn silence_limit(self) -> Option<Duration> {
        match self {
            Self::Off | Self::Ping { .. } => None,
            Self::Probe { interval, grace } => Some(interval + grace),
        }
    }
}

impl Default for KeepAlive {
    /// A ping every 20 s, and 20 s for the answer.
    fn default() -> Self {
        Self::Probe { interval: Duration::from_secs(20), grace: Duration::from_secs(20) }
    }
}

/// A message from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WsMessage {
    /// A text message.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
    /// The server (or, after [`WsSender::close`], both sides) closed the connection in order. Nothing follows.
    Close(WsClose),
}

/// A close frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WsClose {
    /// Close code; `None` when the frame had none.
    pub code: Option<u16>,
    /// Reason, often empty; terminals put their exit code here as JSON (wire.md 4.3).
    pub reason: String,
}

/// Opens a WebSocket to `url` (`ws`, `wss`, `http` or `https`), offering `subprotocols` in this order.
///
/// A server that picks none of the subprotocols is accepted: old daemons do not know them.
///
/// # Errors
/// The error of the HTTP response (with its status, and up to 64 KiB of its body) when the server does not upgrade,
/// `ConnectionTimeout` after the connect timeout, `Connection` for everything else, `InvalidArgument` for a URL or proxy
/// that cannot be used.
pub async fn connect(
    url: &Url,
    headers: HeaderMap,
    subprotocols: &[&str],
    options: &ConnectOptions,
) -> Result<WsStream> {
    let named = http::shown(url, None);
    let attempt = Attempt::begin(&Method::GET, &named, 1);
    let opening = async {
        let transport = connect::dial(url, &options.tls, &options.proxies).await?;
        handshake::upgrade(transport, url, headers, subprotocols).await
    };
    let upgraded = if options.connect_timeout.is_zero() {
        opening.await
    } else {
        connect::in_time(url, options.connect_timeout, opening).await
    };
    let (upgraded, subprotocol) = match upgraded {
        Ok(upgraded) => upgraded,
        Err(error) => {
            let error = error.in_request(&Method::GET, &named);
            attempt.failed(&error);
            return Err(error);
        }
    };
    attempt.answered(StatusCode::SWITCHING_PROTOCOLS, &upgraded.headers);

    let (message_in, receive) = mpsc::channel(QUEUED_BATCHES);
    let (send, message_out) = mpsc::channel(QUEUED_MESSAGES);
    let end = Arc::new(OnceLock::new());
    let driver = driver::Driver {
        incoming: message_in,
        outgoing: message_out,
        end: end.clone(),
        keep_alive: options.keep_alive,
    };
    let task = tokio::spawn(driver.run(upgraded.transport, upgraded.read_ahead)).abort_handle();
    let connection = Arc::new(Connection { task, end });
    Ok(WsStream {
        subprotocol,
        sender: WsSender { queue: send, connection: connection.clone() },
        receiver: WsReceiver { queue: receive, ready: Batch::new().into_iter(), connection, finished: None },
    })
}

/// An open WebSocket.
#[derive(Debug)]
pub struct WsStream {
    subprotocol: Option<String>,
    sender: WsSender,
    receiver: WsReceiver,
}

impl WsStream {
    /// The subprotocol the server picked, if any.
    pub fn subprotocol(&self) -> Option<&str> {
        self.subprotocol.as_deref()
    }

    /// The two halves. The connection lives until both (and all clones of the sender) are dropped.
    pub fn split(self) -> (WsSender, WsReceiver) {
        (self.sender, self.receiver)
    }
}

/// What both halves share. Dropping the last one ends the connection's task.
#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    end: Arc<OnceLock<End>>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    fn end(&self) -> End {
        // A task that ended without saying how was aborted by `close`, or its runtime is gone.
        self.end.get().cloned().unwrap_or_else(|| Err(closed()))
    }
}

/// Messages that arrived together; never empty in the queue.
type Batch = Vec<WsMessage>;

/// How a connection ended.
type End = Result<WsClose>;

#[derive(Debug)]
enum Outgoing {
    Text(Utf8Bytes),
    Binary(Bytes),
    Close { code: u16, reason: String },
}

/// The sending half. Clones send on the same connection.
#[derive(Clone, Debug)]
pub struct WsSender {
    queue: mpsc::Sender<Outgoing>,
    connection: Arc<Connection>,
}

impl WsSender {
    /// Sends a text message, waiting for room. Cancelling the wait sends nothing.
    ///
    /// # Errors
    /// The error that ended the connection, or `Closed` after an orderly close.
    pub async fn send_text(&self, text: impl Into<Utf8Bytes>) -> Result<()> {
        self.send(Outgoing::Text(text.into())).await
    }

    /// Sends a binary message, waiting for room. Cancelling the wait sends nothing.
    ///
    /// # Errors
    /// The error that ended the connection, or `Closed` after an orderly close.
    pub async fn send_binary(&self, bytes: impl Into<Bytes>) -> Result<()> {
        self.send(Outgoing::Binary(bytes.into())).await
    }

    /// Closes the connection in order: sends what was queued and a close frame, and waits up to 5 s for the server's.
    /// The receiver then gets the close frame. Closing twice does nothing.
    pub async fn close(&self, code: u16, reason: &str) {
        let close = async {
            let frame = Outgoing::Close { code, reason: reason.to_owned() };
            if self.queue.send(frame).await.is_ok() {
                self.queue.closed().await;
            }
        };
        if tokio::time::timeout(CLOSE_GRACE, close).await.is_err() {
            self.connection.task.abort();
        }
    }

    async fn send(&self, message: Outgoing) -> Result<()> {
        if self.queue.send(message).await.is_ok() {
            return Ok(());
        }
        Err(self.connection.end().err().unwrap_or_else(closed))
    }
}

/// The receiving half.
#[derive(Debug)]
pub struct WsReceiver {
    queue: mpsc::Receiver<Batch>,
    /// What is left of the batch being given out.
    ready: std::vec::IntoIter<WsMessage>,
    connection: Arc<Connection>,
    finished: Option<End>,
}

impl WsReceiver {
    /// The next message if it has come together with the last one. Never waits, and never the end.
    pub fn recv_now(&mut self) -> Option<WsMessage> {
        self.ready.next()
    }

    /// The next message; after the last one [`WsMessage::Close`], however often it is asked. Cancelling the wait loses
    /// nothing.
    ///
    /// # Errors
    /// `Connection` when the connection broke (also when it ended without a close frame), `Closed` when this side gave
    /// it up. Asked again, the answer is the same.
    pub async fn recv(&mut self) -> Result<WsMessage> {
        loop {
            if let Some(message) = self.ready.next() {
                return Ok(message);
            }
            if self.finished.is_some() {
                break;
            }
            if let Some(batch) = self.queue.recv().await {
                self.ready = batch.into_iter();
                continue;
            }
            self.finished = Some(self.connection.end());
        }
        self.finished.clone().unwrap_or_else(|| Err(closed())).map(WsMessage::Close)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "The stream is closed.")
}
