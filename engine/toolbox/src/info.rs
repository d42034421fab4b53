//! Version, user and directories of this toolbox (wire section 3.1).

use std::sync::Arc;

use axum::body::Bytes;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::{State, Toolbox};

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/user-home-dir", get(home))
        .route("/project-dir", get(home))
        .route("/work-dir", get(work_dir))
        .route("/version", get(version))
        .route("/init", post(init))
}

async fn home(toolbox: State) -> Json<Value> {
    Json(json!({ "dir": toolbox.config.home.to_string_lossy() }))
}

async fn work_dir(toolbox: State) -> Json<Value> {
    Json(json!({ "dir": toolbox.config.work_dir.to_string_lossy() }))
}

async fn version(toolbox: State) -> Json<Value> {
    Json(json!({ "version": toolbox.config.version }))
}

/// Accepted for the official control plane's sake. The token would authenticate telemetry, which this toolbox does not
/// send, so it is dropped unread.
async fn init(toolbox: State, body: Bytes) -> Result<Json<Value>, ApiError> {
    if toolbox.config.compat.wants_a_token() {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if body["token"].as_str().is_none_or(str::is_empty) {
            return Err(ApiError::invalid_body("token is required"));
        }
    }
    Ok(Json(json!({ "message": "Auth token set and telemetry initialized successfully" })))
}
