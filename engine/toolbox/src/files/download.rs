//! `GET /files/download`: one file as raw bytes, with ranges and conditional requests.

use std::path::Path;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mime_guess::mime::APPLICATION_OCTET_STREAM;
use tower_http::services::ServeFile;

use super::ranges;
use crate::State;
use crate::errors::ApiError;
use crate::extract::Query;

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;
/// Files that state no length (such as those in `/proc`) are read up to this many bytes to learn it.
const UNSIZED_LIMIT: u64 = 16 * 1024 * 1024;

pub(super) async fn download(toolbox: State, query: Query, mut request: Request) -> Result<Response, ApiError> {
    let shown = query.required_path("path")?;
    let path = toolbox.resolve(&shown);
    let failed = |error: std::io::Error| ApiError::file(&error, &path);
    let metadata = tokio::fs::metadata(&path).await.map_err(failed)?;
    if metadata.is_dir() {
        return Err(ApiError::bad_request(format!("path points to a directory: {}", shown.display())));
    }
    if !metadata.is_file() {
        return Err(ApiError::bad_request(format!("path points to a device, pipe or socket: {}", shown.display())));
    }
    // Opening tells apart what serving would report as one "not found".
    let file = tokio::fs::File::open(&path).await.map_err(failed)?;
    let ranges = match ranges::asked(request.headers(), metadata.len()) {
        Some(ranges::Answer::Parts(ranges)) => Some(ranges),
        Some(ranges::Answer::Whole) => {
            request.headers_mut().remove(header::RANGE);
            None
        }
        Some(ranges::Answer::One(range)) => {
            if let Ok(range) = range.parse() {
                request.headers_mut().insert(header::RANGE, range);
            }
            None
        }
        None => None,
    };
    if let Some(ranges) = ranges {
        let mut response = ranges::parts(file, metadata.len(), ranges);
        let kind = response.headers_mut().remove(header::CONTENT_TYPE);
        describe(response.headers_mut(), &shown);
        if let Some(kind) = kind {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        return Ok(response);
    }
    let mut response = if metadata.len() == 0 {
        read_unsized(file).await.map_err(failed)?.into_response()
    } else {
        let served =
            ServeFile::new_with_mime(&path, &APPLICATION_OCTET_STREAM).with_buf_chunk_size(CHUNK).try_call(request);
        served.await.map_err(failed)?.map(Body::new)
    };
    describe(response.headers_mut(), &shown);
    Ok(response)
}

/// Reads a file that claims to be empty.
pub(super) async fn read_unsized(file: tokio::fs::File) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let mut content = Vec::new();
    file.take(UNSIZED_LIMIT).read_to_end(&mut content).await?;
    Ok(content)
}

fn describe(headers: &mut HeaderMap, path: &Path) {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let disposition = format!("attachment; {}", super::bulk_download::filename_parameters(Path::new(name)));
    let fixed = [
        ("content-description", "File Transfer"),
        ("content-transfer-encoding", "binary"),
        ("expires", "0"),
        ("cache-control", "must-revalidate"),
        ("pragma", "public"),
        ("content-type", "application/octet-stream"),
    ];
    for (name, value) in fixed {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_bytes(disposition.as_bytes()) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
}
