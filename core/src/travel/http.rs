//! How a request travels: one builder for control plane and toolbox, errors typed, safe retries.

mod attempt;
mod failure;
mod gathered;
mod objects;
mod outgoing;
mod pool;
mod redirect;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Position;

use crate::client::{Client, Endpoint};
use crate::config::{Resolved, WIRE_VERSION};
use crate::error::{Error, ErrorKind, Result, titled, wording};
use crate::log::{self, Fields, Level, readable};
use crate::travel::retry::{self, Failure};
use crate::travel::tokens;
use crate::words::without_secrets;

pub(crate) use attempt::Attempt;
pub(crate) use gathered::Gathered;
pub(crate) use outgoing::{Body, Outgoing};
pub(crate) use pool::{BODY_LIMIT, Pool, Response};

/// The most of an error body that is read.
const ERROR_BODY_LIMIT: usize = 1 << 20;

/// Names the organization of a request, where the credentials do not.
pub(crate) const ORGANIZATION: HeaderName = HeaderName::from_static("x-daytona-organization-id");

/// The headers of every request, WebSocket upgrades included (wire.md 1.2).
pub(crate) fn default_headers(config: &Resolved, bearer: &str) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut authorization = HeaderValue::try_from(format!("Bearer {bearer}"))
        .map_err(|_| Error::invalid_argument("The API key or token contains characters that no header can carry."))?;
    authorization.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, authorization);
    let mut set = |name: &'static str, value: &str| -> Result<()> {
        let value = HeaderValue::try_from(value)
            .map_err(|_| Error::invalid_argument(format!("{value:?} cannot be sent as header {name}.")))?;
        headers.insert(HeaderName::from_static(name), value);
        Ok(())
    };
    set("x-daytona-source", &config.source)?;
    set("x-daytona-sdk-version", WIRE_VERSION)?;
    set("user-agent", &format!("{}/{}", config.source, env!("CARGO_PKG_VERSION")))?;
    if let Some(organization) = &config.organization_header {
        set("x-daytona-organization-id", organization)?;
    }
    Ok(headers)
}

