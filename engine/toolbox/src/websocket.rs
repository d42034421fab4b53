//! Shared by all WebSocket routes: subprotocol choice and an orderly close.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use tokio::time::timeout;

use crate::sdk_version::VERSION_PROTOCOL;

/// Subprotocol by which a client says it understands the terminal's `exited` control frame (additions 4.1).
pub(crate) const EXIT_CONTROL_PROTOCOL: &str = "X-Daytona-Pty-Exit-Control";

/// How long a peer may take to read the close frame and answer it.
const CLOSE_GRACE: Duration = Duration::from_secs(2);

/// Subprotocols the client offers, as text.
pub(crate) fn offered<F>(upgrade: &WebSocketUpgrade<F>) -> Vec<String> {
    upgrade.requested_protocols().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
}

/// Accepts one offered subprotocol, since Node clients refuse the connection otherwise: the version token, else the exit-control
/// flag, else the first. Tokens may carry secrets (terminal environments), so those are the last choice.
pub(crate) fn accept_protocol<F>(mut upgrade: WebSocketUpgrade<F>) -> WebSocketUpgrade<F> {
    let offers = offered(&upgrade);
    let chosen = offers
        .iter()
        .find(|offer| offer.starts_with(VERSION_PROTOCOL))
        .or_else(|| offers.iter().find(|offer| *offer == EXIT_CONTROL_PROTOCOL))
        .or_else(|| offers.first());
    if let Some(value) = chosen.and_then(|offer| offer.parse().ok()) {
        upgrade.set_selected_protocol(value);
    }
    upgrade
}

/// Sends a close frame and waits briefly for the peer's, so that nothing sent before is lost to a connection reset.
pub(crate) async fn close(mut socket: WebSocket, code: u16, reason: impl Into<String>) {
    let reason: String = reason.into();
    let frame = CloseFrame { code, reason: reason.into() };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // A peer that reads nothing any more is simply dropped.
    let _ = timeout(CLOSE_GRACE, goodbye).await;
}
