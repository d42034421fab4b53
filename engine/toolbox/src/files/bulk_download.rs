//! `POST /files/bulk-download`: many files in one multipart stream (wire section 3.2).
//!
//! One part per requested path, in order: the content, or a JSON error. Only one chunk of one file is in memory at a time. When
//! a file breaks midway the stream ends without its closing boundary, by which clients notice.

use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc;

use super::download::read_unsized;
use crate::State;
use crate::compat::Compat;
use crate::errors::{ApiError, reason};

const BOUNDARY: &str = "DAYTONA-FILE-BOUNDARY";
const ROUTE: &str = "/files/bulk-download";
/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;
/// Chunks read ahead of the client.
const READ_AHEAD: usize = 2;

/// RFC 5987 `attr-char`.
const EXTENDED_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

#[derive(Deserialize)]
struct Paths {
    paths: Vec<String>,
}

pub(super) async fn bulk_download(toolbox: State, body: Bytes) -> Result<Response, ApiError> {
    let paths = match serde_json::from_slice(&body) {
        Ok(Paths { paths }) if !paths.is_empty() => paths,
        _ => {
            let message = "request body must be {\"paths\": [ ... ]} and non-empty";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "INVALID_REQUEST_BODY", message));
        }
    };
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    tokio::spawn(async move {
        // An error here is either the client leaving or a file breaking midway; both end the stream where it is.
        let _ =
            send_parts(&toolbox, paths, Parts { chunks: sender, begun: false, compat: toolbox.config.compat }).await;
    });
    let chunks = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|chunk| (io::Result::Ok(chunk), receiver))
    });
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    Ok(([(header::CONTENT_TYPE, content_type)], Body::from_stream(chunks)).into_response())
}

async fn send_parts(toolbox: &State, paths: Vec<String>, mut parts: Parts) -> io::Result<()> {
    for path in paths {
        let shown = PathBuf::from(path);
        match open(toolbox, &shown).await {
            Ok(source) => parts.file(&shown, source).await?,
            Err(error) => parts.error(&shown, &error).await?,
        }
    }
    parts.send(format!("\r\n--{BOUNDARY}--\r\n")).await
}

/// Where a part's content comes from.
enum Source {
    File(File, u64),
    Memory(Vec<u8>),
}

async fn open(toolbox: &State, shown: &Path) -> Result<Source, ApiError> {
    let invalid = |what: String| {
        ApiError::new(StatusCode::BAD_REQUEST, "INVALID_FILE_PATH", format!("invalid file path: {what}"))
    };
    if shown.as_os_str().is_empty() {
        return Err(invalid("path is empty".into()));
    }
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => ApiError::file(&error, shown),
        _ => ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "FILE_READ_FAILED",
            format!("failed to open file: {}: {}", shown.display(), reason(&error)),
        ),
    };
    let path = toolbox.resolve(shown);
    let metadata = tokio::fs::metadata(&path).await.map_err(failed)?;
    if metadata.is_dir() {
        return Err(invalid(format!("path points to a directory: {}", shown.display())));
    }
    // Opening a pipe would wait for somebody to write to it.
    if !metadata.is_file() {
        return Err(invalid(format!("path points to a device, pipe or socket: {}", shown.display())));
    }
    let file = File::open(&path).await.map_err(failed)?;
    let length = file.metadata().await.map_err(failed)?.len();
    if length == 0 {
        return read_unsized(file).await.map(Source::Memory).map_err(failed);
    }
    Ok(Source::File(file, length))
}

/// The multipart stream being written.
struct Parts {
    chunks: mpsc::Sender<Bytes>,
    /// Whether a part was begun, whose content the next boundary has to end with a line break.
    begun: bool,
    compat: Compat,
}

impl Parts {
    async fn send(&self, bytes: impl Into<Bytes>) -> io::Result<()> {
        self.chunks.send(bytes.into()).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    async fn head(&mut self, field: &str, path: &Path, headers: &str) -> io::Result<()> {
        let names = filename_parameters(path);
        let disposition = format!("Content-Disposition: form-data; name=\"{field}\"; {names}");
        let line_break = if std::mem::replace(&mut self.begun, true) { "\r\n" } else { "" };
        self.send(format!("{line_break}--{BOUNDARY}\r\n{disposition}\r\n{headers}\r\n\r\n")).await
    }

    async fn file(&mut self, path: &Path, source: Source) -> io::Result<()> {
        let length = match &source {
            Source::File(_, length) => *length,
            Source::Memory(content) => content.len() as u64,
        };
        let kind = mime_guess::from_path(path).first_or_octet_stream();
        self.head("file", path, &format!("Content-Length: {length}\r\nContent-Type: {kind}")).await?;
        match source {
            Source::Memory(content) => self.send(content).await,
            Source::File(mut file, _) => {
                file.set_max_buf_size(CHUNK);
                self.content(&mut file.take(length), length).await
            }
        }
    }

    async fn content(&self, file: &mut tokio::io::Take<File>, mut remaining: u64) -> io::Result<()> {
        while remaining > 0 {
            let mut chunk = bytes::BytesMut::with_capacity(CHUNK);
            let read = file.read_buf(&mut chunk).await?;
            if read == 0 {
                // The file shrank; its announced length cannot be kept.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            remaining -= read as u64;
            self.send(chunk.freeze()).await?;
        }
        Ok(())
    }

    async fn error(&mut self, path: &Path, error: &ApiError) -> io::Result<()> {
        let body = serde_json::to_vec(&error.body(&Method::POST, ROUTE, self.compat)).map_err(io::Error::other)?;
        self.head("error", path, "Content-Type: application/json; charset=utf-8").await?;
        self.send(body).await
    }
}

/// `filename="…"` for old readers and `filename*=` for exact ones.
pub(super) fn filename_parameters(path: &Path) -> String {
    let mut plain = String::new();
    for character in path.to_string_lossy().chars() {
        match character {
            '"' | '\\' => {
                let _ = write!(plain, "\\{character}");
            }
            ' '..='~' => plain.push(character),
            // Latin-1 would be allowed here, but header bytes are read as UTF-8 by some clients and as Latin-1 by others.
            _ => plain.push('_'),
        }
    }
    let exact = percent_encode(path.as_os_str().as_bytes(), EXTENDED_VALUE);
    format!("filename=\"{plain}\"; filename*=utf-8''{exact}")
}
