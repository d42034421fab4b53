//! Starting and ending an engine.

mod idle;
mod settling;
mod warnings;

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::serve::ListenerExt;
use daytona_discovery::{self as discovery, EngineFile};
use daytona_toolbox::Compat;
use daytona_toolbox::connections::{self, Room};
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use self::idle::{Idle, wait_for_end};
use self::settling::{Settled, settle};
use self::warnings::warnings;
use crate::accounts::Accounts;
use crate::accounts::audit::{Audit, Retention};
use crate::accounts::oidc::{Issuer, Oidc};
use crate::accounts::rate_limits::{Limits, RateLimits};
use crate::accounts::store::AccountStore;
use crate::backend::Backend;
use crate::backend::local::Local;
use crate::control::events;
use crate::engine::{Activity, Engine};
use crate::errors::{self, ApiError};
use crate::gateway::request_lines::RepairedListener;
use crate::gateway::{previewing, proxy};
use crate::isolation::{self, IsolationChoice, IsolationLevel, Launcher};
use crate::network::{Cidr, Network};
use crate::otlp::Exporter;
use crate::sandboxes::pools;
use crate::sandboxes::registry::{Loaded, Registry};
use crate::sandboxes::reserve::Reserve;
use crate::sandboxes::sandbox::{Identity, LOCAL_REGION};
use crate::sandboxes::{traces, unlocked};
use crate::secrets::table::Secrets;
use crate::snapshots::build_log::BuildLogs;
use crate::snapshots::images::Images;
use crate::snapshots::table::Snapshots;
use crate::storage::{self, Storage};
use crate::store::{SqliteDocuments, SqliteStore, Store};
use crate::testing::faults::Rule;
use crate::testing::recording::Recorder;
use crate::testing::replay::Replay;
use crate::testing::{self, Testing, replay};
use crate::volumes::life;
use crate::volumes::table::Volumes;
use crate::webhooks::Webhooks;
use crate::{clock, control, dashboard, secret, ssh};

/// How an engine is started.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The address to listen on. Anything but a loopback address lets the network in.
    pub host: IpAddr,
    /// The port; 0 = any free one.
    pub port: u16,
    /// Where everything is kept; see [`discovery`].
    pub state_dir: PathBuf,
    /// End when no sandbox was started, no client connected and no request open for this long; zero = never.
    pub idle_timeout: Duration,
    /// The isolation asked for.
    pub isolation: IsolationChoice,
    /// The server whose answers to give.
    pub compat: Compat,
    /// When another engine has the state directory: wait until it is ready and return, instead of failing. When it ends
    /// instead, take its place.
    pub or_existing: bool,
    /// End when idle also while clients are connected.
    pub ignore_clients: bool,
    /// The port for SSH; 0 = the last one, or any free one.
    pub ssh_port: u16,
    /// Private networks that sandboxes may reach.
    pub allow_networks: Vec<Cidr>,
    /// Sandboxes that run before they are created; 0 = none but those of pools that clients made.
    pub warm_pool: u8,
    /// Warn browsers before they see a preview.
    pub preview_warning: bool,
    /// Limits of requests to the API.
    pub rate_limits: Vec<Limits>,
    /// Let clients move time and ask for faults: `/api/testing`.
    pub testing: bool,
    /// Faults that clients meet from the start.
    pub faults: Vec<Rule>,
    /// The recording to answer from, instead of from sandboxes.
    pub replay: Option<Arc<Replay>>,
    /// End with this process, however it ends.
    pub owner: Option<u32>,
    /// Told the state directory when the engine can be found there.
    pub ready: Option<fn(&Path)>,
    /// Whose tokens are taken besides API keys.
    pub oidc_issuer: Option<Issuer>,
    /// Networks that are not public and that webhooks are delivered to.
    pub webhook_networks: Vec<Cidr>,
    /// How much of the audit log is kept.
    pub audit_retention: Retention,
    /// What runs sandboxes.
    pub backend: BackendChoice,
}

