//! Errors: what the bridge says, as the cases of [`DaytonaError`].

use std::collections::HashMap;

use serde::Deserialize;

use crate::DaytonaError;
use crate::generated::RateLimit;

/// What a failed operation tells its caller.
#[derive(Debug, Clone, Deserialize, uniffi::Record)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetails {
    /// What went wrong: the name of the case. A kind newer than this library is in here alone; its case is `Unknown`.
    pub kind: String,
    /// The more general kinds this one belongs to, the nearest first.
    #[serde(skip)]
    pub ancestors: Vec<String>,
    /// A sentence for people.
    pub message: String,
    /// HTTP status of the response, when there was one.
    pub status: Option<u16>,
    /// Headers of the response, names in lower case.
    #[serde(default)]
    pub headers: HashMap<String, String>,
    /// The machine-readable code of the error body.
    pub code: Option<String>,
    /// Which part of the platform reported it.
    pub source: Option<String>,
    /// The server's id of the request, for support.
    pub request_id: Option<String>,
    /// Method of the request that failed.
    pub method: Option<String>,
    /// URL of the request that failed, without query and credentials.
    pub url: Option<String>,
    /// The operation that failed.
    pub operation: Option<String>,
    /// Id of the sandbox it is about, as far as it is known.
    pub sandbox_id: Option<String>,
    /// Whether the same call may succeed when repeated.
    pub retryable: bool,
    /// Seconds to wait before repeating, when the server said so.
    pub retry_after: Option<f64>,
    /// Limits of requests that the response told, one for each kind of requests that the server counts.
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
}

impl DaytonaError {
    /// The error an envelope of the bridge stands for.
    pub(crate) fn from_envelope(json: &[u8]) -> Self {
        match serde_json::from_slice::<ErrorDetails>(json) {
            Ok(mut details) => {
                details.ancestors = ancestors(&details.kind);
                Self::from_details(details)
            }
            Err(error) => Self::new("Internal", format!("The library's error cannot be read: {error}")),
        }
    }

    /// An error of this crate's own.
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self::from_details(ErrorDetails {
            kind: kind.to_owned(),
            ancestors: ancestors(kind),
            message: message.into(),
            status: None,
            headers: HashMap::new(),
            code: None,
            source: None,
            request_id: None,
            method: None,
            url: None,
            operation: None,
            sandbox_id: None,
            retryable: false,
            retry_after: None,
            rate_limits: Vec::new(),
        })
    }
}

impl std::fmt::Display for DaytonaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.details().message)
    }
}

impl std::error::Error for DaytonaError {}

fn ancestors(kind: &str) -> Vec<String> {
    std::iter::successors(crate::generated::parent(kind), |kind| crate::generated::parent(kind))
        .map(str::to_owned)
        .collect()
}
