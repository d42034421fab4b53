//! Requests to one registry.

use std::error::Error as StdError;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, LOCATION, RANGE, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;

use super::challenge::Challenge;
use super::connect::{Connector, Private, is_this_machine};
use crate::access::Access;
use crate::error::Attempt;
use crate::manifest::{Descriptor, MAX_DOCUMENT};
use crate::reference::Reference;
use crate::room::Room;
use crate::{Cancel, Digest, Error};

/// How long a registry may take to begin its answer.
const ANSWER: Duration = Duration::from_secs(60);

/// How long nothing may arrive.
const IDLE: Duration = Duration::from_secs(30);

/// Attempts without a byte between them before a download is given up.
const ATTEMPTS: u32 = 5;

/// Attempts for a document: who is offline wants to know soon.
const DOCUMENT_ATTEMPTS: u32 = 3;

const REDIRECTIONS: usize = 5;

/// The kinds of manifest that are read.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// A client of one repository.
pub(super) struct Client<'a> {
    http: hyper_util::client::legacy::Client<Connector, Empty<Bytes>>,
    runtime: Runtime,
    reference: &'a Reference,
    cancel: &'a Cancel,
    /// `https`, or `http` for a registry of this machine without TLS.
    scheme: &'static str,
    /// User and password for the registry, ready for a header.
    basic: Option<HeaderValue>,
    /// What the registry wants to see.
    authorization: Mutex<Option<HeaderValue>>,
}

