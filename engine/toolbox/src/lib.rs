//! The toolbox daemon: files, processes, sessions, terminals, interpreter, ports and git of ONE sandbox, over HTTP/1.1
//! and WebSockets (wire sections 3, 4, 6 and 9).
//!
//! It runs inside the sandbox as the sandbox's user, is not pid 1 ([`first_process`] is), does no authentication (whoever can
//! reach the socket is trusted), and works on a current-thread tokio runtime: whatever may block runs on its own thread. Everything
//! it starts is started on demand, so an idle toolbox costs a few megabytes.

pub mod capabilities;
mod code_run;
mod compat;
mod computer_use;
pub mod connections;
mod environment;
mod errors;
mod execute;
mod extract;
mod files;
pub mod first_process;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod git;
pub mod hop_by_hop;
mod info;
mod interpreter;
mod lsp;
mod memory_limit;
mod metrics;
mod outcome;
mod ports;
mod process_tree;
mod proxy;
mod pty;
pub mod raw;
pub mod remove_tree;
mod request_body;
mod sdk_version;
mod sessions;
mod shell;
mod signals;
pub mod system_calls;
mod web_terminal;
mod websocket;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tower_http::catch_panic::CatchPanicLayer;

pub use crate::compat::Compat;
use crate::environment::Environment;
use crate::interpreter::Contexts;
pub use crate::memory_limit::MemoryLimit;
use crate::metrics::CpuMeter;
use crate::pty::Terminals;
use crate::sessions::Sessions;

/// The sandbox that a toolbox serves.
#[derive(Clone, Debug)]
pub struct ToolboxConfig {
    /// Id of the sandbox, exported to processes as `DAYTONA_SANDBOX_ID`.
    pub sandbox_id: String,
    /// Home directory of the sandbox user; session logs live in `.daytona` below it.
    pub home: PathBuf,
    /// Directory that relative paths and default working directories resolve against.
    pub work_dir: PathBuf,
    /// The version that `GET /version` answers.
    pub version: String,
    /// Variables of every process, in addition to the toolbox's own and in their place.
    pub variables: BTreeMap<String, String>,
    /// Command line run as the entrypoint session, if the sandbox has one.
    pub entrypoint: Option<Vec<String>>,
    /// The place in line for the kernel's OOM killer of everything the toolbox starts (`oom_score_adj`); its own when absent.
    pub process_oom_score: Option<i32>,
    /// The most processes and threads that the sandbox's user may have for what the toolbox starts to start another; no
    /// other limit than the toolbox's own when absent.
    pub process_limit: Option<u64>,
    /// The sandbox's memory limit, where the machine has one: results name what it ended.
    pub memory_limit: Option<MemoryLimit>,
    /// The server whose answers to give.
    pub compat: Compat,
    /// The port that the toolbox itself listens at, if it does: it is none of the sandbox's.
    pub own_port: Option<u16>,
}

/// Everything the handlers share.
struct Toolbox {
    config: ToolboxConfig,
    environment: Environment,
    sessions: Sessions,
    terminals: Terminals,
    contexts: Contexts,
    language_servers: lsp::Servers,
    cpu: CpuMeter,
    git_origins: git::Origins,
    accepted: raw::Accepted,
    desktop: computer_use::Desktop,
}

impl Toolbox {
    /// `path` as the toolbox understands it: relative paths start at the work directory, `~` is a plain name.
    fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        if path.as_os_str().is_empty() || path == Path::new(".") {
            return self.config.work_dir.clone();
        }
        self.config.work_dir.join(path)
    }
}

type State = axum::extract::State<Arc<Toolbox>>;

/// The toolbox's routes as an axum service.
///
/// Must be called within a tokio runtime when the configuration has an entrypoint: the entrypoint is started here.
pub fn router(config: ToolboxConfig) -> Router {
    signals::restore_defaults();
    let toolbox = Arc::new(Toolbox {
        environment: Environment::of_this_process(&config),
        sessions: Sessions::new(config.home.join(".daytona/sessions")),
        terminals: Terminals::default(),
        contexts: Contexts::default(),
        language_servers: lsp::Servers::default(),
        cpu: CpuMeter::default(),
        git_origins: git::Origins::default(),
        accepted: raw::Accepted::default(),
        desktop: computer_use::Desktop::default(),
        config,
    });
    sessions::start_entrypoint(&toolbox);
    let compat = toolbox.config.compat;
    let routes = Router::new()
        .merge(info::routes())
        .merge(metrics::routes())
        .merge(environment::routes())
        .merge(files::routes())
        .merge(execute::routes())
        .merge(code_run::routes())
        .merge(sessions::routes())
        .merge(pty::routes())
        .merge(interpreter::routes())
        .merge(lsp::routes())
        .merge(ports::routes())
        .merge(proxy::routes())
        .merge(raw::routes())
        .merge(git::routes())
        .merge(web_terminal::routes())
        .merge(computer_use::routes())
        .fallback(errors::unknown_route)
        .method_not_allowed_fallback(errors::unknown_route)
        .layer(CatchPanicLayer::custom(errors::panicked));
    let routes = match compat {
        Compat::Newest => routes.layer(middleware::from_fn(errors::render)),
        Compat::V0_190 => routes.layer(middleware::from_fn(compat::answers::render)),
    };
    routes
        .layer(middleware::from_fn(request_body::read_to_the_end))
        .layer(DefaultBodyLimit::disable())
        .with_state(toolbox)
}

/// Connections at once, terminals and streams included. Each request that the engine forwards has its own.
const MAX_CONNECTIONS: usize = 8192;

/// Serves the toolbox on `listener` until the future is dropped.
///
/// # Errors
/// When the listener cannot be handed to tokio.
pub async fn serve(config: ToolboxConfig, listener: std::os::unix::net::UnixListener) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    tracing::info!(sandbox = %config.sandbox_id, "toolbox ready");
    connections::serve(listener, router(config), connections::Room::new(MAX_CONNECTIONS), Default::default()).await;
    Ok(())
}
