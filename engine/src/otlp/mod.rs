//! The engine as a collector: what sandboxes print, use and are asked for goes on to the server that their organization names, by
//! OpenTelemetry's protocol over HTTP, in JSON (wire.md 8).
//!
//! Nothing is gathered, and nothing wakes up, for organizations that name none. Every server is sent to on its own. What it does not take
//! waits for the next attempt as long as there is room; with more, the oldest records go, and after [`ATTEMPTS`] all of them. All servers
//! together have a limit, too, at which the one that most waits for loses.

mod messages;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::accounts::model::OtelConfig;
use crate::engine::Engine;
use crate::errors::in_words;
use crate::network::Cidr;
use crate::outgoing::Client;
use crate::sandboxes::logs::Line;
use crate::sandboxes::registry::Entry;
use crate::sandboxes::sandbox::Sandbox;

/// How long records are gathered before they are sent.
const GATHERING: Duration = Duration::from_millis(500);

/// How long to wait after a server did not take what was sent: twice as long each time, up to the most.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Attempts one after the other, over half an hour, after which what waits for a server is given up.
const ATTEMPTS: u32 = 12;

/// Records that may wait for one server, and their bytes.
const WAITING: usize = 5000;
const WAITING_BYTES: usize = 8 << 20;

/// Servers that something may wait for, and the bytes of all that waits or is being sent.
const SERVERS: usize = 1024;
const ALL_BYTES: usize = 64 << 20;

/// About what a record takes beside its text, in bytes.
const OVERHEAD: usize = 512;

/// Records of one request.
const AT_ONCE: usize = 500;

/// What is sent.
pub enum Record {
    /// A line of the log.
    Line(Line),
    /// A span, as [`crate::sandboxes::traces`] keeps it.
    Span(Value),
    /// A value of a metric: its name, the time in milliseconds, and the value.
    Value(&'static str, i64, f64),
}

/// Where records of a sandbox go, and what is said of it there.
pub struct Target {
    config: OtelConfig,
    resource: Map<String, Value>,
}

struct Waiting {
    resource: Map<String, Value>,
    record: Record,
}

impl Waiting {
    fn bytes(&self) -> usize {
        OVERHEAD
            + match &self.record {
                Record::Line(line) => line.text.len(),
                Record::Span(_) | Record::Value(..) => 0,
            }
    }
}

/// What waits for one server, the oldest first.
#[derive(Default)]
struct Queue {
    records: VecDeque<Waiting>,
    bytes: usize,
    /// Bytes that are being sent, and may come back.
    sent: usize,
    /// Whether somebody sends it.
    is_served: bool,
}

impl Queue {
    fn is_over(&self) -> bool {
        self.records.len() > WAITING || self.bytes > WAITING_BYTES
    }

    /// Adds the newest; the oldest go where there is no room.
    fn push(&mut self, record: Waiting) {
        self.bytes += record.bytes();
        self.records.push_back(record);
        while self.is_over() {
            self.take(1);
        }
    }

    /// Takes so many of the oldest.
    fn take(&mut self, most: usize) -> Vec<Waiting> {
        let taken: Vec<_> = self.records.drain(..self.records.len().min(most)).collect();
        self.bytes -= taken.iter().map(Waiting::bytes).sum::<usize>();
        taken
    }

    /// Takes so many of the oldest to send them.
    fn lend(&mut self, most: usize) -> Vec<Waiting> {
        let records = self.take(most);
        self.sent = records.iter().map(Waiting::bytes).sum();
        records
    }

