//! The Socket.IO gateway at `/api/socket.io/` (additions section 3).
//!
//! Clients authenticate in the CONNECT packet and then only listen; every event goes to every
//! client. Events carry the full sandbox document with the new state, in the order they happened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::ConnectHandler;
use socketioxide::layer::SocketIoLayer;
use socketioxide::socket::Sid;
use socketioxide::{SocketIo, TransportType};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::accounts::{Accounts, ORGANIZATION};
use crate::clock;
use crate::engine::Activity;
use crate::gateway::credentials::parameter;
use crate::sandboxes::cause::Cause;
use crate::sandboxes::sandbox::{DesiredState, State};
use crate::snapshots::record::SnapshotState;
use crate::testing::recording::Recorder;
use crate::volumes::record::VolumeState;
use crate::webhooks::Webhooks;

/// How often is looked whose key has ended, while nothing happens.
const LOOK: Duration = Duration::from_secs(30);

/// Sends events to whoever listens.
pub struct Events {
    queue: UnboundedSender<(&'static str, Value)>,
    recorder: Arc<Recorder>,
}

#[derive(Debug, Deserialize)]
struct Credentials {
    token: String,
}

#[derive(Debug, thiserror::Error)]
#[error("Invalid credentials")]
struct Refused;

/// The gateway for those who have an account, and the sender of its events.
pub fn gateway(
    accounts: &Arc<Accounts>,
    webhooks: &Arc<Webhooks>,
    activity: &Arc<Activity>,
    recorder: &Arc<Recorder>,
) -> (SocketIoLayer, Events) {
    let (layer, io) = SocketIo::builder()
        .req_path("/api/socket.io")
        .transports([TransportType::Websocket])
        .ping_interval(Duration::from_secs(25))
        .ping_timeout(Duration::from_secs(20))
        .build_layer();
    let subscriptions = Subscriptions::default();
    let (known, kept, ended) = (Arc::clone(accounts), Arc::clone(&subscriptions), Arc::clone(&subscriptions));
    let accounts = Arc::clone(accounts);
    let authenticate = async move |socket: SocketRef, TryData(credentials): TryData<Credentials>| {
        let token = credentials.map_err(|_| Refused)?.token;
        // Clients with a token name the organization in the query.
        let query = socket.req_parts().uri.query().unwrap_or_default();
        let mut headers = HeaderMap::new();
        if let Some(id) = parameter(query, "organizationId").and_then(|id| id.parse().ok()) {
            headers.insert(ORGANIZATION, id);
        }
        let mut subscription = Subscription { token, headers, good: None };
        let organization_id = subscription.organization(&accounts).ok_or(Refused)?;
        socket.join(organization_id);
        lock(&kept).insert(socket.id, subscription);
        Ok::<_, Refused>(())
    };
    let activity = Arc::clone(activity);
    let connected = async move |socket: SocketRef| {
        let (client, ended, id) = (activity.client(), Arc::clone(&ended), socket.id);
        // The handler goes with the socket, and the client with the handler.
        socket.on_disconnect(async move || {
            lock(&ended).remove(&id);
            drop(client);
        });
    };
    io.ns("/", connected.with(authenticate));
    let (queue, events) = unbounded_channel();
    tokio::spawn(deliver(io, known, subscriptions, Arc::clone(webhooks), events));
    (layer, Events { queue, recorder: Arc::clone(recorder) })
}

/// What clients have shown, by the ids of their sockets.
type Subscriptions = Arc<Mutex<HashMap<Sid, Subscription>>>;

fn lock(subscriptions: &Subscriptions) -> MutexGuard<'_, HashMap<Sid, Subscription>> {
    subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a client has shown to be told of events.
#[derive(Clone)]
struct Subscription {
    token: String,
    /// Those that name an organization.
    headers: HeaderMap,
    /// What was found out about it: there are many events, and tokens cost something to verify.
    good: Option<Good>,
}

/// A key or token that was found to be good.
#[derive(Clone)]
struct Good {
    organization_id: String,
    /// How often accounts had changed before.
    changes: u64,
    /// When it is to be looked at again, in milliseconds since 1970.
    until: i64,
}

impl Subscription {
    /// The organization whose events it is for, as long as the key or token is good.
    fn organization(&mut self, accounts: &Accounts) -> Option<String> {
        let (now, changes) = (clock::millis(clock::now()), accounts.changes());
        if let Some(good) = self.good.as_ref().filter(|good| good.changes == changes && now < good.until) {
            return Some(good.organization_id.clone());
        }
        // A key has its organization, whatever the query says.
        let caller = accounts.authenticate(&self.token, &self.headers);
        let caller = caller.or_else(|_| accounts.authenticate(&self.token, &HeaderMap::new())).ok();
        self.good = caller.map(|caller| {
            // The issuer of tokens may replace its keys, which changes no account.
            let look = now.saturating_add(i64::try_from(LOOK.as_millis()).unwrap_or(0));
            Good {
                organization_id: caller.organization_id,
                changes,
                until: caller.good_until.map_or(look, |end| end.min(look)),
            }
        });
        self.good.as_ref().map(|good| good.organization_id.clone())
    }
}

/// Ends the connections to an organization's events, or to any, whose key or token is not good for them any more.
fn end_others(io: &SocketIo, accounts: &Accounts, subscriptions: &Subscriptions, organization_id: Option<&str>) {
    let sockets = match organization_id {
        Some(id) => io.to(id.to_owned()).sockets(),
        None => io.sockets(),
    };
    for socket in sockets {
        // Not while others wait for the lock: an account may be written.
        let shown = lock(subscriptions).get(&socket.id).cloned();
        let good_for = shown.and_then(|mut shown| {
            let organization_id = shown.organization(accounts);
            if let Some(kept) = lock(subscriptions).get_mut(&socket.id) {
                kept.good = shown.good;
            }
            organization_id
        });
        if good_for.is_none_or(|id| !socket.rooms().iter().any(|room| **room == *id)) {
            // Whoever is gone already needs no end.
            let _ = socket.disconnect();
        }
    }
}

/// One task sends all events, so none overtakes another.
async fn deliver(
    io: SocketIo,
    accounts: Arc<Accounts>,
    subscriptions: Subscriptions,
    webhooks: Arc<Webhooks>,
    mut events: UnboundedReceiver<(&'static str, Value)>,
) {
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = tokio::time::sleep(LOOK) => {
                end_others(&io, &accounts, &subscriptions, None);
                continue;
            }
        };
        let Some((name, payload)) = event else { return };
        webhooks.tell(name, &payload);
        let owner = organization(&payload).unwrap_or_default().to_owned();
        // Nobody is told who may not know any more.
        end_others(&io, &accounts, &subscriptions, Some(&owner));
        if let Err(error) = io.to(owner).emit(name, &payload).await {
            // A client with a full buffer misses the event; it polls as a safety net.
            tracing::debug!(%error, name, "an event did not reach every client");
        }
    }
}

