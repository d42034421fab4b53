//! Files on their way: multipart uploads (wire.md 3.2, 4.5) and bulk-download responses.
//!
//! Nothing here holds a file in memory. An upload that is dropped breaks its connection, so the server never sees a
//! complete body (servers up to 0.190 keep what has come of it all the same); a download to a path is written beside it and renamed when it is complete.

use std::io::Read;
use std::path::Path;
use std::task::Poll;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::multipart::{MultipartEvent, MultipartParser, PartHeader};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{FileDownloadErrorDetails, FileUpload};
use crate::toolbox::Toolbox;
use crate::travel::deadline::in_trace;
use crate::travel::http::{Body, Response};

/// Bytes read from a local file at once: so many that going to another thread for them costs nothing.
const FILE_CHUNK: usize = 512 * 1024;
/// Chunks waiting for the socket; more are not read ahead.
const QUEUE: usize = 4;

/// Limit for a server to be done with an upload that is given up.
pub(super) const SETTLE_LIMIT: std::time::Duration = std::time::Duration::from_secs(10);

type Sender = mpsc::Sender<std::io::Result<Bytes>>;

/// A file being uploaded piece by piece. Dropping it before `finish` cancels the upload.
pub struct FileWriter {
    pieces: Option<Sender>,
    boundary: String,
    request: JoinHandle<Result<()>>,
    /// How the request ended.
    ended: Option<Result<()>>,
    deadline: Option<Instant>,
}

impl FileWriter {
    pub(crate) async fn open(toolbox: &Toolbox, destination: &str, deadline: Option<Instant>) -> Result<Self> {
        let boundary = new_boundary();
        let (sender, receiver) = mpsc::channel(QUEUE);
        let toolbox = toolbox.clone();
        let content_type = content_type(&boundary);
        let request = tokio::spawn(in_trace(async move {
            let request = toolbox.request(Method::POST, "/files/bulk-upload").await?;
            request.stream(&content_type, body(receiver)).done().await
        }));
        let mut writer = Self { pieces: Some(sender), boundary, request, ended: None, deadline };
        let head = part_head(&writer.boundary, 0, destination);
        writer.write(head).await?;
        Ok(writer)
    }

    /// Writes a piece; waits while the connection is busy.
    ///
    /// # Errors
    /// Whatever ended the upload meanwhile; `Timeout` when its time is over.
    pub async fn write(&mut self, piece: impl Into<Bytes>) -> Result<()> {
        let piece = piece.into();
        if piece.is_empty() {
            return Ok(());
        }
        if self.send(piece).await.is_ok() {
            return Ok(());
        }
        // The request ended early: its own error says why.
        Err(match self.outcome().await {
            Err(error) => error,
            Ok(()) => Error::new(ErrorKind::Connection, "The server ended the upload before the file was complete"),
        })
    }

    /// Ends the file and waits until the server has stored it.
    ///
    /// # Errors
    /// Whatever the server says against it; then nothing is stored.
    pub async fn finish(mut self) -> Result<()> {
        let tail = tail(&self.boundary);
        if self.send(tail).await.is_ok() {
            self.pieces = None;
        }
        self.outcome().await
    }

    /// Ends an upload whose content no longer matters, so that the server is done with the file.
    pub(crate) async fn settle(mut self) {
        let end = async {
            if self.send(tail(&self.boundary)).await.is_ok() {
                self.pieces = None;
            }
            self.outcome().await
        };
        // Whatever the server says, and if it says nothing at all: the file is about to be removed.
        let _ = tokio::time::timeout(SETTLE_LIMIT, end).await;
    }

    async fn send(&mut self, piece: Bytes) -> Result<()> {
        let Some(pieces) = self.pieces.as_ref().filter(|_| self.ended.is_none()) else {
            return Err(Error::new(ErrorKind::Closed, "The upload has ended already"));
        };
        let request = &mut self.request;
        let sent = in_time(self.deadline, async {
            tokio::select! {
                sent = pieces.send(Ok(piece)) => Ok(sent.map_err(|_| None)),
                // A server may answer early and read no more.
                ended = request => Ok(Err(Some(joined(ended)))),
            }
        });
        let sent = sent.await?;
        sent.map_err(|ended| {
            self.ended = ended;
            Error::new(ErrorKind::Connection, "The upload was interrupted")
        })
    }

    async fn outcome(&mut self) -> Result<()> {
        if self.ended.is_none() {
            let ended = async { Ok(joined((&mut self.request).await)) };
            self.ended = Some(in_time(self.deadline, ended).await?);
        }
        self.ended.clone().unwrap_or(Ok(()))
    }
}

fn joined(ended: Result<Result<()>, JoinError>) -> Result<()> {
    ended.unwrap_or_else(|e| Err(Error::new(ErrorKind::Internal, "The upload failed").with_source(e)))
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        self.request.abort();
    }
}

