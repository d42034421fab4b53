//! Parts of the API this engine does not have: each answers 501 and says so.

use std::sync::Arc;

use axum::Router;
use axum::extract::MatchedPath;
use axum::http::Method;
use axum::routing::any;

use crate::engine::Engine;
use crate::errors::ApiError;

const PATHS: [&str; 52] = [
    "/api-keys",
    "/api-keys/{name}",
    "/api-keys/{user_id}/{name}",
    "/organizations/invitations",
    "/organizations/invitations/count",
    "/organizations/invitations/{id}/accept",
    "/organizations/invitations/{id}/decline",
    "/organizations/otel-config/by-sandbox-auth-token/{token}",
    "/organizations/{id}/default-region",
    "/organizations/{id}/usage",
    "/organizations/{id}/gpu-capacity",
    "/organizations/{id}/quota",
    "/organizations/{id}/quota/{region_id}",
    "/organizations/{id}/leave",
    "/organizations/{id}/suspend",
    "/organizations/{id}/unsuspend",
    "/organizations/{id}/otel-config",
    "/organizations/{id}/sandbox-default-limited-network-egress",
    "/organizations/{id}/experimental-config",
    "/organizations/{id}/roles",
    "/organizations/{id}/roles/{role_id}",
    "/organizations/{id}/users",
    "/organizations/{id}/users/{user_id}",
    "/organizations/{id}/users/{user_id}/access",
    "/organizations/{id}/invitations",
    "/organizations/{id}/invitations/{invitation_id}",
    "/organizations/{id}/invitations/{invitation_id}/cancel",
    "/regions/{id}",
    "/regions/{id}/regenerate-proxy-api-key",
    "/regions/{id}/regenerate-ssh-gateway-api-key",
    "/regions/{id}/regenerate-snapshot-manager-credentials",
    "/users/account-providers",
    "/users/linked-accounts",
    "/users/linked-accounts/{provider}/{user_id}",
    "/users/mfa/sms/enroll",
    "/sandbox/for-runner",
    "/sandbox/{id}/state",
    "/sandbox/{id}/backup",
    "/sandbox/{id}/snapshot",
    "/sandbox/{id}/secrets",
    "/sandbox/{id}/region-quota",
    "/sandbox/{id}/telemetry/logs",
    "/sandbox/{id}/telemetry/traces",
    "/sandbox/{id}/telemetry/traces/{trace_id}",
    "/preview/{id}/signing-key",
    "/preview/{id}/preview-warning",
    "/volumes",
    "/volumes/{*rest}",
    "/secret",
    "/secret/{*rest}",
    "/docker-registry",
    "/docker-registry/{*rest}",
];

/// Routes of other kinds that only operators of the platform use.
const OPERATOR_PATHS: [&str; 6] =
    ["/webhooks/{*rest}", "/audit/{*rest}", "/admin/{*rest}", "/runners", "/runners/{*rest}", "/jobs/{*rest}"];

/// All of them.
pub fn routes() -> Router<Arc<Engine>> {
    let paths = PATHS.iter().chain(&OPERATOR_PATHS).chain(&["/toolbox/{*rest}"]);
    paths.fold(Router::new(), |router, path| router.route(path, any(route)))
}

/// 501 naming the route.
pub async fn route(method: Method, path: MatchedPath) -> ApiError {
    ApiError::not_implemented(&format!("{method} {}", path.as_str()))
}
