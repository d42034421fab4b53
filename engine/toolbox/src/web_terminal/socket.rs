//! The page's connection to its terminal.
//!
//! Binary messages are output and input as they are. Text messages are JSON: the server says `from`, the number of the first
//! byte of output that follows, `taken`, how many bytes of input the terminal has been given, and `exited` or `refused` at the
//! end; the page says `received`, the number of the last byte it has drawn, and its size, `cols` and `rows`.
//!
//! Neither side is sent more than it can take: no more than [`OUTPUT_WINDOW`] bytes of output are under way to the page, so
//! that one that draws slowly slows the program down, and the page sends no more than a window of input.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::State;
use crate::errors::ApiError;
use crate::extract::Query;
use crate::pty::{Attachment, MESSAGE_LIMIT, Replay};
use crate::websocket;

/// Begins the ids of the page's terminals.
const PREFIX: &str = "web-";

/// The most bytes of output that are under way to a page.
const OUTPUT_WINDOW: u64 = 256 * 1024;

/// The most bytes of input that wait for the terminal. An honest page sends a quarter of it.
const INPUT_LIMIT: usize = 256 * 1024;

/// For how long a terminal lives that no page is connected to.
const LINGER: Duration = Duration::from_secs(15 * 60);

/// `GET /web-terminal/socket?id&cols&rows&received`.
pub(super) async fn open(
    toolbox: State,
    query: Query,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let id = query.text("id").unwrap_or_default();
    if id.is_empty() || id.len() > 64 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ApiError::bad_request("id: 1 to 64 letters and digits are needed"));
    }
    let size = (query.number("cols")?, query.number("rows")?);
    let received: u64 = query.number("received")?.unwrap_or(0);
    let attached = crate::pty::attach_recent(&toolbox, &format!("{PREFIX}{id}"), size, received);
    let upgrade = upgrade.max_message_size(MESSAGE_LIMIT).max_frame_size(MESSAGE_LIMIT);
    Ok(upgrade.on_upgrade(move |mut socket| async move {
        match attached {
            Ok((attachment, replay)) => serve(socket, attachment, replay).await,
            Err(error) => {
                // Nothing more can be done for a page that has gone already.
                let _ = socket.send(text(&json!({ "refused": error.message }))).await;
                websocket::close(socket, close_code::ERROR, "").await;
            }
        }
    }))
}

fn text(value: &Value) -> Message {
    Message::Text(value.to_string().into())
}

/// What a page says.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Said {
    received: Option<u64>,
    cols: Option<u16>,
    rows: Option<u16>,
}

/// A connected page.
struct Page {
    attachment: Attachment,
    /// Numbers of the last byte of output sent, and of the last drawn.
    sent: u64,
    drawn: u64,
    /// Input that waits for the terminal, and bytes that it has been given.
    typed: VecDeque<Bytes>,
    waiting: usize,
    taken: u64,
}

async fn serve(mut socket: WebSocket, attachment: Attachment, replay: Replay) {
    let Replay { from, bytes } = replay;
    let mut page = Page { attachment, sent: from, drawn: from, typed: VecDeque::new(), waiting: 0, taken: 0 };
    let begun = socket.send(text(&json!({ "from": from }))).await.is_ok();
    let ended = match begun {
        true => page.run(&mut socket, bytes).await,
        false => None,
    };
    if let Some(last) = ended {
        // A page that has gone meanwhile needs no goodbye.
        let _ = socket.send(text(&last)).await;
        websocket::close(socket, close_code::NORMAL, "").await;
    }
    page.attachment.leave(LINGER);
}

impl Page {
    /// Serves the page until it leaves (`None`) or the shell ends.
    async fn run(&mut self, socket: &mut WebSocket, replay: Bytes) -> Option<Value> {
        self.output(socket, replay).await?;
        let input = self.attachment.input.clone();
        loop {
            let may_send = self.sent - self.drawn < OUTPUT_WINDOW;
            tokio::select! {
                output = self.attachment.output.recv(), if may_send => match output {
                    Some(bytes) => self.output(socket, bytes).await?,
                    None => break,
                },
                message = socket.recv() => self.hear(message?.ok()?)?,
                room = input.reserve(), if !self.typed.is_empty() => {
                    let Ok(room) = room else { break };
                    self.give(room);
                    socket.send(text(&json!({ "taken": self.taken }))).await.ok()?;
                }
            }
        }
        // The shell has ended, or this page was too slow for the terminal's other clients and connects again.
        let exit = self.attachment.exit()?;
        while let Ok(bytes) = self.attachment.output.try_recv() {
            self.output(socket, bytes).await?;
        }
        Some(json!({ "exited": exit }))
    }

    async fn output(&mut self, socket: &mut WebSocket, bytes: Bytes) -> Option<()> {
        if bytes.is_empty() {
            return Some(());
        }
        self.sent += bytes.len() as u64;
        socket.send(Message::Binary(bytes)).await.ok()
    }

    /// Takes a message of the page; `None` when it leaves or does not keep to the protocol.
    fn hear(&mut self, message: Message) -> Option<()> {
        match message {
            Message::Binary(bytes) => {
                self.waiting += bytes.len();
                self.typed.push_back(bytes);
                (self.waiting <= INPUT_LIMIT).then_some(())
            }
            Message::Text(said) => {
                let Said { received, cols, rows } = serde_json::from_str(&said).ok()?;
                if let Some(received) = received {
                    self.drawn = received.clamp(self.drawn, self.sent);
                }
                if let (Some(cols), Some(rows)) = (cols, rows) {
                    self.attachment.resize(cols, rows);
                }
                Some(())
            }
            Message::Ping(_) | Message::Pong(_) => Some(()),
            Message::Close(_) => None,
        }
    }

    fn give(&mut self, room: mpsc::Permit<'_, Bytes>) {
        if let Some(bytes) = self.typed.pop_front() {
            self.waiting -= bytes.len();
            self.taken += bytes.len() as u64;
            room.send(bytes);
        }
    }
}
