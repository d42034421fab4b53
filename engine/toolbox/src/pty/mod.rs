//! Terminals over HTTP and WebSockets (wire section 4.3, additions 4.1).

mod terminal;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use self::terminal::{Exit, Output, Size, Terminal};
use crate::environment::{self, Variables};
use crate::errors::ApiError;
use crate::extract::{Json, Path, Query};
use crate::websocket::{self, EXIT_CONTROL_PROTOCOL};
use crate::{State, Toolbox};

/// Subprotocol prefix that carries environment variables: base64url of a JSON object.
const ENVS_PROTOCOL: &str = "X-Daytona-Pty-Envs~";
/// The largest message a client may send.
const MAX_INPUT: usize = 64 * 1024;
const LARGEST: u16 = 1000;

/// All terminals of the sandbox.
#[derive(Default)]
pub(crate) struct Terminals(Mutex<BTreeMap<String, Arc<Terminal>>>);

impl Terminals {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Terminal>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Result<Arc<Terminal>, ApiError> {
        self.all().get(id).cloned().ok_or_else(|| ApiError::not_found("PTY session not found"))
    }
}

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/process/pty", get(list).post(create))
        .route("/process/pty/create-connect", get(create_connect))
        .route("/process/pty/{id}", get(read).delete(delete))
        .route("/process/pty/{id}/connect", get(connect))
        .route("/process/pty/{id}/resize", post(resize))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TerminalBody {
    id: String,
    cwd: String,
    envs: BTreeMap<String, String>,
    cols: u16,
    rows: u16,
    created_at: String,
    active: bool,
    lazy_start: bool,
}

