//! Spans and durations that wait, and how they reach the collector.

use std::collections::VecDeque;
use std::fmt;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use prost::Message as _;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::histogram::Histograms;
use super::names::{self, Names};
use super::operation::nanoseconds;
use super::otlp;
use super::sampler::Sampler;
use super::settings::{Settings, Target};
use crate::config::Resolved;
use crate::error::Result;
use crate::travel::http::{Body, Outgoing, Pool};
use crate::travel::proxy::Proxies;
use crate::travel::tls::Tls;

/// Spans in one request.
const BATCH: usize = 512;
/// How much of a collector's answer is read.
const MAX_ANSWER: usize = 64 << 10;

/// Sends a client's telemetry. Clones are the same exporter.
#[derive(Clone)]
pub struct Exporter(Arc<Shared>);

struct Shared {
    settings: Settings,
    source: String,
    http: Pool,
    start: u64,
    waiting: Mutex<Waiting>,
    /// Held while something is sent, so that it is sent once and in order.
    sending: tokio::sync::Mutex<()>,
    /// Told when the first of what waits comes.
    arrived: Notify,
    /// Told when there is a whole batch, and at the end.
    wake: Notify,
    ended: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    spans: VecDeque<otlp::Span>,
    dropped: u64,
    histograms: Histograms,
    /// Sends in the background. It ends with its runtime, and then there is another.
    task: Option<AbortHandle>,
}

/// The client's share in its exporter. Dropped, what waits is sent and the exporter ends.
pub(crate) struct Telemetry(Exporter);

impl Telemetry {
    /// Makes the exporter of a client; no request is made.
    ///
    /// # Errors
    /// `InvalidArgument` when the certificate authority of the collector cannot be read.
    pub(crate) fn new(config: &Resolved) -> Result<Self> {
        let compressed = matches!(config.source.as_str(), "sdk-typescript" | "sdk-go");
        let settings = Settings::read(compressed);
        let tls = Tls::new(settings.authority(config.ca_cert.as_deref()))?;
        let http = Pool::new(&tls, &Proxies::from_environment());
        Ok(Self(Exporter(Arc::new(Shared {
            settings,
            source: config.source.clone(),
            http,
            start: nanoseconds(SystemTime::now()),
            waiting: Mutex::default(),
            sending: tokio::sync::Mutex::default(),
            arrived: Notify::new(),
            wake: Notify::new(),
            ended: AtomicBool::new(false),
        }))))
    }

    pub(crate) fn exporter(&self) -> &Exporter {
        &self.0
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.0.0.ended.store(true, Ordering::Release);
        self.0.0.wake.notify_one();
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter")
    }
}

impl Exporter {
    /// Whether something has not been sent.
    pub fn is_pending(&self) -> bool {
        let waiting = self.waiting();
        let (traces, metrics) = (&self.0.settings.traces, &self.0.settings.metrics);
        (traces.is_some() && !waiting.spans.is_empty())
            || (metrics.is_some() && waiting.histograms.changed)
            || self.0.sending.try_lock().is_err()
    }

    /// Whether the client has ended and nothing waits any more.
    pub fn is_idle(&self) -> bool {
        self.0.ended.load(Ordering::Acquire) && !self.is_pending()
    }

    /// Sends what waits. Ends after the time that a request to the collector may take, however many are needed; what is not sent
    /// by then is dropped.
    pub async fn flush(&self) {
        let _ = tokio::time::timeout(self.0.settings.timeout, async {
            self.send_spans().await;
            self.send_metrics().await;
        })
        .await;
    }

    pub(super) fn sampler(&self) -> Sampler {
        self.0.settings.sampler
    }

    /// Takes an operation that has ended. Called on a runtime, except when a cancelled one is dropped outside of it: then
    /// it waits for the next.
    pub(super) fn record(&self, names: &Names, span: Option<otlp::Span>, succeeded: bool, took: Duration) {
        let settings = &self.0.settings;
        let mut waiting = self.waiting();
        if settings.metrics.is_some() {
            waiting.histograms.add(names, succeeded, took);
        }
        if let Some(span) = span.filter(|_| settings.traces.is_some()) {
            if waiting.spans.len() >= settings.queue_size {
                waiting.spans.pop_front();
                waiting.dropped += 1;
            }
            waiting.spans.push_back(span);
            if waiting.spans.len() == BATCH {
                self.0.wake.notify_one();
            }
        }
        self.0.arrived.notify_one();
        if waiting.task.as_ref().is_none_or(AbortHandle::is_finished)
            && let Ok(runtime) = Handle::try_current()
        {
            waiting.task = Some(runtime.spawn(self.clone().run()).abort_handle());
        }
    }

