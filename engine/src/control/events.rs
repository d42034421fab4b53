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
use crate::engine::Activity;
use crate::gateway::credentials::parameter;
use crate::sandboxes::cause::Cause;
use crate::sandboxes::sandbox::{DesiredState, State};
use crate::snapshots::record::SnapshotState;
use crate::volumes::record::VolumeState;
use crate::webhooks::Webhooks;

/// How often is looked whose key has ended, while nothing happens.
const LOOK: Duration = Duration::from_secs(30);

/// Sends events to whoever listens.
pub struct Events {
    queue: UnboundedSender<(&'static str, Value)>,
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
        let subscription = Subscription { token, headers };
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
    (layer, Events { queue })
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
}

impl Subscription {
    /// The organization whose events it is for, as long as the key or token is good.
    fn organization(&self, accounts: &Accounts) -> Option<String> {
        // A key has its organization, whatever the query says.
        let caller = accounts.authenticate(&self.token, &self.headers);
        let caller = caller.or_else(|_| accounts.authenticate(&self.token, &HeaderMap::new()));
        caller.ok().map(|caller| caller.organization_id)
    }
}

/// Ends the connections to an organization's events, or to any, whose key or token is not good for them any more.
fn end_others(io: &SocketIo, accounts: &Accounts, subscriptions: &Subscriptions, organization_id: Option<&str>) {
    let sockets = match organization_id {
        Some(id) => io.to(id.to_owned()).sockets(),
        None => io.sockets(),
    };
    for socket in sockets {
        let shown = lock(subscriptions).get(&socket.id).cloned();
        let good_for = shown.and_then(|shown| shown.organization(accounts));
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
