//! Listening TCP ports, and raw connections to them (wire section 3.7, additions 6).

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use daytona_port_frames::{self as frames, Side};
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::errors::{ApiError, reason};
use crate::extract::Path;
use crate::{State, Toolbox};

/// State of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";
/// How long a port nobody is seen to listen on may take to accept.
const DIAL: Duration = Duration::from_millis(50);

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/port", get(list))
        .route("/port/{port}/in-use", get(in_use))
        .route("/port/{port}/connect", get(connect))
}

/// Connects to whatever listens on a port of the sandbox's loopback addresses.
pub(crate) async fn dial(port: u16) -> std::io::Result<TcpStream> {
    // By address: a name would be looked up for each connection.
    let addresses: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    let stream = TcpStream::connect(&addresses[..]).await?;
    // Small pieces must not wait for the next ones.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[derive(Serialize)]
struct PortList {
    ports: BTreeSet<u16>,
}

async fn list(toolbox: State) -> axum::Json<PortList> {
    let mut ports = listening();
    if let Some(own) = toolbox.config.own_port {
        ports.remove(&own);
    }
    axum::Json(PortList { ports })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InUse {
    is_in_use: bool,
}

async fn in_use(Path(port): Path<String>) -> Result<axum::Json<InUse>, ApiError> {
    let port: u16 = port
        .parse()
        .ok()
        .filter(|port| (3000..=9999).contains(port))
        .ok_or_else(|| ApiError::bad_request("port out of range: must be 3000 to 9999"))?;
    let dialled = async { timeout(DIAL, dial(port)).await.is_ok_and(|dialled| dialled.is_ok()) };
    Ok(axum::Json(InUse { is_in_use: listening().contains(&port) || dialled.await }))
}

/// The protocols a connection can be upgraded to.
const FRAMES: HeaderValue = HeaderValue::from_static(frames::PROTOCOL);
const PLAIN: HeaderValue = HeaderValue::from_static(frames::PLAIN_PROTOCOL);

/// `GET /port/{port}/connect` with `Upgrade: tcp-frames`: the connection goes on as one to the port, each direction by itself.
/// Clients from before there were frames ask for `tcp`.
async fn connect(Path(port): Path<String>, mut request: Request) -> Result<Response, ApiError> {
    let port: u16 = port
        .parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| ApiError::bad_request("port out of range: must be 1 to 65535"))?;
    let wanted = request.headers().get(header::UPGRADE);
    let Some(protocol) = [FRAMES, PLAIN].into_iter().find(|protocol| wanted == Some(protocol)) else {
        let message = "a raw connection to a port is asked for with 'Upgrade: tcp-frames'";
        let mut answer = ApiError::new(StatusCode::UPGRADE_REQUIRED, "UPGRADE_REQUIRED", message).into_response();
        answer.headers_mut().insert(header::UPGRADE, FRAMES);
        return Ok(answer);
    };
    let mut server = dial(port).await.map_err(|error| {
        ApiError::new(StatusCode::BAD_GATEWAY, "BAD_GATEWAY", format!("port {port}: {}", reason(&error)))
    })?;
    let client = hyper::upgrade::on(&mut request);
    let framed = protocol == FRAMES;
    tokio::spawn(async move {
        let Ok(client) = client.await else { return };
        let mut client = TokioIo::new(client);
        let carried = if framed {
            frames::carry(Side::Sandbox, &mut server, client).await
        } else {
            let (up, down) = (frames::INTO_SANDBOX, frames::OUT_OF_SANDBOX);
            tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, up, down).await.map(drop)
        };
        if carried.is_err() {
            // The server must not take it for the end of the data.
            let _ = server.set_zero_linger();
        }
    });
    let switched = [(header::CONNECTION, HeaderValue::from_static("Upgrade")), (header::UPGRADE, protocol)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, switched).into_response())
}

fn listening() -> BTreeSet<u16> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .flat_map(|table| table.lines().skip(1).filter_map(listening_port).collect::<Vec<_>>())
        .collect()
}

fn listening_port(line: &str) -> Option<u16> {
    let mut fields = line.split_ascii_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    let (_, port) = local.rsplit_once(':')?;
    (state == LISTEN).then(|| u16::from_str_radix(port, 16).ok()).flatten()
}
