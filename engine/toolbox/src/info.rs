//! Who and where this toolbox is (wire section 3.1).

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

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
async fn init() -> Json<Value> {
    Json(json!({ "message": "Auth token set and telemetry initialized successfully" }))
}
