//! Connections of plain bytes, carried by HTTP/1.1 as far as the server (`Upgrade: tcp`, contract/wire-additions.md 6).

use bytes::Bytes;
use http::HeaderMap;
use hyper_util::rt::TokioIo;
use url::Url;

use crate::error::Result;
use crate::travel::connect::{self, Transport};
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;
use crate::travel::upgrade::upgrade;

/// The protocol asked for.
const PROTOCOL: &str = "tcp";

/// A connection to a server behind the one at the URL.
pub(crate) struct Tunnel {
    pub(crate) transport: TokioIo<Box<dyn Transport>>,
    /// What has arrived already.
    pub(crate) read_ahead: Bytes,
}

/// Opens a connection to `url`, which then carries bytes both ways.
///
/// # Errors
/// The error of the response when the server does not change over, `Connection` when the connection breaks.
pub(crate) async fn connect(url: &Url, headers: HeaderMap, tls: &Tls, proxies: &Proxies) -> Result<Tunnel> {
    let transport = connect::dial(url, tls, proxies).await?;
    let upgraded = upgrade(transport, url, headers, PROTOCOL).await?;
    Ok(Tunnel { transport: upgraded.transport, read_ahead: upgraded.read_ahead })
}
