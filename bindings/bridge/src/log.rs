//! Log records on their way to a language's own logging.
//!
//! [`set_log_level`] asks the core for records. They wait in a queue until a thread of the language fetches them with
//! [`take_log`], so no thread of the runtime ever calls into the language. A full queue loses its oldest records and
//! says how many. The queue belongs to the process that filled it: a forked child begins with an empty one.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use daytona::log::{Fields, Level, Record, receive};

use crate::call::error_json;
use crate::per_process::PerProcess;
use crate::sink::lock;

/// The most records that wait.
const CAPACITY: usize = 1024;

static QUEUE: PerProcess<Mutex<Queue>> = PerProcess::new();
/// Whether there may be records: what [`take_log`] costs while there are none.
static WAITING: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct Queue {
    records: VecDeque<Record>,
    lost: u64,
}

/// Queues log records from now on: `error`, `warn`, `info` or `debug`, each with the more important ones; `off` = none,
/// as at the start. Applies to all clients of the process.
///
/// # Errors
/// The error envelope: `InvalidArgument` for another word.
pub fn set_log_level(level: &str) -> Result<(), Bytes> {
    let level = match level {
        "off" => None,
        level => Some(level.parse::<Level>().map_err(|e| error_json(&e))?),
    };
    receive(level, push);
    Ok(())
}

/// Takes the queued records, oldest first, as a JSON array of `{"time": seconds since 1970, "level", "message",
/// "fields": {"operation"?, "method"?, "url"?, "status"?, "durationMs"?, "attempt"?, "requestId"?, "sandboxId"?,
/// "error"?}}`. `None` when there are none, which costs one atomic load. Never blocks.
pub fn take_log() -> Option<Bytes> {
    if !WAITING.load(Ordering::Acquire) {
        return None;
    }
    let mut queue = lock(queue());
    WAITING.store(false, Ordering::Release);
    let records = queue.take();
    drop(queue);
    if records.is_empty() {
        return None;
    }
    serde_json::to_vec(&records).ok().map(Bytes::from)
}

fn push(record: &Record) {
    let mut queue = lock(queue());
    queue.push(record.clone());
    WAITING.store(true, Ordering::Release);
}

fn queue() -> &'static Mutex<Queue> {
    match QUEUE.get_or_try_init(|| Ok::<_, Infallible>(Mutex::default())) {
        Ok(queue) => queue,
        Err(never) => match never {},
    }
}

impl Queue {
    fn push(&mut self, record: Record) {
        if self.records.len() == CAPACITY {
            self.records.pop_front();
            self.lost += 1;
        }
        self.records.push_back(record);
    }

    fn take(&mut self) -> VecDeque<Record> {
        let mut records = std::mem::take(&mut self.records);
        let lost = std::mem::take(&mut self.lost);
        if lost > 0 {
            records.push_front(Record {
                time: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
                level: Level::Warn,
                message: format!("{lost} earlier log records are missing: they were not fetched in time"),
                fields: Fields::default(),
            });
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Completion, Payload, future};

    fn record(message: String) -> Record {
        Record { time: 0.0, level: Level::Debug, message, fields: Fields::default() }
    }

    #[test]
    fn a_full_queue_loses_the_oldest_records_and_says_so() {
        let mut queue = Queue::default();
        for number in 0..CAPACITY + 3 {
            queue.push(record(number.to_string()));
        }
        let records = queue.take();
        assert_eq!(records.len(), CAPACITY + 1);
        assert!(records[0].message.starts_with("3 earlier log records are missing"), "{}", records[0].message);
        assert_eq!(records[1].message, "3");
        assert!(queue.take().is_empty());
    }

    #[tokio::test]
    async fn records_are_queued_from_when_they_are_asked_for() {
        let client = Client::new(br#"{"apiKey": "sesame", "apiUrl": "http://127.0.0.1:9"}"#).unwrap();
        let run = async || {
            let (sink, completion) = future();
            let args = Payload::json(&br#"{"args": {"idOrName": "a-sandbox"}}"#[..]);
            let _call = client.start("sandbox.get", args, sink);
            assert!(matches!(completion.await, Completion::Error(_)));
        };
        run().await;
        assert_eq!(take_log(), None);
        set_log_level("warn").unwrap();
        run().await;
        let records: Vec<serde_json::Value> = serde_json::from_slice(&take_log().unwrap()).unwrap();
        assert_eq!(records.len(), 3, "{records:?}");
        assert_eq!(records[0]["level"], "warn");
        assert_eq!(records[0]["fields"]["operation"], "sandbox.get");
        assert_eq!(records[0]["fields"]["url"], "http://127.0.0.1:9/sandbox/a-sandbox");
        assert_eq!(take_log(), None);
        set_log_level("off").unwrap();
        assert!(set_log_level("loud").is_err());
    }
}