/// What runs the sandboxes of an engine.
#[derive(Debug, Clone, Default)]
pub enum BackendChoice {
    /// This machine.
    #[default]
    Local,
    /// This machine, with something between it and the engine.
    Through(fn(Arc<dyn Backend>) -> Arc<dyn Backend>),
    /// This one. Nothing of the machine's isolation and network is looked at.
    Given(Arc<dyn Backend>),
}

/// How long a start with `or_existing` waits for the engine that was faster.
const EXISTING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests may still come from clients that found the engine before it stopped announcing itself.
const LAST_CALL: Duration = Duration::from_millis(200);

/// Connections that may wait to be accepted: a client's burst of thousands must not be told to try again in a second.
const BACKLOG: u32 = 4096;

/// Connections at once, on all addresses together, where the limit of open files allows it.
const MAX_CONNECTIONS: usize = 16_384;

/// Runs an engine until it is told to end (`SIGTERM`, `SIGINT`) or idle.
///
/// The executable must have called [`isolation::run_if_sandbox_process`] at the start of `main`, and
/// [`isolation::enter_own_namespace`] before it made the runtime.
///
/// # Errors
/// When the state directory is taken, the address is not free, or the machine allows no isolation.
pub async fn serve(options: ServeOptions) -> Result<()> {
    let state_dir = discovery::prepare_state_dir(&options.state_dir)
        .with_context(|| format!("creating {}", options.state_dir.display()))?;
    let lock = match take_turn(&state_dir)? {
        Some(lock) => lock,
        None if options.or_existing => match wait_for_turn(&state_dir).await? {
            Some(lock) => lock,
            None => return Ok(()),
        },
        None => bail!("another engine is running with the state directory {}", state_dir.display()),
    };
    discovery::remove_leftover(&state_dir, &lock);
    let room = Room::new(most_connections(raise_file_limit()));
    let level = match options.backend {
        BackendChoice::Given(_) => IsolationLevel::None,
        BackendChoice::Local | BackendChoice::Through(_) => isolation::choose(options.isolation)?,
    };
    let listener = listen(SocketAddr::new(options.host, options.port))
        .with_context(|| format!("listening on {}:{}", options.host, options.port))?;
    // The reserve for a full disk is given up for as long as the start takes.
    let reserve = Reserve::release(&state_dir);
    let network = network(&state_dir, level, &options.allow_networks);
    let address = listener.local_addr()?;
    let Prepared { engine, router, ssh } = prepare(&state_dir, level, &options, network, room, address).await?;
    print_start_message(&engine);

    let listener = listener.tap_io(|stream| {
        // Small answers must not wait for the next ones.
        let _ = stream.set_nodelay(true);
    });
    let listener = RepairedListener(listener);
    let server = tokio::spawn(connections::serve(listener, router, engine.room.clone(), Default::default()));
    let ssh = tokio::spawn(ssh::serve(Arc::clone(&engine), ssh));
    let ticks = [
        tokio::spawn(Arc::clone(&engine).tick()),
        tokio::spawn(Arc::clone(&engine).measure()),
        tokio::spawn(Arc::clone(&engine.webhooks).deliver()),
        tokio::spawn(Arc::clone(&engine.otlp).run()),
        tokio::spawn(Arc::clone(&engine.accounts).keep_current()),
        tokio::spawn(Arc::clone(&engine.audit).keep_within(options.audit_retention)),
        tokio::spawn(Arc::clone(&engine).prune_objects()),
    ];
    let clients = discovery::Clients::of(&state_dir).context("opening the file that clients lock")?;
    let owner = options.owner.map(isolation::Watched::new).transpose().context("watching the owner")?;
    let idle = Idle { limit: options.idle_timeout, clients: (!options.ignore_clients).then_some(clients) };
    // Whoever finds the engine may end it at once.
    let mut asked = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
    let mut announcement = announce(&state_dir, &engine)?;
    if let Some(ready) = options.ready {
        ready(&state_dir);
    }
    if options.warm_pool > 0 {
        engine.pools.configure(options.warm_pool.into(), LOCAL_REGION);
    }
    engine.fill_pools();
    engine.go_on_with_snapshots();
    engine.go_on_with_volumes();
    engine.go_on_with_dissolved();
    reserve.keep();
    let reason = loop {
        let reason = wait_for_end(&engine, &idle, owner.as_ref(), &mut asked).await;
        drop(announcement);
        if reason != "idle" {
            break reason;
        }
        // A client may have found the announcement just before it went.
        tokio::time::sleep(LAST_CALL).await;
        if idle.left(&engine).is_none() {
            break reason;
        }
        announcement = announce(&state_dir, &engine)?;
    };
    tracing::info!(reason, "the engine ends");

    ticks.iter().for_each(tokio::task::JoinHandle::abort);
    engine.images.give_up_all();
    engine.end_pools().await;
    if !engine.backend.outlives_engine() {
        engine.stop_all().await;
    }
    server.abort();
    ssh.abort();
    let stored = engine.store_rest().await;
    engine.backend.clean_up().await;
    stored.context("storing the last changes")
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn take_turn(state_dir: &Path) -> Result<Option<discovery::EngineLock>> {
    discovery::lock(state_dir).context("locking the state directory")
}

fn announce(state_dir: &Path, engine: &Engine) -> Result<discovery::Announcement> {
    discovery::announce(state_dir, &engine_file(engine)).context("writing engine.json")
}

/// Waits until the engine that has the state directory is ready (`None`), or has ended and left the lock to us.
async fn wait_for_turn(state_dir: &Path) -> Result<Option<discovery::EngineLock>> {
    let deadline = tokio::time::Instant::now() + EXISTING_TIMEOUT;
    while tokio::time::Instant::now() < deadline {
        if let Some(lock) = take_turn(state_dir)? {
            return Ok(Some(lock));
        }
        let state_dir = state_dir.to_owned();
        let ready = tokio::task::spawn_blocking(move || {
            let announced = discovery::announced(&state_dir).ok().flatten();
            announced.is_some_and(|found| discovery::check_health(&found.engine).is_ok())
        });
        if ready.await? {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("another engine has the state directory but did not become ready in {} s", EXISTING_TIMEOUT.as_secs())
}

/// Allows as many open files as the system lets us have; returns how many that is.
fn raise_file_limit() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    if setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft }
}

/// How many connections `files` open files allow: a forwarded request takes two of them, and sandboxes need some.
fn most_connections(files: u64) -> usize {
    usize::try_from(files / 3).map_or(MAX_CONNECTIONS, |room| room.clamp(64, MAX_CONNECTIONS))
}

/// An engine that is about to serve.
struct Prepared {
    engine: Arc<Engine>,
    router: Router,
    ssh: TcpListener,
}

async fn prepare(
    state_dir: &Path,
    level: IsolationLevel,
    options: &ServeOptions,
    network: Result<Network, String>,
    room: Room,
    address: SocketAddr,
) -> Result<Prepared> {
    let version = env!("CARGO_PKG_VERSION");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(state_dir)?);
    if let Err(error) = unlocked::prepare(state_dir) {
        tracing::warn!(%error, "modes of sandboxes' files are not noted before they are changed");
    }
    // A new one each time: whoever learned the last one has nothing.
    let api_key = format!("dtn_local_{}", secret::token(48));
    let organization_id = store.setting_or("organization-id", || uuid::Uuid::new_v4().to_string())?;
    let runner_id = runner_id(&*store, state_dir)?;
    let ssh = ssh::listen(SocketAddr::new(options.host, options.ssh_port), &*store)?;
    let gateway = ssh::Gateway::new(ssh.local_addr()?, ssh::HostKey::load_or_make(state_dir)?);
    let Loaded { registry, notes, mut writing } = Registry::load(Arc::clone(&store), state_dir, &organization_id)?;
    let (snapshots, unreadable) = Snapshots::load(Arc::clone(&store), &organization_id)?;
    let (volumes, unreadable_volumes) = Volumes::load(Arc::clone(&store))?;
    let (secrets, unreadable_secrets) = Secrets::load(store)?;
    life::settle(&volumes, &registry, state_dir);

    // Not the path: another engine may have the same one, in a container that shares the machine's control groups.
    let name: String = runner_id.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    let (network, no_network) = match network {
        Ok(network) => (Some(network), None),
        Err(reason) => (None, Some(reason)),
    };
    let local = || -> Result<(Arc<dyn Backend>, Images)> {
        let launcher = Arc::new(Launcher::new(state_dir, level, network, &name, version, options.compat)?);
        let images = Images::open(state_dir, Some(&launcher), &options.allow_networks)?;
        let notes = warnings(&launcher, no_network);
        Ok((Arc::new(Local::new(launcher, Arc::clone(&images.store), state_dir, notes)), images))
    };
    let (backend, images) = match &options.backend {
        BackendChoice::Local => local()?,
        BackendChoice::Through(between) => local().map(|(backend, images)| (between(backend), images))?,
        BackendChoice::Given(backend) => (Arc::clone(backend), Images::open(state_dir, None, &options.allow_networks)?),
    };
    let images = Arc::new(images);
    let Settled { changed, running, emptying } = settle(&registry, &backend).await?;
    writing.extend(changed);
    tokio::spawn(emptying);

    let origin = format!("http://{address}");
    let activity = Arc::new(Activity::default());
    let issuer = options.oidc_issuer.clone().map(Oidc::new);
    let account_store = Arc::new(AccountStore::new(Arc::new(SqliteDocuments::open(state_dir)?)));
    let accounts = Arc::new(Accounts::open(&account_store, &organization_id, &api_key, issuer)?);
    let webhooks = Arc::new(Webhooks::open(&account_store, options.webhook_networks.clone())?);
    let audit = Arc::new(Audit::open(state_dir)?);
    let recorder = Arc::new(Recorder::default());
    let (event_gateway, events) = events::gateway(&accounts, &webhooks, &activity, &recorder);
    let engine = Arc::new(Engine {
        warnings: notes.into_iter().chain(unreadable).chain(unreadable_volumes).chain(unreadable_secrets).collect(),
        pools: pools::kept(&registry),
        registry,
        snapshots,
        images,
        build_logs: Arc::new(BuildLogs::new(state_dir)?),
        unstored: Default::default(),
        backend,
        events,
        storage: Storage::open(state_dir)?,
        volumes,
        secrets,
        previews: Default::default(),
        ssh: gateway,
        preview_warning: options.preview_warning,
        preview_addresses: Default::default(),
        identity: Identity {
            organization_id,
            runner_id,
            version: version.to_owned(),
            toolbox_url: format!("{origin}/toolbox"),
        },
        origin,
        port: address.port(),
        api_key,
        started_at: clock::iso(clock::now()),
        state_dir: state_dir.to_owned(),
        compat: options.compat,
        accounts,
        audit,
        webhooks,
        otlp: Arc::new(Exporter::new(options.webhook_networks.clone())),
        quotas: Default::default(),
        rate_limits: RateLimits::new(options.rate_limits.iter().cloned()),
        activity,
        room,
        testing: Testing::new(options.testing, options.faults.clone(), recorder, options.replay.clone()),
    });
    writing.into_iter().for_each(|(id, stored)| engine.keep(id, stored));
    for (entry, instance) in running {
        Arc::clone(&engine).go_on_with(entry, instance);
    }
    if options.replay.is_some() {
        let router = Router::new()
            .route("/api/health", any(control::health))
            .fallback(replay::answer)
            .layer(middleware::from_fn(errors::render))
            .layer(middleware::from_fn_with_state(Arc::clone(&engine), account));
        return Ok(Prepared { router: router.with_state(Arc::clone(&engine)), engine, ssh });
    }
    let router = Router::new()
        .nest("/api", control::api(&engine))
        .route("/health", any(|| async { axum::Json(serde_json::json!({ "status": "ok" })) }))
        .route("/toolbox/{*rest}", any(proxy::toolbox).layer(middleware::from_fn(dashboard::keep_apart)))
        .merge(control::build_logs::beside_the_api(&engine))
        .merge(storage::routes().route_layer(middleware::from_fn(dashboard::keep_apart)))
        .merge(dashboard::routes())
        .fallback(|| async { ApiError::not_found("Not found") })
        .layer(middleware::from_fn(errors::render))
        .layer(event_gateway)
        .layer(middleware::from_fn_with_state(Arc::clone(&engine), previewing::by_host))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&engine), account));
    let router = if options.testing || !options.faults.is_empty() {
        router
            .layer(middleware::from_fn_with_state(Arc::clone(&engine), testing::break_as_asked))
            .layer(middleware::from_fn_with_state(Arc::clone(&engine), testing::observe))
    } else {
        router
    };
    let router = router.layer(middleware::from_fn(in_trace)).with_state(Arc::clone(&engine));
    Ok(Prepared { engine, router, ssh })
}

