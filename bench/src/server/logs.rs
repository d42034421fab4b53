//! Session logs: WebSocket frames that were made once and are sent over and over.

use axum::extract::{Path as Segments, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Bytes of a frame's content: a marker and one line.
const FRAME_BYTES: usize = 1024;
/// Frames written at once.
const FRAMES_PER_WRITE: usize = 64;
/// Close code 1000.
const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xe8];

pub(super) async fn logs(Segments((_, _, bytes)): Segments<(String, String, usize)>, request: Request) -> Response {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let accept = derive_accept_key(key.as_bytes());
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            let mut socket = TokioIo::new(upgraded);
            // Whoever closes the stream early has measured enough.
            let _ = send(&mut socket, bytes / FRAME_BYTES).await;
        }
    });
    let headers = [
        (header::CONNECTION, "upgrade".to_owned()),
        (header::UPGRADE, "websocket".to_owned()),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn send(
    socket: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    frames: usize,
) -> std::io::Result<()> {
    let frame = frame();
    let block = Bytes::from(frame.repeat(FRAMES_PER_WRITE));
    let mut left = frames;
    while left > 0 {
        let now = left.min(FRAMES_PER_WRITE);
        socket.write_all(&block[..now * frame.len()]).await?;
        left -= now;
    }
    socket.write_all(&CLOSE).await?;
    socket.flush().await?;
    // The client's close frame, and its end.
    socket.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// A binary frame: header, marker of standard output, a line.
fn frame() -> Vec<u8> {
    let mut frame = vec![0x82, 126];
    frame.extend((FRAME_BYTES as u16).to_be_bytes());
    frame.extend([1, 1, 1]);
    frame.resize(frame.len() + FRAME_BYTES - 4, b'x');
    frame.push(b'\n');
    frame
}
