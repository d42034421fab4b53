//! REST for interpreter contexts, and the execution WebSocket.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{Context, ContextInfo};
use super::{DEFAULT, MAX_CONTEXTS, run, worker};
use crate::errors::ApiError;
use crate::extract::{self, Path};
use crate::{State, Toolbox, websocket};

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/process/interpreter/context", get(list).post(create))
        .route("/process/interpreter/context/{context}", delete(remove))
        .route("/process/interpreter/execute", get(execute))
}

#[derive(Default, Deserialize)]
struct CreateRequest {
    cwd: Option<String>,
    language: Option<String>,
}

async fn create(
    toolbox: State,
    extract::Json(request): extract::Json<CreateRequest>,
) -> Result<Json<ContextInfo>, ApiError> {
    if let Some(language) = request.language.filter(|language| !language.is_empty() && language != "python") {
        return Err(ApiError::bad_request(format!("unsupported language: {language} (only python is supported)")));
    }
    let cwd = toolbox.resolve(request.cwd.unwrap_or_default());
    if !cwd.is_dir() {
        return Err(ApiError::bad_request(format!("working directory not found: {}", cwd.display())));
    }
    if worker::python(&toolbox).is_none() {
        return Err(ApiError::internal("failed to create context: python3 not found"));
    }
    let context = Context::new(cwd.to_string_lossy().into_owned());
    let mut table = toolbox.contexts.table();
    if table.len() >= MAX_CONTEXTS {
        return Err(ApiError::too_many(MAX_CONTEXTS, "contexts", "delete those that are done"));
    }
    table.insert(context.id.clone(), Arc::clone(&context));
    Ok(Json(context.info()))
}

async fn list(toolbox: State) -> Json<Value> {
    let table = toolbox.contexts.table();
    let contexts: Vec<_> = table.values().filter(|c| c.id != DEFAULT).map(|context| context.info()).collect();
    Json(json!({ "contexts": contexts }))
}

async fn remove(toolbox: State, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    if id == DEFAULT {
        return Err(ApiError::bad_request("the default context cannot be deleted"));
    }
    let removed = toolbox.contexts.table().remove(&id);
    let context = removed.ok_or_else(|| ApiError::not_found(format!("context not found: {id}")))?;
    context.delete().await;
    Ok(Json(json!({ "message": "Context deleted successfully" })))
}

async fn execute(
    toolbox: State,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|rejection| ApiError::bad_request(rejection.body_text()))?;
    let toolbox = Arc::clone(&toolbox);
    Ok(websocket::accept_protocol(upgrade).on_upgrade(move |socket| run::serve(socket, toolbox)))
}
