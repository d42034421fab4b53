//! Webhooks: what happens in an organization, told to the addresses it named.
//!
//! Messages are signed by the Standard Webhooks scheme. A delivery that fails is tried again, each time later; deliveries under way
//! are on the disk and go on when the engine is started again. Nothing is delivered to this machine or its networks unless whoever
//! started the engine allows it: an address is looked up, checked, and then connected to, and redirects are not followed.

mod payload;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::accounts::store::{AccountStore, Table};
use crate::clock;
use crate::errors::ApiResult;
use crate::network::Cidr;
use crate::outgoing::Client;
use crate::secret;

pub use signature::new_secret;

/// The documented events.
pub const EVENTS: [&str; 7] = [
    "sandbox.created",
    "sandbox.state.updated",
    "snapshot.created",
    "snapshot.state.updated",
    "snapshot.removed",
    "volume.created",
    "volume.state.updated",
];

/// Seconds between the attempts of a delivery, after the first; when they are used up it has failed.
const PAUSES: [i64; 7] = [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000];

/// Deliveries kept of one organization; the oldest that are over go first.
const KEPT: usize = 500;

/// Deliveries sent at once.
const AT_ONCE: usize = 16;

/// How long to wait when nothing is due.
const REST: Duration = Duration::from_secs(60);

/// An address that is told of events.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    pub id: String,
    pub organization_id: String,
    pub url: String,
    pub description: String,
    /// The events it is told of; none = all.
    pub events: Vec<String>,
    /// Signs what it is told: `whsec_` and base64.
    pub secret: String,
    pub disabled: bool,
    pub created_at: String,
    pub updated_at: String,
}

impl Endpoint {
    /// As it is shown, without the secret.
    pub fn document(&self) -> Value {
        json!({
            "id": self.id,
            "url": self.url,
            "description": self.description,
            "events": self.events,
            "disabled": self.disabled,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        })
    }

    fn wants(&self, event: &str) -> bool {
        !self.disabled && (self.events.is_empty() || self.events.iter().any(|wanted| wanted == event))
    }
}

/// An attempt to deliver a message.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    pub at: String,
    /// Status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was none, or why it was not taken.
    pub error: Option<String>,
    pub duration_ms: i64,
}

/// A message on its way to an endpoint.
#[derive(Clone, Serialize, Deserialize)]
pub struct Delivery {
    pub id: String,
    /// The same for all endpoints that are told.
    pub message_id: String,
    pub endpoint_id: String,
    pub organization_id: String,
    pub event: String,
    /// The body, as it is signed.
    pub body: String,
    pub created_at: i64,
    /// `pending`, `delivered` or `failed`.
    pub state: String,
    /// When it is tried next, if it is pending.
    pub next_at: i64,
    pub attempts: Vec<Attempt>,
}

impl Delivery {
    /// As the log shows it.
    pub fn document(&self) -> Value {
        let attempt = |attempt: &Attempt| {
            json!({
                "at": attempt.at,
                "statusCode": attempt.status,
                "error": attempt.error,
                "durationMs": attempt.duration_ms,
            })
        };
        json!({
            "id": self.id,
            "messageId": self.message_id,
            "endpointId": self.endpoint_id,
            "event": self.event,
            "payload": serde_json::from_str::<Value>(&self.body).unwrap_or_default(),
            "state": self.state,
            "createdAt": clock::iso(clock::from_millis(self.created_at)),
            "nextAttemptAt": (self.state == "pending").then(|| clock::iso(clock::from_millis(self.next_at))),
            "attempts": self.attempts.iter().map(attempt).collect::<Vec<_>>(),
        })
    }
}

/// All of them.
pub struct Webhooks {
    pub endpoints: Table<Endpoint>,
    pub deliveries: Table<Delivery>,
    client: Client,
    due: Notify,
}

impl Webhooks {
    /// Reads what is kept. Deliveries reach public addresses, and those of `allowed`.
    pub fn open(store: &Arc<AccountStore>, allowed: Vec<Cidr>) -> Result<Self> {
        Ok(Self {
            endpoints: Table::load(store, "webhook-endpoint")?,
            deliveries: Table::load(store, "webhook-delivery")?,
            client: Client::new(Some(allowed))?,
            due: Notify::new(),
        })
    }

