//! Git routes of the contract (wire section 3.5): not served yet, and they say so.

use std::sync::Arc;

use axum::Router;
use axum::routing::any;

use crate::Toolbox;
use crate::errors::ApiError;

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/git/{*route}", any(git))
}

async fn git() -> ApiError {
    ApiError::not_implemented("git")
}
