//! S3's errors: a code that programs read, and a sentence for people.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::conditions::Unmet;
use super::documents::Element;
use super::index::QuotaExceeded;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

/// The result of an operation.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// 400 with one of S3's codes.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 403 with one of S3's codes.
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 403: not with these credentials.
    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::forbidden("AccessDenied", message)
    }

    /// 404 with one of S3's codes.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 404: no upload of this id and object.
    pub fn no_such_upload() -> Self {
        Self::not_found("NoSuchUpload", "There is no such upload of this object; it may have been completed or aborted")
    }

    /// 409: the bucket is there already.
    pub fn bucket_exists() -> Self {
        Self::new(StatusCode::CONFLICT, "BucketAlreadyOwnedByYou", "The bucket exists already")
    }

    /// 416.
    pub fn invalid_range(size: u64) -> Self {
        let text = format!("The range is not within the object, which has {size} bytes");
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", text)
    }

    /// 501.
    pub fn not_implemented(what: &str) -> Self {
        let text = format!("{what} is not implemented by the local engine's object storage");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", text)
    }

    /// 507: the machine's disk has no room.
    pub fn no_room() -> Self {
        let text = "The disk of the local engine is full: free some space, or delete sandboxes";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorage", text)
    }

    /// 403: the organization has as much as it may have.
    pub fn quota_exceeded(most: &str) -> Self {
        let text = format!(
            "Object storage quota exceeded. Maximum allowed: {most}: delete objects that are of no use any more"
        );
        Self::forbidden("QuotaExceeded", text)
    }

    /// 500; the cause goes to the log only.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request to the object storage failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "An unexpected error occurred")
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast_ref() {
            Some(QuotaExceeded::Bytes(most)) => return Self::quota_exceeded(&format!("{most} bytes")),
            Some(QuotaExceeded::Objects(most)) => return Self::quota_exceeded(&format!("{most} objects")),
            None => {}
        }
        if let Some(unmet) = error.downcast_ref::<Unmet>() {
            return (*unmet).into();
        }
        let full = error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
        match full {
            Some(rusqlite::ErrorCode::DiskFull) => Self::no_room(),
            _ => Self::internal(&crate::in_words(&error)),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::no_room(),
            _ => Self::internal(&error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut document = Element::error();
        document.text("Code", self.code).text("Message", &self.message);
        (self.status, [(header::CONTENT_TYPE, "application/xml")], document.finish()).into_response()
    }
}
