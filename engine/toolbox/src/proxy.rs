//! `ANY /proxy/{port}/…`: what listens on a port of the sandbox, over HTTP and WebSockets (wire section 3.7).

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{HeaderValue, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::Toolbox;
use crate::errors::ApiError;

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    // A wildcard matches at least one character, so a server's root needs a route of its own.
    Router::new()
        .route("/proxy/{port}", any(proxy))
        .route("/proxy/{port}/", any(proxy))
        .route("/proxy/{port}/{*path}", any(proxy))
}

async fn proxy(mut request: Request) -> Result<Response, ApiError> {
    // The path is passed on as it came: decoding it would change what the server sees.
    let path_and_query = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let rest = path_and_query.strip_prefix("/proxy/").unwrap_or_default();
    let (port, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let number: u16 = port
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| ApiError::bad_request(format!("invalid port: {port}")))?;
    let target = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
    let uri: Uri = target.parse().map_err(|_| ApiError::bad_request("invalid path"))?;

    let Ok(stream) = TcpStream::connect(("localhost", number)).await else {
        return Ok(StatusCode::BAD_GATEWAY.into_response());
    };
    let Ok((mut sender, connection)) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await else {
        return Ok(StatusCode::BAD_GATEWAY.into_response());
    };
    tokio::spawn(connection.with_upgrades());

    let upgrade = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    parts.uri = uri;
    parts.version = http::Version::HTTP_11;
    if !parts.headers.contains_key(header::HOST)
        && let Ok(host) = HeaderValue::try_from(format!("localhost:{number}"))
    {
        parts.headers.insert(header::HOST, host);
    }
    let Ok(mut response) = sender.send_request(Request::from_parts(parts, body)).await else {
        return Ok(StatusCode::BAD_GATEWAY.into_response());
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS
        && let Some(client) = upgrade
    {
        let server = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            if let (Ok(client), Ok(server)) = (client.await, server.await) {
                // Either side going away ends the other.
                let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await;
            }
        });
    }
    Ok(response.map(Body::new))
}