/// The id this engine goes by. It names what the engine owns outside its directory, so a copy of the directory gets another.
fn runner_id(store: &dyn Store, state_dir: &Path) -> Result<String> {
    let found = std::fs::metadata(state_dir)?;
    let place = format!("{}:{}", found.dev(), found.ino());
    let known = store.setting("runner-id")?;
    // A database of a time when the place was not kept belongs where it is.
    let here = store.setting("place")?.is_none_or(|known| known == place);
    if let Some(id) = known.filter(|_| here) {
        store.set("place", &place)?;
        return Ok(id);
    }
    let id = uuid::Uuid::new_v4().to_string();
    store.set("runner-id", &id)?;
    store.set("place", &place)?;
    Ok(id)
}

/// The network of the sandboxes, or why there is none.
fn network(state_dir: &Path, level: IsolationLevel, allowed: &[Cidr]) -> Result<Network, String> {
    match (level, isolation::no_own_namespace()) {
        (IsolationLevel::None, _) => Err("they are not separated from the machine".to_owned()),
        (IsolationLevel::UserNamespaces, Some(reason)) => Err(reason.to_owned()),
        (IsolationLevel::Namespaces, _) | (IsolationLevel::UserNamespaces, None) => {
            Network::prepare(state_dir, allowed).map_err(|error| errors::in_words(&error))
        }
    }
}

