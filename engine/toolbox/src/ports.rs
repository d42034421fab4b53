//! Listening TCP ports (wire section 3.7).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Toolbox;
use crate::errors::ApiError;
use crate::extract::Path;

/// State of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";
/// How long a port nobody is seen to listen on may take to accept.
const DIAL: Duration = Duration::from_millis(50);

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new().route("/port", get(list)).route("/port/{port}/in-use", get(in_use))
}

#[derive(Serialize)]
struct PortList {
    ports: BTreeSet<u16>,
}

async fn list() -> axum::Json<PortList> {
    axum::Json(PortList { ports: listening() })
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
    let dial =
        async { timeout(DIAL, TcpStream::connect(("localhost", port))).await.is_ok_and(|dialled| dialled.is_ok()) };
    Ok(axum::Json(InUse { is_in_use: listening().contains(&port) || dial.await }))
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