impl<'a> Client<'a> {
    /// Finds out how the registry is reached.
    pub(super) fn new(reference: &'a Reference, access: &Access, cancel: &'a Cancel) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let connector = Connector::new(&access.authorities, access.reach)
            .map_err(|error| Error::Unreachable(format!("TLS cannot be set up: {error}")))?;
        let basic = access.login(reference).map(|(username, password)| {
            let pair = BASE64_STANDARD.encode(format!("{username}:{password}"));
            let mut value = HeaderValue::from_str(&format!("Basic {pair}")).expect("base64 fits a header");
            value.set_sensitive(true);
            value
        });
        let mut client = Self {
            http: hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build(connector),
            runtime: runtime.attempt("starting the runtime of a pull")?,
            reference,
            cancel,
            scheme: "https",
            basic,
            authorization: Mutex::default(),
        };
        client.scheme = client.find_scheme()?;
        Ok(client)
    }

    /// Registries of this machine may do without TLS; no other may.
    fn find_scheme(&self) -> Result<&'static str, Error> {
        let host = self.reference.host();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if !is_this_machine(name) {
            return Ok("https");
        }
        let uri = self.uri("")?;
        match self.runtime.block_on(self.send(&uri, "", None, None)) {
            Err(failure @ Failure::Connection(_)) if failure.is_refused() => Err(self.explain(failure)),
            Err(Failure::Connection(error)) if !is_about_certificates(&*error) => Ok("http"),
            Err(Failure::Cancelled) => Err(Error::Cancelled),
            _ => Ok("https"),
        }
    }

    fn uri(&self, path: &str) -> Result<Uri, Error> {
        let text = format!("{}://{}/v2/{path}", self.scheme, self.reference.host());
        text.parse().map_err(|_| Error::Refused("has a registry that is not valid".to_owned()))
    }

    fn repository_uri(&self, path: &str) -> Result<Uri, Error> {
        self.uri(&format!("{}/{path}", self.reference.repository))
    }

    /// A manifest by tag or digest.
    pub(super) fn manifest(&self, wanted: &str) -> Result<Vec<u8>, Error> {
        self.read(&self.repository_uri(&format!("manifests/{wanted}"))?, MANIFESTS)
    }

    /// A small blob.
    pub(super) fn document(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        self.read(&self.repository_uri(&format!("blobs/{digest}"))?, "*/*")
    }

    fn read(&self, uri: &Uri, accept: &str) -> Result<Vec<u8>, Error> {
        let mut failure = Failure::Idle;
        for attempt in 0..DOCUMENT_ATTEMPTS {
            match self.runtime.block_on(self.read_once(uri, accept, attempt)) {
                Ok(text) => return Ok(text),
                Err(again) if again.is_passing() => failure = again,
                Err(other) => return Err(self.explain(other)),
            }
        }
        Err(self.explain(failure))
    }

    async fn read_once(&self, uri: &Uri, accept: &str, attempt: u32) -> Result<Vec<u8>, Failure> {
        self.pause(attempt).await?;
        let mut body = self.get(uri, accept, None).await?.into_body();
        let mut text = Vec::new();
        while let Some(piece) = self.piece(&mut body).await? {
            text.extend_from_slice(&piece);
            if text.len() as u64 > MAX_DOCUMENT {
                return Err(Failure::TooLarge(MAX_DOCUMENT));
            }
        }
        Ok(text)
    }

    /// Fetches a blob into a file; goes on where an earlier attempt ended.
    pub(super) fn blob(&self, blob: &Descriptor, path: &Path, room: &Room) -> Result<(), Error> {
        let uri = self.repository_uri(&format!("blobs/{}", blob.digest))?;
        let mut file = File::options().append(true).create(true).open(path).at_path("creating", path)?;
        let mut attempt = 0;
        loop {
            let length = file.metadata().at_path("reading", path)?.len();
            if length == blob.size {
                return Ok(());
            }
            if length > blob.size {
                file.set_len(0).at_path("emptying", path)?;
            }
            room.need(blob.size - length.min(blob.size))?;
            match self.runtime.block_on(self.blob_once(&uri, blob.size, &mut file, attempt, room)) {
                Ok(()) => {}
                Err(failure) if failure.is_passing() => {
                    let grown = file.metadata().at_path("reading", path)?.len() > length;
                    attempt = if grown { 1 } else { attempt + 1 };
                    if attempt >= ATTEMPTS {
                        return Err(self.explain(failure));
                    }
                    tracing::debug!(%uri, ?failure, "a download broke off");
                }
                Err(failure) => return Err(self.explain(failure)),
            }
        }
    }

    async fn blob_once(&self, uri: &Uri, size: u64, file: &mut File, attempt: u32, room: &Room) -> Result<(), Failure> {
        self.pause(attempt).await?;
        let mut length = file.metadata()?.len();
        let answer = self.get(uri, "*/*", (length > 0).then_some(length)).await?;
        if answer.status() != StatusCode::PARTIAL_CONTENT && length > 0 {
            // It begins at the beginning.
            file.set_len(0)?;
            length = 0;
        }
        let mut body = answer.into_body();
        while let Some(piece) = self.piece(&mut body).await? {
            length += piece.len() as u64;
            if length > size {
                return Err(Failure::TooLarge(size));
            }
            room.take(piece.len() as u64).map_err(Failure::NoRoom)?;
            file.write_all(&piece)?;
        }
        if length < size { Err(Failure::Idle) } else { Ok(()) }
    }

    /// The next piece of an answer.
    async fn piece(&self, body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = self.unless_cancelled(tokio::time::timeout(IDLE, body.frame())).await?;
            match frame.map_err(|_| Failure::Idle)? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.map_err(|error| Failure::Connection(error.into()))?.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    async fn pause(&self, attempt: u32) -> Result<(), Failure> {
        let pause = if attempt == 0 { Duration::ZERO } else { Duration::from_millis(250) * 2u32.pow(attempt) };
        self.unless_cancelled(tokio::time::sleep(pause)).await
    }

    async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(Duration::from_millis(100), &mut work).await {
                Ok(done) => return Ok(done),
                Err(_) if self.cancel.is_cancelled() => return Err(Failure::Cancelled),
                Err(_) => {}
            }
        }
    }

    /// A request of the repository, with what the registry wants to know of us and to where it sends us.
    async fn get(&self, uri: &Uri, accept: &str, from: Option<u64>) -> Result<Response<Incoming>, Failure> {
        let known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut answer = self.send(uri, accept, from, known.as_ref()).await?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            let asked = answer.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
            let challenge = asked.filter_map(Challenge::parse).next().ok_or(Failure::Status(answer.status()))?;
            let value = self.authorize(&challenge).await?;
            *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.clone());
            answer = self.send(uri, accept, from, Some(&value)).await?;
        }
        let mut place = uri.clone();
        for _ in 0..REDIRECTIONS {
            if !answer.status().is_redirection() {
                break;
            }
            let target = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = target.and_then(|target| against(&place, target)).ok_or(Failure::Status(answer.status()))?;
            if next.scheme_str() != Some("https") && self.scheme == "https" {
                return Err(Failure::Insecure(next.host().unwrap_or_default().to_owned()));
            }
            // What the registry may know of us is not for others.
            let known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let known = known.filter(|_| next.authority() == uri.authority());
            answer = self.send(&next, accept, from, known.as_ref()).await?;
            place = next;
        }
        match answer.status() {
            status if status.is_success() => Ok(answer),
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                let wait = Duration::from_secs(wait.unwrap_or(1).min(60));
                self.unless_cancelled(tokio::time::sleep(wait)).await?;
                Err(Failure::Status(answer.status()))
            }
            status => Err(Failure::Status(status)),
        }
    }

    async fn send(
        &self,
        uri: &Uri,
        accept: &str,
        from: Option<u64>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = Request::get(uri).header(USER_AGENT, concat!("daytona-images/", env!("CARGO_PKG_VERSION")));
        if !accept.is_empty() {
            request = request.header(ACCEPT, accept);
        }
        if let Some(from) = from {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let request = request.body(Empty::new()).map_err(|error| Failure::Connection(error.into()))?;
        let answer = tokio::time::timeout(ANSWER, self.http.request(request));
        let answer = self.unless_cancelled(answer).await?.map_err(|_| Failure::Idle)?;
        answer.map_err(|error| Failure::Connection(error.into()))
    }

    /// What to send with requests from now on.
    async fn authorize(&self, challenge: &Challenge) -> Result<HeaderValue, Failure> {
        let (realm, service, scope) = match challenge {
            Challenge::Basic => return self.basic.clone().ok_or(Failure::Status(StatusCode::UNAUTHORIZED)),
            Challenge::Bearer { realm, service, scope } => (realm, service, scope),
        };
        let own_scope = format!("repository:{}:pull", self.reference.repository);
        let mut place = format!(
            "{realm}{}scope={}",
            if realm.contains('?') { '&' } else { '?' },
            encoded(scope.as_ref().unwrap_or(&own_scope))
        );
        if let Some(service) = service {
            place = format!("{place}&service={}", encoded(service));
        }
        let uri: Uri = place.parse().map_err(|_| Failure::Status(StatusCode::UNAUTHORIZED))?;
        if uri.scheme_str() != Some("https") && self.scheme == "https" {
            return Err(Failure::Insecure(uri.host().unwrap_or_default().to_owned()));
        }
        let answer = self.send(&uri, "application/json", None, self.basic.as_ref()).await?;
        if !answer.status().is_success() {
            return Err(Failure::Status(answer.status()));
        }
        let mut body = answer.into_body();
        let mut text = Vec::new();
        while let Some(piece) = self.piece(&mut body).await? {
            text.extend_from_slice(&piece);
            if text.len() > 1 << 20 {
                return Err(Failure::TooLarge(1 << 20));
            }
        }
        let answer: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let token = answer["token"].as_str().or(answer["access_token"].as_str());
        let value = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
        let mut value = value.ok_or(Failure::Status(StatusCode::UNAUTHORIZED))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn explain(&self, failure: Failure) -> Error {
        let registry = &self.reference.registry;
        let offline = "Without a registry, begin with the engine's own root (FROM default), or import the image first";
        match failure {
            Failure::Cancelled => Error::Cancelled,
            Failure::NoRoom(error) => error,
            Failure::File(error) => Error::Io { what: "writing what is fetched".to_owned(), error },
            Failure::Status(StatusCode::NOT_FOUND) => Error::Refused(format!("is not in the registry {registry}")),
            Failure::Status(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)) => {
                let given = if self.basic.is_some() { "with the credentials given" } else { "without credentials" };
                Error::Refused(format!("is refused by {registry} {given} ({status}), or is not there"))
            }
            Failure::Status(status) => Error::Unreachable(self.named(format!("{registry} answers {status}"))),
            Failure::TooLarge(most) => Error::Refused(format!("has a part of more than the {most} bytes it may have")),
            Failure::Insecure(host) => Error::Refused(format!("is refused: {registry} leads to {host} without TLS")),
            Failure::Idle => Error::Unreachable(self.named(format!("{registry} no longer sends anything. {offline}"))),
            Failure::Connection(error) if is_private(&*error) => Error::Refused(format!(
                "is refused: {registry} leads to this machine or a private network, which only the organization of whoever \
                 started the engine reaches"
            )),
            Failure::Connection(error) => {
                let reason = innermost(&*error);
                Error::Unreachable(self.named(format!("{registry} cannot be reached: {reason}. {offline}")))
            }
        }
    }

    fn named(&self, reason: String) -> String {
        format!("the image {} cannot be pulled: {reason}", self.reference)
    }
}

