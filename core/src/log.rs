//! What the client does, for the people who run it: operations, requests, retries, clean-ups.
//!
//! Records go three ways, each with a level of its own:
//!
//! * to standard error, one line each, when the environment variable `DAYTONA_LOG` is `error`, `warn`, `info` or `debug`;
//! * to the `tracing` subscriber of a Rust program, under the target `daytona`;
//! * to the function given to [`receive`], through which bindings reach their language's logging.
//!
//! `info` has a line for every operation, `debug` two for every request: when it leaves and when it is answered. `warn`
//! tells of retries, `error` of what was left behind. A record holds methods, URLs without query, status codes, times
//! and request ids; no headers, no bodies, no credentials. While nobody listens, a record costs two relaxed atomic loads.

use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Once, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;

use crate::error::{Error, Result};
use crate::travel::deadline;

/// The environment variable that sends records to standard error.
pub const VARIABLE: &str = "DAYTONA_LOG";

/// The levels that standard error and the receiver want; 0 = none.
static STANDARD_ERROR: AtomicU8 = AtomicU8::new(0);
static RECEIVER: AtomicU8 = AtomicU8::new(0);
/// The larger of the two.
static WANTED: AtomicU8 = AtomicU8::new(0);
static RECEIVE: OnceLock<fn(&Record)> = OnceLock::new();

/// Importance of a record. A level includes those above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Level {
    /// Something was left behind that somebody should look after.
    Error = 1,
    /// Something failed and was worked around, such as a request that is tried again.
    Warn = 2,
    /// An operation ended.
    Info = 3,
    /// A request left or was answered.
    Debug = 4,
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().as_str() {
            "error" => Ok(Self::Error),
            "warn" | "warning" => Ok(Self::Warn),
            "info" => Ok(Self::Info),
            "debug" | "trace" => Ok(Self::Debug),
            _ => Err(Error::invalid_argument(format!(
                "The log level {text:?} is not known: use error, warn, info, debug or off."
            ))),
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// When, in seconds since 1970 (UTC).
    pub time: f64,
    /// Its importance.
    pub level: Level,
    /// One line for people that says what happened.
    pub message: String,
    /// The same for programs.
    pub fields: Fields,
}

/// The data of a [`Record`], as far as it applies.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fields {
    /// The operation, for example `process.exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// Method of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// URL of the request, without query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Milliseconds that it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// Number of the attempt; 1 is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The server's id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Id of the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// Kind of the error, for example `NotFound`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Passes records up to `level` (`None` = none) to `receiver` from now on. The first receiver stays for the life of the
/// process; it is called on the threads that do the work and must not block.
pub fn receive(level: Option<Level>, receiver: fn(&Record)) {
    RECEIVE.get_or_init(|| receiver);
    RECEIVER.store(level.map_or(0, |level| level as u8), Ordering::Relaxed);
    update();
}

/// Reads `DAYTONA_LOG`, once in a process.
pub(crate) fn read_environment() {
    static READ: Once = Once::new();
    READ.call_once(|| {
        let Some(text) = std::env::var_os(VARIABLE) else { return };
        let text = text.to_string_lossy();
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case("off") {
            return;
        }
        match text.parse::<Level>() {
            Ok(level) => {
                STANDARD_ERROR.store(level as u8, Ordering::Relaxed);
                update();
            }
            Err(error) => print(&format!("daytona: {VARIABLE} is ignored. {error}\n")),
        }
    });
}

fn update() {
    let wanted = STANDARD_ERROR.load(Ordering::Relaxed).max(RECEIVER.load(Ordering::Relaxed));
    WANTED.store(wanted, Ordering::Relaxed);
}

/// Whether anybody wants records of this level.
fn enabled(level: Level) -> bool {
    level as u8 <= WANTED.load(Ordering::Relaxed) || tracing_level(level) <= LevelFilter::current()
}

fn tracing_level(level: Level) -> tracing::Level {
    match level {
        Level::Error => tracing::Level::ERROR,
        Level::Warn => tracing::Level::WARN,
        Level::Info => tracing::Level::INFO,
        Level::Debug => tracing::Level::DEBUG,
    }
}

/// Records what `describe` says, unless nobody wants to know.
pub(crate) fn record(level: Level, describe: impl FnOnce() -> (String, Fields)) {
    if !enabled(level) {
        return;
    }
    let (message, mut fields) = describe();
    fields.operation = fields.operation.or_else(deadline::operation);
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let record = Record { time, level, message, fields };
    if level as u8 <= STANDARD_ERROR.load(Ordering::Relaxed) {
        print(&line(&record));
    }
    if level as u8 <= RECEIVER.load(Ordering::Relaxed)
        && let Some(receive) = RECEIVE.get()
    {
        receive(&record);
    }
    trace(&record);
}

