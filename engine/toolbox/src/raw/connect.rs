//! `GET /raw/connect?host&port`: a TCP connection made inside the sandbox.

use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{check_upgrade, upgrade};
use crate::errors::{ApiError, reason};
use crate::extract::Query;

/// How long connecting may take.
const DIAL: Duration = Duration::from_secs(60);

/// Connects to `host` (default `localhost`) and `port`, and becomes that connection.
pub(super) async fn connect(query: Query, request: Request) -> Result<Response, ApiError> {
    check_upgrade(&request)?;
    let host = query.text("host").filter(|host| !host.is_empty()).unwrap_or_else(|| "localhost".to_owned());
    let port = query.required("port")?;
    let port: u16 = port
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| ApiError::bad_request(format!("port {port:?} is not valid: 1 to 65535")))?;
    let failed = |why: String| {
        ApiError::new(StatusCode::BAD_GATEWAY, "BAD_GATEWAY", format!("bad gateway: {host} port {port}: {why}"))
    };
    let server = timeout(DIAL, TcpStream::connect((host.as_str(), port)))
        .await
        .map_err(|_| failed(format!("no answer within {} s", DIAL.as_secs())))?
        .map_err(|error| failed(reason(&error)))?;
    Ok(upgrade(request, async move |mut connection| become_one(&mut connection, server).await))
}

/// Passes bytes on both ways until both have ended.
pub(super) async fn become_one(
    connection: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    mut other: TcpStream,
) {
    let _ = other.set_nodelay(true);
    // Either side's end is the connection's normal end.
    let _ = tokio::io::copy_bidirectional(connection, &mut other).await;
}