    /// Tells the endpoints of an organization of an event, if it is one that is told.
    pub fn tell(&self, event: &str, payload: &Value) {
        let Some((organization_id, body)) = payload::of_event(event, payload) else { return };
        let wanted = |endpoint: &Endpoint| endpoint.organization_id == organization_id && endpoint.wants(event);
        let endpoints = self.endpoints.select(wanted);
        if let Err(error) = self.send(&endpoints, event, &body, None) {
            tracing::error!(%error, event, "a webhook could not be kept for delivery");
        }
    }

    /// Sends a message to endpoints; returns its id.
    pub fn send(&self, endpoints: &[Endpoint], event: &str, body: &Value, id: Option<String>) -> ApiResult<String> {
        let message_id = id.unwrap_or_else(|| format!("msg_{}", secret::token(27)));
        let now = clock::millis(clock::now());
        for endpoint in endpoints {
            let delivery = Delivery {
                id: format!("dlv_{now:013}_{}", secret::token(12)),
                message_id: message_id.clone(),
                endpoint_id: endpoint.id.clone(),
                organization_id: endpoint.organization_id.clone(),
                event: event.to_owned(),
                body: body.to_string(),
                created_at: now,
                state: "pending".to_owned(),
                next_at: now,
                attempts: Vec::new(),
            };
            self.deliveries.put(&delivery.id, delivery.clone())?;
            self.forget_old(&endpoint.organization_id)?;
        }
        if !endpoints.is_empty() {
            self.due.notify_one();
        }
        Ok(message_id)
    }

    fn forget_old(&self, organization_id: &str) -> ApiResult<()> {
        // Ordered by id, which begins with the time.
        let over = self.deliveries.select(|known| known.organization_id == organization_id && known.state != "pending");
        let too_many = over.len().saturating_sub(KEPT);
        over.iter().take(too_many).try_for_each(|delivery| self.deliveries.remove(&delivery.id).map(drop))
    }

    /// Delivers what is due, until dropped.
    pub async fn deliver(self: Arc<Self>) {
        let mut sending = tokio::task::JoinSet::new();
        loop {
            let now = clock::millis(clock::now());
            let pending = self.deliveries.select(|delivery| delivery.state == "pending");
            let (due, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(|delivery| delivery.next_at <= now);
            for delivery in due.into_iter().take(AT_ONCE) {
                let webhooks = Arc::clone(&self);
                sending.spawn(async move { webhooks.attempt(delivery).await });
            }
            if !sending.is_empty() {
                // What has been tried has another time afterwards.
                while sending.join_next().await.is_some() {}
                continue;
            }
            let next =
                later.iter().map(|delivery| delivery.next_at - now).min().and_then(|wait| u64::try_from(wait).ok());
            let wait = next.map_or(REST, Duration::from_millis).min(REST);
            tokio::select! {
                () = self.due.notified() => {}
                () = clock::sleep(wait) => {}
            }
        }
    }

    async fn attempt(&self, delivery: Delivery) {
        let Some(endpoint) = self.endpoints.get(&delivery.endpoint_id) else {
            let _ = self.deliveries.remove(&delivery.id);
            return;
        };
        let begun = std::time::Instant::now();
        let at = clock::now();
        let signed = signature::headers(&endpoint.secret, &delivery.message_id, at.unix_timestamp(), &delivery.body);
        let outcome = self.client.post(&endpoint.url, signed, delivery.body.clone()).await;
        let (status, error) = match outcome {
            Ok(status) if (200..300).contains(&status) => (Some(status), None),
            Ok(status) => (Some(status), Some(format!("The endpoint answered {status}"))),
            Err(error) => (None, Some(crate::errors::in_words(&error))),
        };
        let attempt = Attempt {
            at: clock::iso(at),
            status,
            error,
            duration_ms: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        };
        let stored = self.deliveries.update(&delivery.id, |delivery| {
            let delivered = attempt.error.is_none();
            let pause = PAUSES.get(delivery.attempts.len());
            delivery.attempts.push(attempt);
            match pause {
                _ if delivered => delivery.state = "delivered".to_owned(),
                Some(seconds) => delivery.next_at = clock::millis(clock::now()) + seconds * 1000,
                None => delivery.state = "failed".to_owned(),
            }
        });
        if let Err(error) = stored {
            tracing::error!(%error, "the outcome of a webhook could not be stored");
            // Not at once again: the disk may be full.
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
}
