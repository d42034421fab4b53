//! The running engine: everything the request handlers share.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use daytona_toolbox::Compat;
use daytona_toolbox::connections::{Connection, Room};
use serde_json::{Value, json};

use crate::accounts::Accounts;
use crate::accounts::audit::Audit;
use crate::accounts::quota::Quotas;
use crate::accounts::rate_limits::RateLimits;
use crate::backend::Backend;
use crate::clock::uptime_millis;
use crate::control::events::Events;
use crate::gateway::preview_addresses::PreviewAddresses;
use crate::gateway::previews::SignedPreviews;
use crate::otlp::Exporter;
use crate::sandboxes::pools::Pools;
use crate::sandboxes::registry::{Entry, Registry};
use crate::sandboxes::sandbox::{Identity, Sandbox};
use crate::sandboxes::unstored::Unstored;
use crate::secrets::table::Secrets;
use crate::snapshots::build_log::BuildLogs;
use crate::snapshots::images::Images;
use crate::snapshots::table::Snapshots;
use crate::ssh::Gateway;
use crate::storage::Storage;
use crate::testing::Testing;
use crate::volumes::table::Volumes;
use crate::webhooks::Webhooks;

/// Shared by all handlers.
pub struct Engine {
    /// The sandboxes.
    pub registry: Registry,
    /// What they are made from.
    pub snapshots: Snapshots,
    /// The images of both, and what builds them.
    pub images: Arc<Images>,
    /// What building those has told.
    pub build_logs: Arc<BuildLogs>,
    /// Sandboxes whose last change is not on the disk.
    pub unstored: Unstored,
    /// Those that run before they are created.
    pub pools: Pools,
    /// Makes and runs them.
    pub backend: Arc<dyn Backend>,
    /// Tells subscribers.
    pub events: Events,
    /// The volumes.
    pub volumes: Volumes,
    /// Values that sandboxes use without having them.
    pub secrets: Secrets,
    /// The contexts of builds.
    pub storage: Storage,
    /// Signed preview URLs that have been handed out.
    pub previews: SignedPreviews,
    /// The SSH gateway.
    pub ssh: Gateway,
    /// Whether browsers are warned before they see a preview.
    pub preview_warning: bool,
    /// Addresses of previewed ports.
    pub preview_addresses: PreviewAddresses,
    /// The fields that all documents share.
    pub identity: Identity,
    /// `http://host:port`, without a path.
    pub origin: String,
    /// The port the engine listens on.
    pub port: u16,
    /// The one API key.
    pub api_key: String,
    /// When this engine started, as the wire writes times.
    pub started_at: String,
    /// Where `daytona local setup` puts the snapshot.
    pub state_dir: PathBuf,
    /// The server whose answers to give.
    pub compat: Compat,
    /// What was found amiss at the start, as sentences.
    pub warnings: Vec<String>,
    /// Whoever uses the engine.
    pub accounts: Arc<Accounts>,
    /// Who did what.
    pub audit: Arc<Audit>,
    /// Tells others of events.
    pub webhooks: Arc<Webhooks>,
    /// Passes on the telemetry of sandboxes.
    pub otlp: Arc<Exporter>,
    /// What is promised of organizations' quotas.
    pub quotas: Quotas,
    /// Limits of requests.
    pub rate_limits: RateLimits,
    /// Requests seen and in flight.
    pub activity: Arc<Activity>,
    /// Room for connections, on all addresses together.
    pub room: Room,
    /// Time that tests move, and faults that they ask for.
    pub testing: Testing,
}

impl Engine {
    /// The full document of a sandbox.
    pub fn document(&self, entry: &Entry) -> Value {
        entry.record().document(&self.identity)
    }

    /// The organization that a sandbox belongs to.
    pub fn owner_of(&self, sandbox: &Sandbox) -> String {
        sandbox.organization_id.clone().unwrap_or_else(|| self.identity.organization_id.clone())
    }

    /// The prepared snapshot, if `daytona local setup` has run.
    pub fn snapshot_dir(&self) -> Option<PathBuf> {
        crate::setup::finished(&self.state_dir)
    }

    /// The limits that are enforced, for `GET /health` and the start message.
    pub fn limits(&self) -> Value {
        let mut limits = json!(self.backend.limits());
        limits["notEnforced"] = json!(self.notes());
        limits
    }

    /// Notes for users about this engine, as sentences.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.warnings.clone();
        notes.extend(self.backend.notes());
        notes.extend(self.unstored.notes());
        if self.snapshot_dir().is_none() {
            notes.push("`daytona local setup` has not run: sandboxes lack matplotlib, numpy, pandas, ts-node and language servers".into());
        }
        notes
    }

    /// The answer of `GET /health`.
    pub fn health(&self) -> Value {
        json!({
            "status": "ok",
            "version": self.identity.version,
            "isolation": self.backend.isolation(),
            "compat": self.compat,
            "limits": self.limits(),
            "ssh": self.ssh.health(),
        })
    }
}

/// Whether anybody is using the engine.
#[derive(Debug)]
pub struct Activity {
    last_request: AtomicI64,
    open: AtomicUsize,
    clients: Arc<()>,
}

impl Default for Activity {
    fn default() -> Self {
        Self { last_request: AtomicI64::new(uptime_millis()), open: AtomicUsize::new(0), clients: Arc::default() }
    }
}

impl Activity {
    /// Counts a client as connected until the returned value is dropped.
    pub fn client(&self) -> ConnectedClient {
        ConnectedClient { _counted: Arc::clone(&self.clients) }
    }

    /// Counts whoever sent a request as a client for as long as its connection stands. Only for those let in.
    pub fn count_connection(&self, extensions: &http::Extensions) {
        if let Some(connection) = extensions.get::<Arc<Connection>>() {
            connection.keep(|| self.client());
        }
    }

    /// Whether any are.
    pub fn has_clients(&self) -> bool {
        Arc::strong_count(&self.clients) > 1
    }

    /// Counts a request as open until the returned value is dropped.
    pub fn open(&self) -> OpenActivity<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        OpenActivity { activity: self }
    }

    /// Starts the time without activity anew.
    pub fn touch(&self) {
        self.last_request.store(uptime_millis(), Ordering::Relaxed);
    }

    /// Milliseconds since the last request ended; 0 while one is open.
    pub fn idle_millis(&self) -> i64 {
        if self.open.load(Ordering::Relaxed) > 0 {
            return 0;
        }
        uptime_millis().saturating_sub(self.last_request.load(Ordering::Relaxed))
    }
}

/// A connected client.
#[derive(Clone, Debug)]
pub struct ConnectedClient {
    _counted: Arc<()>,
}

/// A request in flight.
pub struct OpenActivity<'a> {
    activity: &'a Activity,
}

impl Drop for OpenActivity<'_> {
    fn drop(&mut self) {
        self.activity.touch();
        self.activity.open.fetch_sub(1, Ordering::Relaxed);
    }
}
