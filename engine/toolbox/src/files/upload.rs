//! `POST /files/upload` and `/files/upload-v2`: one file.

use std::path::PathBuf;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use futures_util::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};

use super::incoming::{Failure, Incoming};
use crate::State;
use crate::compat::Compat;
use crate::errors::ApiError;
use crate::extract::Query;

/// The multipart field `file` becomes the file at `path`. Answers 200 with an empty body.
pub(super) async fn upload(toolbox: State, query: Query, request: Request) -> Result<StatusCode, ApiError> {
    let destination = toolbox.resolve(query.required_path("path")?);
    receive_multipart(request, destination, toolbox.config.compat).await?;
    Ok(StatusCode::OK)
}

/// The multipart field `file`, or else the raw body, becomes the file at `path`. Answers what was made.
pub(super) async fn upload_v2(toolbox: State, query: Query, request: Request) -> Result<Json<Value>, ApiError> {
    let path = query.required_path("path")?;
    let destination = toolbox.resolve(&path);
    let is_multipart = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"));
    if is_multipart {
        receive_multipart(request, destination.clone(), toolbox.config.compat).await?;
    } else {
        receive_raw(request.into_body(), destination.clone(), toolbox.config.compat).await?;
    }
    let name = destination.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Json(json!({ "name": name, "path": path.to_string_lossy(), "type": "file" })))
}

async fn receive_multipart(request: Request, destination: PathBuf, compat: Compat) -> Result<(), ApiError> {
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    while let Some(mut field) = form.next_field().await.map_err(|e| ApiError::bad_request(e.body_text()))? {
        let is_file = !compat.wants_file_names() || field.file_name().is_some();
        if field.name() != Some("file") || !is_file {
            continue;
        }
        let failed = failed_at(&destination);
        let mut incoming = Incoming::create(destination.clone(), compat).await.map_err(&failed)?;
        while let Some(chunk) = field.chunk().await.map_err(|e| ApiError::bad_request(e.body_text()))? {
            incoming.write(&chunk).await.map_err(&failed)?;
        }
        incoming.finish().await.map_err(&failed)?;
        return Ok(());
    }
    Err(ApiError::bad_request("multipart field 'file' is missing"))
}

async fn receive_raw(body: Body, destination: PathBuf, compat: Compat) -> Result<(), ApiError> {
    let failed = failed_at(&destination);
    let mut incoming = Incoming::create(destination.clone(), compat).await.map_err(&failed)?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::bad_request(format!("reading body: {error}")))?;
        incoming.write(&chunk).await.map_err(&failed)?;
    }
    incoming.finish().await.map_err(&failed)?;
    Ok(())
}

fn failed_at(destination: &std::path::Path) -> impl Fn(Failure) -> ApiError + use<> {
    let destination = destination.to_owned();
    move |failure| ApiError::file(&failure.error, &destination)
}