impl From<&Terminal> for TerminalBody {
    fn from(terminal: &Terminal) -> Self {
        let Size { rows, cols } = terminal.size();
        Self {
            id: terminal.id.clone(),
            cwd: terminal.cwd.clone(),
            envs: terminal.envs.clone(),
            cols,
            rows,
            created_at: terminal.created_at.format(&Rfc3339).unwrap_or_default(),
            active: terminal.is_active(),
            lazy_start: terminal.lazy_start,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRequest {
    #[serde(default)]
    id: String,
    cwd: Option<String>,
    envs: Option<Variables>,
    cols: Option<u32>,
    rows: Option<u32>,
    #[serde(default)]
    lazy_start: bool,
}

async fn create(
    toolbox: State,
    Json(request): Json<CreateRequest>,
) -> Result<(StatusCode, axum::Json<Value>), ApiError> {
    let terminal = register(&toolbox, &request)?;
    if !request.lazy_start {
        start(&toolbox, &terminal)?;
    }
    Ok((StatusCode::CREATED, axum::Json(json!({ "sessionId": terminal.id }))))
}

/// Creates the terminal without starting it.
fn register(toolbox: &Toolbox, request: &CreateRequest) -> Result<Arc<Terminal>, ApiError> {
    if request.id.is_empty() {
        return Err(ApiError::bad_request("session ID is required"));
    }
    let size = size(request.rows.unwrap_or(0), request.cols.unwrap_or(0))?;
    let envs = request.envs.clone().unwrap_or_default();
    environment::check(&envs)?;
    let cwd = toolbox.resolve(request.cwd.as_deref().unwrap_or_default());
    let terminal =
        Terminal::new(request.id.clone(), cwd.to_string_lossy().into_owned(), envs, size, request.lazy_start);
    let mut terminals = toolbox.terminals.all();
    if terminals.contains_key(&request.id) {
        return Err(ApiError::conflict(format!("PTY session with ID '{}' already exists", request.id)));
    }
    terminals.insert(request.id.clone(), terminal.clone());
    Ok(terminal)
}

fn start(toolbox: &Arc<Toolbox>, terminal: &Arc<Terminal>) -> Result<(), ApiError> {
    let registry = toolbox.clone();
    let forget = move |ended: &Terminal| {
        let mut terminals = registry.terminals.all();
        // The id may have been taken again meanwhile.
        if terminals.get(&ended.id).is_some_and(|current| std::ptr::eq(&**current, ended)) {
            terminals.remove(&ended.id);
        }
    };
    terminal.start(toolbox, forget).map_err(|error| {
        toolbox.terminals.all().remove(&terminal.id);
        ApiError::internal(format!("failed to start PTY session: {error}"))
    })
}

/// 0 = the default; the contract allows 1000 and refuses more.
fn size(rows: u32, cols: u32) -> Result<Size, ApiError> {
    let check = |name: &str, value: u32, default: u16| match u16::try_from(value) {
        Ok(0) => Ok(default),
        Ok(value) if value <= LARGEST => Ok(value),
        _ => Err(ApiError::bad_request(format!("invalid value for {name} - must be less than {LARGEST}"))),
    };
    Ok(Size { rows: check("rows", rows, 24)?, cols: check("cols", cols, 80)? })
}

async fn list(toolbox: State) -> axum::Json<Value> {
    let sessions: Vec<_> = toolbox.terminals.all().values().map(|terminal| TerminalBody::from(&**terminal)).collect();
    axum::Json(json!({ "sessions": sessions }))
}

async fn read(toolbox: State, Path(id): Path<String>) -> Result<axum::Json<TerminalBody>, ApiError> {
    Ok(axum::Json(TerminalBody::from(&*toolbox.terminals.get(&id)?)))
}

async fn delete(toolbox: State, Path(id): Path<String>) -> Result<axum::Json<Value>, ApiError> {
    let terminal = toolbox.terminals.get(&id)?;
    terminal.kill();
    toolbox.terminals.all().remove(&id);
    Ok(axum::Json(json!({ "message": "PTY session deleted" })))
}

#[derive(Deserialize)]
struct ResizeRequest {
    #[serde(default)]
    cols: u32,
    #[serde(default)]
    rows: u32,
}

async fn resize(
    toolbox: State,
    Path(id): Path<String>,
    Json(request): Json<ResizeRequest>,
) -> Result<axum::Json<TerminalBody>, ApiError> {
    let size = size(request.rows, request.cols)?;
    let gone = |what: String| ApiError::new(StatusCode::GONE, "GONE", format!("gone: {what}"));
    let terminal = toolbox.terminals.get(&id).map_err(|_| gone(format!("PTY session {id} not found")))?;
    if terminal.exit().is_some() {
        return Err(gone(format!("PTY session '{id}' has terminated and is no longer available")));
    }
    terminal.resize(size).map_err(|e| ApiError::internal(format!("failed to resize PTY session: {e}")))?;
    Ok(axum::Json(TerminalBody::from(&*terminal)))
}

async fn create_connect(toolbox: State, query: Query, upgrade: WebSocketUpgrade) -> Result<Response, ApiError> {
    let envs = websocket::offered(&upgrade).iter().find_map(|offer| offer.strip_prefix(ENVS_PROTOCOL).map(str::to_owned));
    let envs = envs.map(|token| decode_envs(&token)).transpose()?;
    let request = CreateRequest {
        id: query.text("id").unwrap_or_default(),
        cwd: query.text("cwd"),
        envs,
        cols: query.number("cols")?,
        rows: query.number("rows")?,
        lazy_start: true,
    };
    let terminal = register(&toolbox, &request)?;
    Ok(serve(upgrade, toolbox.0, Some(terminal), request.id))
}

fn decode_envs(token: &str) -> Result<Variables, ApiError> {
    let bad = || ApiError::bad_request("invalid environment token");
    let json = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| bad())?;
    serde_json::from_slice(&json).map_err(|_| bad())
}

async fn connect(toolbox: State, Path(id): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    let terminal = toolbox.terminals.get(&id).ok();
    serve(upgrade, toolbox.0, terminal, id)
}

fn serve(upgrade: WebSocketUpgrade, toolbox: Arc<Toolbox>, terminal: Option<Arc<Terminal>>, id: String) -> Response {
    let reads_exit = websocket::offered(&upgrade).iter().any(|offer| offer == EXIT_CONTROL_PROTOCOL);
    let upgrade = websocket::accept_protocol(upgrade).max_message_size(MAX_INPUT).max_frame_size(MAX_INPUT);
    upgrade.on_upgrade(move |mut socket| async move {
        let Some(terminal) = terminal else {
            refuse(&mut socket, &format!("PTY session {id} not found")).await;
            return;
        };
        // Before the shell starts, so that its first output is not missed.
        let output = terminal.attach();
        if let Err(error) = start(&toolbox, &terminal) {
            refuse(&mut socket, &error.message).await;
            return;
        }
        let connected = json!({ "type": "control", "status": "connected" }).to_string();
        if socket.send(Message::Text(connected.into())).await.is_ok() {
            converse(socket, &terminal, output, reads_exit).await;
        }
    })
}

/// The contract's answer to a terminal that is not there: a control message, and the connection ends without a close frame.
async fn refuse(socket: &mut WebSocket, reason: &str) {
    let message = json!({
        "type": "control",
        "status": "error",
        "error": format!("Failed to connect to PTY session: {reason}"),
    });
    let _ = socket.send(Message::Text(message.to_string().into())).await;
}

/// Carries bytes both ways until the process exits or the client leaves. Output goes on while input waits.
async fn converse(
    socket: WebSocket,
    terminal: &Terminal,
    mut output: tokio::sync::mpsc::Receiver<Output>,
    reads_exit: bool,
) {
    use futures_util::{SinkExt, StreamExt};

    let (mut sender, mut receiver) = socket.split();
    let outgoing = async {
        while let Some(piece) = output.recv().await {
            match piece {
                Output::Data(data) => {
                    if sender.send(Message::Binary(data)).await.is_err() {
                        return Ending::Left;
                    }
                }
                Output::Overrun => return Ending::Close(1008, "slow consumer".to_owned()),
            }
        }
        match terminal.exit() {
            Some(exit) => Ending::Exited(exit),
            None => Ending::Close(1008, "slow consumer".to_owned()),
        }
    };
    let incoming = async {
        while let Some(Ok(message)) = receiver.next().await {
            let input = match message {
                Message::Text(text) => axum::body::Bytes::from(text),
                Message::Binary(data) => data,
                Message::Close(_) => break,
                Message::Ping(_) | Message::Pong(_) => continue,
            };
            if terminal.write(&input).await.is_err() {
                // The process is going; how it ended is said by the other direction.
                std::future::pending::<()>().await;
            }
        }
    };
    let ending = tokio::select! {
        ending = outgoing => ending,
        () = incoming => Ending::Left,
    };
    let Ok(mut socket) = sender.reunite(receiver) else { return };
    match ending {
        Ending::Left => {}
        Ending::Close(code, reason) => websocket::close(socket, code, reason).await,
        Ending::Exited(exit) => {
            if reads_exit {
                let mut control = json!({ "type": "control", "status": "exited", "exitCode": exit.code });
                if let Some(reason) = &exit.reason {
                    control["exitReason"] = json!(reason);
                }
                let _ = socket.send(Message::Text(control.to_string().into())).await;
            }
            let mut reason = json!({ "exitCode": exit.code });
            if let Some(text) = &exit.reason {
                reason["exitReason"] = json!(text);
            }
            let code = if exit.code == 0 { 1000 } else { 1011 };
            websocket::close(socket, code, reason.to_string()).await;
        }
    }
}

enum Ending {
    Left,
    Close(u16, String),
    Exited(Exit),
}
