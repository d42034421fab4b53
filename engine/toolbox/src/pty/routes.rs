//! REST for terminals and the two WebSocket routes.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::MAX_TERMINALS;
use super::client::{self, MESSAGE_LIMIT};
use super::device::Size;
use super::recent::Replay;
use super::terminal::{Attachment, Description, Refusal, SIZE_LIMIT, Terminal, TerminalInfo};
use crate::environment::{self, Variables};
use crate::errors::ApiError;
use crate::extract::{self, Path, Query};
use crate::websocket::{self, EXIT_CONTROL_PROTOCOL};
use crate::{State, Toolbox};

/// Subprotocol prefix that carries a new terminal's variables as unpadded base64url JSON.
const ENVIRONMENT_PROTOCOL: &str = "X-Daytona-Pty-Envs~";
const DEFAULT_SIZE: Size = Size { cols: 80, rows: 24 };

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/process/pty", get(list).post(create))
        .route("/process/pty/create-connect", get(create_connect))
        .route("/process/pty/{terminal}", get(get_one).delete(delete))
        .route("/process/pty/{terminal}/resize", post(resize))
        .route("/process/pty/{terminal}/connect", get(connect))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRequest {
    #[serde(default)]
    id: String,
    cwd: Option<String>,
    envs: Option<Variables>,
    cols: Option<u16>,
    rows: Option<u16>,
    #[serde(default)]
    lazy_start: bool,
    /// Of the web terminal's alone.
    #[serde(skip)]
    keeps_recent: bool,
}

async fn create(
    toolbox: State,
    extract::Json(request): extract::Json<CreateRequest>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let lazy_start = request.lazy_start;
    let terminal = register(&toolbox, request)?;
    if !lazy_start {
        start_or_forget(&toolbox, &terminal)?;
    }
    Ok((StatusCode::CREATED, Json(json!({ "sessionId": terminal.id() }))))
}

/// Creates a terminal and connects to it in one round trip; its variables travel in a subprotocol token. Errors are
/// ordinary HTTP answers, given before the upgrade.
async fn create_connect(
    toolbox: State,
    query: Query,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let envs = websocket::offered(&upgrade)
        .iter()
        .find_map(|offer| offer.strip_prefix(ENVIRONMENT_PROTOCOL).map(decode_variables))
        .transpose()?;
    let request = CreateRequest {
        id: query.text("id").unwrap_or_default(),
        cwd: query.text("cwd"),
        envs,
        cols: query.number("cols")?,
        rows: query.number("rows")?,
        lazy_start: true,
        keeps_recent: false,
    };
    let terminal = register(&toolbox, request)?;
    // Now, so that a shell that cannot start is an HTTP error; the client attached here misses none of its output.
    let attachment = match terminal.attach(&toolbox) {
        Ok(attachment) => attachment,
        Err(refusal) => {
            toolbox.terminals.forget(&terminal);
            return Err(start_failed(&refusal));
        }
    };
    let exit_control = wants_exit_control(&upgrade);
    let upgrade = websocket::accept_protocol(upgrade).max_message_size(MESSAGE_LIMIT).max_frame_size(MESSAGE_LIMIT);
    // A client that never learns of its terminal could not end it either.
    let upgrade = upgrade.on_failed_upgrade(move |_| terminal.kill());
    Ok(upgrade.on_upgrade(move |socket| client::serve(socket, attachment, exit_control)))
}

fn decode_variables(token: &str) -> Result<Variables, ApiError> {
    let invalid = || ApiError::bad_request("invalid PTY environment token");
    let json = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| invalid())?;
    serde_json::from_slice(&json).map_err(|_| invalid())
}

fn wants_exit_control(upgrade: &WebSocketUpgrade) -> bool {
    websocket::offered(upgrade).iter().any(|offer| offer == EXIT_CONTROL_PROTOCOL)
}

fn register(toolbox: &Arc<Toolbox>, request: CreateRequest) -> Result<Arc<Terminal>, ApiError> {
    if request.id.is_empty() {
        return Err(ApiError::bad_request("session ID is required"));
    }
    let size = Size {
        cols: dimension("cols", request.cols, DEFAULT_SIZE.cols)?,
        rows: dimension("rows", request.rows, DEFAULT_SIZE.rows)?,
    };
    let envs = request.envs.unwrap_or_default();
    if !toolbox.config.compat.takes_any_variables() {
        environment::check(&envs)?;
    }
    let mut table = toolbox.terminals.table();
    if table.contains_key(&request.id) {
        return Err(ApiError::conflict(format!("PTY session with ID '{}' already exists", request.id)));
    }
    if table.len() >= MAX_TERMINALS {
        return Err(ApiError::too_many(MAX_TERMINALS, "terminals", "end those that are done"));
    }
    let CreateRequest { id, cwd, lazy_start, keeps_recent, .. } = request;
    let description = Description { id: id.clone(), cwd, envs, size, lazy_start, keeps_recent };
    let terminal = Terminal::new(toolbox, description);
    table.insert(id, Arc::clone(&terminal));
    Ok(terminal)
}