/// The organization whose members an event is for.
fn organization(payload: &Value) -> Option<&str> {
    let of = |value: &'_ Value| value["organizationId"].as_str().map(str::len).is_some();
    let parts = ["sandbox", "snapshot", "volume"].into_iter().map(|name| &payload[name]);
    std::iter::once(payload).chain(parts).find(|part| of(part))?["organizationId"].as_str()
}

impl Events {
    fn send(&self, name: &'static str, payload: Value) {
        self.recorder.keep("event", || json!({"name": name, "payload": payload}));
        // The receiver lives as long as the engine.
        let _ = self.queue.send((name, payload));
    }

    /// The same, with who and what caused it.
    fn send_with(&self, cause: &Cause, name: &'static str, mut payload: Value) {
        if let Some(fields) = payload.as_object_mut() {
            cause.tell(fields);
        }
        self.send(name, payload);
    }

    /// `sandbox.created`.
    pub fn created(&self, document: Value, cause: &Cause) {
        self.send_with(cause, "sandbox.created", document);
    }

    /// `sandbox.state.updated`.
    pub fn state_updated(&self, document: Value, old: State, new: State, cause: &Cause) {
        let payload = json!({"sandbox": document, "oldState": old.name(), "newState": new.name()});
        self.send_with(cause, "sandbox.state.updated", payload);
    }

