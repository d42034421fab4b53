//! A command's log over a WebSocket: replay from the start, then whatever is added, until the command ends (wire section 4.1).
//!
//! The file is the buffer: a slow reader costs nothing but its own time, and nothing is lost. Growth is announced by the
//! labeller, so there is no polling.

use std::io;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, close_code};
use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt, SinkExt};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::command::{Command, Progress, Stream};
use super::log_format::Demultiplexer;
use crate::sdk_version::LogFormat;
use crate::websocket;

/// Bytes read from the log at a time.
const READ_SIZE: usize = 256 * 1024;
/// Largest frame, in bytes: some clients handle large frames in quadratic time or not at all.
const FRAME_SIZE: usize = 32 * 1024;

/// Whether to stay until the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    CommandEnds,
    EndOfLog,
}

/// How sending the log ended.
enum Ended {
    Complete,
    ClientLeft,
    Failed(io::Error),
}

/// Serves one follower and closes the connection.
pub(super) async fn follow(mut socket: WebSocket, command: Arc<Command>, format: LogFormat, until: Until) {
    match send_log(&mut socket, &command, format, until).await {
        Ended::Complete => websocket::close(socket, close_code::NORMAL, "").await,
        Ended::Failed(error) => {
            tracing::warn!(command = %command.id, %error, "reading the log failed");
            websocket::close(socket, close_code::ERROR, "").await;
        }
        Ended::ClientLeft => {}
    }
}

async fn send_log(socket: &mut WebSocket, command: &Command, format: LogFormat, until: Until) -> Ended {
    let mut file = match File::open(command.log_path()).await {
        Ok(file) => file,
        // Deleted in between.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ended::Complete,
        Err(error) => return Ended::Failed(error),
    };
    file.set_max_buf_size(READ_SIZE);
    let mut state = command.watch();
    let mut position = 0;
    let mut combiner = (format == LogFormat::Combined).then(Demultiplexer::default);
    loop {
        let seen = *state.borrow_and_update();
        while position < seen.length {
            let mut chunk = BytesMut::with_capacity(READ_SIZE);
            match file.read_buf(&mut chunk).await {
                Ok(0) => break,
                Ok(read) => position += read as u64,
                Err(error) => return Ended::Failed(error),
            }
            let chunk = match &mut combiner {
                Some(combiner) => combined(combiner, &chunk),
                None => chunk.freeze(),
            };
            if send(socket, chunk).await.is_err() {
                return Ended::ClientLeft;
            }
        }
        if seen.progress != Progress::Unfinished || until == Until::EndOfLog {
            return Ended::Complete;
        }
        tokio::select! {
            // Reading is what answers pings; what clients say means nothing here.
            message = socket.recv() => if !matches!(message, Some(Ok(_))) {
                return Ended::ClientLeft;
            },
            changed = state.changed() => if changed.is_err() {
                return Ended::Complete;
            },
        }
    }
}

fn combined(demultiplexer: &mut Demultiplexer, chunk: &[u8]) -> Bytes {
    let mut plain = Vec::with_capacity(chunk.len());
    demultiplexer.feed(chunk, &mut |_: Option<Stream>, run: &[u8]| plain.extend_from_slice(run));
    plain.into()
}

/// Sends a chunk in frames, answering pings between them.
async fn send(socket: &mut WebSocket, mut chunk: Bytes) -> Result<(), axum::Error> {
    while !chunk.is_empty() {
        let frame = chunk.split_to(chunk.len().min(FRAME_SIZE));
        socket.feed(Message::Binary(frame)).await?;
        while let Some(message) = socket.recv().now_or_never() {
            match message {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(axum::Error::new(io::Error::from(io::ErrorKind::ConnectionAborted))),
            }
        }
    }
    socket.flush().await
}
