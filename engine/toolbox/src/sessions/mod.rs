//! Sessions over HTTP and WebSockets (wire section 4.1).

mod log;
mod shell;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};

use self::log::{Stripper, split};
use self::shell::{Command, InputError, Session};
use crate::errors::ApiError;
use crate::execute::into_text;
use crate::extract::{Json, Path, Query};
use crate::sdk_version::{LogFormat, SdkVersion};
use crate::{State, Toolbox, websocket};

const ENTRYPOINT: &str = "entrypoint";
const ENTRYPOINT_COMMAND: &str = "entrypoint_command";
/// Bytes in one message of a followed log. Some clients cannot take much more than this.
const FRAME: usize = 32 * 1024;

/// All sessions of the sandbox.
pub(crate) struct Sessions {
    directory: PathBuf,
    sessions: Mutex<BTreeMap<String, Arc<Session>>>,
}

impl Sessions {
    /// Sessions that keep their logs below `directory`.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, sessions: Mutex::default() }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &str) -> Result<Arc<Session>, ApiError> {
        self.all().get(id).cloned().ok_or_else(|| ApiError::not_found("session not found"))
    }

    fn command(&self, session: &str, command: &str) -> Result<(Arc<Session>, Arc<Command>), ApiError> {
        let session = self.get(session)?;
        let command = session.command(command).ok_or_else(|| ApiError::not_found("command not found"))?;
        Ok((session, command))
    }

    /// Logs live in a directory of their own; its name is not the id, which may be anything.
    fn fresh_directory(&self) -> PathBuf {
        self.directory.join(uuid::Uuid::new_v4().to_string())
    }
}

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/process/session", get(list).post(create))
        .route("/process/session/entrypoint", get(entrypoint))
        .route("/process/session/entrypoint/logs", get(entrypoint_logs))
        .route("/process/session/{session}", get(read).delete(delete))
        .route("/process/session/{session}/exec", post(execute))
        .route("/process/session/{session}/command/{command}", get(read_command))
        .route("/process/session/{session}/command/{command}/input", post(send_input))
        .route("/process/session/{session}/command/{command}/logs", get(logs))
}