    /// Sends what comes until the client has ended. While nothing waits, nothing wakes up.
    async fn run(self) {
        let mut metrics_at = Instant::now() + self.0.settings.metric_interval;
        loop {
            let ended = self.0.ended.load(Ordering::Acquire);
            if !ended {
                match self.pause(metrics_at) {
                    Some(pause) => tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.0.wake.notified() => {}
                    },
                    None => {
                        tokio::select! {
                            () = self.0.arrived.notified() => {}
                            () = self.0.wake.notified() => {}
                        }
                        metrics_at = metrics_at.max(Instant::now() + self.0.settings.span_delay);
                        if !self.0.ended.load(Ordering::Acquire) {
                            continue;
                        }
                    }
                }
            }
            self.send_spans().await;
            if ended || Instant::now() >= metrics_at {
                self.send_metrics().await;
                metrics_at = Instant::now() + self.0.settings.metric_interval;
            }
            if ended {
                return;
            }
        }
    }

    /// How long to gather what waits before it is sent; nothing while nothing waits.
    fn pause(&self, metrics_at: Instant) -> Option<Duration> {
        let settings = &self.0.settings;
        let waiting = self.waiting();
        let spans = (!waiting.spans.is_empty()).then_some(settings.span_delay);
        let metrics = (settings.metrics.is_some() && waiting.histograms.changed)
            .then(|| metrics_at.saturating_duration_since(Instant::now()));
        spans.into_iter().chain(metrics).min()
    }

    async fn send_spans(&self) {
        let Some(target) = &self.0.settings.traces else { return };
        let _turn = self.0.sending.lock().await;
        loop {
            let (spans, dropped) = {
                let mut waiting = self.waiting();
                let number = waiting.spans.len().min(BATCH);
                (waiting.spans.drain(..number).collect::<Vec<_>>(), std::mem::take(&mut waiting.dropped))
            };
            if dropped > 0 {
                tracing::warn!(dropped, "spans were dropped: more came than the collector took");
            }
            if spans.is_empty() {
                return;
            }
            let scope_spans = vec![otlp::ScopeSpans { scope: Some(self.scope()), spans }];
            let resource_spans = vec![otlp::ResourceSpans { resource: Some(self.resource()), scope_spans }];
            // One attempt: a collector that cannot keep up is not helped by hearing everything twice.
            if !self.send("spans", target, otlp::Traces { resource_spans }.encode_to_vec()).await {
                return;
            }
        }
    }

    async fn send_metrics(&self) {
        let Some(target) = &self.0.settings.metrics else { return };
        let _turn = self.0.sending.lock().await;
        let metrics = {
            let mut waiting = self.waiting();
            if !waiting.histograms.changed {
                return;
            }
            waiting.histograms.read(&self.0.source, self.0.start, nanoseconds(SystemTime::now()))
        };
        let scope_metrics = vec![otlp::ScopeMetrics { scope: Some(self.scope()), metrics }];
        let resource_metrics = vec![otlp::ResourceMetrics { resource: Some(self.resource()), scope_metrics }];
        self.send("metrics", target, otlp::Metrics { resource_metrics }.encode_to_vec()).await;
    }

    async fn send(&self, what: &'static str, target: &Target, message: Vec<u8>) -> bool {
        let mut request = Outgoing::new(Method::POST, target.url.clone());
        request.headers = target.headers.clone();
        let compressed = if self.0.settings.gzip { compressed(&message) } else { None };
        request.body = match compressed {
            Some(body) => {
                request.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Body::Whole(body)
            }
            None => Body::Whole(message.into()),
        };
        let sent = tokio::time::timeout(self.0.settings.timeout, self.post(request)).await;
        let why = match sent {
            Ok(Ok(status)) if status.is_success() => return true,
            Ok(Ok(status)) => format!("the collector answered with {}", status.as_u16()),
            Ok(Err(why)) => why,
            Err(_) => "the collector did not answer in time".to_owned(),
        };
        tracing::warn!(why, "{what} could not be sent");
        false
    }

    async fn post(&self, request: Outgoing) -> Result<StatusCode, String> {
        let mut response = self.0.http.send(request).await.map_err(|failure| failure.error().to_string())?;
        let status = response.status();
        let mut read = 0;
        // To the end, so that the connection can be used again.
        while read < MAX_ANSWER
            && let Ok(Some(piece)) = response.chunk().await
        {
            read += piece.len();
        }
        Ok(status)
    }

    fn scope(&self) -> otlp::Scope {
        otlp::Scope { name: names::scope(&self.0.source), version: env!("CARGO_PKG_VERSION").to_owned() }
    }

    fn resource(&self) -> otlp::Resource {
        let own = [
            otlp::attribute("service.name", &names::service(&self.0.source)),
            otlp::attribute("service.version", env!("CARGO_PKG_VERSION")),
        ];
        let others = self.0.settings.resource.iter().filter(|(name, _)| !own.iter().any(|own| own.key == *name));
        let others: Vec<_> = others.map(|(name, value)| otlp::attribute(name, value)).collect();
        otlp::Resource { attributes: own.into_iter().chain(others).collect() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of an operation's span.
    pub(crate) fn names(&self, operation: &str, known_as: &str) -> Names {
        Names::new(&self.0.source, operation, known_as)
    }
}

fn compressed(message: &[u8]) -> Option<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(message).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test(start_paused = true)]
    async fn nothing_wakes_up_while_nothing_waits() {
        let config =
            Config { api_url: Some("http://127.0.0.1:9".into()), api_key: Some("k".into()), ..Config::default() };
        let Telemetry(exporter) = &Telemetry::new(&config.resolve().unwrap()).unwrap();
        let metrics_at = Instant::now() + exporter.0.settings.metric_interval;
        assert_eq!(exporter.pause(metrics_at), None);
        let names = exporter.names("sandbox.get", "Daytona.get");
        exporter.record(&names, None, true, Duration::from_millis(1));
        assert_eq!(exporter.pause(metrics_at), Some(exporter.0.settings.metric_interval), "its duration waits");
        exporter.record(&names, Some(otlp::Span::default()), true, Duration::from_millis(1));
        assert_eq!(exporter.pause(metrics_at), Some(exporter.0.settings.span_delay), "its span waits for less long");
        exporter.waiting().spans.clear();
        exporter.waiting().histograms.changed = false;
        assert_eq!(exporter.pause(metrics_at), None);
    }
}