/// A request in the making.
pub(crate) struct Request<'a> {
    client: &'a Client,
    method: Method,
    base: Base<'a>,
    path: String,
    query: Vec<(&'static str, String)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Bytes>,
    streamed: Option<(HeaderValue, Body)>,
    bad_body: Option<Error>,
    /// A part of the path that is never shown.
    secret: Option<String>,
    idempotent: bool,
    /// What the body says the request is about.
    objects: Vec<(&'static str, String)>,
}

/// What a path is appended to.
pub(crate) enum Base<'a> {
    /// The control plane.
    Api,
    /// The toolbox of a sandbox: `{toolboxProxyUrl}/{id}`.
    Toolbox { url: &'a str, sandbox: &'a str },
    /// A URL that the control plane has told, of the same server.
    Url(&'a str),
}

impl<'a> Request<'a> {
    pub(crate) fn new(client: &'a Client, method: Method, base: Base<'a>, path: impl Into<String>) -> Self {
        Self {
            client,
            method,
            base,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            streamed: None,
            bad_body: None,
            secret: None,
            idempotent: false,
            objects: Vec::new(),
        }
    }

    /// Keeps a segment of the path out of errors and the log.
    pub(crate) fn hiding(mut self, secret: &str) -> Self {
        self.secret = Some(segment(secret)).filter(|secret| !secret.is_empty());
        self
    }

    /// Names what the body says the request is about, for errors.
    pub(crate) fn about(mut self, what: &'static str, name: &str) -> Self {
        self.objects.push((what, name.to_owned()));
        self
    }

    /// Says that carrying the request out twice changes no more than once. When a local engine was killed before it
    /// answered, the next one is asked.
    pub(crate) fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Adds a query parameter.
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Adds a query parameter when there is a value.
    pub(crate) fn query_opt(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Sets a header, in place of that of every request.
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((HeaderName::from_static(name), HeaderValue::from_static(value)));
        self
    }

    /// Asks for these bytes of a file only, the last one included.
    pub(crate) fn range(mut self, first: u64, last: u64) -> Self {
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={first}-{last}")) {
            self.headers.push((header::RANGE, range));
        }
        self
    }

    /// Sets a JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body = Some(bytes.into()),
            Err(e) => {
                self.bad_body = Some(Error::invalid_argument("The request cannot be written as JSON").with_source(e));
            }
        }
        self
    }

    /// Sets a body that is produced while it is sent; such a request is never repeated.
    pub(crate) fn stream(mut self, content_type: &str, body: Body) -> Self {
        match HeaderValue::from_str(content_type) {
            Ok(content_type) => self.streamed = Some((content_type, body)),
            Err(e) => self.bad_body = Some(Error::invalid_argument("The content type is unusable").with_source(e)),
        }
        self
    }

    /// Sends and reads a JSON response.
    pub(crate) async fn read<T: DeserializeOwned>(self) -> Result<T> {
        let (response, request) = self.exchange().await?;
        let body = response.whole().await.map_err(|e| request.failed(e))?;
        serde_json::from_slice(&body).map_err(|e| request.failed(request.unreadable(&body, &e)))
    }

    /// Sends and ignores the body of the response.
    pub(crate) async fn done(self) -> Result<()> {
        let (response, request) = self.exchange().await?;
        // Read to the end, so that the connection can be used again.
        response.whole().await.map(drop).map_err(|e| request.failed(e))
    }

    /// Sends and returns the successful response with its body unread.
    pub(crate) async fn send(self) -> Result<Response> {
        Ok(self.exchange().await?.0)
    }

    async fn exchange(mut self) -> Result<(Response, Named)> {
        if let Some(error) = self.bad_body.take() {
            return Err(error);
        }
        let repeatable = self.streamed.is_none();
        let mut number = 0;
        let mut has_other_token = false;
        let mut backoff = retry::backoff();
        loop {
            number += 1;
            // Each time, because a local engine may have ended since: the next attempt goes to the next one.
            let endpoint = self.client.endpoint().await?;
            let url = self.url(&endpoint)?;
            let sandbox = match self.base {
                Base::Api | Base::Url(_) => None,
                Base::Toolbox { sandbox, .. } => Some(sandbox.to_owned()),
            };
            let named = Named { method: self.method.clone(), url: shown(&url, self.secret.as_deref()), sandbox };
            let mut request = Outgoing::new(self.method.clone(), url);
            request.headers = self.client.headers(&endpoint);
            for (name, value) in &self.headers {
                request.headers.insert(name, value.clone());
            }
            if let Some((content_type, body)) = self.streamed.take() {
                request.headers.insert(header::CONTENT_TYPE, content_type);
                request.body = body;
            } else if let Some(body) = &self.body {
                request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                request.body = Body::Whole(body.clone());
            }
            let attempt = Attempt::begin(&named.method, &named.url, number);
            let (failure, error) = match self.client.http().send(request).await {
                Ok(response) => {
                    attempt.answered(response.status(), response.headers());
                    self.client.rate_limits().remember(response.headers());
                    if response.status().is_success() {
                        return Ok((response, named));
                    }
                    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
                    if is_unauthorized && !has_other_token {
                        has_other_token = tokens::replaced(self.client, &endpoint).await;
                        // A body that was streamed has gone; the next request has the new token.
                        if has_other_token && repeatable {
                            continue;
                        }
                    }
                    // Another engine has the port now, and did nothing.
                    let elsewhere = is_unauthorized && !endpoint.is_current();
                    let failure = if elsewhere { Failure::NotSent } else { Failure::Answered };
                    let mut error =
                        objects::named(response_error(response).await, &self.path, &self.query, &self.objects);
                    if matches!(self.base, Base::Api) && error.kind() == ErrorKind::Authentication {
                        error = error.about("check the API key, DAYTONA_API_KEY, or the token, DAYTONA_JWT_TOKEN");
                    }
                    (failure, named.failed(error))
                }
                Err(e) => {
                    let error = named.failed(e.error());
                    attempt.failed(&error);
                    if e.is_redirect() {
                        // Asked again, it would do the same.
                        return Err(error);
                    }
                    let again = e.is_connect() || (self.idempotent && endpoint.has_ended().await);
                    (if again { Failure::NotSent } else { Failure::Broken }, error)
                }
            };
            let Some(wait) = retry::delay(&self.method, failure, &error, number, repeatable, &mut backoff) else {
                return Err(error);
            };
            named.tried_again(number, wait, &error);
            tokio::time::sleep(wait).await;
        }
    }
}