    /// `sandbox.desired-state.updated`.
    pub fn desired_state_updated(&self, document: Value, old: DesiredState, new: DesiredState, cause: &Cause) {
        let payload = json!({"sandbox": document, "oldDesiredState": old.name(), "newDesiredState": new.name()});
        self.send_with(cause, "sandbox.desired-state.updated", payload);
    }

    /// `snapshot.created`.
    pub fn snapshot_created(&self, document: Value) {
        self.send("snapshot.created", document);
    }

    /// `snapshot.state.updated`.
    pub fn snapshot_state_updated(&self, document: Value, old: SnapshotState, new: SnapshotState) {
        let payload = json!({"snapshot": document, "oldState": old.name(), "newState": new.name()});
        self.send("snapshot.state.updated", payload);
    }

    /// `volume.created`.
    pub fn volume_created(&self, document: Value) {
        self.send("volume.created", document);
    }

    /// `volume.state.updated`.
    pub fn volume_state_updated(&self, document: Value, old: VolumeState, new: VolumeState) {
        let payload = json!({"volume": document, "oldState": old.name(), "newState": new.name()});
        self.send("volume.state.updated", payload);
    }

    /// `volume.lastUsedAt.updated`.
    pub fn volume_used(&self, document: Value) {
        self.send("volume.lastUsedAt.updated", document);
    }

    /// `snapshot.removed`.
    pub fn snapshot_removed(&self, document: Value) {
        self.send("snapshot.removed", document);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::store::AccountStore;
    use crate::store::SqliteDocuments;

    #[test]
    fn a_key_is_looked_at_again_only_when_accounts_have_changed_or_it_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(AccountStore::new(Arc::new(SqliteDocuments::open(directory.path()).unwrap())));
        let accounts = Accounts::open(&store, "o", "engine", None).unwrap();
        let organization = |accounts: &Accounts, shown: &mut Subscription| shown.organization(accounts);
        let operator = accounts.authenticate("engine", &HeaderMap::new()).unwrap();
        let made = |until| accounts.create_key(&operator, "a key".to_owned(), Vec::new(), until).unwrap();
        let subscription = |token| Subscription { token, headers: HeaderMap::new(), good: None };
        let (token, key) = made(None);
        let (mut shown, id) = (subscription(token), key.id);
        assert_eq!(organization(&accounts, &mut shown).as_deref(), Some("o"));
        let used = || accounts.keys.get(&id).unwrap().last_used_at;
        let forget_use = || accounts.keys.note(&id, |key| key.last_used_at = None);
        forget_use();
        assert_eq!(organization(&accounts, &mut shown).as_deref(), Some("o"));
        assert_eq!(used(), None, "whose key it is was known");
        accounts.users.update("local", |_| ()).unwrap();
        assert_eq!(organization(&accounts, &mut shown).as_deref(), Some("o"));
        assert!(used().is_some(), "something has changed");
        accounts.keys.remove(&id).unwrap();
        assert_eq!(organization(&accounts, &mut shown), None);

        let end = clock::now() + Duration::from_secs(1);
        let mut shown = subscription(made(Some(clock::iso(end))).0);
        assert_eq!(organization(&accounts, &mut shown).as_deref(), Some("o"));
        while clock::now() <= end {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(organization(&accounts, &mut shown), None, "it is over");
    }
}
