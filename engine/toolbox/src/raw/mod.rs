//! Raw ways into the sandbox, for the engine's SSH gateway and for forwarded ports.
//!
//! Each is an HTTP/1.1 upgrade (`Upgrade: tcp`) that turns its connection into bytes, or into [`frames`]:
//!
//! | route | what it becomes |
//! |---|---|
//! | `GET /raw/connect?host&port` | a TCP connection to a server that the sandbox can reach |
//! | `GET /raw/listen?port` | frames about the connections made to a port of the sandbox's loopback |
//! | `GET /raw/accepted/{number}` | one of those connections |
//! | `GET /raw/program` | frames of a program: inputs, both outputs, a terminal, signals, its end |
//!
//! What cannot be had is an ordinary HTTP answer before the upgrade, except for programs. Closing the connection ends what it
//! stands for.

mod connect;
pub mod frames;
pub mod listen;
pub mod program;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

pub(crate) use self::listen::Accepted;
use crate::Toolbox;
use crate::errors::ApiError;

/// The name of the protocol that these routes upgrade to.
pub const PROTOCOL: &str = "tcp";

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/raw/connect", get(connect::connect))
        .route("/raw/listen", get(listen::listen))
        .route("/raw/accepted/{number}", get(listen::accepted))
        .route("/raw/program", get(program::program))
}

/// 400 unless the request asks for the upgrade.
fn check_upgrade(request: &Request) -> Result<(), ApiError> {
    let asked = request.headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    match asked {
        Some(protocol) if protocol.eq_ignore_ascii_case(PROTOCOL) => Ok(()),
        _ => Err(ApiError::bad_request(format!(
            "this route needs the headers Connection: Upgrade and Upgrade: {PROTOCOL}"
        ))),
    }
}

/// Answers 101 and goes on with the raw connection.
fn upgrade<F>(mut request: Request, work: impl FnOnce(TokioIo<Upgraded>) -> F + Send + 'static) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        if let Ok(connection) = upgraded.await {
            work(TokioIo::new(connection)).await;
        }
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(PROTOCOL));
    response
}
