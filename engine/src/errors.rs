//! The control plane's error body (wire 2.1, additions 4.7).
//!
//! Handlers return [`ApiError`]; [`render`] writes the body once the request's path is known:
//! `{path, timestamp, statusCode, error, message, code, source}`.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::backend::Refusal;
use crate::clock;
use crate::store::StoreError;

/// An error with its causes as a person reads it: without the system's numbers of errors.
pub fn in_words(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let mut parts = text.split(" (os error ");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.parse::<u32>().is_ok() => words.push_str(rest),
            _ => words.extend([" (os error ", part]),
        }
    }
    words
}

/// The result of a control-plane handler.
pub type ApiResult<T> = Result<T, ApiError>;

/// A failure a client is told about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The message for people. Never contains secrets.
    pub message: String,
}

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// 400: the request cannot be carried out as it is.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401 with the wire's generic text.
    pub fn invalid_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid credentials")
    }

    /// 401 for a key whose time is over.
    pub fn expired_key() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "This API key has expired")
    }

    /// 403: the caller may not do this, and why.
    pub fn forbidden_because(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 403 without a permission.
    pub fn not_permitted(permission: &str) -> Self {
        Self::forbidden_because(format!("Forbidden resource: this takes the permission {permission}"))
    }

    /// 403: not for clients.
    pub fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden resource")
    }

    /// 403: there is no room for another one.
    pub fn quota_exceeded(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 403: the caller may not do that, for this reason.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 404 for a sandbox nobody knows.
    pub fn sandbox_not_found(id_or_name: &str) -> Self {
        Self::not_found(format!("Sandbox with ID or name {id_or_name} not found"))
    }

    /// 409.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 409 while another operation changes the sandbox.
    pub fn state_change_in_progress() -> Self {
        Self::conflict("Sandbox state change in progress")
    }

    /// 409 while the same part of the sandbox is being changed.
    pub fn operation_in_progress() -> Self {
        Self::conflict("An operation is already in progress for this resource")
    }

    /// 413: the platform refuses bodies of this size too.
    pub fn too_large(most: usize) -> Self {
        let text = format!("The request body is too large: at most {most} bytes, as on the platform");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    }

    /// 422.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// 429 with the wire's text.
    pub fn too_many_requests() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded")
    }

    /// 500 with the wire's generic text; the cause goes to the log only.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "An unexpected error occurred.")
    }

    /// The change is not stored, and so was not made: 507 where there is no room, 409 where somebody else was faster, and 503 where it
    /// may work in a moment.
    pub fn not_stored(cause: &StoreError) -> Self {
        let (status, advice) = match cause {
            StoreError::Full(_) => (StatusCode::INSUFFICIENT_STORAGE, ". Free some space, or delete sandboxes"),
            StoreError::Other(_) => (StatusCode::INSUFFICIENT_STORAGE, ""),
            StoreError::Conflict(_) => (StatusCode::CONFLICT, ". Read it again"),
            StoreError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, ". Try again in a moment"),
        };
        Self::new(status, format!("Not stored: {cause}{advice}"))
    }

    /// 501: part of the API, not of this engine.
    pub fn not_implemented(what: &str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, format!("{what} is not implemented by the local engine"))
    }

    /// 501 for what this machine does not let the engine do.
    pub fn not_possible(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing(what) => Self::not_implemented(&what),
            Refusal::Impossible(message) => Self::not_possible(message),
            Refusal::Unprepared(message) => Self::bad_request(message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// More than the framework ever says when it refuses a request.
const MAX_REFUSAL_BYTES: usize = 4096;

fn is_plain_refusal(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    response.status().is_client_error() && kind.is_some_and(|kind| kind.starts_with("text/plain"))
}

/// Seconds after which a client may try what was not possible for the moment.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The machine-readable name of a status.
fn code(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("ERROR");
    reason.to_ascii_uppercase().replace([' ', '-'], "_")
}

/// Middleware: gives every [`ApiError`] its body, and the framework's own refusals under `/api` too.
pub async fn render(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        None if path.starts_with("/api/") && is_plain_refusal(&response) => {
            let status = response.status();
            let text = axum::body::to_bytes(std::mem::take(response.body_mut()), MAX_REFUSAL_BYTES).await;
            ApiError::new(status, String::from_utf8_lossy(&text.unwrap_or_default()))
        }
        None => return response,
    };
    let body = json!({
        "path": path,
        "timestamp": clock::iso(clock::now()),
        "statusCode": error.status.as_u16(),
        "error": error.status.canonical_reason().unwrap_or("Error"),
        "message": error.message,
        "code": code(error.status),
        "source": "DAYTONA_API",
    });
    *response.body_mut() = Body::from(body.to_string());
    let headers = response.headers_mut();
    if error.status == StatusCode::SERVICE_UNAVAILABLE {
        headers.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
    }
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// A failure of the proxy in front of a sandbox (wire 1.3), with source `DAYTONA_PROXY`.
pub fn proxy_error(status: StatusCode, message: &str, method: &http::Method, path: &str) -> Response {
    let body = json!({
        "statusCode": status.as_u16(),
        "message": message,
        "code": code(status),
        "source": "DAYTONA_PROXY",
        "timestamp": clock::iso(clock::now()),
        "path": path,
        "method": method.as_str(),
    });
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn errors_are_told_without_numbers() {
        let missing = std::io::Error::from_raw_os_error(2);
        let error = anyhow::Error::new(missing).context("opening (os error x) a file");
        assert_eq!(in_words(&error), "opening (os error x) a file: No such file or directory");
    }
}