/// Runs the configured entrypoint as the only command of its own session.
pub(crate) fn start_entrypoint(toolbox: &Arc<Toolbox>) {
    let Some(arguments) = toolbox.config.entrypoint.clone().filter(|arguments| !arguments.is_empty()) else { return };
    let toolbox = toolbox.clone();
    tokio::spawn(async move {
        let quoted: Vec<_> = arguments.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        let directory = toolbox.sessions.fresh_directory();
        let started = async {
            let session = Session::start(&toolbox, ENTRYPOINT, directory, &toolbox.config.work_dir)?;
            toolbox.sessions.all().insert(ENTRYPOINT.to_owned(), session.clone());
            session.run(Some(ENTRYPOINT_COMMAND), &quoted.join(" "), true, false).await
        };
        if let Err(error) = started.await {
            tracing::error!(%error, "the entrypoint could not be started");
        }
    });
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRequest {
    #[serde(default)]
    session_id: String,
}

async fn create(
    toolbox: State,
    headers: HeaderMap,
    Json(request): Json<CreateRequest>,
) -> Result<StatusCode, ApiError> {
    let id = request.session_id;
    if id.trim().is_empty() {
        return Err(ApiError::invalid_body("sessionId is required"));
    }
    if id == ENTRYPOINT {
        return Err(ApiError::bad_request("provided session ID is reserved and cannot be created/overridden"));
    }
    let config = &toolbox.config;
    let cwd = if SdkVersion::of(&headers).sessions_start_at_home() { &config.home } else { &config.work_dir };
    let mut sessions = toolbox.sessions.all();
    if sessions.contains_key(&id) {
        return Err(ApiError::conflict("session already exists"));
    }
    let session = Session::start(&toolbox, &id, toolbox.sessions.fresh_directory(), cwd)
        .map_err(|e| ApiError::internal(format!("failed to start the session's shell: {e}")))?;
    sessions.insert(id, session);
    Ok(StatusCode::CREATED)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody {
    session_id: String,
    commands: Vec<CommandBody>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommandBody {
    id: String,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
}

impl From<&Session> for SessionBody {
    fn from(session: &Session) -> Self {
        let commands = session.commands().iter().map(|command| CommandBody::from(&**command)).collect();
        Self { session_id: session.id.clone(), commands }
    }
}

impl From<&Command> for CommandBody {
    fn from(command: &Command) -> Self {
        Self { id: command.id.clone(), command: command.text.clone(), exit_code: command.exit_code() }
    }
}

async fn list(toolbox: State) -> axum::Json<Vec<SessionBody>> {
    let sessions = toolbox.sessions.all();
    axum::Json(sessions.values().filter(|s| s.id != ENTRYPOINT).map(|s| SessionBody::from(&**s)).collect())
}

async fn read(toolbox: State, Path(id): Path<String>) -> Result<axum::Json<SessionBody>, ApiError> {
    Ok(axum::Json(SessionBody::from(&*toolbox.sessions.get(&id)?)))
}

async fn delete(toolbox: State, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    if id == ENTRYPOINT {
        return Err(ApiError::bad_request("the entrypoint session cannot be deleted"));
    }
    let session = toolbox.sessions.get(&id)?;
    session.delete().await;
    toolbox.sessions.all().remove(&id);
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecuteRequest {
    #[serde(default)]
    command: String,
    #[serde(default)]
    run_async: bool,
    /// The older name of `runAsync`.
    #[serde(default)]
    r#async: bool,
    #[serde(default)]
    suppress_input_echo: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecuteResponse {
    cmd_id: String,
    output: Option<String>,
    stdout: Option<String>,
    stderr: Option<String>,
    exit_code: Option<i32>,
}

async fn execute(
    toolbox: State,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(request): Json<ExecuteRequest>,
) -> Result<Response, ApiError> {
    if request.command.trim().is_empty() {
        return Err(ApiError::bad_request("command cannot be empty or whitespace-only"));
    }
    let session = toolbox.sessions.get(&id)?;
    let run_async = request.run_async || request.r#async;
    let command = session
        .run(None, &request.command, run_async, !request.suppress_input_echo)
        .await
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::BrokenPipe => session_ended(),
            _ => ApiError::internal(format!("failed to execute command: {e}")),
        })?;
    if run_async {
        let cmd_id = command.id.clone();
        let body = ExecuteResponse { cmd_id, output: None, stdout: None, stderr: None, exit_code: None };
        return Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response());
    }
    let Some(exit_code) = session.wait(&command).await else {
        return Err(ApiError::internal("failed to execute command: session cancelled"));
    };
    let log = read_log(&command)?;
    let parts = split(&log);
    let cmd_id = command.id.clone();
    let exit_code = Some(exit_code);
    let body = match SdkVersion::of(&headers).log_format() {
        LogFormat::Split => ExecuteResponse {
            cmd_id,
            output: Some(into_text(log)),
            stdout: Some(into_text(parts.stdout)),
            stderr: Some(into_text(parts.stderr)),
            exit_code,
        },
        LogFormat::Marked => {
            ExecuteResponse { cmd_id, output: Some(into_text(log)), stdout: None, stderr: None, exit_code }
        }
        LogFormat::Combined => {
            ExecuteResponse { cmd_id, output: Some(into_text(parts.combined)), stdout: None, stderr: None, exit_code }
        }
    };
    Ok(axum::Json(body).into_response())
}

async fn read_command(
    toolbox: State,
    Path((session, command)): Path<(String, String)>,
) -> Result<axum::Json<CommandBody>, ApiError> {
    let (_, command) = toolbox.sessions.command(&session, &command)?;
    Ok(axum::Json(CommandBody::from(&*command)))
}

#[derive(Deserialize)]
struct InputRequest {
    #[serde(default)]
    data: String,
}

async fn send_input(
    toolbox: State,
    Path((session, command)): Path<(String, String)>,
    Json(request): Json<InputRequest>,
) -> Result<StatusCode, ApiError> {
    if request.data.is_empty() {
        return Err(ApiError::invalid_body("data is required"));
    }
    let (session, command) = toolbox.sessions.command(&session, &command)?;
    match session.send_input(&command, &request.data).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(InputError::Completed(code)) => Err(ApiError::new(
            StatusCode::GONE,
            "COMMAND_ALREADY_COMPLETED",
            format!("gone: command has already completed with exit code {code}"),
        )),
        Err(InputError::SessionEnded) => Err(session_ended()),
        Err(InputError::NoInput) => {
            Err(ApiError::bad_request("the command runs synchronously: it has no standard input to write to"))
        }
        Err(InputError::Io(error)) => Err(ApiError::internal(format!("failed to write input: {error}"))),
    }
}

fn session_ended() -> ApiError {
    ApiError::new(StatusCode::GONE, "SESSION_ENDED", "gone: session process has exited")
}

async fn entrypoint(toolbox: State) -> Result<axum::Json<SessionBody>, ApiError> {
    Ok(axum::Json(SessionBody::from(&*entrypoint_session(&toolbox)?)))
}

fn entrypoint_session(toolbox: &Toolbox) -> Result<Arc<Session>, ApiError> {
    toolbox.sessions.get(ENTRYPOINT).map_err(|_| ApiError::not_found("entrypoint session not found"))
}

async fn entrypoint_logs(
    toolbox: State,
    query: Query,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let session = entrypoint_session(&toolbox)?;
    let command = session
        .command(ENTRYPOINT_COMMAND)
        .ok_or_else(|| ApiError::not_found("entrypoint command not found"))?;
    // Entrypoint logs are never stripped (wire section 4.1).
    let format = match SdkVersion::of(&headers).log_format() {
        LogFormat::Combined => LogFormat::Marked,
        format => format,
    };
    answer_logs(session, command, format, query.is_true("follow"), upgrade.ok())
}

async fn logs(
    toolbox: State,
    Path((session, command)): Path<(String, String)>,
    query: Query,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let (session, command) = toolbox.sessions.command(&session, &command)?;
    let format = SdkVersion::of(&headers).log_format();
    answer_logs(session, command, format, query.is_true("follow"), upgrade.ok())
}

#[derive(Serialize)]
struct LogsBody {
    output: String,
    stdout: String,
    stderr: String,
}

fn answer_logs(
    session: Arc<Session>,
    command: Arc<Command>,
    format: LogFormat,
    follow: bool,
    upgrade: Option<WebSocketUpgrade>,
) -> Result<Response, ApiError> {
    if let Some(upgrade) = upgrade {
        let upgrade = websocket::accept_protocol(upgrade);
        return Ok(upgrade.on_upgrade(move |socket| send_log(socket, session, command, format, follow)));
    }
    let log = read_log(&command)?;
    let text = |bytes: Vec<u8>| ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], bytes).into_response();
    Ok(match format {
        LogFormat::Split => {
            let parts = split(&log);
            let (stdout, stderr) = (into_text(parts.stdout), into_text(parts.stderr));
            axum::Json(LogsBody { output: into_text(log), stdout, stderr }).into_response()
        }
        LogFormat::Marked => text(log),
        LogFormat::Combined => text(split(&log).combined),
    })
}

