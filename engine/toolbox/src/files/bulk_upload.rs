//! `POST /files/bulk-upload`: many files in one multipart stream (wire section 3.2).
//!
//! Fields come as `{key}.path` (text) and `{key}.file` (content); a file's path must precede it. Files are written while they
//! arrive. One file's failure does not stop the others: everything is read, then the answer lists what happened.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::incoming::{Failure, Incoming};
use crate::compat::Compat;
use crate::errors::reason;
use crate::{State, Toolbox};

#[derive(Serialize)]
struct Uploaded {
    path: String,
    bytes: u64,
}

/// Files and errors so far.
#[derive(Default)]
struct Outcome {
    files: Vec<Uploaded>,
    errors: Vec<String>,
}

pub(super) async fn bulk_upload(toolbox: State, request: Request) -> Response {
    let Ok(mut form) = Multipart::from_request(request, &()).await else {
        let body = json!({ "errors": ["invalid multipart form"] });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    let mut paths = HashMap::new();
    let mut outcome = Outcome::default();
    loop {
        match form.next_field().await {
            Ok(Some(field)) => take_field(&toolbox, field, &mut paths, &mut outcome).await,
            Ok(None) => break,
            Err(error) => {
                outcome.errors.push(format!("reading part: {}", error.body_text()));
                break;
            }
        }
    }
    let Outcome { files, errors } = outcome;
    let files = if files.is_empty() { json!(null) } else { json!(files) };
    if errors.is_empty() {
        Json(json!({ "files": files })).into_response()
    } else {
        (StatusCode::BAD_REQUEST, Json(json!({ "errors": errors, "files": files }))).into_response()
    }
}

async fn take_field(
    toolbox: &Arc<Toolbox>,
    mut field: Field<'_>,
    paths: &mut HashMap<String, PathBuf>,
    outcome: &mut Outcome,
) {
    let name = field.name().unwrap_or_default().to_owned();
    let compat = toolbox.config.compat;
    let numbered = |key: &str| key.ends_with(']') || !compat.wants_numbered_fields();
    let failed = if let Some(key) = name.strip_suffix(".path") {
        match field.bytes().await {
            Ok(text) => match Some(text.trim_ascii()).filter(|text| !text.is_empty()) {
                Some(text) => {
                    paths.insert(key.to_owned(), PathBuf::from(OsStr::from_bytes(text)));
                    None
                }
                None => Some(format!("path[{}]: empty path", index(key))),
            },
            Err(error) => Some(format!("reading part: {}", error.body_text())),
        }
    } else if let Some(key) = name.strip_suffix(".file") {
        match paths.get(key).filter(|_| numbered(key)) {
            Some(path) => match store(&mut field, path, toolbox.resolve(path), compat).await {
                Ok(bytes) => {
                    outcome.files.push(Uploaded { path: path.to_string_lossy().into_owned(), bytes });
                    None
                }
                Err(error) => Some(error),
            },
            None if numbered(key) => Some(format!("file[{}]: missing .path metadata", index(key))),
            None => Some(format!("file[{name}]: missing .path metadata")),
        }
    } else {
        None
    };
    outcome.errors.extend(failed);
}

/// `3` of `files[3]`, or the whole key of other clients.
fn index(key: &str) -> &str {
    key.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or(key)
}

async fn store(field: &mut Field<'_>, shown: &Path, destination: PathBuf, compat: Compat) -> Result<u64, String> {
    let parent = destination.parent().map(Path::to_owned).unwrap_or_default();
    let failed = |Failure { step, error }| {
        let step = if step == "mkdir" { format!("mkdir {}", parent.display()) } else { step.to_owned() };
        format!("{}: {step}: {}", shown.display(), reason(&error))
    };
    let mut incoming = Incoming::create(destination, compat).await.map_err(failed)?;
    loop {
        match field.chunk().await {
            Ok(Some(chunk)) => incoming.write(&chunk).await.map_err(failed)?,
            Ok(None) => return incoming.finish().await.map_err(failed),
            Err(error) => return Err(format!("reading part: {}", error.body_text())),
        }
    }
}