    /// Puts the oldest back, the last ones of them where there is no room for all.
    fn put_back(&mut self, records: Vec<Waiting>) {
        self.sent = 0;
        for record in records.into_iter().rev() {
            self.bytes += record.bytes();
            self.records.push_front(record);
            if self.is_over() {
                self.take(1);
                return;
            }
        }
    }
}

/// Sends records.
pub struct Exporter {
    waiting: Mutex<HashMap<OtelConfig, Queue>>,
    /// Whether there was no room for another server at the last look.
    is_full: AtomicBool,
    due: Notify,
    client: Client,
}

/// What is said of a sandbox with everything that it sends.
pub fn resource(engine: &Engine, record: &Sandbox) -> Map<String, Value> {
    let entries = [
        ("service.name", format!("sandbox-{}", record.id)),
        ("daytona_organization_id", engine.owner_of(record)),
        ("daytona_region_id", record.target.clone()),
        ("daytona_snapshot", record.snapshot.clone().unwrap_or_default()),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect()
}

/// Where a sandbox's records go: to the server that its creator named, else to that of its organization. The headers are for the
/// organization's server alone.
pub fn destination(engine: &Engine, record: &Sandbox) -> Option<OtelConfig> {
    match &record.otel_endpoint_override {
        Some(endpoint) => Some(OtelConfig { endpoint: endpoint.clone(), ..OtelConfig::default() }),
        None => engine.accounts.organizations.get(&engine.owner_of(record))?.otel,
    }
}

/// The variables by which programs in a sandbox find the same server. The headers stay outside: what runs in there could read a key.
pub fn environment(engine: &Engine, record: &Sandbox) -> BTreeMap<String, String> {
    let Some(OtelConfig { endpoint, .. }) = destination(engine, record) else { return BTreeMap::new() };
    let resource = resource(engine, record);
    let (name, attributes): (Vec<_>, Vec<_>) = resource.iter().partition(|(name, _)| *name == "service.name");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let encoded = |value: &Value| utf8_percent_encode(&text(value), NON_ALPHANUMERIC).to_string();
    let attributes: Vec<_> = attributes.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_SERVICE_NAME", name.iter().map(|(_, value)| text(value)).collect()),
        ("OTEL_RESOURCE_ATTRIBUTES", attributes.join(",")),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

impl Exporter {
    /// One that reaches public addresses and those of `allowed`.
    pub fn new(allowed: Vec<Cidr>) -> Self {
        Self {
            waiting: Mutex::default(),
            is_full: AtomicBool::new(false),
            due: Notify::new(),
            client: Client::new(Some(allowed)),
        }
    }

    /// Where a sandbox's records go, if anywhere.
    pub fn target(&self, engine: &Engine, entry: &Entry) -> Option<Target> {
        entry.with_record(|record| {
            Some(Target { config: destination(engine, record)?, resource: resource(engine, record) })
        })
    }

    /// Sends a record, soon.
    pub fn send(&self, target: Target, record: Record) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= SERVERS && !waiting.contains_key(&target.config) {
            // Once, however many records meet the same.
            if !self.is_full.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    endpoint = target.config.endpoint,
                    "telemetry waits for too many servers to be sent to another"
                );
            }
            return;
        }
        self.is_full.store(false, Ordering::Relaxed);
        waiting.entry(target.config).or_default().push(Waiting { resource: target.resource, record });
        make_room(&mut waiting);
        drop(waiting);
        self.due.notify_one();
    }

    /// Sends what there is, until dropped.
    pub async fn run(self: Arc<Self>) {
        let mut serving = JoinSet::new();
        loop {
            self.due.notified().await;
            while serving.try_join_next().is_some() {}
            for config in self.unserved() {
                serving.spawn(Arc::clone(&self).serve(config));
            }
        }
    }

