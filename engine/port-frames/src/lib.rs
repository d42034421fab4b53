//! A connection to a port as frames (contract/wire-additions.md 6.1).
//!
//! On the way are proxies and sockets that know only one kind of end. A connection that was reset would look there like
//! one whose data is complete; so its bytes, the end of each direction and a reset are frames. Client and toolbox both use this.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The protocol that a connection is upgraded to.
pub const PROTOCOL: &str = "tcp-frames";

/// The protocol of clients and toolboxes from before there were frames: plain bytes, where a reset looks like an end.
pub const PLAIN_PROTOCOL: &str = "tcp";

/// Bytes copied at a time into the sandbox.
pub const INTO_SANDBOX: usize = 32 * 1024;
/// Bytes copied at a time out of the sandbox.
pub const OUT_OF_SANDBOX: usize = 64 * 1024;

/// The end of the carried connection that a program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// On the machine of the client.
    Client,
    /// In the sandbox.
    Sandbox,
}

/// Bytes of a frame before its content: what it is, and how long.
const HEADER: usize = 5;

/// Kinds of frames: bytes, the end of a direction, and that the connection broke.
const DATA: u8 = 0;
const END: u8 = 1;
const RESET: u8 = 2;

/// Carries the connection `plain` of one side until both directions have ended.
///
/// # Errors
/// Whatever breaks the connection, the one it is carried by, or the other end (`ConnectionReset`). The caller resets the
/// connection then; the other end has been told, or sees that an end is missing.
pub async fn carry(side: Side, plain: &mut TcpStream, carrier: impl AsyncRead + AsyncWrite) -> io::Result<()> {
    let (sent, received) = match side {
        Side::Client => (INTO_SANDBOX, OUT_OF_SANDBOX),
        Side::Sandbox => (OUT_OF_SANDBOX, INTO_SANDBOX),
    };
    let (from_carrier, mut to_carrier) = tokio::io::split(carrier);
    let mut from_carrier = BufReader::with_capacity(received, from_carrier);
    let (mut from_plain, mut to_plain) = plain.split();
    let refused = AtomicBool::new(false);
    tokio::try_join!(
        send(sent, &mut from_plain, &mut to_carrier, &refused),
        receive(&mut from_carrier, &mut to_plain, &refused)
    )?;
    if refused.into_inner() {
        to_carrier.write_all(&header(RESET, 0)).await?;
        to_carrier.flush().await?;
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    Ok(())
}

async fn send(
    most: usize,
    plain: &mut (impl AsyncRead + Unpin),
    carrier: &mut (impl AsyncWrite + Unpin),
    refused: &AtomicBool,
) -> io::Result<()> {
    let mut frame = vec![0; HEADER + most];
    loop {
        let read = match plain.read(&mut frame[HEADER..]).await {
            // A reset that a write has met looks like an end here.
            Ok(0) if refused.load(Ordering::Relaxed) => return Ok(()),
            Ok(read) => read,
            Err(error) => {
                carrier.write_all(&header(RESET, 0)).await?;
                carrier.flush().await?;
                return Err(error);
            }
        };
        frame[..HEADER].copy_from_slice(&header(if read == 0 { END } else { DATA }, read));
        carrier.write_all(&frame[..HEADER + read]).await?;
        carrier.flush().await?;
        if read == 0 {
            return Ok(());
        }
    }
}

async fn receive(
    carrier: &mut (impl AsyncBufRead + Unpin),
    plain: &mut (impl AsyncWrite + Unpin),
    refused: &AtomicBool,
) -> io::Result<()> {
    loop {
        let kind = carrier.read_u8().await?;
        let mut left = carrier.read_u32().await? as usize;
        match kind {
            DATA => {}
            END => return plain.shutdown().await.or(Ok(())),
            RESET => return Err(io::ErrorKind::ConnectionReset.into()),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame of an unknown kind")),
        }
        while left > 0 {
            let buffered = carrier.fill_buf().await?;
            let piece = &buffered[..left.min(buffered.len())];
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if plain.write_all(piece).await.is_err() {
                // It may have said something before, which is still passed on.
                refused.store(true, Ordering::Relaxed);
                return Ok(());
            }
            left -= piece.len();
            let taken = piece.len();
            carrier.consume(taken);
        }
    }
}

fn header(kind: u8, length: usize) -> [u8; HEADER] {
    // No frame is longer than the buffer it is made in.
    let [a, b, c, d] = (length as u32).to_be_bytes();
    [kind, a, b, c, d]
}
