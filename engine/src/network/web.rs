//! Requests of HTTP without TLS, each of which names its host.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::log::{Rule, Way};
use super::splice::Passage;

/// How long a request's head may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The connection to the server, made for the first request that is allowed.
#[derive(Default)]
struct Upstream {
    sender: Option<SendRequest<Incoming>>,
    /// Drives the connection; ends with it.
    tasks: JoinSet<()>,
    upgraded: Option<(OnUpgrade, OnUpgrade)>,
}

/// Passes a connection's requests on until it ends, or one of them is not allowed.
pub async fn pass(client: TcpStream, passage: Passage) {
    let upstream = Arc::new(Mutex::new(Upstream::default()));
    let passage = Arc::new(passage);
    let service = service_fn(|request| exchange(Arc::clone(&passage), Arc::clone(&upstream), request));
    let end = client.as_fd().try_clone_to_owned();
    let served = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(client), service)
        .with_upgrades()
        .await;
    if served.is_err()
        && let Ok(end) = end
    {
        // What is refused ends with a reset, so that nobody takes the end for an answer.
        let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        let _ = setsockopt(&end, sockopt::Linger, &at_once);
    }
    if served.is_err() && !passage.has_name() {
        passage.refuse(Rule::NoName);
    }
    let upgraded = upstream.lock().await.upgraded.take();
    if let (Ok(()), Some((client, server))) = (served, upgraded)
        && let (Ok(client), Ok(server)) = tokio::join!(client, server)
    {
        let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(server)).await;
    }
}

async fn exchange(
    passage: Arc<Passage>,
    upstream: Arc<Mutex<Upstream>>,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>> {
    match host(&request) {
        Some(name) if passage.allows(Way::Http, &name) => {}
        Some(_) => bail!("the host is not allowed"),
        None => bail!("the request names no host, or two"),
    }
    let from_client = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let mut upstream = upstream.lock().await;
    // The server may have closed a connection that was not used for a while.
    if upstream.sender.as_ref().is_none_or(SendRequest::is_closed) {
        let stream = TokioIo::new(passage.connect().await?);
        let (sender, connection) =
            hyper::client::conn::http1::Builder::new().preserve_header_case(true).handshake(stream).await?;
        upstream.tasks.spawn(async move { drop(connection.with_upgrades().await) });
        upstream.sender = Some(sender);
    }
    let sender = upstream.sender.as_mut().context("connected above")?;
    sender.ready().await?;
    let mut response = sender.send_request(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let from_server = hyper::upgrade::on(&mut response);
        upstream.upgraded = Some((from_client.context("nobody asked for another protocol")?, from_server));
    }
    Ok(response)
}

/// The host that a request names, without its port; `None` if it names none, or not the same everywhere.
fn host(request: &Request<Incoming>) -> Option<String> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (named, other) = (hosts.next()?.to_str().ok()?, hosts.next());
    let authority: http::uri::Authority = named.parse().ok()?;
    let target = request.uri().authority();
    let is_one = other.is_none() && target.is_none_or(|target| target.as_str().eq_ignore_ascii_case(named));
    let is_plain = !authority.as_str().contains('@') && request.method() != Method::CONNECT;
    (is_one && is_plain).then(|| authority.host().to_owned())
}
