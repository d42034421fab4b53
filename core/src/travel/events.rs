//! State changes of sandboxes, pushed by the server (wire-additions.md 3).
//!
//! The gateway speaks Socket.IO 5 over Engine.IO 4, WebSocket only. It pushes the events of the whole organization; this
//! client picks out the sandboxes somebody waits for. The contract:
//!
//! * Events are an accelerator, never a condition. [`EventHub::subscribe`] returns at once and nothing here fails or
//!   delays a caller: while [`EventSubscription::is_connected`] is false, the caller polls.
//! * Only what happens while connected is pushed. A subscriber told [`Change::Connected`] refreshes once itself.
//! * One connection per hub, opened by the first subscription and closed 30 s after the last one is dropped. A lost or
//!   refused connection is tried again after 1 to 30 s, with jitter, only while there are subscriptions, and no earlier
//!   for new ones: a server without the gateway is not asked once per call.
//! * Dropping the hub ends the connection and its task. Nothing is queued: a subscriber sees the latest state.

pub(crate) mod feed;
pub(crate) mod packet;
mod session;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;

use crate::model::SandboxInfo;
use crate::travel::backoff::Backoff;
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;

/// The gateway of one server.
#[derive(Clone)]
pub struct Gateway {
    /// Base URL of the API, for example `https://app.daytona.io/api`.
    pub api_url: Url,
    /// API key or JWT, sent in the CONNECT packet only.
    pub token: String,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("api_url", &self.api_url.as_str()).finish_non_exhaustive()
    }
}

/// Finds the gateway before each connection; `None` while there is none.
pub type FindGateway = Arc<dyn Fn() -> Option<Gateway> + Send + Sync>;

/// How the gateway is reached and as whom.
#[derive(Clone)]
pub struct EventHubConfig {
    /// Where the gateway is now. A local engine that was started again is elsewhere and has another key.
    pub gateway: FindGateway,
    /// Value of `X-Daytona-Source`.
    pub source: String,
    /// Value of `X-Daytona-SDK-Version`.
    pub sdk_version: String,
    /// Organization, whenever known.
    pub organization_id: Option<String>,
    /// The client's TLS configuration.
    pub tls: Tls,
    /// The client's proxy rules.
    pub proxies: Proxies,
    /// Deadlines and pauses.
    pub timing: EventTiming,
}

impl fmt::Debug for EventHubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventHubConfig")
            .field("source", &self.source)
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

/// Deadlines and pauses of the connection.
#[derive(Clone, Copy, Debug)]
pub struct EventTiming {
    /// Limit for the whole handshake, up to the server's acceptance. Default 5 s.
    pub connect: Duration,
    /// How long a connection nobody listens to is kept. Default 30 s.
    pub idle: Duration,
    /// Pause after the first failure; doubles with each further one. Default 1 s.
    pub first_retry: Duration,
    /// The longest pause. Default 30 s.
    pub last_retry: Duration,
}

impl Default for EventTiming {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            first_retry: Duration::from_secs(1),
            last_retry: Duration::from_secs(30),
        }
    }
}

impl EventTiming {
    /// The pause after the `failures`-th failure in a row.
    fn pause(&self, failures: u32) -> Duration {
        let mut backoff = Backoff::new(self.first_retry, self.last_retry);
        for _ in 1..failures.min(32) {
            backoff.take();
        }
        backoff.take_jittered()
    }
}

/// What a subscriber learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The sandbox is now in this state (the server's word, for example `started`).
    State(String),
    /// From now on changes are pushed; what happened before is not. Refresh once.
    Connected,
    /// Changes are no longer pushed: poll.
    Disconnected,
}

/// The one event connection of a client; see the [module documentation](self).
#[derive(Debug)]
pub struct EventHub {
    shared: Arc<Shared>,
}

