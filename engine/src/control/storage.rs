//! Access to the object storage (wire 2.7).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::accounts::caller;
use crate::engine::Engine;
use crate::errors::ApiResult;
use crate::storage::{BUCKET, REGION};

/// `GET /object-storage/push-access`: credentials for an hour, for the caller's organization.
pub async fn push_access(State(engine): State<Arc<Engine>>) -> ApiResult<Json<Value>> {
    let organization_id = &caller::current()?.organization_id;
    let credentials = engine.storage.credentials(organization_id);
    Ok(Json(json!({
        "accessKey": credentials.access_key,
        "secret": credentials.secret,
        "sessionToken": credentials.session_token,
        "storageUrl": engine.origin,
        "organizationId": organization_id,
        "bucket": BUCKET,
        "region": REGION,
    })))
}
