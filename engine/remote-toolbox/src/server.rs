//! Asking for the token, and serving the toolbox to who has it.
//!
//! The first request of a connection is the only one that a peer without the token can make:
//!
//! ```text
//! GET / HTTP/1.1
//! Connection: Upgrade
//! Upgrade: daytona-toolbox
//! Authorization: Bearer {token}
//! ```
//!
//! With the right token it is answered `101`, and the connection goes on as a new one to the toolbox does: HTTP/1.1 with
//! keep-alive, WebSockets and other upgrades. Anything else is answered 401 and the connection is closed, whatever the path, the method
//! and the headers are; the toolbox's routes do not see it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use anyhow::{Context, Result};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use daytona_toolbox::ToolboxConfig;
use daytona_toolbox::connections::{self, Room};
use http::{HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tower_service::Service;

use crate::door::{Door, Limits};
use crate::identity::{Grant, Identity, Start, Token};
use crate::tls;

/// The protocol to upgrade to.
pub const PROTOCOL: HeaderValue = HeaderValue::from_static("daytona-toolbox");

/// The route by which a waiting toolbox is adopted.
pub const ADOPT: &str = "/adopt";

/// Connections that have been let in, at once.
const MAX_CONNECTIONS: usize = 8192;

/// The most of the first request's head, in bytes.
const HEAD_LIMIT: usize = 8 * 1024;

/// The most of the description of a sandbox, in bytes.
const ADOPTION_LIMIT: usize = 1024 * 1024;

/// The body of an adoption.
#[derive(Debug, Serialize, Deserialize)]
pub struct Adoption {
    /// The token to ask for from now on.
    pub token: Token,
    /// The sandbox to serve.
    pub sandbox: Start,
}

/// Who may enter, and what they find.
struct Gate {
    token: RwLock<Token>,
    place: RwLock<Place>,
    address: SocketAddr,
    /// Taken for as long as an adoption lasts.
    adopting: Mutex<()>,
}

#[derive(Clone)]
enum Place {
    /// No sandbox yet.
    Waiting,
    /// The sandbox's toolbox.
    Toolbox(Router),
}

/// Serves the toolbox on `listener` until the future is dropped. Must be called within a tokio runtime.
///
/// # Errors
/// When the identity cannot be used, or the sandbox's directories cannot.
pub async fn serve(listener: TcpListener, grant: Grant, limits: Limits) -> Result<()> {
    let place = match &grant.sandbox {
        Some(sandbox) => Place::Toolbox(open(sandbox, listener.local_addr()?)?),
        None => Place::Waiting,
    };
    serve_place(listener, &grant.identity, grant.token, place, limits).await
}

/// Serves any routes on `listener` to whoever has the token, until the future is dropped.
///
/// # Errors
/// When the identity cannot be used.
pub async fn serve_router(listener: TcpListener, identity: &Identity, token: Token, router: Router) -> Result<()> {
    serve_place(listener, identity, token, Place::Toolbox(router), Limits::default()).await
}

async fn serve_place(
    listener: TcpListener,
    identity: &Identity,
    token: Token,
    place: Place,
    limits: Limits,
) -> Result<()> {
    let tls = tls::server(identity)?;
    let gate = Arc::new(Gate {
        address: listener.local_addr()?,
        token: RwLock::new(token),
        place: RwLock::new(place),
        adopting: Mutex::new(()),
    });
    let greeter = Arc::clone(&gate);
    let door = Door::new(listener, tls.into(), limits, move |stream| greet(Arc::clone(&greeter), stream));
    let router = Router::new().fallback(move |request: Request| Arc::clone(&gate).answer(request));
    connections::serve(door, router, Room::new(MAX_CONNECTIONS), Default::default()).await;
    Ok(())
}

/// The routes of a sandbox's toolbox; starts its entrypoint.
fn open(sandbox: &Start, address: SocketAddr) -> Result<Router> {
    let home = &sandbox.home;
    let work_dir = sandbox.work_dir.as_ref().unwrap_or(home);
    std::fs::create_dir_all(home).with_context(|| format!("making the home {}", home.display()))?;
    std::fs::create_dir_all(work_dir).with_context(|| format!("making the work directory {}", work_dir.display()))?;
    if let Err(error) = nix::unistd::access(home, nix::unistd::AccessFlags::W_OK) {
        tracing::error!(home = %home.display(), %error, "the home cannot be written: sessions will fail; mount a volume there");
    }
    let router = daytona_toolbox::router(ToolboxConfig {
        sandbox_id: sandbox.sandbox_id.clone(),
        home: home.clone(),
        work_dir: work_dir.clone(),
        version: sandbox.version.clone(),
        variables: sandbox.env.clone(),
        entrypoint: Some(sandbox.entrypoint.clone()),
        // Setting it would make the memory of a process readable that is still a copy of this one, with its secrets.
        process_oom_score: None,
        process_limit: None,
        memory_limit: daytona_toolbox::MemoryLimit::of_own_group(),
        compat: sandbox.compat,
        own_port: Some(address.port()),
    });
    tracing::info!(sandbox = sandbox.sandbox_id, %address, "toolbox ready");
    Ok(router)
}

/// Reads the one request that a connection may make without a token; the connection, if it had one.
async fn greet<I>(gate: Arc<Gate>, stream: I) -> Option<TokioIo<Upgraded>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgrade = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&upgrade);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let answer = if gate.lets_in(&request) {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(hyper::upgrade::on(&mut request));
            let switched = [(header::CONNECTION, HeaderValue::from_static("Upgrade")), (header::UPGRADE, PROTOCOL)];
            (StatusCode::SWITCHING_PROTOCOLS, switched).into_response()
        } else {
            refusal()
        };
        std::future::ready(Ok::<_, Infallible>(answer))
    });
    let mut exchange = hyper::server::conn::http1::Builder::new();
    exchange.keep_alive(false).max_buf_size(HEAD_LIMIT).header_read_timeout(None);
    exchange.serve_connection(TokioIo::new(stream), service).with_upgrades().await.ok()?;
    let upgrade = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Some(TokioIo::new(upgrade.await.ok()?))
}

