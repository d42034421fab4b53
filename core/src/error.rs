//! The one error type of the client.
//!
//! An [`Error`] is data: a [`ErrorKind`], a message and what is known about the request that failed. Every language
//! builds its exception classes from the kind table below, so a kind added here appears everywhere; a client that meets
//! a kind it does not know falls back to the base class. Credentials never enter an error: messages are built from
//! operation names, paths and what the server said, never from request headers.

mod response;
pub mod wording;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use response::{request_id, titled};

use crate::model::RateLimit;
use crate::words;

/// What went wrong, in the terms a caller decides by.
///
/// The class names of every language derive from these names (`DaytonaNotFoundError`, `Daytona::NotFoundError`,
/// `errors.ErrNotFound`), and [`ErrorKind::parent`] is their class hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorKind {
    /// An error that has no more specific kind.
    Unknown,
    /// The server refused the request as malformed (HTTP 400).
    Validation,
    /// An argument was refused before any request was made.
    InvalidArgument,
    /// The request was well-formed but could not be carried out (HTTP 422).
    UnprocessableEntity,
    /// The credentials are missing or not accepted (HTTP 401).
    Authentication,
    /// The credentials do not allow the operation (HTTP 403).
    Authorization,
    /// The resource does not exist (HTTP 404).
    NotFound,
    /// The resource exists already or its state does not allow the operation (HTTP 409).
    Conflict,
    /// The resource existed and has ended (HTTP 410).
    Gone,
    /// Too many requests; `retry_after` says how long to wait (HTTP 429).
    RateLimit,
    /// The server failed (HTTP 5xx).
    Server,
    /// The server failed with an internal error (HTTP 500).
    InternalServer,
    /// The server does not implement the operation (HTTP 501).
    NotImplemented,
    /// The server could not reach the sandbox (HTTP 502).
    BadGateway,
    /// The service is not available at the moment (HTTP 503).
    ServiceUnavailable,
    /// The operation exceeded its deadline, here or on the server (HTTP 408, 504).
    Timeout,
    /// The connection failed or broke.
    Connection,
    /// The connection could not be established in time.
    ConnectionTimeout,
    /// The caller cancelled the operation.
    Cancelled,
    /// The client, stream or handle has been closed, or belongs to the parent of a forked process.
    Closed,
    /// A defect in this library: please report it.
    Internal,
    /// A command ran longer than its timeout and was killed.
    ProcessExecutionTimeout,
    /// The process does not exist.
    ProcessNotFound,
    /// The session has ended.
    SessionEnded,
    /// The command has completed already.
    CommandAlreadyCompleted,
    /// The file does not exist in the sandbox.
    FileNotFound,
    /// The sandbox user may not access the file.
    FileAccessDenied,
    /// The path is empty or names the wrong kind of file.
    InvalidFilePath,
    /// The file exists but could not be read.
    FileReadFailed,
    /// The git server refused the credentials.
    GitAuthFailed,
    /// The git repository does not exist.
    GitRepoNotFound,
    /// The git branch does not exist.
    GitBranchNotFound,
    /// The git branch exists already.
    GitBranchExists,
    /// The git server rejected the push.
    GitPushRejected,
    /// The git worktree has uncommitted changes.
    GitDirtyWorktree,
    /// The changes conflict.
    GitMergeConflict,
    /// The git server could not be reached.
    GitTransportFailed,
    /// The git server refused the operation.
    GitRemoteRejected,
    /// The language server has not been started.
    LspServerNotInitialized,
    /// The desktop's accessibility service is not available.
    A11yUnavailable,
    /// The recording is still running.
    RecordingStillActive,
    /// The sandbox has no ffmpeg to record with.
    RecordingFfmpegNotFound,
    /// The sandbox left the queue without being started.
    QueueTimeout,
    /// The spot sandbox was evicted.
    SpotEvicted,
}

