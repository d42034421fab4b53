//! Telling the control plane that a toolbox listens: the toolbox's side.
//!
//! The call is one `POST /toolbox/home` over TLS with the pinned certificate. Its secret is good once. An answer that is lost on its
//! way does not lose the start: the process names each of its calls by the same random `attempt`, and to that one, which no
//! other knows, the control plane repeats its answer.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::bootstrap::CallHome;
use crate::connector::said;
use crate::identity::{Grant, Token};
use crate::tls;

/// The route.
pub const PATH: &str = "/toolbox/home";

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);

/// The first and the longest pause between two calls.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// The most of an answer, in bytes.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// What a toolbox says when it listens.
#[derive(Debug, Serialize, Deserialize)]
pub struct Arrival {
    /// The id under which it is expected.
    pub id: String,
    /// The secret, good once.
    pub secret: Token,
    /// Names this process: it may say the same again.
    pub attempt: Token,
    /// The port at which it listens.
    pub port: u16,
    /// The version of its program.
    pub version: String,
}

/// What it is answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// What it needs, unless it has that.
    pub grant: Option<Grant>,
}

/// The control plane will not take the call, now or later.
#[derive(Debug, thiserror::Error)]
#[error("the control plane at {address} refused the call: {reason}")]
pub struct Refused {
    address: std::net::SocketAddr,
    reason: String,
}

/// Calls until it is answered, for at most this long.
///
/// # Errors
/// [`Refused`] when the secret is not good (any more), and what was in the way when time is up.
pub async fn call(id: &str, home: &CallHome, port: u16, for_at_most: Duration) -> Result<Option<Grant>> {
    let arrival = Arrival {
        id: id.to_owned(),
        secret: home.secret.clone(),
        attempt: Token::random(),
        port,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let body = serde_json::to_vec(&arrival)?;
    let deadline = Instant::now() + for_at_most;
    let mut pause = PAUSES.0;
    loop {
        let answered = tokio::time::timeout(CALL, call_once(home, body.clone())).await;
        let error = match answered.unwrap_or_else(|_| bail!("no answer for {} s", CALL.as_secs())) {
            Ok(welcome) => return Ok(welcome.grant),
            Err(error) => error,
        };
        if error.is::<Refused>() || Instant::now() + pause > deadline {
            return Err(error.context(format!("calling the control plane at {}", home.address)));
        }
        tracing::warn!(error = format!("{error:#}"), address = %home.address, "calling the control plane failed: trying again");
        tokio::time::sleep(pause.mul_f64(jitter())).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Between a half and one, so that many toolboxes do not call at once.
fn jitter() -> f64 {
    let mut byte = [0u8; 1];
    let _ = getrandom::fill(&mut byte);
    0.5 + f64::from(byte[0]) / 512.0
}

async fn call_once(home: &CallHome, body: Vec<u8>) -> Result<Welcome> {
    let tcp = TcpStream::connect(home.address).await?;
    let stream = tls::connect(&tls::client(&home.certificate)?.into(), tcp).await?;
    let (mut sender, exchange) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(PATH)
        .header(header::HOST, tls::SERVER_NAME)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::CONNECTION, "close")
        .body(Full::<bytes::Bytes>::from(body))?;
    let exchanged = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?.to_bytes();
        match status {
            StatusCode::OK => serde_json::from_slice(&body).ok().context("the answer is none to a call home"),
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                bail!(Refused { address: home.address, reason: said(status, &body) })
            }
            status => bail!("answered {}", said(status, &body)),
        }
    };
    tokio::pin!(exchanged);
    tokio::select! {
        welcome = &mut exchanged => welcome,
        _ = exchange => exchanged.await,
    }
}
