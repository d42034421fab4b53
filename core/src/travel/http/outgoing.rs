//! A request as it is sent.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Frame;
use url::Url;

/// What hyper sends.
pub(super) type HyperBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// The body of a request.
pub(crate) enum Body {
    /// Sent as it is; empty is none.
    Whole(Bytes),
    /// Produced while it is sent: such a request is never repeated.
    Streamed(UnsyncBoxBody<Bytes, io::Error>),
}

impl Body {
    /// A body that comes in pieces; an error breaks the connection.
    pub(crate) fn stream(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::Streamed(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync())
    }
}

/// A request to one server, which may redirect it.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Outgoing {
    /// A request without headers and body.
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Body::Whole(Bytes::new()) }
    }

    /// The request for hyper, and whether it can be made again. A streamed body is taken.
    pub(super) fn take(&mut self, uri: Uri) -> (http::Request<HyperBody>, bool) {
        let (body, repeatable) = match &mut self.body {
            Body::Whole(bytes) => (Either::Left(Full::new(bytes.clone())), true),
            streamed => match std::mem::replace(streamed, Body::Whole(Bytes::new())) {
                Body::Streamed(body) => (Either::Right(body), false),
                Body::Whole(_) => unreachable!("it is streamed"),
            },
        };
        let mut request = http::Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        (request, repeatable)
    }
}
