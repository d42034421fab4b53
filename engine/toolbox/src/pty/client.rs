//! One client of a terminal: output to it, input from it, and how its connection ends.

use axum::extract::ws::{Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::sync::mpsc;

use super::terminal::{Attachment, Exit};
use crate::websocket;

/// Largest message a client may send, in bytes.
pub(crate) const MESSAGE_LIMIT: usize = 64 * 1024;

/// RFC 6455 section 7.4.1: message too big.
const TOO_BIG: u16 = 1009;

/// How serving a client ended.
enum Ended {
    /// The terminal has nothing more to say: the shell ended or the client was too slow.
    OutputClosed,
    /// The client sent more than allowed at once.
    TooBig,
    /// The shell cannot be typed to any more.
    Unavailable,
    ClientLeft,
}

/// Serves one client until the shell ends or the client leaves. `exit_control`: the client understands the `exited` frame.
pub(super) async fn serve(mut socket: WebSocket, mut attachment: Attachment, exit_control: bool) {
    let connected = json!({ "status": "connected", "type": "control" });
    if socket.send(text(&connected)).await.is_err() {
        return;
    }
    let (mut sink, mut stream) = socket.split();
    let ended = {
        let input = attachment.input.clone();
        let outgoing = send_output(&mut sink, &mut attachment.output);
        let incoming = receive_input(&mut stream, &input);
        tokio::pin!(outgoing, incoming);
        tokio::select! {
            ended = &mut outgoing => match ended {
                // Input from before a client left still counts.
                Ended::ClientLeft => incoming.await,
                ended => ended,
            },
            ended = &mut incoming => match ended {
                // The shell's last words and exit follow.
                Ended::Unavailable => outgoing.await,
                ended => ended,
            },
        }
    };
    let Ok(mut socket) = sink.reunite(stream) else { return };
    match ended {
        Ended::OutputClosed => match attachment.exit() {
            Some(exit) => {
                if exit_control {
                    // A failure shows again when closing.
                    let _ = socket.send(text(&exited(&exit))).await;
                }
                let code = if exit.exit_code == 0 { close_code::NORMAL } else { close_code::ERROR };
                let reason = serde_json::to_string(&exit).unwrap_or_default();
                websocket::close(socket, code, reason).await;
            }
            None => websocket::close(socket, close_code::POLICY, "slow consumer").await,
        },
        Ended::TooBig => websocket::close(socket, TOO_BIG, "message too big").await,
        Ended::Unavailable => websocket::close(socket, close_code::ERROR, "PTY session unavailable").await,
        Ended::ClientLeft => {}
    }
}

/// Tells a client why it was not attached, and drops the connection.
pub(super) async fn refuse(mut socket: WebSocket, reason: &str) {
    let error = format!("Failed to connect to PTY session: {reason}");
    // Nothing more can be done for a client that left already.
    let _ = socket.send(text(&json!({ "error": error, "status": "error", "type": "control" }))).await;
}

fn text(value: &serde_json::Value) -> Message {
    Message::Text(value.to_string().into())
}

fn exited(exit: &Exit) -> serde_json::Value {
    let mut control = json!({ "type": "control", "status": "exited", "exitCode": exit.exit_code });
    if let Some(reason) = &exit.exit_reason {
        control["exitReason"] = json!(reason);
    }
    control
}

async fn send_output(sink: &mut SplitSink<WebSocket, Message>, output: &mut mpsc::Receiver<Bytes>) -> Ended {
    while let Some(bytes) = output.recv().await {
        if sink.send(Message::Binary(bytes)).await.is_err() {
            return Ended::ClientLeft;
        }
    }
    Ended::OutputClosed
}

/// Reading from the socket is also what answers pings, so it goes on while output is being sent.
async fn receive_input(stream: &mut SplitStream<WebSocket>, input: &mpsc::Sender<Bytes>) -> Ended {
    while let Some(message) = stream.next().await {
        let bytes = match message {
            Ok(Message::Binary(bytes)) => bytes,
            Ok(Message::Text(text)) => Bytes::from(text),
            Ok(Message::Ping(_) | Message::Pong(_)) => continue,
            Ok(Message::Close(_)) => return Ended::ClientLeft,
            Err(error) => return if is_too_big(&error) { Ended::TooBig } else { Ended::ClientLeft },
        };
        if input.send(bytes).await.is_err() {
            return Ended::Unavailable;
        }
    }
    Ended::ClientLeft
}

/// The library reports an oversized message only by its text.
fn is_too_big(error: &axum::Error) -> bool {
    error.to_string().contains("too long") || error.to_string().contains("too large")
}