impl Request<'_> {
    fn url(&self, endpoint: &Endpoint) -> Result<url::Url> {
        let base = match self.base {
            Base::Api => endpoint.api_url.as_str().into(),
            Base::Toolbox { url, .. } | Base::Url(url) => endpoint.toolbox_url(url),
        };
        let mut url = url::Url::parse(&format!("{base}{}", self.path)).map_err(|e| {
            Error::invalid_argument(format!("{:?} is not a usable URL", without_secrets(&base))).with_source(e)
        })?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

/// A request as errors and the log name it.
struct Named {
    method: Method,
    url: String,
    /// The sandbox whose toolbox it is for.
    sandbox: Option<String>,
}

impl Named {
    fn failed(&self, error: Error) -> Error {
        let error = error.in_request(&self.method, &self.url);
        match &self.sandbox {
            Some(id) => error.in_sandbox(id),
            None => error,
        }
    }

    /// A successful answer that is not what was asked for.
    fn unreadable(&self, body: &[u8], error: &serde_json::Error) -> Error {
        let Self { method, url, .. } = self;
        if let Some(title) = wording::html(body) {
            let page = format!("{method} {url} was answered with a web page{} instead of JSON.", titled(&title));
            return Error::new(ErrorKind::Unknown, page).and(
                "Check DAYTONA_API_URL, which usually ends in /api, and whether a proxy or a login page stands in between.",
            );
        }
        let why = wording::json(error);
        Error::new(ErrorKind::Unknown, format!("{method} {url} was answered with something unexpected: {why}."))
    }

    fn tried_again(&self, number: u32, wait: Duration, error: &Error) {
        log::record(Level::Warn, || {
            let Self { method, url, sandbox } = self;
            let wait = readable(wait);
            let message = format!("{method} {url}: attempt {number} failed, the next one follows in {wait}: {error}");
            let fields = Fields {
                method: Some(method.to_string()),
                url: Some(url.clone()),
                status: error.status(),
                attempt: Some(number),
                request_id: error.info().request_id.clone(),
                sandbox_id: sandbox.clone(),
                error: Some(format!("{:?}", error.kind())),
                ..Fields::default()
            };
            (message, fields)
        });
    }
}

/// A URL without what may be secret: user, query, and `secret`, a segment of its path.
pub(crate) fn shown(url: &url::Url, secret: Option<&str>) -> String {
    let place = &url[Position::BeforeHost..Position::AfterPath];
    let shown = format!("{}://{place}", url.scheme());
    match secret {
        Some(secret) => shown.replace(&format!("/{secret}"), "/***"),
        None => shown,
    }
}

/// The error a response with an error status stands for.
pub(crate) async fn response_error(mut response: Response) -> Error {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(ERROR_BODY_LIMIT - body.len())]);
        if body.len() == ERROR_BODY_LIMIT {
            break;
        }
    }
    Error::from_response(status, &headers, &body)
}

/// A body of these fields: what has not been given, null, is left out.
pub(crate) fn body(mut fields: serde_json::Value) -> serde_json::Value {
    if let Some(fields) = fields.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    fields
}

/// A path segment, percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte as char),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    // A dot segment would be resolved away by the URL parser.
    match encoded.as_str() {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => encoded,
    }
}
