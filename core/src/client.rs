//! The client: configuration, connection pool and events of one account, shared by everything made from it.

use std::borrow::Cow;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Method};
use url::{Position, Url};

use crate::config::{Config, LOCAL, Resolved, WIRE_VERSION};
use crate::error::Result;
use crate::model::SandboxInfo;
use crate::ops::abandoned::Abandoned;
use crate::ops::{Sandboxes, Secrets, Snapshots, Volumes};
use crate::protocols::forward::Forwards;
use crate::telemetry::{self, Exporter, Telemetry, TraceContext};
use crate::toolbox::Toolbox;
use crate::travel::events::feed::Feed;
use crate::travel::events::{EventHub, EventHubConfig, EventTiming, Gateway};
use crate::travel::http::{Base, Pool, Request};
use crate::travel::proxy::Proxies;
use crate::travel::rate_limits::Told;
use crate::travel::tls::Tls;
use crate::travel::tokens::Tokens;
use crate::travel::{deadline, http};
use crate::{local, log};

/// Limit of a control-plane or metadata call when nothing else is said.
pub(crate) const DEFAULT_LIMIT: Option<Duration> = Some(Duration::from_secs(60));

/// Limit for an engine that was killed to be gone.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// A connection to Daytona. Cheap to clone; clones share the connection pool.
///
/// ```no_run
/// # async fn run() -> daytona::Result<()> {
/// let daytona = daytona::Client::new(daytona::Config::default())?;
/// let sandbox = daytona.create(Default::default()).await?;
/// let answer = sandbox.process().exec("echo hello", Default::default()).await?;
/// assert_eq!(answer.result, "hello\n");
/// sandbox.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// Overrides the limit of every call made through this clone; `Some(None)` = no limit.
    limit: Option<Option<Duration>>,
    /// The span that the calls made through this clone are children of.
    parent: Option<Arc<TraceContext>>,
}

struct Inner {
    config: Resolved,
    http: Pool,
    tls: Tls,
    proxies: Proxies,
    endpoint: Mutex<Option<Arc<Endpoint>>>,
    /// Held while the endpoint is looked for, so that one call does and the others wait.
    finding: tokio::sync::Mutex<()>,
    events: OnceLock<EventHub>,
    feed: Feed,
    abandoned: Abandoned,
    forwards: Forwards,
    rate_limits: Told,
    tokens: Tokens,
    telemetry: Option<Telemetry>,
}

/// A client that ends with the last one that holds it.
#[derive(Clone)]
pub(crate) struct WeakClient(Weak<Inner>);

impl WeakClient {
    pub(crate) fn upgrade(&self) -> Option<Client> {
        Some(Client { inner: self.0.upgrade()?, limit: None, parent: None })
    }
}

/// The target of requests. Known from the start on the cloud; found, and started if need be, for the local engine.
pub(crate) struct Endpoint {
    pub(crate) api_url: String,
    pub(crate) bearer: String,
    pub(crate) headers: HeaderMap,
    /// The local engine, unless this is the cloud.
    engine: Option<local::Engine>,
}

impl Endpoint {
    /// Whether requests can still go there. A local engine may have ended.
    pub(crate) fn is_current(&self) -> bool {
        self.engine.as_ref().is_none_or(local::Engine::is_running)
    }

    /// Whether the local engine behind a broken connection has ended. One that was killed closes its connections a moment
    /// before it is gone.
    pub(crate) async fn has_ended(&self) -> bool {
        if self.engine.is_none() {
            return false;
        }
        let gone = async {
            while self.is_current() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(LAST_MOMENTS, gone).await.is_ok()
    }

    /// A toolbox's URL as it is reached now: sandboxes outlive their engine, and the next one has another port.
    pub(crate) fn toolbox_url<'a>(&self, url: &'a str) -> Cow<'a, str> {
        match (&self.engine, Url::parse(&self.api_url), Url::parse(url)) {
            (Some(_), Ok(api), Ok(toolbox)) => {
                format!("{}{}", &api[..Position::BeforePath], &toolbox[Position::BeforePath..]).into()
            }
            _ => url.into(),
        }
    }
}