impl ErrorKind {
    /// The more general kind, or `None` for those directly below the base class.
    pub const fn parent(self) -> Option<Self> {
        match self {
            Self::InvalidArgument => Some(Self::Validation),
            Self::UnprocessableEntity => Some(Self::Validation),
            Self::InternalServer => Some(Self::Server),
            Self::NotImplemented => Some(Self::Server),
            Self::BadGateway => Some(Self::Server),
            Self::ServiceUnavailable => Some(Self::Server),
            Self::ConnectionTimeout => Some(Self::Connection),
            Self::ProcessExecutionTimeout => Some(Self::Timeout),
            Self::ProcessNotFound => Some(Self::NotFound),
            Self::SessionEnded => Some(Self::Gone),
            Self::CommandAlreadyCompleted => Some(Self::Gone),
            Self::FileNotFound => Some(Self::NotFound),
            Self::FileAccessDenied => Some(Self::Authorization),
            Self::InvalidFilePath => Some(Self::Validation),
            Self::FileReadFailed => Some(Self::InternalServer),
            Self::GitAuthFailed => Some(Self::Authentication),
            Self::GitRepoNotFound => Some(Self::NotFound),
            Self::GitBranchNotFound => Some(Self::NotFound),
            Self::GitBranchExists => Some(Self::Conflict),
            Self::GitPushRejected => Some(Self::Conflict),
            Self::GitDirtyWorktree => Some(Self::Conflict),
            Self::GitMergeConflict => Some(Self::Conflict),
            Self::GitTransportFailed => Some(Self::BadGateway),
            Self::GitRemoteRejected => Some(Self::UnprocessableEntity),
            Self::LspServerNotInitialized => Some(Self::Validation),
            Self::A11yUnavailable => Some(Self::ServiceUnavailable),
            Self::RecordingStillActive => Some(Self::Conflict),
            Self::RecordingFfmpegNotFound => Some(Self::ServiceUnavailable),
            Self::QueueTimeout => Some(Self::Timeout),
            _ => None,
        }
    }

    /// Whether this kind is `other` or below it.
    pub fn is(self, other: Self) -> bool {
        let mut kind = Some(self);
        while let Some(k) = kind {
            if k == other {
                return true;
            }
            kind = k.parent();
        }
        false
    }

    /// The kind an HTTP status stands for.
    pub const fn from_status(status: u16) -> Self {
        match status {
            400 => Self::Validation,
            401 => Self::Authentication,
            403 => Self::Authorization,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            409 => Self::Conflict,
            410 => Self::Gone,
            422 => Self::UnprocessableEntity,
            429 => Self::RateLimit,
            500 => Self::InternalServer,
            501 => Self::NotImplemented,
            502 => Self::BadGateway,
            503 => Self::ServiceUnavailable,
            505..=599 => Self::Server,
            _ => Self::Unknown,
        }
    }

    /// The kind a `(source, code)` pair of an error body stands for (wire-additions 4.7, 5.1). A code without the
    /// matching source selects nothing.
    pub fn from_code(source: &str, code: &str) -> Option<Self> {
        if source != "DAYTONA_DAEMON" {
            return None;
        }
        Some(match code {
            "PROCESS_EXECUTION_TIMEOUT" => Self::ProcessExecutionTimeout,
            "PROCESS_NOT_FOUND" => Self::ProcessNotFound,
            "SESSION_ENDED" => Self::SessionEnded,
            "COMMAND_ALREADY_COMPLETED" => Self::CommandAlreadyCompleted,
            "FILE_NOT_FOUND" => Self::FileNotFound,
            "FILE_ACCESS_DENIED" => Self::FileAccessDenied,
            "INVALID_FILE_PATH" => Self::InvalidFilePath,
            "FILE_READ_FAILED" => Self::FileReadFailed,
            "GIT_AUTH_FAILED" => Self::GitAuthFailed,
            "GIT_REPO_NOT_FOUND" => Self::GitRepoNotFound,
            "GIT_BRANCH_NOT_FOUND" => Self::GitBranchNotFound,
            "GIT_BRANCH_EXISTS" => Self::GitBranchExists,
            "GIT_PUSH_REJECTED" => Self::GitPushRejected,
            "GIT_DIRTY_WORKTREE" => Self::GitDirtyWorktree,
            "GIT_MERGE_CONFLICT" => Self::GitMergeConflict,
            "GIT_TRANSPORT_FAILED" => Self::GitTransportFailed,
            "GIT_REMOTE_REJECTED" => Self::GitRemoteRejected,
            "LSP_SERVER_NOT_INITIALIZED" => Self::LspServerNotInitialized,
            "A11Y_UNAVAILABLE" => Self::A11yUnavailable,
            "RECORDING_STILL_ACTIVE" => Self::RecordingStillActive,
            "RECORDING_FFMPEG_NOT_FOUND" => Self::RecordingFfmpegNotFound,
            _ => return None,
        })
    }
}

