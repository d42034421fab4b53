//! Starting and ending an engine.

use std::net::{IpAddr, SocketAddr};
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
use daytona_toolbox::Compat;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tower_http::catch_panic::CatchPanicLayer;

use crate::discovery::{self, EngineFile};
use crate::engine::{Activity, Engine};
use crate::errors::{self, ApiError};
use crate::isolation::{self, IsolationChoice, IsolationLevel, Launcher};
use crate::registry::Registry;
use crate::sandbox::{DesiredState, Identity, State as SandboxState, now_millis};
use crate::store::Store;
use crate::{clock, events, proxy, routes, secret};

/// How an engine is started.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The address to listen on. Anything but a loopback address lets the network in.
    pub host: IpAddr,
    /// The port; 0 = any free one.
    pub port: u16,
    /// Where everything is kept; see [`discovery::default_state_dir`].
    pub state_dir: PathBuf,
    /// End when no sandbox is started and no request came for this long; zero = never.
    pub idle_timeout: Duration,
    /// The isolation asked for.
    pub isolation: IsolationChoice,
    /// The server whose answers to give.
    pub compat: Compat,
    /// When another engine has the state directory: wait for it and return, instead of failing.
    pub or_existing: bool,
}

/// How long a start with `or_existing` waits for the engine that was faster.
const EXISTING_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections that may wait to be accepted: a client's burst of thousands must not be told to try again in a second.
const BACKLOG: u32 = 4096;

/// Runs an engine until it is told to end (`SIGTERM`, `SIGINT`) or idle.
///
/// The executable must have called [`isolation::run_if_sandbox_process`] at the start of `main`.
///
/// # Errors
/// When the state directory is taken, the address is not free, or the machine allows no isolation.
pub async fn serve(options: ServeOptions) -> Result<()> {
    let state_dir = discovery::prepare_state_dir(&options.state_dir)?;
    let Some(_lock) = discovery::lock(&state_dir)? else {
        if options.or_existing {
            return wait_for_existing(&state_dir).await;
        }
        bail!("another engine is running with the state directory {}", state_dir.display());
    };
    raise_file_limit();
    let level = isolation::choose(options.isolation)?;
    let listener = listen(SocketAddr::new(options.host, options.port))
        .with_context(|| format!("listening on {}:{}", options.host, options.port))?;
    let (engine, router) = prepare(&state_dir, level, options.compat, listener.local_addr()?)?;
    print_start_message(&engine);

    let listener = listener.tap_io(|stream| {
        // Small answers must not wait for the next ones.
        let _ = stream.set_nodelay(true);
    });
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let ticks = tokio::spawn(Arc::clone(&engine).tick());
    discovery::announce(&state_dir, &engine_file(&engine))?;
    let reason = wait_for_end(&engine, options.idle_timeout).await?;
    tracing::info!(reason, "the engine ends");

    discovery::withdraw(&state_dir);
    ticks.abort();
    engine.stop_all().await;
    server.abort();
    engine.launcher.clean_up();
    Ok(())
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn wait_for_existing(state_dir: &Path) -> Result<()> {
    let deadline = tokio::time::Instant::now() + EXISTING_TIMEOUT;
    while tokio::time::Instant::now() < deadline {
        let state_dir = state_dir.to_owned();
        let ready = tokio::task::spawn_blocking(move || {
            discovery::announced(&state_dir).is_some_and(|engine| discovery::check_health(&engine).is_ok())
        });
        if ready.await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("another engine has the state directory but did not become ready in {} s", EXISTING_TIMEOUT.as_secs())
}

/// Allows as many open connections as the system lets us have.
fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn prepare(
    state_dir: &Path,
    level: IsolationLevel,
    compat: Compat,
    address: SocketAddr,
) -> Result<(Arc<Engine>, Router)> {
    let version = env!("CARGO_PKG_VERSION");
    let store = Store::open(&state_dir.join("state.db"))?;
    let api_key = store.setting("api-key", || format!("dtn_local_{}", secret::token(48)))?;
    let organization_id = store.setting("organization-id", || uuid::Uuid::new_v4().to_string())?;
    let runner_id = store.setting("runner-id", || uuid::Uuid::new_v4().to_string())?;
    let registry = Registry::load(store)?;

    // Not the path: another engine may have the same one, in a container that shares the machine's control groups.
    let name: String = runner_id.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    let launcher = Launcher::new(state_dir, level, &name, version, compat)?;
    forget_leftovers(&registry, &launcher, state_dir);

    let origin = format!("http://{address}");
    let (gateway, events) = events::gateway(&api_key);
    let engine = Arc::new(Engine {
        warnings: warnings(&launcher),
        registry,
        launcher: Arc::new(launcher),
        events,
        previews: Default::default(),
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
        compat,
        activity: Activity::default(),
    });
    let router = Router::new()
        .nest("/api", routes::api(&engine))
        .route("/health", any(|| async { axum::Json(serde_json::json!({ "status": "ok" })) }))
        .route("/toolbox/{*rest}", any(proxy::toolbox))
        .fallback(|| async { ApiError::not_found("Not found") })
        .layer(middleware::from_fn(errors::render))
        .layer(gateway)
        .layer(middleware::from_fn_with_state(Arc::clone(&engine), proxy::previews))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&engine), account))
        .with_state(Arc::clone(&engine));
    Ok((engine, router))
}

