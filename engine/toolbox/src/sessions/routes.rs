//! The REST surface of sessions (wire section 4.1).

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::command::{Command, Progress, Stdin};
use super::follow::{self, Until};
use super::shell::Session;
use super::{ENTRYPOINT, entrypoint, lines, log_format};
use crate::environment::Variables;
use crate::errors::{ApiError, reason};
use crate::extract::{self, Path, Query};
use crate::sdk_version::{LogFormat, SdkVersion};
use crate::{State, Toolbox, websocket};

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/process/session", get(list).post(create))
        .route("/process/session/entrypoint", get(get_entrypoint).delete(refuse_entrypoint))
        .route("/process/session/entrypoint/logs", get(entrypoint_logs))
        .route("/raw/entrypoint", get(lines::entrypoint_lines))
        .route("/process/session/{session}", get(get_one).delete(delete))
        .route("/process/session/{session}/exec", post(execute))
        .route("/process/session/{session}/command/{command}", get(get_command))
        .route("/process/session/{session}/command/{command}/input", post(send_input))
        .route("/process/session/{session}/command/{command}/logs", get(command_logs))
}

/// Wire name `Session`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionView {
    session_id: String,
    commands: Vec<CommandView>,
}

/// Wire name `Command`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommandView {
    id: String,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
}

impl From<&Session> for SessionView {
    fn from(session: &Session) -> Self {
        let commands = session.commands().iter().map(|command| CommandView::from(&**command)).collect();
        Self { session_id: session.id.clone(), commands }
    }
}

