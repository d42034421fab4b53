//! A command's log over a WebSocket: replay from the start, then whatever is added, until the command ends (wire section 4.1).
//!
//! The file is the buffer: a slow reader costs nothing but its own time, and nothing is lost. Growth is announced by the
//! labeller, so there is no polling.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt};
use tokio::task::{JoinHandle, spawn_blocking};

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
    if until == Until::EndOfLog && command.compat.loses_log() {
        return websocket::close(socket, close_code::NORMAL, "").await;
    }
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
    let log = command.log_path();
    let file = match finished(spawn_blocking(move || File::open(log))).await {
        Ok(file) => Arc::new(file),
        // Deleted in between.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ended::Complete,
        Err(error) => return Ended::Failed(error),
    };
    let mut state = command.watch();
    let mut position = 0;
    let mut combiner = (format == LogFormat::Combined).then(Demultiplexer::default);
    loop {
        let seen = *state.borrow_and_update();
        // While one piece is sent, the next one is read.
        let mut next = (position < seen.length).then(|| read(&file, seen.length - position));
        while let Some(reading) = next {
            let chunk = match finished(reading).await {
                Ok(chunk) => chunk,
                Err(error) => return Ended::Failed(error),
            };
            position += chunk.len() as u64;
            next = (position < seen.length && !chunk.is_empty()).then(|| read(&file, seen.length - position));
            let chunk = match &mut combiner {
                Some(combiner) => combined(combiner, &chunk),
                None => chunk.into(),
            };
            if send(socket, chunk).await.is_err() {
                return Ended::ClientLeft;
            }
        }
        if until == Until::EndOfLog {
            return Ended::Complete;
        }
        if seen.progress != Progress::Unfinished {
            tokio::time::sleep(command.compat.end_of_log_delay()).await;
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

/// Reads on, but not more than `rest` bytes, on a thread that may wait for the disk; nothing when the file is shorter.
fn read(file: &Arc<File>, rest: u64) -> JoinHandle<io::Result<Vec<u8>>> {
    let file = Arc::clone(file);
    spawn_blocking(move || {
        let wanted = usize::try_from(rest).unwrap_or(READ_SIZE).min(READ_SIZE);
        let mut chunk = Vec::with_capacity(wanted);
        (&*file).take(wanted as u64).read_to_end(&mut chunk)?;
        Ok(chunk)
    })
}

async fn finished<T>(work: JoinHandle<io::Result<T>>) -> io::Result<T> {
    work.await.unwrap_or_else(|error| Err(io::Error::other(error)))
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
