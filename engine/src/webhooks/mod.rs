//! Webhooks: what happens in an organization, told to the addresses it named.
//!
//! Messages are signed by the Standard Webhooks scheme. A delivery that fails is tried again, each time later; deliveries under way
//! are on the disk and go on when the engine is started again. Nothing is delivered to this machine or its networks unless whoever
//! started the engine allows it: an address is looked up, checked, and then connected to, and redirects are not followed.

mod payload;
mod signature;

use std::collections::{HashMap, HashSet};
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

/// Deliveries of one organization that may wait for their endpoints; beyond, the oldest go.
const WAITING: usize = 1000;

/// Deliveries sent at once.
const AT_ONCE: usize = 16;

/// Deliveries of one organization sent at once.
const AT_ONCE_OF_ONE: usize = 8;

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

/// Ids and organizations of deliveries under way, by the tasks that try them.
type UnderWay = HashMap<tokio::task::Id, (String, String)>;

/// All of them.
pub struct Webhooks {
    pub endpoints: Table<Endpoint>,
    pub deliveries: Table<Delivery>,
    client: Client,
    due: Notify,
    /// [`WAITING`].
    most_waiting: usize,
}

impl Webhooks {
    /// Reads what is kept. Deliveries reach public addresses, and those of `allowed`.
    pub fn open(store: &Arc<AccountStore>, allowed: Vec<Cidr>) -> Result<Self> {
        Ok(Self {
            endpoints: Table::load(store, "webhook-endpoint")?,
            deliveries: Table::load(store, "webhook-delivery")?,
            client: Client::new(Some(allowed)),
            due: Notify::new(),
            most_waiting: WAITING,
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

    /// Removes the oldest deliveries of an organization that are too many. Of those that wait for an endpoint only so many are
    /// kept, too: one that never answers must not fill the disk.
    fn forget_old(&self, organization_id: &str) -> ApiResult<()> {
        // Ordered by id, which begins with the time.
        let too_many: Vec<String> = self.deliveries.look(|all| {
            let ours = all.filter(|(_, delivery)| delivery.organization_id == organization_id);
            let (waiting, over): (Vec<_>, Vec<_>) = ours.partition(|(_, delivery)| delivery.state == "pending");
            let of = |deliveries: Vec<(&String, &Delivery)>, most: usize| {
                let count = deliveries.len().saturating_sub(most);
                deliveries.into_iter().take(count).map(|(id, _)| id.clone()).collect::<Vec<_>>()
            };
            let given_up = of(waiting, self.most_waiting);
            if !given_up.is_empty() {
                tracing::warn!(organization_id, count = given_up.len(), "webhooks that waited longest are given up");
            }
            [of(over, KEPT), given_up].concat()
        });
        too_many.iter().try_for_each(|id| self.deliveries.remove(id).map(drop))
    }

    /// Removes everything of an organization.
    pub fn forget(&self, organization_id: &str) -> ApiResult<()> {
        self.endpoints.remove_all(|endpoint| endpoint.organization_id == organization_id)?;
        self.deliveries.remove_all(|delivery| delivery.organization_id == organization_id)
    }

    /// Deliveries to try now, the one that is due longest first, so that no organization has more than its share under way; and
    /// how long it is until another is due. Those under way are given with their organizations.
    fn due(&self, under_way: &UnderWay) -> (Vec<Delivery>, Duration) {
        let tried: HashSet<&str> = under_way.values().map(|(id, _)| id.as_str()).collect();
        let now = clock::millis(clock::now());
        let (due, next) = self.deliveries.look(|all| {
            let (mut due, mut next) = (Vec::new(), i64::MAX);
            for (id, delivery) in all.filter(|(_, delivery)| delivery.state == "pending") {
                if delivery.next_at > now {
                    next = next.min(delivery.next_at - now);
                } else if !tried.contains(id.as_str()) {
                    due.push((delivery.next_at, id.clone(), delivery.organization_id.clone()));
                }
            }
            due.sort_unstable();
            (due, next)
        });
        let mut shares: HashMap<&str, usize> = HashMap::new();
        for (_, organization) in under_way.values() {
            *shares.entry(organization).or_default() += 1;
        }
        let mut room = AT_ONCE.saturating_sub(under_way.len());
        let mut begun = Vec::new();
        for (_, id, organization) in &due {
            let share = shares.entry(organization).or_default();
            if room == 0 || *share >= AT_ONCE_OF_ONE {
                continue;
            }
            *share += 1;
            room -= 1;
            begun.extend(self.deliveries.get(id));
        }
        (begun, u64::try_from(next).map_or(REST, Duration::from_millis).min(REST))
    }

    /// Delivers what is due, until dropped.
    pub async fn deliver(self: Arc<Self>) {
        let mut sending = tokio::task::JoinSet::new();
        let mut under_way = UnderWay::new();
        loop {
            let (begun, wait) = self.due(&under_way);
            for delivery in begun {
                let webhooks = Arc::clone(&self);
                let named = (delivery.id.clone(), delivery.organization_id.clone());
                let task = sending.spawn(async move { webhooks.attempt(delivery).await });
                under_way.insert(task.id(), named);
            }
            tokio::select! {
                // What has been tried has another time afterwards.
                Some(tried) = sending.join_next_with_id(), if !sending.is_empty() => {
                    under_way.remove(&tried.map_or_else(|error| error.id(), |(task, ())| task));
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SqliteDocuments;

    fn endpoint(organization_id: &str) -> Endpoint {
        Endpoint {
            id: format!("ep_{organization_id}"),
            organization_id: organization_id.to_owned(),
            url: "https://example.com".to_owned(),
            description: String::new(),
            events: Vec::new(),
            secret: new_secret(),
            disabled: false,
            created_at: String::new(),
            updated_at: String::new(),
        }
    }

    #[test]
    fn an_endpoint_that_never_answers_takes_neither_the_disk_nor_everybodys_turns() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(AccountStore::new(Arc::new(SqliteDocuments::open(directory.path()).unwrap())));
        let webhooks = Webhooks { most_waiting: AT_ONCE + 2, ..Webhooks::open(&store, Vec::new()).unwrap() };
        let send = |organization: &str, id: &str| {
            webhooks.send(&[endpoint(organization)], "sandbox.created", &json!({}), Some(id.to_owned())).unwrap();
        };
        send("loud", "first");
        std::thread::sleep(Duration::from_millis(5));
        (0..AT_ONCE + 2).for_each(|_| send("loud", "more"));
        send("quiet", "only");
        let of = |id: &str| webhooks.deliveries.select(|known| known.message_id == id).len();
        assert_eq!((of("first"), of("more"), of("only")), (0, AT_ONCE + 2, 1), "the oldest goes");

        let (due, _) = webhooks.due(&UnderWay::new());
        let loud = due.iter().filter(|delivery| delivery.organization_id == "loud").count();
        assert_eq!((loud, due.len()), (AT_ONCE_OF_ONE, AT_ONCE_OF_ONE + 1));
        webhooks.forget("loud").unwrap();
        assert_eq!((of("more"), of("only")), (0, 1));
    }
}
