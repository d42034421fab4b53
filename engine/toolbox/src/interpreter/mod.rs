//! The code interpreter over HTTP and WebSockets (wire section 4.4).

mod context;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{delete, get};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use tokio::sync::mpsc;

use self::context::{Context, Ending, Run};
use crate::environment::{self, Variables};
use crate::errors::ApiError;
use crate::extract::{Json, Path};
use crate::{State, Toolbox, websocket};

/// The context used when none is named: not listed, not deletable.
const DEFAULT: &str = "default";
const DEFAULT_TIMEOUT: u64 = 600;
/// Messages that may wait for the client; then the code waits.
const QUEUE: usize = 64;

/// All contexts of the sandbox.
#[derive(Default)]
pub(crate) struct Contexts(Mutex<BTreeMap<String, Arc<Context>>>);

impl Contexts {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Context>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/process/interpreter/context", get(list).post(create))
        .route("/process/interpreter/context/{id}", delete(remove))
        .route("/process/interpreter/execute", get(execute))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContextBody {
    id: String,
    cwd: String,
    created_at: String,
    active: bool,
    language: &'static str,
}

impl From<&Context> for ContextBody {
    fn from(context: &Context) -> Self {
        Self {
            id: context.id.clone(),
            cwd: context.cwd.to_string_lossy().into_owned(),
            created_at: context.created_at.format(&Rfc3339).unwrap_or_default(),
            active: context.is_active(),
            language: "python",
        }
    }
}

async fn list(toolbox: State) -> axum::Json<Value> {
    let contexts = toolbox.contexts.all();
    let listed: Vec<_> = contexts.values().filter(|c| c.id != DEFAULT).map(|c| ContextBody::from(&**c)).collect();
    axum::Json(json!({ "contexts": listed }))
}

#[derive(Deserialize)]
struct CreateRequest {
    cwd: Option<String>,
    language: Option<String>,
}

async fn create(
    toolbox: State,
    Json(request): Json<CreateRequest>,
) -> Result<axum::Json<ContextBody>, ApiError> {
    if let Some(language) = request.language.filter(|language| !language.is_empty() && language != "python") {
        return Err(ApiError::bad_request(format!("unsupported language: {language}: only python is supported")));
    }
    let cwd = toolbox.resolve(request.cwd.unwrap_or_default());
    if !cwd.is_dir() {
        return Err(ApiError::bad_request(format!("cwd is not a directory: {}", cwd.display())));
    }
    let context = Arc::new(Context::new(uuid::Uuid::new_v4().to_string(), cwd));
    toolbox.contexts.all().insert(context.id.clone(), context.clone());
    Ok(axum::Json(ContextBody::from(&*context)))
}

async fn remove(toolbox: State, Path(id): Path<String>) -> Result<axum::Json<Value>, ApiError> {
    if id == DEFAULT {
        return Err(ApiError::bad_request("cannot delete default context"));
    }
    let context = toolbox.contexts.all().remove(&id);
    context.ok_or_else(|| ApiError::not_found(format!("context not found: {id}")))?.close();
    Ok(axum::Json(json!({ "message": "Context deleted successfully" })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecuteRequest {
    #[serde(default)]
    code: String,
    context_id: Option<String>,
    timeout: Option<i64>,
    envs: Option<Variables>,
}

async fn execute(toolbox: State, upgrade: WebSocketUpgrade) -> Response {
    websocket::accept_protocol(upgrade).on_upgrade(move |socket| serve(socket, toolbox.0))
}

async fn serve(mut socket: WebSocket, toolbox: Arc<Toolbox>) {
    let text = loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => break text.to_string(),
            Some(Ok(Message::Binary(data))) => break String::from_utf8_lossy(&data).into_owned(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                return websocket::close(socket, 1002, "failed to read first message").await;
            }
        }
    };
    let (context, run) = match prepare(&toolbox, &text) {
        Ok(prepared) => prepared,
        Err((code, reason)) => return websocket::close(socket, code, reason).await,
    };
    let (sender, mut messages) = mpsc::channel(QUEUE);
    let work = async { context.run(&toolbox, run, sender).await };
    tokio::pin!(work);
    let mut listening = true;
    let ending = loop {
        tokio::select! {
            biased;
            message = messages.recv(), if listening => match message {
                Some(message) => {
                    if socket.send(Message::Text(message.into())).await.is_err() {
                        return;
                    }
                }
                None => listening = false,
            },
            ending = &mut work => break ending,
            message = socket.recv() => if matches!(message, Some(Ok(Message::Close(_)) | Err(_)) | None) {
                return;
            },
        }
    };
    while let Some(message) = messages.recv().await {
        if socket.send(Message::Text(message.into())).await.is_err() {
            return;
        }
    }
    let (code, reason) = match ending {
        Ok(Ending::Completed) => (1000, String::new()),
        Ok(Ending::Interrupted) => (4008, String::new()),
        Ok(Ending::WorkerEnded) => (1001, "worker process ended".to_owned()),
        Ok(Ending::Deleted) => (1001, "context shutdown".to_owned()),
        Ok(Ending::Abandoned) => return,
        Err(error) => (1011, format!("failed to run: {error}")),
    };
    websocket::close(socket, code, reason).await;
}

type Refusal = (u16, String);

fn prepare(toolbox: &Toolbox, text: &str) -> Result<(Arc<Context>, Run), Refusal> {
    let request: ExecuteRequest =
        serde_json::from_str(text).map_err(|_| (1002, "invalid JSON payload".to_owned()))?;
    if request.code.is_empty() {
        return Err((1008, "code is required".to_owned()));
    }
    let timeout = match request.timeout {
        Some(negative @ ..0) => return Err((1008, format!("timeout must be greater than or equal to 0, not {negative}"))),
        Some(0) => None,
        Some(seconds) => Some(Duration::from_secs(seconds.unsigned_abs())),
        None => Some(Duration::from_secs(DEFAULT_TIMEOUT)),
    };
    let envs = request.envs.unwrap_or_default();
    environment::check(&envs).map_err(|error| (1008, error.message))?;
    let id = request.context_id.filter(|id| !id.is_empty()).unwrap_or_else(|| DEFAULT.to_owned());
    let mut contexts = toolbox.contexts.all();
    if id == DEFAULT && !contexts.contains_key(DEFAULT) {
        let context = Context::new(DEFAULT.to_owned(), toolbox.config.work_dir.clone());
        contexts.insert(DEFAULT.to_owned(), Arc::new(context));
    }
    let context = contexts.get(&id).cloned().ok_or_else(|| (1008, format!("context not found: {id}")))?;
    if !context.is_active() {
        return Err((1008, "context is not active".to_owned()));
    }
    Ok((context, Run { code: request.code, envs, timeout }))
}
