//! Telling the control plane that a toolbox listens: the control plane's side.
//!
//! [`Homes`] is the table of toolboxes that are expected; it is in memory, because a start is the business of one replica: the pod is
//! told that replica's own address. Should the replica end, the toolbox calls in vain and gives up, and so does the start.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use daytona_toolbox::connections::{self, Connection, Room, Times};
use http::StatusCode;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::call_home::{Arrival, PATH};
use crate::door::{Door, Limits};
use crate::identity::{Grant, Identity, Token};
use crate::tls;

/// The most of a call, in bytes.
const CALL_LIMIT: usize = 4 * 1024;

/// Connections of toolboxes that call, at once.
const MAX_CONNECTIONS: usize = 1024;

/// A toolbox that has called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Where it is: the address that it called from, and the port that it named.
    pub address: SocketAddr,
    /// The version of its program.
    pub version: String,
}

/// Why nobody came home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHome {
    /// Nobody expects it: it never was, or has been given up.
    #[error("the toolbox is not expected")]
    NotExpected,
    /// The secret has expired unused.
    #[error("the toolbox did not call in time")]
    Late,
}

/// The toolboxes that are expected.
pub struct Homes {
    lifetime: Duration,
    table: Mutex<HashMap<String, Expected>>,
}

impl fmt::Debug for Homes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Homes").field("expected", &self.table().len()).finish_non_exhaustive()
    }
}

struct Expected {
    secret: Token,
    /// The grant as the answer to the call.
    welcome: Bytes,
    /// The only address that may call, where it is known.
    from: Option<IpAddr>,
    until: Instant,
    /// The call that used the secret, and from where.
    used_by: Option<(Token, IpAddr)>,
    home: watch::Sender<Option<Home>>,
}

impl Homes {
    /// A table whose secrets are good for so long.
    pub fn new(lifetime: Duration) -> Arc<Self> {
        Arc::new(Self { lifetime, table: Mutex::default() })
    }

    fn table(&self) -> MutexGuard<'_, HashMap<String, Expected>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Expects a toolbox under this id and makes the secret that it has to know; it is given the grant. An earlier secret for the same
    /// id is not good any more. `from` is the only address that may call, where that is known beforehand.
    ///
    /// # Errors
    /// When the grant cannot be written as JSON.
    pub fn expect(&self, id: &str, grant: Option<&Grant>, from: Option<IpAddr>) -> Result<Token> {
        let secret = Token::random();
        let expected = Expected {
            secret: secret.clone(),
            welcome: serde_json::to_vec(&json!({ "grant": grant }))?.into(),
            from: from.map(|address| address.to_canonical()),
            until: Instant::now() + self.lifetime,
            used_by: None,
            home: watch::Sender::new(None),
        };
        let mut table = self.table();
        // Whoever was waited for and has come is of no use here once its secret has expired.
        let now = Instant::now();
        table.retain(|_, expected| expected.until > now);
        table.insert(id.to_owned(), expected);
        Ok(secret)
    }

    /// Expects it no more.
    pub fn forget(&self, id: &str) {
        self.table().remove(id);
    }

    /// Waits until the toolbox has called.
    ///
    /// # Errors
    /// [`NotHome`] when it is not expected (any more), or its secret has expired.
    pub async fn wait_for_home(&self, id: &str) -> Result<Home, NotHome> {
        let (mut home, until) = {
            let table = self.table();
            let expected = table.get(id).ok_or(NotHome::NotExpected)?;
            (expected.home.subscribe(), expected.until)
        };
        let came = tokio::time::timeout_at(until, home.wait_for(Option::is_some)).await;
        match came {
            Ok(Ok(home)) => home.clone().ok_or(NotHome::NotExpected),
            Ok(Err(_)) => Err(NotHome::NotExpected),
            Err(_) => Err(NotHome::Late),
        }
    }

    /// The routes that toolboxes call, to be served with [`daytona_toolbox::connections`] over TLS; [`serve_homes`] does.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().route(PATH, post(arrive)).layer(DefaultBodyLimit::max(CALL_LIMIT)).with_state(self)
    }

    /// The answer to a call, or why there is none.
    fn arrived(&self, arrival: &Arrival, peer: IpAddr) -> Result<Bytes, &'static str> {
        const REFUSED: &str = "this one-time secret is unknown, used, expired, or another's";
        let mut table = self.table();
        let Some(expected) = table.get_mut(&arrival.id) else {
            // Takes as long as one that is expected.
            let _ = Token::random().matches(arrival.secret.reveal().as_bytes());
            return Err(REFUSED);
        };
        let known = expected.secret.matches(arrival.secret.reveal().as_bytes());
        let in_time = Instant::now() < expected.until;
        let from_there = expected.from.is_none_or(|from| from == peer);
        if !(known && in_time && from_there) {
            return Err(REFUSED);
        }
        match &expected.used_by {
            None => expected.used_by = Some((arrival.attempt.clone(), peer)),
            // Its answer was lost.
            Some((attempt, from)) if attempt.matches(arrival.attempt.reveal().as_bytes()) && *from == peer => {}
            Some(_) => return Err(REFUSED),
        }
        let home = Home { address: SocketAddr::new(peer, arrival.port), version: arrival.version.clone() };
        expected.home.send_replace(Some(home));
        Ok(expected.welcome.clone())
    }
}

async fn arrive(
    State(homes): State<Arc<Homes>>,
    Extension(connection): Extension<Arc<Connection>>,
    body: Bytes,
) -> Response {
    let refuse = |status: StatusCode, message: &str| {
        let body = json!({"statusCode": status.as_u16(), "message": message});
        (status, Json(body)).into_response()
    };
    let Ok(arrival) = serde_json::from_slice::<Arrival>(&body) else {
        return refuse(StatusCode::BAD_REQUEST, "the body is no call of a toolbox");
    };
    let Some(peer) = connection.peer() else {
        return refuse(StatusCode::BAD_REQUEST, "toolboxes call over IP");
    };
    match homes.arrived(&arrival, peer) {
        Ok(welcome) => {
            tracing::info!(id = arrival.id, %peer, port = arrival.port, "a toolbox has called home");
            ([(http::header::CONTENT_TYPE, "application/json")], welcome).into_response()
        }
        Err(reason) => {
            tracing::warn!(id = arrival.id, %peer, "a call home was refused");
            refuse(StatusCode::UNAUTHORIZED, reason)
        }
    }
}

/// Serves calls of toolboxes over TLS until the future is dropped.
///
/// # Errors
/// When the identity cannot be used.
pub async fn serve_homes(listener: TcpListener, identity: &Identity, homes: Arc<Homes>, limits: Limits) -> Result<()> {
    let tls = tls::server(identity)?;
    let door = Door::new(listener, tls.into(), limits, |stream| std::future::ready(Some(stream)));
    let times = Times { first_request: limits.patience, idle: limits.patience };
    connections::serve(door, homes.router(), Room::new(MAX_CONNECTIONS), times).await;
    Ok(())
}