/// Uploads files in one request, in order, each from memory or from a local file.
pub(crate) async fn upload(toolbox: &Toolbox, files: Vec<FileUpload>) -> Result<()> {
    let boundary = new_boundary();
    let mut sources = Vec::with_capacity(files.len());
    for file in files {
        let source = match (file.content, file.local_path) {
            (Some(content), None) => Source::Memory(content.0),
            (None, Some(path)) => Source::File(open_local(&path).await?, path),
            _ => {
                return Err(Error::invalid_argument(format!(
                    "The upload to {:?} needs either content or a local path.",
                    file.destination
                )));
            }
        };
        sources.push((file.destination, source));
    }
    let request = toolbox.request(Method::POST, "/files/bulk-upload").await?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let parts_boundary = boundary.clone();
    // Owns the sender: the body ends when the parts do.
    let produce = async move {
        match write_parts(&sender, &parts_boundary, sources).await {
            // An aborted body is what keeps the server from storing half a file.
            Err(WriteError::Local(error)) => {
                let _ = sender.send(Err(std::io::Error::other("local file"))).await;
                Err(error)
            }
            // The request has ended and knows why.
            Err(WriteError::Gone) | Ok(()) => Ok(()),
        }
    };
    let (content_type, body) = (content_type(&boundary), body(receiver));
    let mut sending = std::pin::pin!(request.stream(&content_type, body).done());
    tokio::select! {
        biased;
        produced = produce => {
            let sent = sending.await;
            produced.and(sent)
        }
        // A server may answer early and read no more.
        sent = &mut sending => sent,
    }
}

enum Source {
    Memory(Bytes),
    File(std::fs::File, String),
}

enum WriteError {
    Local(Error),
    Gone,
}

async fn write_parts(sender: &Sender, boundary: &str, sources: Vec<(String, Source)>) -> Result<(), WriteError> {
    let send = async |piece: Bytes| sender.send(Ok(piece)).await.map_err(|_| WriteError::Gone);
    for (index, (destination, source)) in sources.into_iter().enumerate() {
        send(part_head(boundary, index, &destination)).await?;
        match source {
            Source::Memory(content) => send(content).await?,
            Source::File(mut file, path) => loop {
                let chunk;
                (file, chunk) = read_chunk(file).await.map_err(|e| {
                    WriteError::Local(
                        Error::new(ErrorKind::Unknown, format!("Cannot read the local file {path:?}")).with_source(e),
                    )
                })?;
                if chunk.is_empty() {
                    break;
                }
                send(chunk.into()).await?;
            },
        }
        send(Bytes::from_static(b"\r\n")).await?;
    }
    send(Bytes::from(format!("--{boundary}--\r\n"))).await
}

/// Reads a chunk, empty at the end of the file, and returns the file with it.
async fn read_chunk(mut file: std::fs::File) -> std::io::Result<(std::fs::File, Vec<u8>)> {
    let read = spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(FILE_CHUNK);
        (&mut file).take(FILE_CHUNK as u64).read_to_end(&mut chunk)?;
        Ok((file, chunk))
    });
    read.await.unwrap_or_else(|e| Err(std::io::Error::other(e)))
}

async fn open_local(path: &str) -> Result<std::fs::File> {
    let local = path.to_owned();
    let opened = spawn_blocking(move || {
        let file = std::fs::File::open(local)?;
        let directory = file.metadata()?.is_dir();
        Ok((file, directory))
    });
    let opened = opened.await.unwrap_or_else(|e| Err(std::io::Error::other(e)));
    let (file, directory) =
        opened.map_err(|e| Error::invalid_argument(format!("Cannot read the local file {path:?}")).with_source(e))?;
    if directory {
        return Err(Error::invalid_argument(format!("{path:?} is a directory, not a file.")));
    }
    Ok(file)
}

fn new_boundary() -> String {
    format!("daytona-{}", uuid::Uuid::new_v4().simple())
}

fn content_type(boundary: &str) -> String {
    format!("multipart/form-data; boundary={boundary}")
}

/// The two parts of one file up to its content: the path first, as servers require.
fn part_head(boundary: &str, index: usize, destination: &str) -> Bytes {
    let name = Path::new(destination).file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_control() || matches!(c, '"' | '\\') { '_' } else { c }).collect();
    Bytes::from(format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"files[{index}].path\"\r\n\r\n{destination}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"files[{index}].file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    ))
}

fn tail(boundary: &str) -> Bytes {
    Bytes::from(format!("\r\n--{boundary}--\r\n"))
}

fn body(mut receiver: mpsc::Receiver<std::io::Result<Bytes>>) -> Body {
    let mut ended_well = false;
    Body::stream(futures_util::stream::poll_fn(move |cx| {
        let next = receiver.poll_recv(cx);
        match &next {
            Poll::Ready(Some(Ok(piece))) => ended_well = piece.ends_with(b"--\r\n"),
            // The sender is gone without the closing boundary: break the connection instead of ending the body.
            Poll::Ready(None) if !ended_well => {
                ended_well = true;
                return Poll::Ready(Some(Err(std::io::Error::other("the upload was given up"))));
            }
            _ => {}
        }
        next
    }))
}