/// Why a request came to nothing.
#[derive(Debug)]
enum Failure {
    Connection(Box<dyn StdError + Send + Sync>),
    Status(StatusCode),
    /// Nothing arrives any more.
    Idle,
    TooLarge(u64),
    /// A redirection to a host that would be asked without TLS.
    Insecure(String),
    File(std::io::Error),
    NoRoom(Error),
    Cancelled,
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

impl Failure {
    fn is_refused(&self) -> bool {
        matches!(self, Self::Connection(error) if is_private(&**error))
    }

    /// Whether another attempt may do better.
    fn is_passing(&self) -> bool {
        match self {
            Self::Connection(error) => !is_about_certificates(&**error) && !is_private(&**error),
            Self::Idle => true,
            Self::Status(status) => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge(_) | Self::Insecure(_) | Self::File(_) | Self::NoRoom(_) | Self::Cancelled => false,
        }
    }
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Whether a connection was refused because it would have led to a private address.
fn is_private(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if error.is::<Private>() || inner.is_some_and(|inner| is_private(inner)) {
            return true;
        }
        next = error.source();
    }
    false
}

fn is_about_certificates(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && let Some(inner) = error.get_ref()
            && is_about_certificates(inner)
        {
            return true;
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        next = error.source();
    }
    false
}

/// Where a redirection leads, seen from where it was met.
fn against(place: &Uri, target: &str) -> Option<Uri> {
    if target.starts_with("http://") || target.starts_with("https://") {
        return target.parse().ok();
    }
    let path = if target.starts_with('/') { target.to_owned() } else { return None };
    format!("{}://{}{path}", place.scheme_str()?, place.authority()?).parse().ok()
}

/// Text as a part of a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
