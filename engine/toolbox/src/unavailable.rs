//! Routes of the contract this toolbox does not serve. They say so: computer use the contract's own 503 (wire section 3.8).

use std::sync::Arc;

use axum::routing::any;
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use crate::Toolbox;
use crate::errors::SOURCE;

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/computeruse/{*route}", any(computer_use))
}

async fn computer_use() -> (StatusCode, Json<Value>) {
    let body = json!({
        "statusCode": 503,
        "message": "Computer-use functionality is not available",
        "details": "This sandbox has no desktop.",
        "solution": "Use a sandbox that offers computer use.",
        "code": "NOT_IMPLEMENTED",
        "source": SOURCE,
    });
    (StatusCode::SERVICE_UNAVAILABLE, Json(body))
}