/// Sends the log from its beginning, and with `follow` what is added until the command has ended.
async fn send_log(
    mut socket: WebSocket,
    session: Arc<Session>,
    command: Arc<Command>,
    format: LogFormat,
    follow: bool,
) {
    let mut progress = command.log.follow();
    let mut stripper = Stripper::default();
    let mut offset = 0;
    loop {
        let now = *progress.borrow_and_update();
        while offset < now.length {
            let mut buffer = vec![0; FRAME.min(usize::try_from(now.length - offset).unwrap_or(FRAME))];
            let Ok(read @ 1..) = command.log.read_at(&mut buffer, offset) else {
                websocket::close(socket, 1011, "the log could not be read").await;
                return;
            };
            buffer.truncate(read);
            offset += read as u64;
            if format == LogFormat::Combined {
                let mut stripped = Vec::with_capacity(read);
                stripper.push(&buffer, &mut |_, piece| stripped.extend_from_slice(piece));
                buffer = stripped;
            }
            if socket.send(Message::Binary(Bytes::from(buffer))).await.is_err() {
                return;
            }
        }
        if now.ended || !follow {
            break;
        }
        tokio::select! {
            // The sender lives in the command, which this task holds.
            _ = progress.changed() => {}
            () = session.deleted() => break,
            message = socket.recv() => match message {
                // Pings are answered by the protocol layer; anything else a client says is ignored.
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
    websocket::close(socket, 1000, "").await;
}

fn read_log(command: &Command) -> Result<Vec<u8>, ApiError> {
    command.log.read().map_err(|e| ApiError::internal(format!("failed to read the log: {e}")))
}