fn trace(record: &Record) {
    let fields = &record.fields;
    // The level of a `tracing` event is part of its static description, so each has its own.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: "daytona",
                tracing::Level::$level,
                operation = fields.operation,
                method = fields.method.as_deref(),
                url = fields.url.as_deref(),
                status = fields.status,
                duration_ms = fields.duration_ms,
                attempt = fields.attempt,
                request_id = fields.request_id.as_deref(),
                sandbox_id = fields.sandbox_id.as_deref(),
                error = fields.error.as_deref(),
                "{}",
                record.message
            )
        };
    }
    match record.level {
        Level::Error => event!(ERROR),
        Level::Warn => event!(WARN),
        Level::Info => event!(INFO),
        Level::Debug => event!(DEBUG),
    }
}

/// A record as a line of text.
fn line(record: &Record) -> String {
    let level = match record.level {
        Level::Error => "ERROR",
        Level::Warn => "WARN ",
        Level::Info => "INFO ",
        Level::Debug => "DEBUG",
    };
    let time = OffsetDateTime::from_unix_timestamp_nanos((record.time * 1e3) as i128 * 1_000_000)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default();
    let mut line = format!("{time} {level} daytona: ");
    // What servers say must not look like further lines.
    for c in record.message.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    if let Some(operation) = record.fields.operation.filter(|name| !record.message.starts_with(name)) {
        let _ = write!(line, " [{operation}]");
    }
    line.push('\n');
    line
}

/// Writes to standard error in one piece, without the lock that a forked child could inherit held.
fn print(text: &str) {
    #[cfg(unix)]
    {
        use std::io::Write;
        use std::os::fd::AsFd;
        // A program without standard error, or one whose reader is gone, is no reason to fail.
        if let Ok(descriptor) = std::io::stderr().as_fd().try_clone_to_owned() {
            let _ = std::fs::File::from(descriptor).write_all(text.as_bytes());
        }
    }
    #[cfg(not(unix))]
    {
        use std::io::Write;
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// An operation under way: says how it ended, also when it was given up.
pub(crate) struct Operation {
    name: &'static str,
    started: Instant,
    ended: bool,
}

impl Operation {
    pub(crate) fn begin(name: &'static str) -> Self {
        Self { name, started: Instant::now(), ended: false }
    }

    pub(crate) fn end<T>(mut self, result: &Result<T>) {
        self.ended = true;
        self.report(|| match result {
            Ok(_) => ("done".to_owned(), None),
            Err(error) => (format!("failed: {error}"), Some(error)),
        });
    }

    fn report<'a>(&self, how: impl FnOnce() -> (String, Option<&'a Error>)) {
        record(Level::Info, || {
            let (how, error) = how();
            let took = self.started.elapsed();
            let fields = Fields {
                operation: Some(self.name),
                duration_ms: Some(milliseconds(took)),
                status: error.and_then(Error::status),
                request_id: error.and_then(|e| e.info().request_id.clone()),
                error: error.map(|e| format!("{:?}", e.kind())),
                ..Fields::default()
            };
            (format!("{} after {}: {how}", self.name, readable(took)), fields)
        });
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if !self.ended {
            self.report(|| ("cancelled".to_owned(), None));
        }
    }
}

/// Milliseconds, to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// A duration as people write it: `34 ms`, `1.25 s`.
pub(crate) fn readable(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.2} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_a_server_says() {
        let record = Record {
            time: 1_700_000_000.25,
            level: Level::Warn,
            message: "failed: a\nERROR b\u{1b}[31m".to_owned(),
            fields: Fields { operation: Some("process.exec"), ..Fields::default() },
        };
        assert_eq!(
            line(&record),
            "2023-11-14T22:13:20.25Z WARN  daytona: failed: a\\nERROR b\\u{1b}[31m [process.exec]\n"
        );
    }

    #[test]
    fn levels_are_read_in_any_case_and_others_are_named() {
        assert_eq!("DEBUG".parse::<Level>().unwrap(), Level::Debug);
        assert!(Level::Error < Level::Debug);
        assert!("loud".parse::<Level>().unwrap_err().to_string().contains("\"loud\""));
    }
}
