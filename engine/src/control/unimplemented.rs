//! Parts of the API this engine does not have: each answers 501 and says so.

use std::sync::Arc;

use axum::Router;
use axum::extract::MatchedPath;
use axum::http::Method;
use axum::routing::any;

use crate::engine::Engine;
use crate::errors::ApiError;

const PATHS: [&str; 11] = [
    "/organizations/{id}/gpu-capacity",
    "/users/account-providers",
    "/users/linked-accounts",
    "/users/linked-accounts/{provider}/{user_id}",
    "/users/mfa/sms/enroll",
    "/sandbox/for-runner",
    "/sandbox/{id}/state",
    "/sandbox/{id}/backup",
    "/sandbox/{id}/region-quota",
    "/preview/{id}/signing-key",
    "/preview/{id}/preview-warning",
];

/// Routes of other kinds that only operators of the platform use.
const OPERATOR_PATHS: [&str; 4] = ["/admin/{*rest}", "/runners", "/runners/{*rest}", "/jobs/{*rest}"];

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    let paths = PATHS.iter().chain(&OPERATOR_PATHS).chain(&["/toolbox/{*rest}"]);
    paths.fold(Router::new(), |router, path| router.route(path, any(route)))
}

/// 501 naming the route.
pub async fn route(method: Method, path: MatchedPath) -> ApiError {
    ApiError::not_implemented(&format!("{method} {}", path.as_str()))
}
