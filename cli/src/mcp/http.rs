//! The protocol over HTTP. Each request stands alone: no sessions, also for clients of revisions that had them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::protocol::Connection;
use super::server::Server;
use crate::failure::{Done, Failure};

/// Where it is served.
const PATH: &str = "/mcp";

/// How to listen.
pub struct HttpOptions {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on, 0 for any.
    pub port: u16,
    /// What clients must send as bearer.
    pub token: String,
    /// Names by which clients may call this machine, besides those of the loopback.
    pub allowed_hosts: Vec<String>,
}

/// Serves until `stop` ends.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn serve_http(
    server: Arc<Server>,
    options: HttpOptions,
    announce: impl FnOnce(&str) -> Done,
    stop: impl Future<Output = u8> + Send + 'static,
) -> Done {
    let listener = tokio::net::TcpListener::bind((options.host, options.port))
        .await
        .map_err(|error| Failure::other(format!("{}:{} cannot be listened on: {error}", options.host, options.port)))?;
    let address = listener.local_addr()?;
    let mut config = StreamableHttpServerConfig::default();
    // Answers come as an event stream only where a report precedes them.
    (config.legacy_session_mode, config.json_response) = (false, true);
    config.allowed_hosts.extend(options.allowed_hosts);
    // Pages in a browser have no business here.
    let config = config.enforce_origin_validation();
    let connection = Connection::new(server);
    let service =
        StreamableHttpService::new(move || Ok(connection.clone()), Arc::new(NeverSessionManager::default()), config);
    let expected = format!("Bearer {}", options.token);
    let router = Router::new().nest_service(PATH, service).layer(middleware::from_fn(move |request, next| {
        let is_allowed = is_authorized(&expected, &request);
        admit(is_allowed, request, next)
    }));
    announce(&format!("http://{address}{PATH}"))?;
    tokio::select! {
        served = axum::serve(listener, router).into_future() => Ok(served?),
        // Being asked to end is how servers end.
        _ = stop => Ok(()),
    }
}

async fn admit(is_allowed: bool, request: Request, next: Next) -> Response {
    if is_allowed {
        return next.run(request).await;
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    (StatusCode::UNAUTHORIZED, headers, "The header Authorization must be the bearer token of this server.")
        .into_response()
}

fn is_authorized(expected: &str, request: &Request) -> bool {
    let given = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    let expected = expected.as_bytes();
    // In the same time, however much of it is right.
    let differences = given.iter().zip(expected).fold(0, |differences, (a, b)| differences | (a ^ b));
    given.len() == expected.len() && differences == 0
}
