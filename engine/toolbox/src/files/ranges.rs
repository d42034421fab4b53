//! Several ranges of a file in one answer (RFC 9110 section 14.6).

use std::io;
use std::ops::Range;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;
/// Chunks read ahead of the client.
const READ_AHEAD: usize = 2;

/// The answer to a request for several ranges.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Each range as a part.
    Parts(Vec<Range<u64>>),
    /// The file: the ranges are more than that.
    Whole,
    /// The only range of the header that lies in the file.
    One(String),
}

/// The answer; `None` when the request does not ask for several ranges, or for none that lies in the file.
pub(super) fn asked(headers: &HeaderMap, length: u64) -> Option<Answer> {
    let several = headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?;
    if !several.contains(',') || headers.contains_key(header::IF_RANGE) {
        return None;
    }
    let mut ranges = Vec::new();
    for range in several.split(',').map(str::trim).filter(|range| !range.is_empty()) {
        let (first, last) = range.split_once('-')?;
        let range = match (first.trim(), last.trim()) {
            ("", suffix) => length.saturating_sub(suffix.parse().ok()?)..length,
            (first, "") => first.parse().ok()?..length,
            (first, last) => first.parse().ok()?..last.parse::<u64>().ok()?.saturating_add(1).min(length),
        };
        ranges.push(range);
    }
    ranges.retain(|range| range.start < range.end);
    match ranges.as_slice() {
        [] => None,
        [range] => Some(Answer::One(format!("bytes={}-{}", range.start, range.end - 1))),
        _ if ranges.iter().map(|range| range.end - range.start).sum::<u64>() > length => Some(Answer::Whole),
        _ => Some(Answer::Parts(ranges)),
    }
}

/// 206 with one part for each range.
pub(super) fn parts(file: File, length: u64, ranges: Vec<Range<u64>>) -> Response {
    let boundary = Uuid::new_v4().simple().to_string();
    let begin = |range: &Range<u64>| {
        let (first, last) = (range.start, range.end - 1);
        format!(
            "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{last}/{length}\r\n\r\n"
        )
    };
    let parts: Vec<_> = ranges.into_iter().map(|range| (begin(&range), range)).collect();
    let end = format!("\r\n--{boundary}--\r\n");
    let total = parts.iter().map(|(begin, range)| begin.len() as u64 + range.end - range.start).sum::<u64>();
    let (chunks, receiver) = mpsc::channel(READ_AHEAD);
    let total = total + end.len() as u64;
    tokio::spawn(async move {
        // An error is either the client leaving or the file breaking; the answer then ends short of its length.
        let _ = send(file, parts, end, chunks).await;
    });
    let body = Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (io::Result::Ok(chunk), receiver))
    }));
    let mut response = (StatusCode::PARTIAL_CONTENT, body).into_response();
    response.headers_mut().insert(header::CONTENT_LENGTH, total.into());
    if let Ok(kind) = HeaderValue::from_str(&format!("multipart/byteranges; boundary={boundary}")) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

async fn send(
    mut file: File,
    parts: Vec<(String, Range<u64>)>,
    end: String,
    chunks: mpsc::Sender<Bytes>,
) -> io::Result<()> {
    let send = async |bytes: Bytes| chunks.send(bytes).await.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe));
    for (begin, range) in parts {
        send(begin.into()).await?;
        file.seek(io::SeekFrom::Start(range.start)).await?;
        let mut content = (&mut file).take(range.end - range.start);
        while content.limit() > 0 {
            let mut chunk = BytesMut::with_capacity(CHUNK);
            if content.read_buf(&mut chunk).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            send(chunk.freeze()).await?;
        }
    }
    send(end.into()).await
}

#[cfg(test)]
mod tests {
    use super::{Answer, asked};
    use http::{HeaderMap, header};

    #[test]
    fn ranges_outside_the_file_do_not_count() {
        let ask = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            asked(&headers, 10)
        };
        assert_eq!(ask("bytes=0-1"), None);
        assert_eq!(ask("bytes=0-1,4-,x"), None);
        assert_eq!(ask("bytes=20-,30-"), None);
        assert_eq!(ask("bytes=0-1, -2"), Some(Answer::Parts(vec![0..2, 8..10])));
        assert_eq!(ask("bytes=8-99,20-"), Some(Answer::One("bytes=8-9".to_owned())));
        assert_eq!(ask("bytes=0-,0-"), Some(Answer::Whole));
    }
}
