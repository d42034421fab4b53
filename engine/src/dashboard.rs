//! The dashboard: a page at `/dashboard/` that uses the API and the toolboxes as any client does.
//!
//! The page asks for the API key and holds it in its own memory. A session in a cookie would also be sent to the previews and
//! forwarded ports of the same host, where sandboxes read it; so the engine sets none, and the page alone opens nothing.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use daytona_dashboard::FILES;
use http::{HeaderValue, StatusCode, header};

use crate::engine::Engine;

/// What the page may do: run its own scripts, none of which make HTML of text, and connect to where it comes from.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// All of it.
pub fn routes() -> Router<Arc<Engine>> {
    let router = Router::new().route("/dashboard", get(|| async { Redirect::permanent("/dashboard/") }));
    FILES.into_iter().fold(router, |router, (name, kind, content)| {
        router.route(&format!("/dashboard/{name}"), get(move || async move { file(kind, content) }))
    })
}

/// Middleware: what sandboxes and clients wrote is never a page with the rights of this one, which comes from the same origin.
pub async fn keep_apart(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    response
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    let opener =
        (header::HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    ([opener], headers, content).into_response()
}