    /// The servers that something waits for and nobody sends to, which the caller does from now on.
    fn unserved(&self) -> Vec<OtelConfig> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let found = waiting.iter_mut().filter(|(_, queue)| !queue.is_served);
        let found = found.map(|(config, queue)| {
            queue.is_served = true;
            config.clone()
        });
        found.collect()
    }

    /// Sends to one server until nothing waits for it, or it is given up.
    async fn serve(self: Arc<Self>, config: OtelConfig) {
        let mut failed = 0;
        loop {
            tokio::time::sleep(GATHERING).await;
            failed = if self.send_all(&config).await { 0 } else { failed + 1 };
            if self.is_over(&config, failed) {
                return;
            }
            if failed > 0 {
                tokio::time::sleep(pause(failed)).await;
            }
        }
    }

    /// Whether nothing waits for a server any more, or it failed too often; then nobody sends to it until something new comes.
    fn is_over(&self, config: &OtelConfig, failed: u32) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let left = waiting.get(config).map_or(0, |queue| queue.records.len());
        if failed >= ATTEMPTS && left > 0 {
            tracing::warn!(endpoint = config.endpoint, records = left, "telemetry of sandboxes is given up");
        }
        let is_over = left == 0 || failed >= ATTEMPTS;
        if is_over {
            waiting.remove(config);
        }
        is_over
    }

    /// Sends all that waits for a server; answers whether that went well.
    async fn send_all(&self, config: &OtelConfig) -> bool {
        while let Some(records) = self.next(config) {
            if let Err(error) = self.deliver(config, &records).await {
                let error = in_words(&error);
                tracing::warn!(endpoint = config.endpoint, error, "telemetry of sandboxes was not taken");
                self.put_back(config, records);
                return false;
            }
        }
        true
    }

    /// The next records for a server.
    fn next(&self, config: &OtelConfig) -> Option<Vec<Waiting>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let records = waiting.get_mut(config)?.lend(AT_ONCE);
        (!records.is_empty()).then_some(records)
    }

    fn put_back(&self, config: &OtelConfig, records: Vec<Waiting>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = waiting.get_mut(config) {
            queue.put_back(records);
        }
        make_room(&mut waiting);
    }

    async fn deliver(&self, config: &OtelConfig, records: &[Waiting]) -> anyhow::Result<()> {
        let base = config.endpoint.trim_end_matches('/');
        for (path, message) in messages::of(records) {
            let headers: Vec<_> = config.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let status = self.client.post(&format!("{base}/v1/{path}"), headers, message.to_string()).await?;
            match status {
                200..300 => {}
                // What is wrong with it will not be better the next time.
                400..=428 | 430..500 => {
                    tracing::warn!(endpoint = config.endpoint, status, path, "telemetry of sandboxes was refused");
                }
                _ => anyhow::bail!("the server answered {status}"),
            }
        }
        Ok(())
    }
}

/// Drops the oldest of what most waits for until all of it has room.
fn make_room(waiting: &mut HashMap<OtelConfig, Queue>) {
    let mut all: usize = waiting.values().map(|queue| queue.bytes + queue.sent).sum();
    while all > ALL_BYTES {
        let Some(largest) = waiting.values_mut().max_by_key(|queue| queue.bytes).filter(|queue| queue.bytes > 0) else {
            return;
        };
        all -= largest.take(1).iter().map(Waiting::bytes).sum::<usize>();
    }
}

