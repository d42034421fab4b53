//! The control plane's routes (wire section 2, additions section 2).

mod account;
mod api_keys;
pub mod audit;
mod build_cache;
pub mod build_logs;
pub mod create;
pub mod events;
mod life;
mod listing;
mod members;
mod network;
mod network_rules;
pub mod organizations;
pub mod otel;
mod ports;
pub mod query;
mod regions;
mod registries;
mod sandboxes;
mod secrets;
mod snapshots;
mod storage;
mod telemetry;
mod unimplemented;
pub mod validation;
mod volumes;
mod warm_pools;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use daytona_toolbox::Compat;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

pub use self::account::{config, health};
use crate::engine::Engine;
use crate::errors::ApiError;
use crate::gateway::access;
use crate::ssh::access as ssh_access;
use crate::testing;

/// The largest request body, as on the platform.
const MAX_BODY_BYTES: usize = 100 << 10;

/// Everything below `/api`.
pub fn api(engine: &Arc<Engine>) -> Router<Arc<Engine>> {
    let open = Router::new()
        .route("/health", get(account::health))
        .route("/health/ready", get(operators_only))
        .route("/config", get(account::config));
    let for_tests = if engine.testing.enabled { testing::routes() } else { Router::new() };
    let closed = Router::new()
        .merge(for_tests)
        .merge(sandbox_routes(engine.compat))
        .merge(snapshots::routes())
        .merge(build_cache::routes())
        .merge(
            organizations::routes()
                .merge(members::routes())
                .merge(otel::routes())
                .layer(middleware::from_fn(access::require_person)),
        )
        .merge(api_keys::routes())
        .merge(registries::routes())
        .merge(regions::routes())
        .merge(audit::routes())
        .merge(webhooks::routes())
        .merge(volumes::routes())
        .merge(warm_pools::routes())
        .merge(secrets::routes(engine.compat))
        .route("/object-storage/push-access", get(storage::push_access))
        .merge(unimplemented::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(engine), telemetry::follow))
        .layer(middleware::from_fn_with_state(Arc::clone(engine), audit::record))
        .layer(middleware::from_fn_with_state(Arc::clone(engine), access::admit));
    open.merge(closed)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(engine), too_large))
        .layer(cross_origin())
        .layer(middleware::map_response(preflight_without_content))
}

/// Pages of any origin may use the API, as on the platform: they need the key, and no cookie stands for it.
fn cross_origin() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::mirror_request())
        .allow_methods([Method::GET, Method::HEAD, Method::PUT, Method::PATCH, Method::POST, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
}

/// `OPTIONS` answers 204, whatever the path.
async fn preflight_without_content(method: Method, mut response: Response) -> Response {
    if method == Method::OPTIONS {
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// Says of a body that is too large how large it may be. Release 0.190 answers as if there were no such route.
async fn too_large(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    match (response.status(), engine.compat) {
        (StatusCode::PAYLOAD_TOO_LARGE, Compat::V0_190) => {
            ApiError::not_found(format!("Cannot {method} /api{path}")).into_response()
        }
        (StatusCode::PAYLOAD_TOO_LARGE, Compat::Newest) => ApiError::too_large(MAX_BODY_BYTES).into_response(),
        _ => response,
    }
}

/// Routes of the platform's own services: 403 for everybody else.
async fn operators_only() -> ApiError {
    ApiError::forbidden()
}

fn sandbox_routes(compat: Compat) -> Router<Arc<Engine>> {
    let one = life::routes(compat)
        .route("/", get(sandboxes::get).delete(sandboxes::delete))
        .route("/start", post(sandboxes::start))
        .route("/stop", post(sandboxes::stop))
        .route("/archive", post(sandboxes::archive))
        .route("/recover", post(sandboxes::recover))
        .route("/labels", put(sandboxes::replace_labels))
        .route("/public/{value}", post(sandboxes::set_public))
        .route("/autostop/{minutes}", post(sandboxes::set_auto_stop))
        .route("/autoarchive/{minutes}", post(sandboxes::set_auto_archive))
        .route("/autodelete/{minutes}", post(sandboxes::set_auto_delete))
        .route("/last-activity", post(sandboxes::touch))
        .route("/network-settings", post(network::settings))
        .route("/network-log", get(network::log))
        // Their values are for the platform's own runners.
        .route("/secrets", put(secrets::of_sandbox).get(operators_only))
        .route("/snapshot", post(snapshots::of_sandbox))
        .route("/build-logs", get(build_logs::of_sandbox))
        .route("/build-logs-url", get(build_logs::url_of_sandbox))
        .route("/organization", get(operators_only))
        .route("/toolbox-proxy-url", get(ports::toolbox_proxy_url))
        .route("/ports/{port}/preview-url", get(ports::preview_url))
        .route("/ports/{port}/signed-preview-url", get(ports::signed_preview_url))
        .route("/ports/{port}/signed-preview-url/{token}/expire", post(ports::expire_signed_preview_url));
    let mut routes = Router::new()
        .route("/sandbox", get(listing::list).post(sandboxes::create))
        .route("/sandbox/", get(listing::list).post(sandboxes::create))
        .route("/sandbox/paginated", get(listing::paginated))
        .route("/preview/{id}/public", get(ports::is_public))
        .route("/preview/{id}/validate/{token}", get(ports::is_valid_token))
        .route("/preview/{id}/access", get(ports::has_access))
        .route("/preview/{id}/{port}/sandbox-id", get(operators_only));
    routes = routes.nest("/sandbox/{id}", one);
    routes.merge(ssh_routes())
}

fn ssh_routes() -> Router<Arc<Engine>> {
    Router::new()
        .route("/sandbox/{id}/ssh-access", post(ssh_access::create).delete(ssh_access::revoke))
        .route("/sandbox/ssh-access/validate", get(ssh_access::validate))
}

/// 404 in the wire's words, for unknown paths and known paths with another method.
async fn unknown(method: Method, uri: OriginalUri) -> ApiError {
    ApiError::not_found(format!("Cannot {method} {}", uri.path()))
}