impl From<&Command> for CommandView {
    fn from(command: &Command) -> Self {
        Self { id: command.id.clone(), command: command.text.clone(), exit_code: command.exit_code() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateSessionRequest {
    #[serde(default)]
    session_id: String,
}

async fn create(
    toolbox: State,
    headers: HeaderMap,
    extract::Json(CreateSessionRequest { session_id: id }): extract::Json<CreateSessionRequest>,
) -> Result<StatusCode, ApiError> {
    if id.is_empty() {
        return Err(ApiError::invalid_body("sessionId is required"));
    }
    if id == ENTRYPOINT {
        return Err(ApiError::bad_request("provided session ID is reserved and cannot be created/overridden"));
    }
    let home = toolbox.config.home.to_string_lossy();
    let at_home = SdkVersion::of(&headers).sessions_start_at_home();
    let cwd = at_home.then_some(&*home);
    let place = toolbox.sessions.reserve(id.clone())?;
    let shell = toolbox.command(&toolbox.shell(), cwd, &Variables::new());
    let directory = toolbox.sessions.directory(&id);
    let started = Session::start(id, directory, shell, toolbox.config.compat, toolbox.config.memory_limit.clone());
    let session = started.map_err(|error| match error.kind() {
        // The id names a directory.
        std::io::ErrorKind::InvalidFilename => ApiError::bad_request("session ID is too long"),
        _ => ApiError::internal(format!("failed to create session: {}", reason(&error))),
    })?;
    place.fill(session);
    Ok(StatusCode::CREATED)
}

async fn list(toolbox: State) -> Json<Vec<SessionView>> {
    let table = toolbox.sessions.table();
    let sessions = table.by_id.values().filter(|session| session.id != ENTRYPOINT);
    Json(sessions.map(|session| SessionView::from(&**session)).collect())
}

async fn get_one(toolbox: State, Path(id): Path<String>) -> Result<Json<SessionView>, ApiError> {
    Ok(Json(SessionView::from(&*toolbox.sessions.get(&id)?)))
}

async fn get_entrypoint(toolbox: State) -> Result<Json<SessionView>, ApiError> {
    get_one(toolbox, Path(ENTRYPOINT.to_owned())).await
}

async fn refuse_entrypoint() -> ApiError {
    ApiError::bad_request("the entrypoint session cannot be deleted")
}

async fn delete(toolbox: State, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let session = toolbox.sessions.get(&id)?;
    // A task of its own: a client that leaves does not leave half a session behind. The id is free only when all of it
    // is gone.
    tokio::spawn(async move {
        session.delete().await;
        toolbox.sessions.forget(&session);
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecuteRequest {
    #[serde(default)]
    command: String,
    run_async: Option<bool>,
    /// Older name of `runAsync`.
    r#async: Option<bool>,
    suppress_input_echo: Option<bool>,
}

/// Wire name `SessionExecuteResponse`, of a command that has only begun.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
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
    extract::Json(request): extract::Json<ExecuteRequest>,
) -> Result<Response, ApiError> {
    if request.command.trim().is_empty() {
        return Err(ApiError::invalid_body("command cannot be empty"));
    }
    let session = toolbox.sessions.get(&id)?;
    let in_background = request.run_async.unwrap_or_default() || request.r#async.unwrap_or_default();
    if in_background {
        let stdin = Stdin::Open { echoes: !request.suppress_input_echo.unwrap_or_default() };
        let command = session.submit(Command::new_id(), request.command, stdin)?;
        let begun = Begun { cmd_id: command.id.clone(), output: None, stdout: None, stderr: None, exit_code: None };
        return Ok((StatusCode::ACCEPTED, Json(begun)).into_response());
    }
    let command = session.submit(Command::new_id(), request.command, Stdin::Empty)?;
    match command.finished().await {
        Progress::Exited(code) => {
            let format = SdkVersion::of(&headers).log_format();
            Ok(log_format::executed(command.id.clone(), code, command.log_path(), format))
        }
        Progress::Unfinished | Progress::Cancelled => {
            Err(ApiError::internal("failed to execute command: session cancelled"))
        }
    }
}

async fn get_command(
    toolbox: State,
    Path((session, command)): Path<(String, String)>,
) -> Result<Json<CommandView>, ApiError> {
    let command = toolbox.sessions.command(&session, &command)?;
    if command.exit_code_is_unwritten() {
        return Err(ApiError::internal("failed to convert exit code to int"));
    }
    Ok(Json(CommandView::from(&*command)))
}

#[derive(Deserialize)]
struct SendInputRequest {
    #[serde(default)]
    data: String,
}

async fn send_input(
    toolbox: State,
    Path((session, command)): Path<(String, String)>,
    extract::Json(SendInputRequest { data }): extract::Json<SendInputRequest>,
) -> Result<StatusCode, ApiError> {
    if data.is_empty() {
        return Err(ApiError::invalid_body("data is required"));
    }
    toolbox.sessions.command(&session, &command)?.send_input(data).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn command_logs(
    toolbox: State,
    Path((session, command)): Path<(String, String)>,
    query: Query,
    request: Request,
) -> Result<Response, ApiError> {
    let command = toolbox.sessions.command(&session, &command)?;
    let format = SdkVersion::of(request.headers()).log_format();
    logs(command, format, &query, request).await
}

/// Entrypoint logs keep their markers for every client.
async fn entrypoint_logs(toolbox: State, query: Query, request: Request) -> Result<Response, ApiError> {
    let command = toolbox.sessions.command(ENTRYPOINT, entrypoint::COMMAND)?;
    let format = match SdkVersion::of(request.headers()).log_format() {
        LogFormat::Combined => LogFormat::Marked,
        format => format,
    };
    logs(command, format, &query, request).await
}

/// The log so far, or over a WebSocket when the request asks for one.
async fn logs(command: Arc<Command>, format: LogFormat, query: &Query, request: Request) -> Result<Response, ApiError> {
    let wants_upgrade =
        request.headers().get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if !wants_upgrade {
        return Ok(log_format::logs(command.log_path(), format));
    }
    let until = if query.is_true("follow") { Until::CommandEnds } else { Until::EndOfLog };
    let (mut parts, _) = request.into_parts();
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => websocket::accept_protocol(upgrade),
        Err(rejection) => return Err(ApiError::bad_request(rejection.body_text())),
    };
    Ok(upgrade.on_upgrade(move |socket| follow::follow(socket, command, format, until)))
}