fn print_start_message(engine: &Engine) {
    eprintln!("Daytona local engine {} on {}/api", engine.identity.version, engine.origin);
    eprintln!("isolation: {}", engine.backend.isolation());
    eprintln!("SSH: port {}, host key {}", engine.ssh.address.port(), engine.ssh.key.fingerprint());
    eprintln!("compat: {}", engine.compat);
    for warning in engine.notes() {
        eprintln!("note: {warning}");
    }
}

fn engine_file(engine: &Engine) -> EngineFile {
    EngineFile {
        pid: std::process::id(),
        api_url: format!("{}/api", engine.origin),
        api_key: engine.api_key.clone(),
        organization_id: engine.identity.organization_id.clone(),
        version: engine.identity.version.clone(),
        isolation: engine.backend.isolation().to_owned(),
        compat: engine.compat.to_string(),
    }
}

/// Middleware around everything else: what is logged for a request whose caller records a trace tells which one.
async fn in_trace(request: Request, next: Next) -> Response {
    match traces::trace_of(request.headers()) {
        // Of the highest level, so that it is there whatever is logged.
        Some(trace) => {
            let span = tracing::error_span!("request", trace_id = trace);
            next.run(request).instrument(span).await
        }
        None => next.run(request).await,
    }
}

/// Middleware around everything: counts requests and names the engine's version.
async fn account(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let _open = engine.activity.open();
    let is_api = request.uri().path().starts_with("/api");
    let mut response = next.run(request).await;
    if is_api && let Ok(version) = HeaderValue::from_str(&engine.identity.version) {
        response.headers_mut().insert("x-daytona-api-version", version);
    }
    response
}

fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let text = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    ApiError::internal(&text.unwrap_or("a handler panicked")).into_response()
}
