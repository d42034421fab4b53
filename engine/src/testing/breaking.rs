//! Carrying out the faults that tests ask for.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use daytona_toolbox::connections::Connection;
use hyper::body::{Body as HttpBody, Frame};
use serde_json::json;

use super::faults::{Answer, Fault, Moment};
use crate::engine::Engine;

/// Paths that never fail.
const SAFE: [&str; 3] = ["/health", "/api/health", "/api/testing"];

/// Middleware: lets the request fail if a rule says so.
pub async fn break_as_asked(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned();
    if SAFE.iter().any(|safe| path.starts_with(safe)) {
        return next.run(request).await;
    }
    let Some(fault) = engine.testing.rules().take(request.method().as_str(), &path) else {
        return next.run(request).await;
    };
    // Without the query, which may hold a token.
    tracing::info!(?fault, path = request.uri().path(), "a request fails as asked");
    let (method, shown) = (request.method().to_string(), request.uri().path().to_owned());
    engine.testing.recorder.keep("fault", || json!({"fault": fault, "method": method, "path": shown}));
    let connection = request.extensions().get::<Arc<Connection>>().cloned();
    match fault {
        Fault::Drop(Moment::Before) => broken(connection).await,
        Fault::Drop(Moment::After) => {
            next.run(request).await;
            broken(connection).await
        }
        Fault::Delay(time) => {
            tokio::time::sleep(time.into()).await;
            next.run(request).await
        }
        Fault::Answer(answer) => {
            if answer.committed {
                next.run(request).await;
            }
            instead(answer)
        }
        Fault::Cut(after) => {
            let response = next.run(request).await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                if let Some(connection) = connection {
                    connection.break_after(after);
                }
                return response;
            }
            response.map(|body| Body::new(CutShort { body, left: after }))
        }
        Fault::SlowStart(time) => {
            let millis = u64::try_from(Duration::from(time).as_millis()).unwrap_or(u64::MAX);
            engine.testing.start_delay.store(millis, Ordering::Release);
            next.run(request).await
        }
        Fault::Kill(_) => {
            kill(&engine, &path).await;
            next.run(request).await
        }
    }
}

/// No answer at all: the connection is closed, and this with it.
async fn broken(connection: Option<Arc<Connection>>) -> Response {
    if let Some(connection) = connection {
        connection.give_up();
    }
    std::future::pending().await
}

fn instead(answer: Answer) -> Response {
    let mut response = answer.body.into_response();
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Kills the sandbox whose id or name is a part of the path, and waits until the engine knows.
pub(super) async fn kill(engine: &Engine, path: &str) {
    let path = path.split('?').next().unwrap_or_default();
    let Some(entry) =
        path.split('/').filter(|part| !part.is_empty()).find_map(|part| engine.registry.find_in(part, None))
    else {
        return;
    };
    let Some(instance) = entry.instance() else { return };
    instance.kill();
    while entry.instance().is_some_and(|current| Arc::ptr_eq(&current, &instance)) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A body that fails after so many bytes, upon which the server closes the connection.
struct CutShort {
    body: Body,
    left: u64,
}

impl HttpBody for CutShort {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left == 0 {
            return Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other("cut as asked")))));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let Some(Ok(frame)) = frame else { return Poll::Ready(frame) };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(mut data) => {
                data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= data.len() as u64;
                Frame::data(data)
            }
            Err(frame) => frame,
        })))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}