/// How long to wait after so many failures one after the other.
fn pause(failed: u32) -> Duration {
    PAUSE.saturating_mul(2u32.saturating_pow(failed.saturating_sub(1))).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::sandboxes::logs::Output;

    fn value(config: &OtelConfig) -> (Target, Record) {
        (Target { config: config.clone(), resource: Map::new() }, Record::Value("x", 0, 1.0))
    }

    async fn server() -> (TcpListener, OtelConfig) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        (listener, OtelConfig { endpoint, ..OtelConfig::default() })
    }

    #[tokio::test]
    async fn a_server_that_never_answers_delays_no_other() {
        let exporter = Arc::new(Exporter::new(vec!["127.0.0.0/8".parse().unwrap()]));
        let running = tokio::spawn(Arc::clone(&exporter).run());
        let ((silent, to_silent), (good, to_good)) = (server().await, server().await);
        let send = |config| {
            let (target, record) = value(config);
            exporter.send(target, record);
        };
        send(&to_silent);
        let (_open, _) = silent.accept().await.unwrap();
        for _ in 0..2 {
            send(&to_good);
            let (mut connection, _) = good.accept().await.unwrap();
            let mut request = vec![0; 1 << 16];
            assert!(connection.read(&mut request).await.unwrap() > 0);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            connection.write_all(answer).await.unwrap();
        }
        assert!(exporter.waiting.lock().unwrap()[&to_silent].is_served, "its first request is still open");
        running.abort();
    }

    #[test]
    fn a_server_that_fails_again_and_again_is_given_up() {
        let exporter = Exporter::new(Vec::new());
        let config = OtelConfig { endpoint: "http://collector.example".to_owned(), ..OtelConfig::default() };
        let (target, record) = value(&config);
        exporter.send(target, record);
        assert!(exporter.unserved() == [config.clone()]);
        assert!(exporter.unserved().is_empty(), "somebody sends to it already");
        for failed in 1..ATTEMPTS {
            let records = exporter.next(&config).unwrap();
            exporter.put_back(&config, records);
            assert!(!exporter.is_over(&config, failed));
        }
        assert!(exporter.is_over(&config, ATTEMPTS));
        assert!(exporter.waiting.lock().unwrap().is_empty());
        // And tried again for what comes later.
        let (target, record) = value(&config);
        exporter.send(target, record);
        assert_eq!(exporter.unserved().len(), 1);
        assert_eq!([1, 2, 3, 30].map(|failed| pause(failed).as_secs()), [5, 10, 20, 300]);
        let all: Duration = (1..ATTEMPTS).map(pause).sum();
        assert!((1700..3600).contains(&all.as_secs()), "{all:?}");
    }

    #[test]
    fn what_waits_is_bounded_and_the_newest_is_kept() {
        let exporter = Exporter::new(Vec::new());
        let config = OtelConfig { endpoint: "http://collector.example".to_owned(), ..OtelConfig::default() };
        for number in 0..WAITING + 3 {
            let target = Target { config: config.clone(), resource: Map::new() };
            exporter.send(target, Record::Value("x", 0, number as f64));
        }
        let first = |records: &[Waiting]| match records[0].record {
            Record::Value(_, _, value) => value,
            _ => f64::NAN,
        };
        let records = exporter.next(&config).unwrap();
        assert_eq!((records.len(), first(&records)), (AT_ONCE, 3.0));
        exporter.put_back(&config, records);
        assert_eq!(first(&exporter.next(&config).unwrap()), 3.0);
        for _ in 0..100 {
            let target = Target { config: config.clone(), resource: Map::new() };
            let line = Line { at: 0, output: Output::Stdout, text: "x".repeat(WAITING_BYTES / 10) };
            exporter.send(target, Record::Line(line));
        }
        let bytes = |exporter: &Exporter| exporter.waiting.lock().unwrap()[&config].bytes;
        assert!((WAITING_BYTES / 2..=WAITING_BYTES).contains(&bytes(&exporter)));
        let records = exporter.next(&config).unwrap();
        assert_eq!(records.len(), 9);
        exporter.put_back(&config, records);
        assert!((WAITING_BYTES / 2..=WAITING_BYTES).contains(&bytes(&exporter)));
    }

    #[test]
    fn all_servers_together_are_bounded_at_the_expense_of_the_largest() {
        let exporter = Exporter::new(Vec::new());
        let config =
            |number: usize| OtelConfig { endpoint: format!("http://{number}.example"), ..OtelConfig::default() };
        let send = |number: usize, bytes: usize| {
            let target = Target { config: config(number), resource: Map::new() };
            let line = Line { at: 0, output: Output::Stdout, text: "x".repeat(bytes) };
            exporter.send(target, Record::Line(line));
        };
        let bytes =
            |number: usize| exporter.waiting.lock().unwrap().get(&config(number)).map_or(0, |queue| queue.bytes);
        send(0, 1000);
        let most = ALL_BYTES / WAITING_BYTES;
        for number in 1..=most {
            send(number, WAITING_BYTES - OVERHEAD);
        }
        assert_eq!(bytes(0), 1000 + OVERHEAD, "it is not the one that takes the room");
        assert_eq!((1..=most).filter(|number| bytes(*number) > 0).count(), most - 1);
        // What is being sent counts, and cannot be dropped.
        let (lent, records) = (1..=most).find_map(|number| Some((number, exporter.next(&config(number))?))).unwrap();
        send(most + 1, WAITING_BYTES - OVERHEAD);
        let kept = (1..=most + 1).filter(|number| bytes(*number) > 0).count();
        assert_eq!(kept, most - 2);
        exporter.put_back(&config(lent), records);
        let all: usize = exporter.waiting.lock().unwrap().values().map(|queue| queue.bytes + queue.sent).sum();
        assert!(all <= ALL_BYTES, "{all}");
        for number in 0..SERVERS + 10 {
            send(number, 1);
        }
        assert_eq!(exporter.waiting.lock().unwrap().len(), SERVERS);
    }
}
