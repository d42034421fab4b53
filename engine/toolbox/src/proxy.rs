//! `ANY /proxy/{port}/…`: forwards to a server in the sandbox (wire section 3.7).
//!
//! Path and query travel byte for byte, bodies are streamed both ways, and protocol upgrades (WebSockets) become plain
//! byte tunnels.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{StatusCode, Uri, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::Toolbox;
use crate::errors::{ApiError, reason};
use crate::hop_by_hop;
use crate::ports::dial;

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/proxy/{port}", any(forward))
        .route("/proxy/{port}/{*path}", any(forward))
        .route("/proxy/{port}/", any(forward))
}

async fn forward(request: Request) -> Result<Response, ApiError> {
    let (port, target) = destination(request.uri())?;
    let connection = dial(port).await.map_err(|error| bad_gateway(port, reason(&error)))?;
    let (mut sender, driver) =
        http1::handshake(TokioIo::new(connection)).await.map_err(|error| bad_gateway(port, error))?;
    // Ends with the exchange, or with the tunnel after an upgrade.
    tokio::spawn(driver.with_upgrades());
    let (request, client_upgrade) = prepare(request, port, target);
    let mut response = sender.send_request(request).await.map_err(|error| bad_gateway(port, error))?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(client_upgrade) = client_upgrade
    {
        let server_upgrade = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            if let (Ok(client), Ok(server)) = tokio::join!(client_upgrade, server_upgrade) {
                // Either side closing is the tunnel's normal end.
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await;
            }
        });
        return Ok(response.map(Body::new).into_response());
    }
    hop_by_hop::remove(response.headers_mut());
    Ok(response.map(Body::new))
}

fn bad_gateway(port: u16, error: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::BAD_GATEWAY, "BAD_GATEWAY", format!("bad gateway: port {port}: {error}"))
}

/// The port, and the rest of the path with the query, as the client encoded them.
fn destination(uri: &Uri) -> Result<(u16, Uri), ApiError> {
    let invalid = || ApiError::bad_request("invalid proxy target");
    let rest = uri.path().strip_prefix("/proxy/").ok_or_else(invalid)?;
    let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(invalid)?;
    let path = if path.is_empty() { "/" } else { path };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse(),
    };
    Ok((port, target.map_err(|_| invalid())?))
}

/// The request as the server gets it, and the client's side of an upgrade if it asks for one.
fn prepare(mut request: Request, port: u16, target: Uri) -> (Request, Option<hyper::upgrade::OnUpgrade>) {
    let protocol = request.headers().get(header::UPGRADE).cloned();
    let client_upgrade = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    *request.uri_mut() = target;
    *request.version_mut() = http::Version::HTTP_11;
    let headers = request.headers_mut();
    hop_by_hop::remove(headers);
    if let Some(protocol) = protocol {
        headers.insert(header::CONNECTION, http::HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, protocol);
    }
    if !headers.contains_key(header::HOST)
        && let Ok(host) = format!("localhost:{port}").parse()
    {
        headers.insert(header::HOST, host);
    }
    (request, client_upgrade)
}