/// What a failed operation tells its caller.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorInfo {
    /// What went wrong.
    pub kind: ErrorKind,
    /// A sentence for people.
    pub message: String,
    /// HTTP status of the response, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers of the response, names in lower case.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub headers: BTreeMap<String, String>,
    /// The machine-readable code of the error body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Which part of the platform reported it: `DAYTONA_API`, `DAYTONA_PROXY` or `DAYTONA_DAEMON`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The server's id of the request, for support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Method of the request that failed, for example `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// URL of the request that failed, without query and credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The operation that failed, for example `process.exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Id of the sandbox it is about, as far as it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// Whether the same call may succeed when repeated.
    pub retryable: bool,
    /// Seconds to wait before repeating, when the server said so.
    #[serde(default, with = "crate::model::seconds", skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// Limits of requests that the response told, one for each kind of requests that the server counts.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rate_limits: Vec<RateLimit>,
}

/// The error of every operation. Cheap to move; see [`ErrorInfo`] for what it holds.
#[derive(Clone)]
pub struct Error(Box<ErrorInfo>);

/// Shorthand used throughout the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with a sentence for people.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorInfo {
            kind,
            message: message.into(),
            status: None,
            headers: BTreeMap::new(),
            code: None,
            source: None,
            request_id: None,
            method: None,
            url: None,
            operation: None,
            sandbox_id: None,
            retryable: matches!(kind, ErrorKind::RateLimit | ErrorKind::ServiceUnavailable | ErrorKind::BadGateway)
                || kind.is(ErrorKind::Connection),
            retry_after: None,
            rate_limits: Vec::new(),
        }))
    }

    /// A bad argument, named with its value and the way out.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// Names the operation, unless an inner one has been named already.
    pub fn in_operation(mut self, operation: &str) -> Self {
        self.0.operation.get_or_insert_with(|| operation.to_owned());
        self
    }

    /// Names the request that failed. `url` must hold neither query nor credentials.
    pub(crate) fn in_request(mut self, method: &http::Method, url: &str) -> Self {
        self.0.method = Some(method.to_string());
        self.0.url = Some(url.to_owned());
        self
    }

    /// Names the sandbox it is about.
    pub(crate) fn in_sandbox(mut self, id: &str) -> Self {
        self.0.sandbox_id = Some(id.to_owned());
        self
    }

    /// Names the sandbox it is about, in the message too.
    pub(crate) fn about_sandbox(self, id: &str) -> Self {
        if self.0.message.contains(id) { self } else { self.context(format!("Sandbox {id}")) }.in_sandbox(id)
    }

    /// Adds a sentence to the message.
    pub(crate) fn and(mut self, sentence: impl fmt::Display) -> Self {
        let end = if self.0.message.ends_with(['.', '!', '?']) { "" } else { "." };
        self.0.message = format!("{}{end} {sentence}", self.0.message);
        self
    }

    /// Sets a more exact kind.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Sets the HTTP status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Appends a cause to the message, without error numbers and places in JSON.
    pub fn with_source(mut self, source: impl fmt::Display) -> Self {
        let cause = words::plain(&source.to_string());
        if !cause.is_empty() && !self.0.message.contains(&cause) {
            self.0.message = format!("{}: {cause}", self.0.message);
        }
        self
    }

    /// Says it in other words.
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Names what it is about, in parentheses behind the message.
    pub(crate) fn about(mut self, objects: impl fmt::Display) -> Self {
        self.0.message = format!("{} ({objects})", self.0.message.trim_end_matches('.'));
        self
    }

    /// Puts `prefix: ` before the message.
    pub fn context(mut self, prefix: impl fmt::Display) -> Self {
        self.0.message = format!("{prefix}: {}", self.0.message);
        self
    }

    /// Everything that is known.
    pub fn info(&self) -> &ErrorInfo {
        &self.0
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// HTTP status of the response, when there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Whether a deadline ended the operation, here or on the server.
    pub fn is_timeout(&self) -> bool {
        self.0.kind.is(ErrorKind::Timeout) || self.0.kind == ErrorKind::ConnectionTimeout
    }

    /// Whether the resource does not exist.
    pub fn is_not_found(&self) -> bool {
        self.0.kind.is(ErrorKind::NotFound)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = &self.0;
        f.debug_struct("Error")
            .field("kind", &info.kind)
            .field("message", &info.message)
            .field("status", &info.status)
            .field("code", &info.code)
            .field("operation", &info.operation)
            .field("method", &info.method)
            .field("url", &info.url)
            .field("request_id", &info.request_id)
            .finish()
    }
}

impl std::error::Error for Error {}
