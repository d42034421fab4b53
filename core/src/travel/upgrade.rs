//! Connections that HTTP/1.1 opens and that then speak something else.
//!
//! HTTP is spoken by hyper, so that a refusal of any shape (chunked, compressed away, slow) is read like every other
//! response.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::Fuse;
use http::header::{CONNECTION, HOST, HeaderValue, UPGRADE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::travel::connect::Transport;

/// How much of a refusal's body is read.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

/// A connection on which the server now speaks the protocol that was asked for.
pub(super) struct Upgraded {
    pub transport: TokioIo<Box<dyn Transport>>,
    /// What the server sent right behind its response.
    pub read_ahead: Bytes,
    /// Headers of the response.
    pub headers: HeaderMap,
}

/// Asks for another protocol, and returns the connection once the server speaks it.
///
/// # Errors
/// The error of the response when the server does not change over, `Connection` when the connection breaks.
pub(super) async fn upgrade(
    transport: Box<dyn Transport>,
    url: &Url,
    headers: HeaderMap,
    protocol: &'static str,
) -> Result<Upgraded> {
    let request = request(url, headers, protocol)?;
    let (mut sender, connection) = http1::handshake(transport).await.map_err(broken)?;
    let mut connection = pin!(connection.with_upgrades().fuse());

    let response = alongside(connection.as_mut(), sender.send_request(request)).await.map_err(broken)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(alongside(connection, refusal(response)).await);
    }
    let headers = response.headers().clone();
    let upgraded = alongside(connection, hyper::upgrade::on(response)).await.map_err(broken)?;
    let parts = upgraded
        .downcast::<Box<dyn Transport>>()
        .map_err(|_| Error::new(ErrorKind::Internal, "the upgraded connection is not the one that was opened"))?;
    Ok(Upgraded { transport: TokioIo::new(parts.io), read_ahead: parts.read_buf, headers })
}

/// The error for a part of a request that no header can carry.
pub(super) fn unusable(what: &str) -> Error {
    Error::invalid_argument(format!("The {what} of the stream cannot be sent."))
}

fn request(url: &Url, headers: HeaderMap, protocol: &'static str) -> Result<Request<Empty<Bytes>>> {
    let path_and_query = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = path_and_query.parse().map_err(|_| unusable("path"))?;
    let fields = request.headers_mut();
    *fields = headers;
    fields.insert(HOST, authority.parse().map_err(|_| unusable("host"))?);
    fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    fields.insert(UPGRADE, HeaderValue::from_static(protocol));
    Ok(request)
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