impl EventHub {
    /// A hub that connects when first subscribed to.
    pub fn new(config: EventHubConfig) -> Self {
        let shared = Shared {
            config,
            listeners: Mutex::default(),
            listeners_changed: Notify::new(),
            connected: watch::Sender::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Tries to connect at once instead of after a pause: the gateway has moved.
    pub fn retry_now(&self) {
        self.shared.connection_made();
        self.shared.listeners_changed.notify_one();
    }

    /// Starts listening for changes of one sandbox, and connects in the background if need be. Call it before the
    /// request that causes the change. Outside a tokio runtime nothing connects.
    pub fn subscribe(&self, sandbox_id: &str) -> EventSubscription {
        let mut listeners = self.shared.listeners();
        let state = match listeners.states.get_mut(sandbox_id) {
            Some(entry) => {
                entry.subscribers += 1;
                entry.state.subscribe()
            }
            None => {
                let entry = Entry { state: watch::Sender::new(None), subscribers: 1 };
                let state = entry.state.subscribe();
                listeners.states.insert(sandbox_id.to_owned(), entry);
                state
            }
        };
        self.listen(&mut listeners);
        drop(listeners);
        EventSubscription {
            sandbox_id: sandbox_id.to_owned(),
            state,
            connected: self.shared.connected.subscribe(),
            shared: self.shared.clone(),
        }
    }

    /// The same for all sandboxes. There is one such listener; a second one takes its place.
    pub(crate) fn subscribe_all(&self) -> Pushed {
        let mut listeners = self.shared.listeners();
        let (sender, sandboxes) = mpsc::unbounded_channel();
        listeners.all = Some(sender);
        self.listen(&mut listeners);
        drop(listeners);
        Pushed { sandboxes, connected: self.shared.connected.subscribe(), shared: self.shared.clone() }
    }

    /// Connects for a new listener.
    fn listen(&self, listeners: &mut Listeners) {
        listeners.idle_since = None;
        self.shared.listeners_changed.notify_one();
        if listeners.task.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            listeners.task = Some(runtime.spawn(session::keep_connected(self.shared.clone())));
        }
    }

    /// Whether changes are being pushed right now.
    pub fn is_connected(&self) -> bool {
        *self.shared.connected.borrow()
    }
}

impl Drop for EventHub {
    fn drop(&mut self) {
        if let Some(task) = self.shared.listeners().task.take() {
            task.abort();
        }
        self.shared.connected.send_replace(false);
    }
}

/// Listens for changes of one sandbox until dropped.
#[derive(Debug)]
pub struct EventSubscription {
    sandbox_id: String,
    state: watch::Receiver<Option<String>>,
    connected: watch::Receiver<bool>,
    shared: Arc<Shared>,
}

impl EventSubscription {
    /// Whether changes are being pushed right now. While they are not, poll.
    pub fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Waits for the next change since subscribing or since the last call. States passed through quickly may be skipped,
    /// the latest never is. Cancelling the wait loses nothing. Waits for ever when nothing is ever pushed, so wait with
    /// a poll interval beside it.
    pub async fn changed(&mut self) -> Change {
        loop {
            tokio::select! {
                biased;
                // The link first: a state is only as good as the link it came over.
                Ok(()) = self.connected.changed() => {
                    return if *self.connected.borrow_and_update() { Change::Connected } else { Change::Disconnected };
                }
                Ok(()) = self.state.changed() => {
                    if let Some(state) = self.state.borrow_and_update().clone() {
                        return Change::State(state);
                    }
                }
                else => std::future::pending().await,
            }
        }
    }
}

impl Drop for EventSubscription {
    fn drop(&mut self) {
        let mut listeners = self.shared.listeners();
        let Some(entry) = listeners.states.get_mut(&self.sandbox_id) else { return };
        entry.subscribers -= 1;
        if entry.subscribers == 0 {
            listeners.states.remove(&self.sandbox_id);
        }
        self.shared.left(&mut listeners);
    }
}

/// What the listener to all sandboxes learns.
#[derive(Debug)]
pub(crate) enum Push {
    /// A sandbox as it is now.
    Sandbox(Box<SandboxInfo>, packet::Why),
    /// A sandbox of which the server has told only a part.
    Part(String),
    /// From now on changes are pushed; what happened before is not.
    Connected,
    /// Changes are no longer pushed.
    Disconnected,
}

/// Listens for changes of all sandboxes until dropped. Every change is there, in order.
#[derive(Debug)]
pub(crate) struct Pushed {
    sandboxes: mpsc::UnboundedReceiver<Push>,
    connected: watch::Receiver<bool>,
    shared: Arc<Shared>,
}

impl Pushed {
    /// Whether changes are being pushed right now.
    pub(crate) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Waits until the first attempt to connect has come to something; a connection is not told of again.
    pub(crate) async fn settled(&mut self) {
        let settled = async {
            while !*self.connected.borrow_and_update() && self.shared.listeners().failures == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // An attempt has a limit itself.
        let _ = tokio::time::timeout(self.shared.config.timing.connect, settled).await;
    }

    /// Waits for the next one. Cancelling the wait loses nothing.
    pub(crate) async fn next(&mut self) -> Push {
        tokio::select! {
            biased;
            Ok(()) = self.connected.changed() => {
                if *self.connected.borrow_and_update() { Push::Connected } else { Push::Disconnected }
            }
            Some(push) = self.sandboxes.recv() => push,
            else => std::future::pending().await,
        }
    }
}

impl Drop for Pushed {
    fn drop(&mut self) {
        let mut listeners = self.shared.listeners();
        self.sandboxes.close();
        // Another one may have taken its place.
        if listeners.all.as_ref().is_some_and(mpsc::UnboundedSender::is_closed) {
            listeners.all = None;
            self.shared.left(&mut listeners);
        }
    }
}

/// What the hub, its subscriptions and its task share.
struct Shared {
    config: EventHubConfig,
    listeners: Mutex<Listeners>,
    /// There are none any more, or there are again.
    listeners_changed: Notify,
    connected: watch::Sender<bool>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Listeners {
    states: HashMap<String, Entry>,
    /// Whoever listens to all sandboxes.
    all: Option<mpsc::UnboundedSender<Push>>,
    /// Since when there have been no subscriptions.
    idle_since: Option<Instant>,
    /// The task that keeps the connection; gone or finished when there is none.
    task: Option<JoinHandle<()>>,
    /// Failures to connect in a row, and when to try again; outlive the task.
    failures: u32,
    retry_at: Option<Instant>,
}

impl Listeners {
    fn is_empty(&self) -> bool {
        self.states.is_empty() && self.all.is_none()
    }
}

struct Entry {
    state: watch::Sender<Option<String>>,
    subscribers: usize,
}

impl Shared {
    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        // No code panics while it holds the lock with the map half-changed.
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a listener has gone.
    fn left(&self, listeners: &mut Listeners) {
        if listeners.is_empty() {
            listeners.idle_since = Some(Instant::now());
            self.listeners_changed.notify_one();
        }
    }

    fn connection_made(&self) {
        let mut listeners = self.listeners();
        (listeners.failures, listeners.retry_at) = (0, None);
    }

    /// Returns the pause before the next attempt.
    fn connection_failed(&self) -> Duration {
        let mut listeners = self.listeners();
        listeners.failures = listeners.failures.saturating_add(1);
        let pause = self.config.timing.pause(listeners.failures);
        listeners.retry_at = Some(Instant::now() + pause);
        pause
    }

    fn publish(&self, change: packet::StateChange) {
        let listeners = self.listeners();
        if let Some(entry) = listeners.states.get(&change.sandbox_id) {
            entry.state.send_replace(Some(change.state));
        }
        if let Some(all) = &listeners.all {
            // What it sends is as `GET /sandbox/{id}` answers; older servers send parts.
            let is_whole = change.document["organizationId"].is_string();
            let whole = is_whole.then(|| serde_json::from_value(change.document).ok()).flatten();
            let _ = all.send(whole.map_or(Push::Part(change.sandbox_id), |whole| Push::Sandbox(whole, change.why)));
        }
    }
}
