//! Requests of HTTP, each of which names its host: those without TLS, and those in connections that the engine ends in a host's
//! place.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode, Uri, Version, header};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::interception::{self, Interceptor};
use super::log::{Rule, Way};
use super::policy::Guard;
use super::splice::{Passage, reset};

/// How long a request's head may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The port of HTTP, where requests get secrets.
const HTTP: u16 = 80;

/// Requests of a connection of HTTP/2 that may be under way at once.
const MOST_AT_ONCE: u32 = 100;

/// Bytes of the headers of one of them.
const LARGEST_HEAD: u32 = 64 << 10;

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
        /// Whether they come by HTTP/2.
        many: bool,
    },
}

/// What a server said, or the engine in its place.
type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// The connection to the server, made for the first request that is allowed.
#[derive(Default)]
struct Upstream {
    sender: Option<Sender>,
    /// Drive the connections; end with them.
    tasks: JoinSet<()>,
    upgraded: Option<(OnUpgrade, OnUpgrade)>,
}

/// Sends requests to a server.
enum Sender {
    /// One after the other.
    One(http1::SendRequest<Incoming>),
    /// Many at once.
    Many(http2::SendRequest<Incoming>),
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Many(sender) => sender.is_closed(),
        }
    }

    /// The answer to a request.
    async fn send(&mut self, request: Request<Incoming>) -> Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                sender.ready().await?;
                Ok(sender.send_request(request).await?)
            }
            Self::Many(sender) => {
                sender.ready().await?;
                Ok(sender.send_request(request).await?)
            }
        }
    }
}

impl Upstream {
    async fn begin(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender> {
        let (sender, connection) =
            http1::Builder::new().preserve_header_case(true).handshake(TokioIo::new(stream)).await?;
        self.tasks.spawn(async move { drop(connection.with_upgrades().await) });
        Ok(Sender::One(sender))
    }

    async fn begin_many(
        &mut self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<http2::SendRequest<Incoming>> {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        self.tasks.spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    /// What sends a request that came by HTTP/2: the connection that all have, or one of its own where the server speaks HTTP/1 only.
    async fn of_many(&mut self, passage: &Passage, name: &str, interceptor: &Interceptor) -> Result<Sender> {
        // Those that are over.
        while self.tasks.try_join_next().is_some() {}
        if let Some(Sender::Many(sender)) = self.sender.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Sender::Many(sender.clone()));
        }
        let stream = passage.connect().await.context("it does not answer")?;
        let stream = interceptor.connect(name, stream, true).await?;
        if !interception::is_of_many(stream.get_ref().1) {
            return self.begin(stream).await;
        }
        let sender = self.begin_many(stream).await?;
        self.sender = Some(Sender::Many(sender.clone()));
        Ok(Sender::Many(sender))
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
    let many = matches!(*side, Side::Encrypted { many: true, .. });
    let service =
        service_fn(|request| exchange(Arc::clone(&passage), Arc::clone(&side), Arc::clone(&upstream), request));
    let client = TokioIo::new(client);
    let served = if many {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .auto_date_header(false)
            .max_concurrent_streams(MOST_AT_ONCE)
            .max_header_list_size(LARGEST_HEAD)
            .serve_connection(client, service)
            .await
    } else {
        hyper::server::conn::http1::Builder::new()
            .preserve_header_case(true)
            .auto_date_header(false)
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .serve_connection(client, service)
            .with_upgrades()
            .await
    };
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
    if let Side::Encrypted { name, interceptor, many: true } = &*side {
        let sender = upstream.of_many(&passage, name, interceptor).await;
        // The others go on meanwhile.
        drop(upstream);
        let answer = match sender {
            Ok(mut sender) => {
                if matches!(sender, Sender::One(_)) {
                    request = as_one(request)?;
                }
                sender.send(request).await?
            }
            Err(error) => return Ok(not_reached(name, &error)),
        };
        return Ok(taken_out(guard.as_deref(), given_to.as_deref(), &side, answer).0);
    }
    // The server may have closed a connection that was not used for a while.
    if upstream.sender.as_ref().is_none_or(Sender::is_closed) {
        let stream = passage.connect().await;
        let sender = match &*side {
            Side::Clear => upstream.begin(stream?).await?,
            Side::Encrypted { name, interceptor, .. } => {
                let connected = match stream.context("it does not answer") {
                    Ok(stream) => interceptor.connect(name, stream, false).await,
                    Err(error) => Err(error),
                };
                match connected {
                    Ok(stream) => upstream.begin(stream).await?,
                    Err(error) => return Ok(not_reached(name, &error)),
                }
            }
        };
        upstream.sender = Some(sender);
    }
    let sender = upstream.sender.as_mut().context("connected above")?;
    let mut response = sender.send(request).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let from_server = hyper::upgrade::on(&mut response);
        upstream.upgraded = Some((from_client.context("nobody asked for another protocol")?, from_server));
    }
    let (answer, is_read) = taken_out(guard.as_deref(), given_to.as_deref(), &side, response);
    if !is_read {
        // What is left of it is not read, so its connection is of no use any more.
        upstream.sender = None;
    }
    Ok(answer)
}

/// An answer as the sandbox may have it, and whether that is all of it: a body that repeats a secret is left out.
fn taken_out(
    guard: Option<&Guard>,
    given_to: Option<&str>,
    side: &Side,
    mut response: Response<Incoming>,
) -> (Answer, bool) {
    if matches!(side, Side::Encrypted { .. }) {
        // Over QUIC requests would not come by here.
        response.headers_mut().remove(header::ALT_SVC);
    }
    if let (Some(guard), Some(name)) = (guard, given_to)
        && guard.secrets.take_out(name, response.headers_mut())
        && response.status().is_redirection()
    {
        // Its page names the same address.
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONTENT_ENCODING] {
            response.headers_mut().remove(name);
        }
        return (response.map(|_| Either::Right(Full::default())), false);
    }
    (response.map(Either::Left), true)
}

/// A request that came by HTTP/2, as HTTP/1 has it.
fn as_one(request: Request<Incoming>) -> Result<Request<Incoming>> {
    let (mut head, body) = request.into_parts();
    head.version = Version::HTTP_11;
    if let Some(authority) = head.uri.authority() {
        head.headers.insert(header::HOST, authority.as_str().parse()?);
    }
    head.uri = head.uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| path.clone().into());
    // HTTP/2 may have them apart.
    let cookies: Vec<_> = head.headers.get_all(header::COOKIE).iter().map(|value| value.as_bytes()).collect();
    if cookies.len() > 1 {
        let mut cookies = header::HeaderValue::from_bytes(&cookies.join(&b"; "[..]))?;
        cookies.set_sensitive(true);
        head.headers.insert(header::COOKIE, cookies);
    }
    Ok(Request::from_parts(head, body))
}

/// The answer for a host that is not there, or not itself.
fn not_reached(name: &str, error: &anyhow::Error) -> Answer {
    refusal(StatusCode::BAD_GATEWAY, &format!("{name} could not be reached as itself: {error:#}"))
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
    let target = request.uri().authority();
    let named = match hosts.next() {
        Some(named) => named.to_str().ok()?,
        None if request.version() == Version::HTTP_2 => target?.as_str(),
        None => return None,
    };
    let other = hosts.next();
    let authority: http::uri::Authority = named.parse().ok()?;
    let is_one = other.is_none() && target.is_none_or(|target| target.as_str().eq_ignore_ascii_case(named));
    let is_plain = !authority.as_str().contains('@') && request.method() != Method::CONNECT;
    (is_one && is_plain).then(|| authority.host().to_owned())
}