impl Inner {
    /// The endpoint found before, if it still is one.
    fn endpoint(&self) -> Option<Arc<Endpoint>> {
        let known = self.endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|endpoint| endpoint.is_current())
    }

    fn gateway(&self) -> Option<Gateway> {
        let endpoint = self.endpoint()?;
        Some(Gateway { api_url: endpoint.api_url.parse().ok()?, token: endpoint.bearer.clone() })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let config = &self.inner.config;
        f.debug_struct("Client")
            .field("api_url", &config.api_url)
            .field("target", &config.target)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client. No request is made yet and no runtime is needed.
    ///
    /// # Errors
    /// Those of [`Config::resolve`]; `InvalidArgument` for an unreadable `ca_cert`.
    pub fn new(config: Config) -> Result<Self> {
        log::read_environment();
        let config = config.resolve()?;
        let tls = Tls::new(config.ca_cert.as_deref().map(Path::new))?;
        // A proxy could not reach the local engine, and would be told its key.
        let proxies = if config.api_url == LOCAL { Proxies::none() } else { Proxies::from_environment() };
        let http = Pool::new(&tls, &proxies);
        let telemetry = if config.telemetry { Some(Telemetry::new(&config)?) } else { None };
        Ok(Self {
            inner: Arc::new(Inner {
                config,
                http,
                tls,
                proxies,
                endpoint: Mutex::default(),
                finding: tokio::sync::Mutex::default(),
                events: OnceLock::new(),
                feed: Feed::default(),
                abandoned: Abandoned::default(),
                forwards: Forwards::default(),
                rate_limits: Told::default(),
                tokens: Tokens::default(),
                telemetry,
            }),
            limit: None,
            parent: None,
        })
    }

    /// The same client with another limit for every call; zero = none.
    pub fn with_request_timeout(&self, timeout: Duration) -> Self {
        Self { limit: Some(deadline::limit(Some(timeout), None)), ..self.clone() }
    }

    /// The same client with a parent for the spans of every call. Without telemetry (`otel_enabled`) it has no effect.
    pub fn with_trace_parent(&self, parent: TraceContext) -> Self {
        Self { parent: Some(Arc::new(parent)), ..self.clone() }
    }

    /// Sends the telemetry that waits to the collector. For the end of a program; there is nothing to do without
    /// telemetry (`otel_enabled`). Takes no longer than `OTEL_EXPORTER_OTLP_TIMEOUT`.
    pub async fn flush_telemetry(&self) {
        if let Some(exporter) = self.exporter() {
            exporter.flush().await;
        }
    }

    /// What sends the client's telemetry, if it has any.
    #[doc(hidden)]
    pub fn exporter(&self) -> Option<&Exporter> {
        self.inner.telemetry.as_ref().map(Telemetry::exporter)
    }

    /// Operations on sandboxes as a whole.
    pub fn sandboxes(&self) -> Sandboxes {
        Sandboxes { client: self.clone() }
    }

    /// Snapshots: images with resources, which sandboxes are made from.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots { client: self.clone() }
    }

    /// Volumes: directories that sandboxes share and that outlive them.
    pub fn volumes(&self) -> Volumes {
        Volumes { client: self.clone() }
    }

    /// Secrets: values that sandboxes use without having them.
    pub fn secrets(&self) -> Secrets {
        Secrets { client: self.clone() }
    }

    /// The toolbox of a sandbox.
    ///
    /// # Errors
    /// `InvalidArgument` when the id is empty.
    pub fn toolbox(&self, sandbox: &SandboxInfo) -> Result<Toolbox> {
        Toolbox::new(self, &sandbox.id, &sandbox.toolbox_proxy_url)
    }

    /// Base URL of the API without trailing slash, or `local`.
    pub fn api_url(&self) -> &str {
        &self.inner.config.api_url
    }

    /// Sends another token from the next request on, for programs that run longer than one counts. The local engine has a key
    /// of its own, which stays.
    ///
    /// # Errors
    /// `InvalidArgument` for a token that no header can carry.
    #[doc(hidden)]
    pub fn replace_token(&self, token: &str) -> Result<()> {
        let config = &self.inner.config;
        if config.api_url != LOCAL {
            let (api_url, headers) = (config.api_url.clone(), http::default_headers(config, token)?);
            let endpoint = Arc::new(Endpoint { api_url, bearer: token.to_owned(), headers, engine: None });
            *self.inner.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(endpoint);
        }
        Ok(())
    }

    /// Asks `source` for another token when the server refuses one, which it is told, and sends the request once more. It may
    /// answer that there is none. A source that was set before stays.
    #[doc(hidden)]
    pub fn renew_tokens_with<F, Answer>(&self, source: F)
    where
        F: Fn(String) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = Option<String>> + Send + 'static,
    {
        self.inner.tokens.set_source(source);
    }

    /// Ends what the client keeps open for others: forwarded ports. Calls go on.
    #[doc(hidden)]
    pub fn release(&self) {
        self.inner.forwards.end();
    }

    /// A parameter's name as callers of this language write it: errors speak their words.
    #[doc(hidden)]
    pub fn spelled(&self, name: &str) -> String {
        let mut spelled = String::with_capacity(name.len() + 4);
        let snake = !matches!(self.inner.config.source.as_str(), "sdk-typescript" | "sdk-go" | "sdk-uniffi");
        let mut raise = self.inner.config.source == "sdk-go";
        for c in name.chars() {
            match c {
                '_' if !snake => raise = true,
                c if snake && c.is_ascii_uppercase() => spelled.extend(['_', c.to_ascii_lowercase()]),
                c if raise => {
                    spelled.push(c.to_ascii_uppercase());
                    raise = false;
                }
                c => spelled.push(c),
            }
        }
        spelled
    }

    /// An operation's name as callers of this language write it, for messages.
    #[doc(hidden)]
    pub fn operation_name(&self, operation: &'static str) -> Cow<'static, str> {
        let config = &self.inner.config;
        // Methods of asynchronous classes have the names of the others.
        let source = config.source.strip_suffix("-async").unwrap_or(&config.source);
        if let Some(name) = config.operation_names.and_then(|names| names(source, operation)) {
            return name.into();
        }
        match operation.split_once('.') {
            Some((service, method)) => format!("{service}.{}", self.spelled(method)).into(),
            None => operation.into(),
        }
    }

    /// The region for new sandboxes.
    pub fn target(&self) -> Option<&str> {
        self.inner.config.target.as_deref()
    }

    pub(crate) fn http(&self) -> &Pool {
        &self.inner.http
    }

    pub(crate) fn forwards(&self) -> &Forwards {
        &self.inner.forwards
    }

    /// The limits of requests that the server told last.
    pub(crate) fn rate_limits(&self) -> &Told {
        &self.inner.rate_limits
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    pub(crate) fn abandoned(&self) -> &Abandoned {
        &self.inner.abandoned
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.inner.tls
    }

    pub(crate) fn proxies(&self) -> &Proxies {
        &self.inner.proxies
    }

    /// The target of requests now. A local engine that has ended is looked for again, and started if need be.
    pub(crate) async fn endpoint(&self) -> Result<Arc<Endpoint>> {
        let inner = &self.inner;
        if let Some(endpoint) = inner.endpoint() {
            return Ok(endpoint);
        }
        let _turn = inner.finding.lock().await;
        if let Some(endpoint) = inner.endpoint() {
            return Ok(endpoint);
        }
        let (api_url, bearer, engine) = if inner.config.api_url == LOCAL {
            let engine = local::find_or_start(&inner.config, &inner.http).await?;
            (engine.api_url.clone(), engine.api_key.clone(), Some(engine))
        } else {
            (inner.config.api_url.clone(), inner.config.bearer.clone(), None)
        };
        let mut headers = http::default_headers(&inner.config, &bearer)?;
        if let Some(engine) = &engine {
            // Whoever may read its key is a person to the engine, as one with a token is elsewhere.
            let organization = inner.config.organization_id.as_deref().unwrap_or(engine.organization_id());
            headers.extend(HeaderValue::from_str(organization).ok().map(|id| (http::ORGANIZATION, id)));
        }
        let endpoint = Arc::new(Endpoint { api_url, bearer, headers, engine });
        *inner.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = Some(endpoint.clone());
        if let Some(events) = inner.events.get() {
            events.retry_now();
        }
        Ok(endpoint)
    }

    /// The changes of all sandboxes.
    pub(crate) fn feed(&self) -> &Feed {
        &self.inner.feed
    }

    /// The client for what must not keep it.
    pub(crate) fn weak(&self) -> WeakClient {
        WeakClient(Arc::downgrade(&self.inner))
    }

    /// The event gateway's hub, or `None` when events are switched off.
    pub(crate) async fn event_hub(&self) -> Result<Option<&EventHub>> {
        let inner = &self.inner;
        if !inner.config.events {
            return Ok(None);
        }
        self.endpoint().await?;
        let hub = inner.events.get_or_init(|| {
            // The hub belongs to the client and must not keep it.
            let client = Arc::downgrade(inner);
            EventHub::new(EventHubConfig {
                gateway: Arc::new(move || client.upgrade()?.gateway()),
                source: inner.config.source.clone(),
                sdk_version: WIRE_VERSION.to_owned(),
                organization_id: inner.config.organization_id.clone(),
                tls: inner.tls.clone(),
                proxies: inner.proxies.clone(),
                timing: EventTiming::default(),
            })
        });
        Ok(Some(hub))
    }

    /// What it was made from.
    pub(crate) fn config(&self) -> &Resolved {
        &self.inner.config
    }

    /// A request to the control plane; `path` starts with `/`.
    pub(crate) fn api(&self, method: Method, path: impl Into<String>) -> Request<'_> {
        Request::new(self, method, Base::Api, path)
    }

    /// Whether this clone has a limit of its own for every call.
    pub(crate) fn limits_requests(&self) -> bool {
        self.limit.is_some()
    }

    /// The limit of a call that has `limit` by itself.
    pub(crate) fn limit(&self, limit: Option<Duration>) -> Option<Duration> {
        self.limit.unwrap_or(limit)
    }

    /// Runs one operation: names it in errors and holds it to its limit.
    pub(crate) async fn run<T>(
        &self,
        operation: &'static str,
        limit: Option<Duration>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        // Boxed, because operations are made of operations: nested in one another, their futures would be too much for the
        // stack of a thread.
        let reported = log::Operation::begin(operation);
        let span = self.span(operation);
        let trace = span.as_ref().map_or_else(deadline::trace, |span| Some(span.context()));
        let result = deadline::within_trace(self, operation, self.limit(limit), trace, Box::pin(work)).await;
        if let Some(span) = span {
            span.end(&result);
        }
        reported.end(&result);
        result
    }

    /// The span of an operation that begins, unless it is a part of another.
    fn span(&self, operation: &'static str) -> Option<telemetry::Operation> {
        let exporter = self.exporter()?;
        if deadline::trace().is_some() {
            return None;
        }
        let names = exporter.names(operation, &self.operation_name(operation));
        Some(telemetry::Operation::begin(exporter, names, self.parent.as_deref()))
    }

    /// The headers of a request: with those of the endpoint, the place in the trace.
    pub(crate) fn headers(&self, endpoint: &Endpoint) -> HeaderMap {
        let mut headers = endpoint.headers.clone();
        if self.inner.telemetry.is_some() {
            match deadline::trace().or_else(|| self.parent.clone()) {
                Some(trace) => trace.inject(&mut headers),
                // Beside all operations: a trace that nobody records.
                None => TraceContext::root().inject(&mut headers),
            }
        }
        headers
    }
}
