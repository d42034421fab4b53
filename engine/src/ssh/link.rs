//! The way to the toolbox of a sandbox: an HTTP request that becomes a raw connection.

use anyhow::{Context, Result, bail};
use daytona_toolbox::raw;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;

use crate::backend::toolbox::Way;

/// The raw connection.
pub type Link = TokioIo<Upgraded>;

/// The most of an answer that is looked at for the reason of a refusal, in bytes.
const REFUSAL_BYTES: usize = 64 << 10;

/// Opens a raw way of a toolbox.
///
/// # Errors
/// The toolbox's own words where it refuses.
pub async fn open(way: &Way, path: &str) -> Result<(Link, HeaderMap)> {
    let mut sender = way.open().await?;
    let request = Request::get(path)
        .header(header::HOST, "toolbox")
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, raw::PROTOCOL)
        .body(Empty::<Bytes>::new())?;
    let mut response = sender.send(request).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let body = Limited::new(response.into_body(), REFUSAL_BYTES).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let message = serde_json::from_slice::<serde_json::Value>(&body).ok();
        let message = message.as_ref().and_then(|body| body["message"].as_str());
        bail!("{}", message.unwrap_or("the sandbox refused"));
    }
    let headers = response.headers().clone();
    Ok((TokioIo::new(hyper::upgrade::on(&mut response).await?), headers))
}

/// [`open`] with a limit of time.
pub async fn open_within(way: &Way, path: &str, limit: std::time::Duration) -> Result<(Link, HeaderMap)> {
    tokio::time::timeout(limit, open(way, path)).await.context("the sandbox does not answer")?
}
