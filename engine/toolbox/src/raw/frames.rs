//! Frames on a raw connection: one byte that says what it is, four that say how long, and the rest.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of a frame before its content.
pub const HEADER: usize = 5;

/// The longest content, in bytes.
pub const LONGEST: usize = 1 << 20;

/// Writes one frame.
///
/// # Errors
/// Those of the connection.
pub async fn write(writer: &mut (impl AsyncWrite + Unpin), kind: u8, content: &[u8]) -> io::Result<()> {
    let mut frame = begin(content.len());
    frame.put_slice(content);
    finish(&mut frame, kind);
    writer.write_all(&frame).await
}

/// A frame to append up to `room` bytes of content to; [`finish`] it then.
pub fn begin(room: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(HEADER + room);
    frame.put_bytes(0, HEADER);
    frame
}

/// Writes the header of a frame whose content is complete.
pub fn finish(frame: &mut BytesMut, kind: u8) {
    let length = u32::try_from(frame.len() - HEADER).unwrap_or(u32::MAX);
    frame[0] = kind;
    frame[1..HEADER].copy_from_slice(&length.to_be_bytes());
}

/// Reads one frame; `None` at the end.
///
/// # Errors
/// Those of the connection, and `InvalidData` for a frame that is too long.
pub async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(u8, Bytes)>> {
    let mut header = [0; HEADER];
    match reader.read_exact(&mut header).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [kind, length @ ..] = header;
    let length = u32::from_be_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too long"));
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).await?;
    Ok(Some((kind, content.into())))
}