/// Brings records and files into agreement after an engine that was killed: nothing is running any more.
fn forget_leftovers(registry: &Registry, launcher: &Launcher, state_dir: &Path) {
    for entry in registry.all() {
        let (id, state) = entry.with_record(|record| (record.id.clone(), record.state));
        match state {
            SandboxState::Destroying | SandboxState::Destroyed => registry.remove(&id),
            SandboxState::Started | SandboxState::Starting | SandboxState::Stopping => {
                registry.update(&entry, |record| {
                    record.state = SandboxState::Stopped;
                    record.desired_state = DesiredState::Stopped;
                    record.stopped_at = Some(now_millis());
                });
            }
            SandboxState::Creating => {
                registry.update(&entry, |record| {
                    record.state = SandboxState::Error;
                    record.error_reason = Some("The engine ended while the sandbox was being created".to_owned());
                });
            }
            SandboxState::Stopped | SandboxState::Archived | SandboxState::Error => {}
        }
    }
    for id in launcher.ids_with_files() {
        if registry.find(&id).is_none() {
            tracing::info!(sandbox = id, "removing files nobody knows");
            let _ = launcher.discard_files(&id);
        }
    }
    let trash = state_dir.join("trash");
    std::thread::spawn(move || std::fs::remove_dir_all(trash));
}

fn warnings(launcher: &Launcher) -> Vec<String> {
    let mut warnings = Vec::new();
    let enforced = launcher.enforced();
    for (what, holds) in [("cpu", enforced.cpu), ("memory", enforced.memory), ("process", enforced.processes)] {
        if !holds {
            warnings.push(format!("{what} limits are not enforced"));
        }
    }
    warnings.push("disk limits are not enforced".to_owned());
    if launcher.level() == IsolationLevel::None {
        warnings
            .push("sandboxes are ordinary processes of this user: they see its files, processes, network".to_owned());
        return warnings;
    }
    warnings.push("sandboxes have no network but loopback; network settings change nothing".to_owned());
    if launcher.level() == IsolationLevel::Namespaces && !launcher.own_users() {
        warnings
            .push("sandboxes have the machine's user ids: this kernel or file system cannot translate them".to_owned());
    }
    if !launcher.copy_on_write() {
        warnings.push("system directories are read-only inside sandboxes".to_owned());
    }
    warnings
}

fn print_start_message(engine: &Engine) {
    eprintln!("Daytona local engine {} on {}/api", engine.identity.version, engine.origin);
    eprintln!("isolation: {}", engine.launcher.level().name());
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
        isolation: engine.launcher.level().name().to_owned(),
        compat: engine.compat,
    }
}

async fn wait_for_end(engine: &Engine, idle_timeout: Duration) -> Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let idle = async {
        if idle_timeout.is_zero() {
            std::future::pending::<()>().await;
        }
        let limit = i64::try_from(idle_timeout.as_millis()).unwrap_or(i64::MAX);
        loop {
            let idle = engine.activity.idle_millis();
            let running = engine.registry.all().iter().any(|entry| entry.instance().is_some());
            if idle >= limit && !running {
                return;
            }
            let rest = if running { 1000 } else { (limit - idle).clamp(10, 1000) };
            tokio::time::sleep(Duration::from_millis(rest.unsigned_abs())).await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
        () = idle => Ok("idle"),
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
