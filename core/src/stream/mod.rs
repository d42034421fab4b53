//! Every streaming protocol, once (wire.md 4).
//!
//! A stream is read by asking for the next item; what is not asked for stays in the socket, so a slow reader slows the
//! server down instead of filling memory. Dropping a stream ends it.

pub(crate) mod archive;
pub(crate) mod atomic_file;
pub mod directory;
mod end_mark;
mod exclude;
pub mod interpreter;
pub mod log_demux;
pub mod logs;
pub mod multipart;
mod multipart_header;
pub mod terminal;
pub mod transfer;
pub mod utf8;

use http::HeaderMap;

use crate::client::Toolbox;
use crate::error::{Error, Result};
use crate::ws::{self, ConnectOptions, KeepAlive, WsStream};

/// Opens a WebSocket to a path of the toolbox.
async fn open(toolbox: &Toolbox, path: &str, subprotocols: &[&str], keep_alive: KeepAlive) -> Result<WsStream> {
    let client = &toolbox.client;
    let url = format!("{}{path}", toolbox.base().await?);
    let url = url::Url::parse(&url)
        .map_err(|e| Error::invalid_argument(format!("{url:?} is not a usable URL")).with_source(e))?;
    let headers: HeaderMap = client.endpoint().await?.headers.clone();
    let options = ConnectOptions { keep_alive, ..ConnectOptions::new(client.tls().clone(), client.proxies().clone()) };
    ws::connect(&url, headers, subprotocols, &options).await
}
