//! The toolbox daemon: files, processes, sessions, terminals, interpreter, ports and git of ONE sandbox, over HTTP/1.1
//! and WebSockets (wire sections 3, 4, 6 and 9).
//!
//! It runs inside the sandbox as the sandbox's user, is not pid 1, does no authentication (whoever can reach the socket is
//! trusted), and works on a current-thread tokio runtime: whatever may block runs on its own thread. Everything
//! it starts is started on demand, so an idle toolbox costs a few megabytes.

use std::path::PathBuf;

/// What a toolbox needs to know about the sandbox it serves.
#[derive(Clone, Debug)]
pub struct ToolboxConfig {
    /// Id of the sandbox, exported to processes as `DAYTONA_SANDBOX_ID`.
    pub sandbox_id: String,
    /// Home directory of the sandbox user; session logs live in `.daytona` below it.
    pub home: PathBuf,
    /// Directory that relative paths and default working directories resolve against.
    pub work_dir: PathBuf,
    /// What `GET /version` answers.
    pub version: String,
    /// Command line run as the entrypoint session, if the sandbox has one.
    pub entrypoint: Option<Vec<String>>,
}

/// The toolbox's routes as an axum service. Needs a running tokio runtime only once requests arrive.
pub fn router(config: ToolboxConfig) -> axum::Router {
    let version = config.version;
    axum::Router::new().route(
        "/version",
        axum::routing::get(move || async move { axum::Json(serde_json::json!({ "version": version })) }),
    )
}

/// Serves the toolbox on `listener` until the future is dropped.
///
/// # Errors
/// When the listener cannot be handed to tokio, or accepting fails for good.
pub async fn serve(config: ToolboxConfig, listener: std::os::unix::net::UnixListener) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    axum::serve(listener, router(config)).await?;
    Ok(())
}
