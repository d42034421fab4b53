//! Requests to the toolbox of a sandbox, however it is reached.

use std::sync::Arc;

use anyhow::{Context, Result};
use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;

use super::Backend;

/// Carries the token of a connection that needs one.
pub const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-daytona-toolbox-token");

/// The way to one sandbox, for those who go it again and again.
#[derive(Debug, Clone)]
pub struct Way {
    backend: Arc<dyn Backend>,
    id: Arc<str>,
}

impl Way {
    /// The way to the sandbox with this id.
    pub fn to(backend: &Arc<dyn Backend>, id: &str) -> Self {
        Self { backend: Arc::clone(backend), id: id.into() }
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// When the sandbox does not run, or does not answer.
    pub async fn open<B: Body + Send + 'static>(&self) -> Result<Sender<B>>
    where
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        open(&*self.backend, &self.id).await
    }
}

/// Sends requests on one connection, which ends when this and the bodies of all answers are dropped.
#[derive(Debug)]
pub struct Sender<B> {
    sender: hyper::client::conn::http1::SendRequest<B>,
    token: Option<HeaderValue>,
}

impl<B: Body + 'static> Sender<B> {
    /// Sends a request. A token that a client sent in the engine's place does not reach the toolbox.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(&mut self, mut request: Request<B>) -> hyper::Result<Response<Incoming>> {
        match &self.token {
            Some(token) => drop(request.headers_mut().insert(TOKEN_HEADER, token.clone())),
            None => drop(request.headers_mut().remove(TOKEN_HEADER)),
        }
        self.sender.send_request(request).await
    }
}

/// Opens a connection to a sandbox's toolbox.
///
/// # Errors
/// When the sandbox does not run, or does not answer.
pub async fn open<B: Body + Send + 'static>(backend: &dyn Backend, id: &str) -> Result<Sender<B>>
where
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = backend.connect(id).await.context("the sandbox cannot be reached")?;
    let token = stream.token().cloned();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection.with_upgrades());
    Ok(Sender { sender, token })
}
