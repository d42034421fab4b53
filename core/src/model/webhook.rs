//! Webhooks, as their receivers see them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::Json;

/// Options of `verify_webhook`.
#[skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VerifyWebhookOptions {
    /// Seconds by which the time of the message may differ from the time here, which keeps old messages from being sent again by
    /// others; 0 = any time is taken. Default: 300.
    #[serde(with = "crate::model::seconds")]
    pub tolerance: Option<Duration>,
}

/// A webhook's message whose sender has been verified.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WebhookEvent {
    /// Id of the message: the same each time it is sent again, so that it can be handled once.
    pub id: String,
    /// What happened, for example `sandbox.state.updated`.
    pub event: String,
    /// When the message was sent, in seconds since 1970 (UTC).
    pub sent_at: i64,
    /// Id of the organization it happened in; empty when the message does not say.
    pub organization_id: String,
    /// Id of the sandbox, snapshot or volume it is about; empty when the message does not say.
    pub object_id: String,
    /// The whole message.
    pub payload: Json,
}
