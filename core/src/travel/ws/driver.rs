//! The task behind one WebSocket: moves messages both ways until the connection ends.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use hyper_util::rt::TokioIo;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WireError, error::ProtocolError};

use super::metered::Metered;
use super::{Batch, End, KeepAlive, MAX_MESSAGE_BYTES, Outgoing, WsClose, WsMessage};
use crate::error::{Error, ErrorKind};
use crate::travel::connect::Transport;

/// Small, because there may be thousands of connections; frames are mostly smaller still.
const BUFFER_BYTES: usize = 16 * 1024;

/// A batch is handed over when it has as many bytes, if not before.
const BATCH_BYTES: usize = 64 * 1024;

/// What a message counts beyond its content, so that many small ones are few bytes no longer.
const MESSAGE_OVERHEAD: usize = 64;

/// How long an ended connection is looked after: for the other side to hang up first, or to explain a failed write.
const LINGER: Duration = Duration::from_secs(1);

/// The connection's side of both halves.
pub(super) struct Driver {
    pub incoming: mpsc::Sender<Batch>,
    pub outgoing: mpsc::Receiver<Outgoing>,
    pub end: Arc<OnceLock<End>>,
    pub keep_alive: KeepAlive,
}

impl Driver {
    /// Runs until the connection ends, then says how and lets go of both halves.
    pub async fn run(mut self, transport: TokioIo<Box<dyn Transport>>, read_ahead: Bytes) {
        let (transport, bytes_read) = Metered::new(transport);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(BUFFER_BYTES)
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let socket =
            WebSocketStream::from_partially_read(transport, read_ahead.into(), Role::Client, Some(config)).await;
        let (sink, mut stream) = socket.split();
        let closing = Closing::default();

        let reading = read(&mut stream, &self.incoming, &closing, self.keep_alive.silence_limit(), &bytes_read);
        let writing = async {
            let error = write(sink, &mut self.outgoing, &closing, self.keep_alive.interval()).await;
            // Reading tells better why: a close frame may be waiting there.
            tokio::time::sleep(LINGER).await;
            Err(broken(error))
        };
        let end = tokio::select! {
            end = reading => end,
            end = writing => end,
        };

        let orderly = end.is_ok();
        // One more look at the socket sends the answer to the close frame before anyone may drop the connection.
        let hung_up = !orderly || stream.next().now_or_never().is_some();
        let _ = self.end.set(end);
        drop((self.incoming, self.outgoing));
        if !hung_up {
            let _ = timeout(LINGER, stream.next()).await;
        }
    }
}

/// This side has sent a close frame: messages nobody takes must not hold up the answer.
#[derive(Default)]
struct Closing {
    begun: AtomicBool,
    changed: Notify,
}

impl Closing {
    fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }
}

async fn read(
    stream: &mut (impl Stream<Item = Result<Message, WireError>> + Unpin),
    incoming: &mpsc::Sender<Batch>,
    closing: &Closing,
    silence_limit: Option<Duration>,
    bytes_read: &AtomicU64,
) -> End {
    loop {
        // Without room nothing is read, so the server's writes slow down. Without a receiver messages are discarded.
        let room = if closing.begun.load(Ordering::Relaxed) {
            incoming.try_reserve().ok()
        } else {
            tokio::select! {
                room = incoming.reserve() => room.ok(),
                () = closing.changed.notified() => continue,
            }
        };
        let mut batch = Batch::new();
        let mut bytes = 0;
        let mut message = next(stream, silence_limit, bytes_read).await;
        // What has arrived already goes along: handing over one by one would cost more than reading.
        let end = loop {
            match message {
                Ok(Message::Text(text)) => {
                    bytes += text.len() + MESSAGE_OVERHEAD;
                    batch.push(WsMessage::Text(text));
                }
                Ok(Message::Binary(content)) => {
                    bytes += content.len() + MESSAGE_OVERHEAD;
                    batch.push(WsMessage::Binary(content));
                }
                Ok(Message::Close(frame)) => break Some(Ok(frame.map(close_of).unwrap_or_default())),
                // Pings have been answered; a pong has done its work by arriving.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(error) => break Some(Err(error)),
            }
            if bytes >= BATCH_BYTES {
                break None;
            }
            match poll_fn(|cx| Poll::Ready(stream.poll_next_unpin(cx))).await {
                Poll::Ready(arrived) => message = received(arrived),
                Poll::Pending => break None,
            }
        };
        if let Some(room) = room
            && !batch.is_empty()
        {
            room.send(batch);
        }
        if let Some(end) = end {
            return end;
        }
    }
}

async fn next(
    stream: &mut (impl Stream<Item = Result<Message, WireError>> + Unpin),
    silence_limit: Option<Duration>,
    bytes_read: &AtomicU64,
) -> Result<Message, Error> {
    let message = loop {
        let Some(limit) = silence_limit else { break stream.next().await };
        let before = bytes_read.load(Ordering::Relaxed);
        match timeout(limit, stream.next()).await {
            Ok(message) => break message,
            // A large message on a slow line is not silence.
            Err(_) if bytes_read.load(Ordering::Relaxed) != before => {}
            Err(_) => {
                let message = format!("the server does not answer keep-alive pings: nothing arrived for {limit:?}");
                return Err(Error::new(ErrorKind::Connection, message));
            }
        }
    };
    received(message)
}

fn received(message: Option<Result<Message, WireError>>) -> Result<Message, Error> {
    match message {
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(broken(error)),
        None => Err(broken(WireError::Protocol(ProtocolError::ResetWithoutClosingHandshake))),
    }
}

/// Writes what is sent, and pings. Returns when a write fails.
async fn write(
    mut sink: impl Sink<Message, Error = WireError> + Unpin,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    closing: &Closing,
    ping_interval: Option<Duration>,
) -> WireError {
    let mut pings = ping_interval.map(|every| {
        let mut pings = interval_at(Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        pings
    });
    let mut senders_left = true;
    loop {
        let ping_due = async {
            match &mut pings {
                Some(pings) => pings.tick().await,
                None => pending().await,
            }
        };
        let message = tokio::select! {
            message = outgoing.recv(), if senders_left => match message {
                Some(Outgoing::Text(text)) => Message::Text(text),
                Some(Outgoing::Binary(bytes)) => Message::Binary(bytes),
                Some(Outgoing::Close { code, reason }) => {
                    let frame = CloseFrame { code: code.into(), reason: reason.into() };
                    if let Err(error) = sink.send(Message::Close(Some(frame))).await {
                        return error;
                    }
                    closing.begin();
                    // Nothing may follow a close frame. Reading ends the connection.
                    return pending().await;
                }
                None => {
                    senders_left = false;
                    continue;
                }
            },
            _ = ping_due => Message::Ping(Bytes::new()),
        };
        if let Err(error) = sink.send(message).await {
            return error;
        }
    }
}

fn close_of(frame: CloseFrame) -> WsClose {
    // 1005 stands for "no code" and is never sent.
    let code = u16::from(frame.code);
    WsClose { code: (code != 1005).then_some(code), reason: frame.reason.as_str().to_owned() }
}

fn broken(error: WireError) -> Error {
    let message = match error {
        WireError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the connection ended without a close frame".to_owned()
        }
        WireError::Capacity(error) => format!("the server sent more than {MAX_MESSAGE_BYTES} bytes at once ({error})"),
        error => format!("the WebSocket broke: {error}"),
    };
    Error::new(ErrorKind::Connection, message)
}
