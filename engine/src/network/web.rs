//! Requests of HTTP, each of which names its host: those without TLS, and those in connections that the engine ends in a host's
//! place.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::interception::Interceptor;
use super::log::{Rule, Way};
use super::policy::Guard;
use super::splice::{Passage, reset};

/// How long a request's head may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The port of HTTP, where requests get secrets.
const HTTP: u16 = 80;

/// How the requests of a connection came, and go on.
pub enum Side {
    /// As they are.
    Clear,
    /// In TLS, to the host with this name.
    Encrypted {
        /// The name that the client's first message had, in lower case.
        name: String,
        /// Ends the one connection and begins the other.
        interceptor: Arc<Interceptor>,
    },
}

/// What a server said, or the engine in its place.
type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// The connection to the server, made for the first request that is allowed.
#[derive(Default)]
struct Upstream {
    sender: Option<SendRequest<Incoming>>,
    /// Drives the connection; ends with it.
    tasks: JoinSet<()>,
    upgraded: Option<(OnUpgrade, OnUpgrade)>,
}

impl Upstream {
    async fn begin(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<()> {
        let (sender, connection) = hyper::client::conn::http1::Builder::new()
            .preserve_header_case(true)
            .handshake(TokioIo::new(stream))
            .await?;
        self.tasks.spawn(async move { drop(connection.with_upgrades().await) });
        self.sender = Some(sender);
        Ok(())
    }
}

/// Passes a connection's requests on until it ends, or one of them is not allowed.
pub async fn pass(client: TcpStream, passage: Passage) {
    let end = client.as_fd().try_clone_to_owned();
    serve(client, end, passage, Side::Clear).await;
}

/// The same for a connection whose requests came like this; `end` is the client's own.
pub async fn serve(
    client: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    end: io::Result<OwnedFd>,
    passage: Passage,
    side: Side,
) {
    let upstream = Arc::new(Mutex::new(Upstream::default()));
    let (passage, side) = (Arc::new(passage), Arc::new(side));
    let service =
        service_fn(|request| exchange(Arc::clone(&passage), Arc::clone(&side), Arc::clone(&upstream), request));
    let served = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(client), service)
        .with_upgrades()
        .await;
    if served.is_err() {
        // What is refused ends with a reset, so that nobody takes the end for an answer.
        end.iter().for_each(reset);
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
    side: Arc<Side>,
    upstream: Arc<Mutex<Upstream>>,
    request: Request<Incoming>,
) -> Result<Answer> {
    let guard = passage.guard();
    let mut given_to = None;
    let prepared = match (&*side, host(&request)) {
        (Side::Clear, Some(name)) if passage.allows(Way::Http, &name) => {
            let name = plain(&name);
            // Nobody proves who answers, so the address has to be the one that the engine found under the name.
            let gets_secrets = passage.port() == HTTP && passage.was_resolved(&name);
            given_to = gets_secrets.then(|| name.clone());
            if gets_secrets { with_secrets(guard.as_deref(), &name, request) } else { Ok(request) }
        }
        (Side::Clear, Some(_)) => bail!("the host is not allowed"),
        (Side::Clear, None) if passage.allows_without_name() => Ok(request),
        (Side::Clear, None) => bail!("the request names no host, or two"),
        (Side::Encrypted { name, .. }, Some(host)) if plain(&host) == *name => {
            given_to = Some(name.clone());
            with_secrets(guard.as_deref(), name, request)
        }
        (Side::Encrypted { name, .. }, _) => {
            let text = format!("the connection is for {name}, and the request names another host, or several");
            Err(Box::new(refusal(StatusCode::MISDIRECTED_REQUEST, &text)))
        }
    };
    let mut request = match prepared {
        Ok(request) => request,
        Err(answer) => return Ok(*answer),
    };
    // Servers that go by the length would read on in the body.
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        request.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let from_client = request.headers().contains_key(header::UPGRADE).then(|| hyper::upgrade::on(&mut request));
    let mut upstream = upstream.lock().await;
    // The server may have closed a connection that was not used for a while.
    if upstream.sender.as_ref().is_none_or(SendRequest::is_closed) {
        let stream = passage.connect().await;
        match &*side {
            Side::Clear => upstream.begin(stream?).await?,
            Side::Encrypted { name, interceptor } => {
                let connected = match stream.context("it does not answer") {
                    Ok(stream) => interceptor.connect(name, stream).await,
                    Err(error) => Err(error),
                };
                match connected {
                    Ok(stream) => upstream.begin(stream).await?,
                    Err(error) => {
                        let text = format!("{name} could not be reached as itself: {error:#}");
                        return Ok(refusal(StatusCode::BAD_GATEWAY, &text));
                    }
                }
            }
        }
    }
    let sender = upstream.sender.as_mut().context("connected above")?;
    sender.ready().await?;
    let mut response = sender.send_request(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let from_server = hyper::upgrade::on(&mut response);
        upstream.upgraded = Some((from_client.context("nobody asked for another protocol")?, from_server));
    }
    if matches!(*side, Side::Encrypted { .. }) {
        // Over QUIC requests would not come by here.
        response.headers_mut().remove(header::ALT_SVC);
    }
    if let (Some(guard), Some(name)) = (&guard, &given_to)
        && guard.secrets.take_out(name, response.headers_mut())
        && response.status().is_redirection()
    {
        // Its page names the same address. What is left of it is not read, so its connection is of no use any more.
        upstream.sender = None;
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONTENT_ENCODING] {
            response.headers_mut().remove(name);
        }
        return Ok(response.map(|_| Either::Right(Full::default())));
    }
    Ok(response.map(Either::Left))
}

/// A request with the sandbox's secrets for a host put in, or the answer to one that cannot have them.
fn with_secrets(
    guard: Option<&Guard>,
    name: &str,
    request: Request<Incoming>,
) -> Result<Request<Incoming>, Box<Answer>> {
    let Some(guard) = guard else { return Ok(request) };
    let (mut head, body) = request.into_parts();
    match guard.secrets.put_in(name, &mut head) {
        Ok(()) => Ok(Request::from_parts(head, body)),
        Err(unfit) => Err(Box::new(refusal(StatusCode::BAD_GATEWAY, &format!("the request was not sent: {unfit}")))),
    }
}

/// An answer of the engine's own.
fn refusal(status: StatusCode, text: &str) -> Answer {
    let body = Either::Right(Full::new(Bytes::from(format!("daytona local engine: {text}\n"))));
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// A name as lists have it.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
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
