//! Every streaming protocol, once (wire.md 4).
//!
//! A stream is read by asking for the next item; what is not asked for stays in the socket, so a slow reader slows the
//! server down instead of filling memory. Dropping a stream ends it.

pub(crate) mod archive;
pub(crate) mod atomic_file;
pub(crate) mod build_log;
pub mod building;
pub mod directory;
mod end_mark;
pub(crate) mod exclude;
pub mod file_part;
pub mod forward;
pub(crate) mod image_size;
pub mod interpreter;
pub mod log_demux;
pub mod logs;
pub mod multipart;
mod multipart_header;
pub mod terminal;
pub mod transfer;
pub mod utf8;

use crate::error::{Error, Result};
use crate::toolbox::Toolbox;
use crate::travel::tokens;
use crate::travel::ws::{self, ConnectOptions, KeepAlive, WsStream};
use crate::words::without_secrets;

/// Opens a WebSocket to a path of the toolbox.
async fn open(toolbox: &Toolbox, path: &str, subprotocols: &[&str], keep_alive: KeepAlive) -> Result<WsStream> {
    let client = &toolbox.client;
    let base = toolbox.base().await?;
    let options = ConnectOptions { keep_alive, ..ConnectOptions::new(client.tls().clone(), client.proxies().clone()) };
    let mut is_last = false;
    loop {
        let endpoint = client.endpoint().await?;
        let url = format!("{}{path}", endpoint.toolbox_url(base));
        let url = url::Url::parse(&url).map_err(|e| {
            Error::invalid_argument(format!("{:?} is not a usable URL", without_secrets(&url))).with_source(e)
        })?;
        let opened = ws::connect(&url, client.headers(&endpoint), subprotocols, &options).await;
        let Err(error) = &opened else { return opened };
        // A local engine that ended meanwhile has not answered, and the next one can be asked; so can a server that takes
        // another token.
        let can_be_asked = !is_last
            && (!endpoint.is_current() || (error.status() == Some(401) && tokens::replaced(client, &endpoint).await));
        if !can_be_asked {
            return opened;
        }
        is_last = true;
    }
}
