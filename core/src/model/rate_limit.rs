//! How many requests the server allows.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A limit of requests, as the server told it with its last answer.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RateLimit {
    /// Kind of requests that are counted together: `anonymous`, `authenticated`, `sandbox-create` or `sandbox-lifecycle`; servers may
    /// have more. `default` where the server names none.
    pub throttler: String,
    /// Requests allowed in each window of time.
    pub limit: Option<i64>,
    /// Requests left in this window.
    pub remaining: Option<i64>,
    /// Seconds until the next window begins, rounded up.
    pub reset: Option<i64>,
    /// Seconds to wait before the next request when one was refused, rounded up.
    pub retry_after: Option<i64>,
}
