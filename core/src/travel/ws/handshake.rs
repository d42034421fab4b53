//! The HTTP/1.1 request that turns a connection into a WebSocket (RFC 6455, section 4.1).
//!
//! HTTP is spoken by hyper, so that a refusal of any shape (chunked, compressed away, slow) is read like every other
//! response.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::Fuse;
use http::header::{CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL};
use http::header::{HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::travel::connect::Transport;

/// How much of a refusal's body is read.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// A connection on which the server now speaks WebSocket.
pub(super) struct Upgraded {
    pub transport: TokioIo<Box<dyn Transport>>,
    /// What the server sent right behind its response.
    pub read_ahead: Bytes,
    pub subprotocol: Option<String>,
    /// Headers of the response.
    pub headers: HeaderMap,
}

/// Sends the upgrade request and judges the answer.
pub(super) async fn upgrade(
    transport: Box<dyn Transport>,
    url: &Url,
    headers: HeaderMap,
    subprotocols: &[&str],
) -> Result<Upgraded> {
    let key = generate_key();
    let request = upgrade_request(url, headers, subprotocols, &key)?;
    let (mut sender, connection) = http1::handshake(transport).await.map_err(broken)?;
    let mut connection = pin!(connection.with_upgrades().fuse());

    let response = alongside(connection.as_mut(), sender.send_request(request)).await.map_err(broken)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(alongside(connection, refusal(response)).await);
    }
    let subprotocol = check_response(response.headers(), &key, subprotocols)?;
    let headers = response.headers().clone();
    let upgraded = alongside(connection, hyper::upgrade::on(response)).await.map_err(broken)?;
    let parts = upgraded
        .downcast::<Box<dyn Transport>>()
        .map_err(|_| Error::new(ErrorKind::Internal, "the upgraded connection is not the one that was opened"))?;
    Ok(Upgraded { transport: TokioIo::new(parts.io), read_ahead: parts.read_buf, subprotocol, headers })
}

fn upgrade_request(url: &Url, headers: HeaderMap, subprotocols: &[&str], key: &str) -> Result<Request<Empty<Bytes>>> {
    let unusable = |what: &str| Error::invalid_argument(format!("The {what} of the stream cannot be sent."));
    let path_and_query = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = path_and_query.parse().map_err(|_| unusable("path"))?;
    let fields = request.headers_mut();
    *fields = headers;
    fields.insert(HOST, authority.parse().map_err(|_| unusable("host"))?);
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    // The daemon compares this value exactly (wire.md 4.1).
    fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    fields.insert(SEC_WEBSOCKET_KEY, key.parse().map_err(|_| unusable("key"))?);
    if !subprotocols.is_empty() {
        let mut offer: HeaderValue = subprotocols.join(", ").parse().map_err(|_| unusable("subprotocol"))?;
        // Terminals carry environment variables here (wire-additions.md 4.1).
        offer.set_sensitive(true);
        fields.insert(SEC_WEBSOCKET_PROTOCOL, offer);
    }
    Ok(request)
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

async fn refusal(response: Response<Incoming>) -> Error {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    while body.len() < MAX_REFUSAL_BYTES {
        // A body that breaks off is still better than none.
        let Some(Ok(frame)) = incoming.frame().await else { break };
        if let Some(data) = frame.data_ref() {
            let room = MAX_REFUSAL_BYTES - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Error::from_response(head.status.as_u16(), &head.headers, &body)
}

fn broken(error: hyper::Error) -> Error {
    Error::new(ErrorKind::Connection, "The connection broke before the stream was open").with_source(error)
}

/// Completes `work` while moving the connection it depends on.
async fn alongside<C: Future, W: Future>(mut connection: Pin<&mut Fuse<C>>, work: W) -> W::Output {
    let mut work = pin!(work);
    poll_fn(|cx| {
        // Once the connection has ended, `work` finds out by itself.
        let _: Poll<_> = connection.as_mut().poll(cx);
        work.as_mut().poll(cx)
    })
    .await
}
