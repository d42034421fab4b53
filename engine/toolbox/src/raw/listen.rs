//! `GET /raw/listen?port`: connections that are made to a port of the sandbox, for somebody outside of it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::connect::become_one;
use super::{check_upgrade, frames, upgrade};
use crate::State;
use crate::errors::{ApiError, reason};
use crate::extract::{Path, Query};

/// The header of the answer that names the port.
pub const PORT_HEADER: &str = "daytona-port";

/// Frame: a connection was made; its content is [`Arrival`] as JSON.
pub const ARRIVED: u8 = 0;

/// Connections that nobody has fetched, at most; more are closed.
const MAX_WAITING: usize = 128;

/// How long a connection waits to be fetched.
const FETCH_LIMIT: Duration = Duration::from_secs(30);

/// A connection that was made to the port.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Arrival {
    /// Fetches it, once.
    pub number: u64,
    /// The client's address.
    pub address: String,
    /// The client's port.
    pub port: u16,
}

/// Connections that wait to be fetched.
#[derive(Default)]
pub(crate) struct Accepted(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    next: u64,
    streams: HashMap<u64, TcpStream>,
}

impl Accepted {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, stream: TcpStream) -> Option<u64> {
        let mut waiting = self.lock();
        if waiting.streams.len() >= MAX_WAITING {
            return None;
        }
        let number = waiting.next;
        waiting.next += 1;
        waiting.streams.insert(number, stream);
        Some(number)
    }

    fn take(&self, number: u64) -> Option<TcpStream> {
        self.lock().streams.remove(&number)
    }
}

/// Listens on `port` (0 = any free one) of the sandbox's loopback until the connection ends.
pub(super) async fn listen(toolbox: State, query: Query, request: Request) -> Result<Response, ApiError> {
    check_upgrade(&request)?;
    let text = query.text("port").unwrap_or_default();
    let port: u16 =
        text.parse().map_err(|_| ApiError::bad_request(format!("port {text:?} is not valid: 0 to 65535")))?;
    let failed = |error: std::io::Error| {
        let message = format!("conflict: port {port}: {}", reason(&error));
        ApiError::new(StatusCode::CONFLICT, "CONFLICT", message)
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let mut response = upgrade(request, async move |connection| announce(&toolbox, &listener, connection).await);
    response.headers_mut().insert(PORT_HEADER, port.into());
    Ok(response)
}

async fn announce(toolbox: &State, listener: &TcpListener, connection: TokioIo<Upgraded>) {
    let (mut reader, mut writer) = tokio::io::split(connection);
    let announcing = async {
        loop {
            let Ok((stream, client)) = listener.accept().await else {
                // No more descriptors, mostly: others may be closed meanwhile.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Some(number) = toolbox.accepted.put(stream) else { continue };
            let arrival = Arrival { number, address: client.ip().to_string(), port: client.port() };
            let content = serde_json::to_vec(&arrival).unwrap_or_default();
            let sent = frames::write(&mut writer, ARRIVED, &content).await;
            let toolbox = Arc::clone(toolbox);
            tokio::spawn(async move {
                tokio::time::sleep(FETCH_LIMIT).await;
                drop(toolbox.accepted.take(number));
            });
            if sent.is_err() {
                break;
            }
        }
    };
    let mut nothing = [0; 16];
    tokio::select! {
        () = announcing => {}
        // The other side sends nothing but its end.
        _ = reader.read(&mut nothing) => {}
    }
}

/// Becomes the connection with this number.
pub(super) async fn accepted(toolbox: State, Path(number): Path<u64>, request: Request) -> Result<Response, ApiError> {
    check_upgrade(&request)?;
    let stream = toolbox.accepted.take(number);
    let stream = stream.ok_or_else(|| ApiError::not_found(format!("connection {number} is not waiting")))?;
    Ok(upgrade(request, async move |mut connection| become_one(&mut connection, stream).await))
}
