//! The HTTP/1.1 request that turns a connection into a WebSocket (RFC 6455, section 4.1).

use http::HeaderMap;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL};
use http::header::{HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::travel::connect::Transport;
use crate::travel::upgrade::{self, Upgraded, unusable};

/// Sends the upgrade request and judges the answer; returns the subprotocol the server picked, too.
pub(super) async fn upgrade(
    transport: Box<dyn Transport>,
    url: &Url,
    mut headers: HeaderMap,
    subprotocols: &[&str],
) -> Result<(Upgraded, Option<String>)> {
    let key = generate_key();
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, key.parse().map_err(|_| unusable("key"))?);
    if !subprotocols.is_empty() {
        let mut offer: HeaderValue = subprotocols.join(", ").parse().map_err(|_| unusable("subprotocol"))?;
        // Terminals carry environment variables here (wire-additions.md 4.1).
        offer.set_sensitive(true);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, offer);
    }
    // The daemon compares this value exactly (wire.md 4.1).
    let upgraded = upgrade::upgrade(transport, url, headers, "websocket").await?;
    let subprotocol = check_response(&upgraded.headers, &key, subprotocols)?;
    Ok((upgraded, subprotocol))
}

/// Checks what the server agreed to; returns the subprotocol it picked.
fn check_response(headers: &HeaderMap, key: &str, subprotocols: &[&str]) -> Result<Option<String>> {
    let wrong = |what: &str| {
        Err(Error::new(ErrorKind::Connection, format!("What answers at this URL is not a Daytona server: {what}.")))
    };
    let has_token = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .any(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    };
    if !has_token(UPGRADE, "websocket") || !has_token(CONNECTION, "upgrade") {
        return wrong("the response upgrades to something else");
    }
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|v| v != derive_accept_key(key.as_bytes()).as_str()) {
        return wrong("the response does not prove that the request was understood");
    }
    let Some(picked) = headers.get(SEC_WEBSOCKET_PROTOCOL) else { return Ok(None) };
    match picked.to_str() {
        Ok(picked) if subprotocols.contains(&picked) => Ok(Some(picked.to_owned())),
        _ => wrong("the response picks a subprotocol that was not offered"),
    }
}