/// One or more files being downloaded.
pub(crate) struct Download {
    response: Response,
    parser: MultipartParser,
    ended: bool,
}

impl Download {
    pub(crate) async fn open(toolbox: &Toolbox, paths: &[&str]) -> Result<Self> {
        let request = toolbox.request(Method::POST, "/files/bulk-download").await?;
        let response = request.json(&json!({ "paths": paths })).send().await?;
        let content_type = response.headers().get(http::header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let parser = MultipartParser::from_content_type(content_type.unwrap_or(""))?;
        Ok(Self { response, parser, ended: false })
    }

    /// The next event, or `None` after the last one. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Result<Option<MultipartEvent>> {
        loop {
            if self.ended {
                return Ok(None);
            }
            if let Some(event) = self.parser.next_event()? {
                self.ended = event == MultipartEvent::End;
                return Ok(Some(event));
            }
            match self.response.chunk().await? {
                Some(chunk) => self.parser.push(chunk),
                None => {
                    self.parser.finish()?;
                    self.ended = true;
                }
            }
        }
    }

    /// Reads the content of an error part.
    pub(crate) async fn read_error(&mut self, header: &PartHeader) -> Result<PartError> {
        let mut body = Vec::new();
        while let Some(event) = self.next().await? {
            match event {
                MultipartEvent::Data(data) if body.len() < 64 * 1024 => body.extend_from_slice(&data),
                MultipartEvent::Data(_) => {}
                _ => break,
            }
        }
        Ok(PartError::parse(header, &body))
    }
}

/// Why one of several files could not be sent.
pub(crate) struct PartError {
    pub(crate) error: Error,
    pub(crate) details: FileDownloadErrorDetails,
}

impl PartError {
    fn parse(header: &PartHeader, body: &[u8]) -> Self {
        let json = header.content_type.as_deref().is_some_and(|t| t.starts_with("application/json"));
        let status = json
            .then(|| serde_json::from_slice::<serde_json::Value>(body).ok())
            .flatten()
            .and_then(|v| v.get("statusCode").or_else(|| v.get("status_code"))?.as_u64())
            .and_then(|s| u16::try_from(s).ok());
        let mut error = Error::from_response(status.unwrap_or(0), &http::HeaderMap::new(), body);
        if status.is_none() {
            // Older servers send a bare sentence (wire.md 3.2).
            error = Error::new(ErrorKind::Unknown, String::from_utf8_lossy(body).trim());
        } else if error.info().source.is_none() {
            // Parts of servers before 0.201 have no source, but only the toolbox sends parts.
            if let Some(kind) = error.info().code.as_deref().and_then(|c| ErrorKind::from_code("DAYTONA_DAEMON", c)) {
                error = error.with_kind(kind);
            }
        }
        let details = FileDownloadErrorDetails {
            message: error.to_string(),
            status_code: status.map(i64::from),
            error_code: error.info().code.clone(),
        };
        Self { error, details }
    }
}

/// A file being downloaded piece by piece. Data is taken from the network only as it is read.
pub struct FileReader {
    download: Download,
    size: Option<u64>,
    deadline: Option<Instant>,
}

impl FileReader {
    pub(crate) async fn open(toolbox: &Toolbox, path: &str, deadline: Option<Instant>) -> Result<Self> {
        let mut download = Download::open(toolbox, &[path]).await?;
        loop {
            match download.next().await? {
                Some(MultipartEvent::PartStart(header)) if header.name.as_deref() == Some("error") => {
                    return Err(download.read_error(&header).await?.error);
                }
                Some(MultipartEvent::PartStart(header)) => {
                    return Ok(Self { download, size: header.content_length, deadline });
                }
                Some(MultipartEvent::End) | None => {
                    return Err(Error::new(ErrorKind::Unknown, "No data received for this file"));
                }
                Some(_) => {}
            }
        }
    }

    /// Size in bytes, when the server tells it.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// The next piece, never empty, or `None` at the end of the file. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// `Connection` when the transfer breaks or is cut short, `Timeout` when its time is over.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        let download = &mut self.download;
        in_time(self.deadline, async {
            loop {
                match download.next().await? {
                    Some(MultipartEvent::Data(data)) => return Ok(Some(data)),
                    Some(_) => {}
                    None => return Ok(None),
                }
            }
        })
        .await
    }
}

/// Runs `work` until the deadline of a transfer.
async fn in_time<T>(deadline: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    match deadline {
        None => work.await,
        Some(deadline) => tokio::time::timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "The transfer exceeded its timeout"))),
    }
}
