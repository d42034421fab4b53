//! The task of an event hub: connects, listens, tries again, and ends when nobody listens.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::{sleep_until, timeout};
use url::Url;

use super::packet::{DISCONNECT, PONG, Packet, connect_packet};
use super::{EventHubConfig, Gateway, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::travel::ws::{self, ConnectOptions, KeepAlive, WsMessage, WsReceiver, WsSender};

/// Why listening ended.
enum Ended {
    /// Nobody had listened for the idle time.
    Idle,
    Lost(Error),
}

/// Keeps the hub connected while it has listeners.
pub(super) async fn keep_connected(shared: Arc<Shared>) {
    while wait_for_turn(&shared).await {
        let outcome = match Session::open(&shared.config).await {
            Ok(mut session) => {
                shared.connection_made();
                let announced = Announced::new(&shared);
                let outcome = session.listen(&shared).await;
                drop(announced);
                if matches!(outcome, Ended::Idle) {
                    session.leave().await;
                }
                outcome
            }
            Err(error) => Ended::Lost(error),
        };
        if let Ended::Lost(error) = outcome {
            let pause = shared.connection_failed();
            tracing::debug!(%error, ?pause, "no events; waits poll instead");
        }
    }
}

/// Waits until a connection may be tried. False, and the task given up, when nobody listens any more.
async fn wait_for_turn(shared: &Shared) -> bool {
    loop {
        let retry_at = {
            let mut listeners = shared.listeners();
            if listeners.is_empty() {
                // Under the lock, so that a subscriber either is seen here or starts a new task.
                listeners.task = None;
                return false;
            }
            match listeners.retry_at {
                Some(at) if at > tokio::time::Instant::now() => at,
                _ => return true,
            }
        };
        tokio::select! {
            () = sleep_until(retry_at) => {}
            () = shared.listeners_changed.notified() => {}
        }
    }
}

/// The hub says it is connected for as long as this lives, also when the task is aborted.
struct Announced<'a>(&'a Shared);

impl<'a> Announced<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.connected.send_replace(true);
        Self(shared)
    }
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.0.connected.send_replace(false);
    }
}

/// An accepted connection.
struct Session {
    sender: WsSender,
    receiver: WsReceiver,
    silence_limit: Duration,
}

impl Session {
    async fn open(config: &EventHubConfig) -> Result<Self> {
        timeout(config.timing.connect, Self::handshake(config)).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::ConnectionTimeout, "the event gateway did not accept in time"))
        })
    }

    async fn handshake(config: &EventHubConfig) -> Result<Self> {
        let options = ConnectOptions {
            // The handshake as a whole has a deadline, and Engine.IO pings by itself.
            connect_timeout: Duration::ZERO,
            keep_alive: KeepAlive::Off,
            ..ConnectOptions::new(config.tls.clone(), config.proxies.clone())
        };
        let gateway = (config.gateway)().ok_or_else(|| unexpected("its server has ended"))?;
        let stream = ws::connect(&gateway_url(&gateway, config), HeaderMap::new(), &[], &options).await?;
        let (sender, mut receiver) = stream.split();
        let Packet::Open { silence_limit } = receive(&mut receiver).await? else {
            return Err(unexpected("no OPEN packet"));
        };
        sender.send_text(connect_packet(&gateway.token)).await?;
        loop {
            match receive(&mut receiver).await? {
                Packet::Connected => return Ok(Self { sender, receiver, silence_limit }),
                Packet::Refused(reason) => return Err(Error::new(ErrorKind::Authentication, reason)),
                Packet::Ping => sender.send_text(PONG).await?,
                Packet::Disconnected => return Err(unexpected("it disconnected during the handshake")),
                Packet::Open { .. } | Packet::State(_) | Packet::Other => {}
            }
        }
    }

    async fn listen(&mut self, shared: &Shared) -> Ended {
        loop {
            let idle_since = shared.listeners().idle_since;
            let idle = async {
                match idle_since {
                    Some(since) => sleep_until(since + shared.config.timing.idle).await,
                    None => std::future::pending().await,
                }
            };
            let packet = tokio::select! {
                packet = timeout(self.silence_limit, receive(&mut self.receiver)) => packet,
                () = idle => return Ended::Idle,
                () = shared.listeners_changed.notified() => continue,
            };
            match packet {
                Ok(Ok(Packet::Ping)) => {
                    if let Err(error) = self.sender.send_text(PONG).await {
                        return Ended::Lost(error);
                    }
                }
                Ok(Ok(Packet::State(change))) => shared.publish(change),
                Ok(Ok(Packet::Disconnected)) => return Ended::Lost(unexpected("it disconnected")),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Ended::Lost(error),
                Err(_) => return Ended::Lost(unexpected("it has fallen silent")),
            }
        }
    }

    async fn leave(&self) {
        // The connection is given up in any case; leaving is a courtesy.
        if self.sender.send_text(DISCONNECT).await.is_ok() {
            self.sender.close(1000, "").await;
        }
    }
}

/// `{api}/socket.io/` as a WebSocket, with the query every client sends.
fn gateway_url(gateway: &Gateway, config: &EventHubConfig) -> Url {
    let mut url = gateway.api_url.clone();
    url.set_path(&format!("{}/socket.io/", gateway.api_url.path().trim_end_matches('/')));
    url.set_fragment(None);
    url.query_pairs_mut()
        .clear()
        .extend_pairs(config.organization_id.iter().map(|id| ("organizationId", id)))
        .append_pair("source", &config.source)
        .append_pair("sdkVersion", &config.sdk_version)
        .append_pair("EIO", "4")
        .append_pair("transport", "websocket");
    url
}

async fn receive(receiver: &mut WsReceiver) -> Result<Packet> {
    match receiver.recv().await? {
        WsMessage::Text(text) => Ok(Packet::parse(&text)),
        WsMessage::Binary(_) => Ok(Packet::Other),
        WsMessage::Close(_) => Ok(Packet::Disconnected),
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::Connection, format!("the event gateway is of no use: {what}"))
}