/// Attaches a page to a terminal of its own, which is made when there is none, with what it lacks of the last output.
pub(crate) fn attach_recent(
    toolbox: &Arc<Toolbox>,
    id: &str,
    (cols, rows): (Option<u16>, Option<u16>),
    received: u64,
) -> Result<(Attachment, Replay), ApiError> {
    let terminal = match toolbox.terminals.get(id) {
        Some(terminal) => terminal,
        None => {
            let request = CreateRequest {
                id: id.to_owned(),
                cwd: None,
                envs: None,
                cols,
                rows,
                lazy_start: true,
                keeps_recent: true,
            };
            register(toolbox, request)?
        }
    };
    terminal.attach_since(toolbox, received).map_err(|refusal| {
        toolbox.terminals.forget(&terminal);
        start_failed(&refusal)
    })
}

fn dimension(name: &str, value: Option<u16>, default: u16) -> Result<u16, ApiError> {
    match value {
        None | Some(0) => Ok(default),
        Some(value) if value > SIZE_LIMIT => {
            Err(ApiError::bad_request(format!("invalid value for {name} - must be less than {SIZE_LIMIT}")))
        }
        Some(value) => Ok(value),
    }
}

fn start_or_forget(toolbox: &Arc<Toolbox>, terminal: &Arc<Terminal>) -> Result<(), ApiError> {
    terminal.start(toolbox).map_err(|refusal| {
        toolbox.terminals.forget(terminal);
        start_failed(&refusal)
    })
}

fn start_failed(refusal: &Refusal) -> ApiError {
    match refusal {
        Refusal::Failed(reason) => ApiError::internal(format!("failed to start PTY session: {reason}")),
        Refusal::Ended | Refusal::NotStarted => ApiError::internal("failed to start PTY session"),
    }
}

async fn list(toolbox: State) -> Json<Value> {
    let sessions: Vec<_> = toolbox.terminals.table().values().map(|terminal| terminal.info()).collect();
    Json(json!({ "sessions": sessions }))
}

fn find(toolbox: &Toolbox, id: &str) -> Result<Arc<Terminal>, ApiError> {
    toolbox.terminals.get(id).ok_or_else(|| ApiError::not_found("PTY session not found"))
}

async fn get_one(toolbox: State, Path(id): Path<String>) -> Result<Json<TerminalInfo>, ApiError> {
    Ok(Json(find(&toolbox, &id)?.info()))
}

async fn delete(toolbox: State, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let terminal = find(&toolbox, &id)?;
    toolbox.terminals.forget(&terminal);
    tokio::task::spawn_blocking(move || terminal.kill()).await?;
    Ok(Json(json!({ "message": "PTY session deleted" })))
}

#[derive(Deserialize)]
struct ResizeRequest {
    cols: Option<u16>,
    rows: Option<u16>,
}

async fn resize(
    toolbox: State,
    Path(id): Path<String>,
    extract::Json(request): extract::Json<ResizeRequest>,
) -> Result<Json<TerminalInfo>, ApiError> {
    let default = if toolbox.config.compat.resizes_to_nothing() { Size { cols: 0, rows: 0 } } else { DEFAULT_SIZE };
    let size = Size {
        cols: dimension("cols", request.cols, default.cols)?,
        rows: dimension("rows", request.rows, default.rows)?,
    };
    let gone = || ApiError::new(StatusCode::GONE, "GONE", format!("gone: PTY session {id} not found"));
    let terminal = toolbox.terminals.get(&id).ok_or_else(gone)?;
    terminal.resize(size).map_err(|refusal| match refusal {
        Refusal::Ended => gone(),
        Refusal::NotStarted => ApiError::internal("PTY session is not active"),
        Refusal::Failed(reason) => ApiError::internal(reason),
    })?;
    Ok(Json(terminal.info()))
}

/// Always upgrades; whether the terminal is there is told over the WebSocket.
async fn connect(
    toolbox: State,
    Path(id): Path<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let exit_control = wants_exit_control(&upgrade) && !toolbox.config.compat.tells_exits_by_closing();
    let upgrade = websocket::accept_protocol(upgrade).max_message_size(MESSAGE_LIMIT).max_frame_size(MESSAGE_LIMIT);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let Some(terminal) = toolbox.terminals.get(&id) else {
            return client::refuse(socket, &format!("PTY session {id} not found")).await;
        };
        match terminal.attach(&toolbox) {
            Ok(attachment) => client::serve(socket, attachment, exit_control).await,
            Err(Refusal::Failed(reason)) => {
                toolbox.terminals.forget(&terminal);
                client::refuse(socket, &reason).await;
            }
            Err(Refusal::Ended | Refusal::NotStarted) => {
                let reason = format!("PTY session '{id}' has terminated and is no longer available");
                client::refuse(socket, &reason).await;
            }
        }
    }))
}