/// The answer to all who have no token.
fn refusal() -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    let message = "unauthorized: this toolbox is reached through its proxy, which has its token";
    let body = json!({"statusCode": 401, "code": "UNAUTHORIZED", "message": message});
    (StatusCode::UNAUTHORIZED, challenge, Json(body)).into_response()
}

impl Gate {
    fn lets_in<B>(&self, request: &hyper::Request<B>) -> bool {
        let headers = request.headers();
        let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let given = given.and_then(|value| value.strip_prefix(b"Bearer ")).unwrap_or_default();
        let known = self.token.read().unwrap_or_else(PoisonError::into_inner).matches(given);
        known && request.method() == Method::GET && headers.get(header::UPGRADE) == Some(&PROTOCOL)
    }

    async fn answer(self: Arc<Self>, request: Request) -> Response {
        let place = self.place.read().unwrap_or_else(PoisonError::into_inner).clone();
        match place {
            // What it answers is never an error of its own.
            Place::Toolbox(mut router) => router.call(request).await.unwrap_or_else(|error| match error {}),
            Place::Waiting if request.uri().path() == ADOPT && request.method() == Method::POST => {
                self.adopt(request.into_body()).await.into_response()
            }
            Place::Waiting => {
                let message = "this toolbox has no sandbox yet";
                failure(StatusCode::SERVICE_UNAVAILABLE, "WAITING", message).into_response()
            }
        }
    }

    async fn adopt(&self, body: Body) -> Result<Json<serde_json::Value>, (StatusCode, Json<serde_json::Value>)> {
        let invalid = |what: String| failure(StatusCode::BAD_REQUEST, "INVALID_REQUEST_BODY", &what);
        let body = to_bytes(body, ADOPTION_LIMIT).await.map_err(|error| invalid(format!("reading it: {error}")))?;
        let Adoption { token, sandbox } =
            serde_json::from_slice(&body).map_err(|error| invalid(format!("not an adoption: {error}")))?;
        let _adopting = self.adopting.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*self.place.read().unwrap_or_else(PoisonError::into_inner), Place::Toolbox(_)) {
            return Err(failure(StatusCode::CONFLICT, "CONFLICT", "this toolbox has a sandbox already"));
        }
        let router = open(&sandbox, self.address).map_err(|error| {
            failure(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR", &format!("{error:#}"))
        })?;
        *self.token.write().unwrap_or_else(PoisonError::into_inner) = token;
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = Place::Toolbox(router);
        Ok(Json(json!({})))
    }
}

fn failure(status: StatusCode, code: &str, message: &str) -> (StatusCode, Json<serde_json::Value>) {
    (status, Json(json!({"statusCode": status.as_u16(), "code": code, "message": message})))
}
