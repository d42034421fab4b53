//! The one error body of the toolbox (wire section 3.0, shape 1, with the `source` of the additions, 4.7).
//!
//! Handlers return an [`ApiError`]; [`render`] turns it into JSON once it knows the request's method and path. Every failing
//! route answers this way, also where the official daemon sends an empty body.

use std::any::Any;
use std::io;
use std::path::Path;

use axum::Json;
use axum::extract::Request;
use axum::extract::rejection::PathRejection;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::compat::Compat;

/// The `source` field of every error the toolbox makes.
pub(crate) const SOURCE: &str = "DAYTONA_DAEMON";

/// The answer for routes that do not exist.
pub(crate) const UNKNOWN_ROUTE: &str = "404 page not found";

/// A failed request: status, machine-readable code, sentence.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ApiError {
    /// An error whose message carries no type prefix.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn bad_request(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", format!("bad request: {what}"))
    }

    pub(crate) fn invalid_body(what: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_REQUEST_BODY",
            format!("invalid body request: invalid request body: {what}"),
        )
    }

    pub(crate) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("not found: {what}"))
    }

    pub(crate) fn conflict(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, "CONFLICT", format!("conflict: {what}"))
    }

    /// 400 when a sandbox has as many of something as it may; `way_out` says how to have fewer.
    pub(crate) fn too_many(limit: usize, of_what: &str, way_out: &str) -> Self {
        Self::bad_request(format!("a sandbox has at most {limit} {of_what}: {way_out}"))
    }

    pub(crate) fn internal(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", format!("internal server error: {what}"))
    }

    /// A feature this toolbox does not have.
    pub(crate) fn not_implemented(what: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "NOT_IMPLEMENTED",
            format!("not implemented: {what} is not available in this sandbox"),
        )
    }

    /// The answer to a failed file operation on `path`.
    pub(crate) fn file(error: &io::Error, path: &Path) -> Self {
        let shown = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "FILE_NOT_FOUND", format!("file not found: {shown}"))
            }
            io::ErrorKind::PermissionDenied => {
                Self::new(StatusCode::FORBIDDEN, "FILE_ACCESS_DENIED", format!("permission denied: {shown}"))
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::internal(format!("{shown}: {}", reason(error)))
            }
            _ => Self::bad_request(format!("{shown}: {}", reason(error))),
        }
    }

    /// The JSON document for a request with this method and path; 0.190 does not say its source.
    pub(crate) fn body(&self, method: &Method, path: &str, compat: Compat) -> ErrorBody {
        ErrorBody {
            status_code: self.status.as_u16(),
            message: self.message.clone(),
            code: self.code,
            source: (compat == Compat::Newest).then_some(SOURCE),
            timestamp: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            path: path.to_owned(),
            method: method.to_string(),
        }
    }
}

/// The system's own words for an error, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error.raw_os_error().map(|number| format!(" (os error {number})"));
    number.and_then(|number| text.strip_suffix(&number).map(str::to_owned)).unwrap_or(text)
}

/// Wire section 3.0, shape 1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    status_code: u16,
    message: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    timestamp: String,
    path: String,
    method: String,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}

/// Middleware: gives every [`ApiError`] its body.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) => (error.status, Json(error.body(&method, &path, Compat::Newest))).into_response(),
        None => response,
    }
}

/// Fallback for paths and methods nobody serves.
pub(crate) async fn unknown_route() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "NOT_FOUND", UNKNOWN_ROUTE)
}

/// A handler panicked: the request fails, the toolbox lives on.
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    ApiError::internal("the request handler failed unexpectedly").into_response()
}
